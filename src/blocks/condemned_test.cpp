// SPDX-License-Identifier: Apache-2.0
// What is condemned lives two epochs longer, over restarts; who needs it all the same is heard.
#include "condemned.hpp"
#include "crash_testing.hpp"
#include "interposed_files.hpp"

namespace karat::blocks {
namespace {

using namespace testing;

using Names = std::vector<std::string>;

class Condemning : public Quiet {
protected:
    Stats stats() { return world.store->stats().value(); }
    CollectReport collect(Names const& roots = {}) { return world.store->collect(roots).value(); }
    /// A snapshot's manifest goes and comes back behind the store's back, as after a restore gone
    /// wrong.
    void hide(std::string const& name)
    {
        auto const path = manifest_path("store", name);
        hidden = read_file(world.memory.files, path, kMaxManifestBytes).value();
        ASSERT_TRUE(world.memory.files.remove(path).ok());
    }
    void show(std::string const& name)
    {
        auto const path = manifest_path("store", name);
        ASSERT_TRUE(replace_file(world.memory.files, path, hidden).ok());
    }

    World world{{.pack_bytes = 256 * kKiB, .cache_bytes = 0}};
    Bytes const volume = random_bytes(1, kMiB);
    Bytes hidden;
};

TEST_F(Condemning, GivesTwoEpochsOfGrace)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    auto const extents = stats().extents;
    ASSERT_TRUE(world.store->remove("a").ok());
    auto const first = collect();
    EXPECT_EQ(first.condemned_records, extents);
    EXPECT_EQ(first.waiting_records, extents);
    EXPECT_EQ(stats().condemned_records, extents);
    EXPECT_EQ(collect().bytes_freed, 0U);
    EXPECT_EQ(stats().extents, extents);
    auto const third = collect();
    EXPECT_EQ(third.waiting_records, 0U);
    EXPECT_GT(third.bytes_freed, kMiB);
    EXPECT_EQ(stats().extents, 0U);
    EXPECT_EQ(stats().condemned_records, 0U);
}

TEST_F(Condemning, IsKeptOverARestart)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(world.store->remove("a").ok());
    for (std::uint64_t epoch = 1; epoch <= 2; ++epoch) {
        EXPECT_EQ(collect().epoch, epoch);
        world.store.reset();
        world.memory.files.crash();
        world.reopen();
        EXPECT_GT(stats().condemned_records, 0U);
    }
    EXPECT_GT(collect().bytes_freed, kMiB);
}

TEST_F(Condemning, ADedupHitPardonsDurably)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(world.store->remove("a").ok());
    collect();
    collect();
    EXPECT_EQ(put(*world.store, "b", volume).value().bytes_new, 0U); // not stored again
    world.store.reset();
    world.memory.files.crash();
    world.reopen();
    EXPECT_EQ(stats().condemned_records, 0U);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(collect({"b"}).bytes_freed, 0U);
    EXPECT_EQ(get(*world.store, "b").value(), volume);
    EXPECT_EQ(stats().alarms, 0U);
}

TEST_F(Condemning, AReadOfACondemnedRecordAlarmsAndStopsTheSweep)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(put(*world.store, "junk", random_bytes(2, kMiB)).ok());
    ASSERT_TRUE(world.store->remove("junk").ok());
    hide("a");
    collect(); // a catalog that lost a: the roots are short
    collect();
    show("a");
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    EXPECT_GT(stats().alarms, 0U);
    EXPECT_TRUE(stats().halted);
    auto const halted = collect({"a"});
    EXPECT_TRUE(halted.halted);
    EXPECT_EQ(halted.bytes_freed, 0U);
    world.reopen();
    EXPECT_TRUE(stats().halted); // a restart is no look
    EXPECT_EQ(collect({"a"}).bytes_freed, 0U);
    ASSERT_TRUE(world.store->clear_alarm().ok());
    EXPECT_FALSE(stats().halted);
    EXPECT_EQ(stats().condemned_records, 0U);
    auto const swept = collect_all(*world.store, {"a"}).value();
    EXPECT_GT(swept.bytes_freed, kMiB / 2);
    EXPECT_EQ(get(*world.store, "a").value(), volume);
}

TEST_F(Condemning, AMarkOfACondemnedRecordAlarmsAndStopsTheSweep)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    hide("a");
    collect();
    collect();
    show("a");
    auto const late = collect({"a"});
    EXPECT_TRUE(late.halted);
    EXPECT_EQ(late.bytes_freed, 0U);
    EXPECT_GT(stats().alarms, 0U);
    EXPECT_EQ(get(*world.store, "a").value(), volume);
}

TEST_F(Condemning, AnotherProcessAlarmsToo)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(put(*world.store, "gone", random_bytes(2, kMiB)).ok());
    auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
    auto const view = reader->view("a").value();
    auto const orphan = reader->view("gone").value();
    ASSERT_TRUE(world.store->remove("gone").ok());
    collect({"a"});
    Bytes got(kMiB);
    ASSERT_TRUE(reader->view("a").ok()); // looks again
    ASSERT_TRUE(orphan->read(0, got).ok());
    EXPECT_FALSE(stats().halted); // its snapshot was removed: nothing is wrong
}

TEST_F(Condemning, AnotherProcessAlarmsForASnapshotThatExists)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    hide("a");
    collect();
    show("a");
    auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
    Bytes got(kMiB);
    ASSERT_TRUE(reader->view("a").value()->read(0, got).ok());
    EXPECT_EQ(got, volume);
    EXPECT_TRUE(stats().halted);
    EXPECT_EQ(collect({"a"}).bytes_freed, 0U);
}

TEST_F(Condemning, AReaderKnowsOfPardons)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(world.store->remove("a").ok());
    collect();
    auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
    ASSERT_TRUE(put(*world.store, "b", volume).ok());
    Bytes got(kMiB);
    ASSERT_TRUE(reader->view("b").value()->read(0, got).ok());
    EXPECT_EQ(got, volume);
    EXPECT_FALSE(stats().halted);
}

TEST_F(Condemning, ADamagedListCondemnsNothing)
{
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(world.store->remove("a").ok());
    collect();
    collect();
    world.store.reset();
    auto const file = world.memory.files.open("store/condemned", Access::write).value();
    ASSERT_TRUE(file->write_at(40, as_bytes("rot")).ok());
    world.reopen();
    EXPECT_EQ(stats().condemned_records, 0U);
    EXPECT_EQ(collect().bytes_freed, 0U);
    EXPECT_GT(collect_all(*world.store, {}).value().bytes_freed, kMiB);
}

TEST_F(Condemning, CopiesMovedRecordsAsTheyAreStored)
{
    auto const text = text_bytes(3, kMiB);
    Bytes half(text.begin(), text.begin() + kMiB / 4);
    ASSERT_TRUE(put(*world.store, "all", text).ok());
    ASSERT_TRUE(put(*world.store, "some", half).ok());
    ASSERT_TRUE(world.store->remove("all").ok());
    auto const report = collect_all(*world.store, {"some"}).value();
    EXPECT_GT(report.packs_rewritten, 0U);
    EXPECT_EQ(get(*world.store, "some").value(), half);
    world.reopen();
    EXPECT_EQ(get(*world.store, "some").value(), half);
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
}

/// An ingest keeps its base's pages without a touch. When it ends between the collector's look at
/// the manifests and at the views, its snapshot is in neither.
TEST_F(Condemning, FindsTheBaseOfAnIngestThatEndsMeanwhile)
{
    constexpr std::uint64_t kSize = std::uint64_t{1} << 30;
    InterposedFiles files(world.memory.files);
    Env const env{files, world.memory.clock, world.memory.chance};
    world.store.reset();
    world.store = Store::open(env, "store", world.options).value();
    auto base = world.store->begin({.name = "base", .size_bytes = kSize}, {}).value();
    ASSERT_TRUE(base->write(kSize / 2, volume).ok());
    ASSERT_TRUE(base->commit().ok());
    base.reset();
    ASSERT_TRUE(put(*world.store, "stray", random_bytes(2, 64 * kKiB)).ok());
    collect({"base"}); // so that the ingest is younger than what it leans on
    auto ingest = world.store->begin({.name = "next", .size_bytes = kSize}, "base").value();
    ASSERT_TRUE(ingest->write(0, random_bytes(3, 64 * kKiB)).ok());
    ASSERT_TRUE(world.store->remove("base").ok());
    files.before = [&](std::string_view operation, std::string const& path) {
        if (operation != "open" || path != "store/manifests/stray" || !ingest)
            return;
        EXPECT_TRUE(ingest->commit().ok());
        ingest.reset();
    };
    auto const report = collect();
    EXPECT_EQ(ingest, nullptr);
    EXPECT_EQ(report.condemned_records, 0U);
    files.before = nullptr;
    ASSERT_TRUE(collect_all(*world.store, {}).ok());
    EXPECT_EQ(stats().alarms, 0U);
    Bytes got(kMiB);
    ASSERT_TRUE(world.store->view("next").value()->read(kSize / 2, got).ok());
    EXPECT_EQ(got, volume);
}

TEST(CondemnedList, SurvivesEncoding)
{
    Condemned list;
    EXPECT_EQ(list.begin_epoch(), 1U);
    list.add({7, 32}, 1);
    list.add({7, 4000}, 1);
    list.add({2, 99}, 1);
    EXPECT_EQ(list.begin_epoch(), 2U);
    list.add({7, 100}, 2);
    EXPECT_TRUE(list.pardon({2, 99}));
    EXPECT_FALSE(list.pardon({2, 99}));
    auto const bytes = list.encode();
    auto const back = Condemned::decode(bytes).value();
    EXPECT_EQ(back.count(), 3U);
    EXPECT_EQ(back.epoch(), 2U);
    EXPECT_EQ(back.edition(), 1U);
    EXPECT_EQ(Condemned::edition_of(bytes), 1U);
    EXPECT_EQ(back.since({7, 32}), 1U);
    EXPECT_EQ(back.since({7, 100}), 2U);
    EXPECT_EQ(back.since({2, 99}), 0U);
}

TEST(CondemnedList, RefusesWhatItWouldNotWrite)
{
    Condemned list;
    list.begin_epoch();
    list.add({7, 32}, 1);
    list.add({7, 64}, 1);
    list.add({9, 64}, 1);
    auto const good = list.encode();
    ASSERT_TRUE(Condemned::decode(good).ok());
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(Condemned::decode(std::span(good).first(size)).ok()) << size;
    auto const changed = [&](std::size_t at, std::uint32_t value) {
        auto bytes = good;
        save(bytes.data() + at, value);
        auto const sum = sha256(std::span(bytes).first(bytes.size() - kHashBytes));
        std::ranges::copy(sum.bytes, bytes.end() - kHashBytes);
        return Condemned::decode(bytes).ok();
    };
    EXPECT_TRUE(changed(12, 5));           // a later epoch
    EXPECT_FALSE(changed(12, 0));          // since when is in the future
    EXPECT_FALSE(changed(12, 0x1000000));  // more epochs than there are
    EXPECT_FALSE(changed(8, 2));           // version
    EXPECT_FALSE(changed(24, 3));          // groups
    EXPECT_FALSE(changed(28, 1));          // the zero
    EXPECT_FALSE(changed(32, 9));          // packs do not ascend
    EXPECT_FALSE(changed(36, 0xffffffff)); // count
    EXPECT_FALSE(changed(36, 0));
    EXPECT_FALSE(changed(40, 64)); // offsets do not ascend
    EXPECT_FALSE(changed(44, 0));  // condemned since never
}

} // namespace
} // namespace karat::blocks
