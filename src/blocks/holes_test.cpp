// SPDX-License-Identifier: Apache-2.0
// Garbage in packs that stay becomes holes (FORMAT.md, "Holes"): what is needed stays readable, for
// readers too, and what was freed is never taken for a record, whenever the power goes.
#include "blocks_testing.hpp"
#include "pack_holes.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

using namespace testing;

constexpr std::size_t kKiB = 1024;

/// A pack with three snapshots, of which the middle one goes.
struct Holes : ::testing::Test {
    Bytes const first = random_bytes(1, 300 * kKiB);
    Bytes const middle = random_bytes(2, 200 * kKiB);
    Bytes const last = random_bytes(3, 300 * kKiB);
    std::vector<std::string> const roots{"first", "last"};
    World world{{.pack_bytes = 1 << 20, .threads = 0}};

    Holes()
    {
        VERIFY(put(*world.store, "first", first).ok());
        VERIFY(put(*world.store, "middle", middle).ok());
        VERIFY(put(*world.store, "last", last).ok());
    }
    static void expect_rest(Store& store, Bytes const& first, Bytes const& last,
                            std::string const& when = "")
    {
        EXPECT_TRUE(get(store, "first").value() == first) << when;
        EXPECT_TRUE(get(store, "last").value() == last) << when;
        auto const checked = store.check({});
        ASSERT_TRUE(checked.ok()) << when;
        EXPECT_EQ(checked.value().damage, std::vector<std::string>()) << when;
    }
    std::uint64_t data_bytes(std::string const& name)
    {
        auto const file = world.memory.files.open("store/packs/" + name, Access::read).value();
        std::uint64_t bytes = 0;
        for (std::uint64_t at = 0;;) {
            auto const data = file->next_data(at).value();
            if (!data || data->length_bytes == 0)
                return bytes;
            bytes += data->length_bytes;
            at = data->end_bytes();
        }
    }
};

TEST_F(Holes, FreeWhatNobodyNeedsWithoutACopy)
{
    auto const pack = pack_files(world.memory.files).front();
    auto const before = data_bytes(pack);
    ASSERT_TRUE(world.store->remove("middle").ok());
    auto const report = collect_all(*world.store, roots).value();
    EXPECT_EQ(report.packs_rewritten, 0U);
    EXPECT_GT(report.bytes_freed, 190 * kKiB);
    EXPECT_LT(data_bytes(pack), before - 190 * kKiB);
    EXPECT_LT(world.store->stats().value().pack_bytes, 660 * kKiB);
    expect_rest(*world.store, first, last);
    EXPECT_EQ(collect_all(*world.store, roots).value().bytes_freed, 0U); // it is done
    // What was there is no record any more, before and after a restart.
    for (auto const* const copy : {"again", "and-again"}) {
        ASSERT_TRUE(put(*world.store, copy, middle).ok());
        EXPECT_TRUE(get(*world.store, copy).value() == middle);
        world.reopen();
        EXPECT_TRUE(get(*world.store, copy).value() == middle);
        expect_rest(*world.store, first, last);
    }
}

TEST_F(Holes, AreNoDamageToAReaderThatKnewWhatWasThere)
{
    auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
    ASSERT_TRUE(reader->view("last").ok()); // it has the whole index
    ASSERT_TRUE(world.store->remove("middle").ok());
    ASSERT_TRUE(collect_all(*world.store, roots).ok());
    ASSERT_TRUE(put(*world.store, "again", middle).ok());
    auto const view = reader->view("again").value();
    Bytes bytes(middle.size());
    auto const outcome = view->read(0, bytes);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_TRUE(bytes == middle);
}

TEST_F(Holes, LeaveARealDamageADamage)
{
    auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
    auto const view = reader->view("last").value();
    auto const path = "store/packs/" + pack_files(world.memory.files).front();
    auto const file = world.memory.files.open(path, Access::write).value();
    ASSERT_TRUE(file->write_at(600 * kKiB, Bytes(64 * kKiB)).ok());
    Bytes bytes(last.size());
    for (int time = 0; time < 2; ++time)
        EXPECT_EQ(view->read(0, bytes).error().fault, Fault::corrupt);
}

TEST_F(Holes, SurviveAPowerCutAtAnyOperation)
{
    ASSERT_TRUE(world.store->remove("middle").ok());
    ASSERT_TRUE(world.store->collect(roots).ok());
    ASSERT_TRUE(world.store->collect(roots).ok());
    std::vector<std::unique_ptr<MemoryFiles>> disks;
    int operation = 0;
    world.memory.files.set_hook([&](std::string_view, std::string const&) {
        SeededChance chance(static_cast<std::uint64_t>(++operation));
        for (auto const mercy : {0, 1, 2})
            disks.push_back(world.memory.files.after_crash(
                [&] { return mercy == 2 ? chance.flip() : mercy == 1; }));
        return Result<void>();
    });
    ASSERT_TRUE(world.store->collect(roots).ok());
    world.memory.files.set_hook({});
    ASSERT_GT(disks.size(), 20U);
    for (std::size_t i = 0; i < disks.size(); ++i) {
        Env const env{*disks[i], world.memory.clock, world.memory.chance};
        auto const when = fmt::format("disk {}", i);
        auto const store = Store::open(env, "store", world.options);
        ASSERT_TRUE(store.ok()) << when << ": " << store.error().message;
        expect_rest(*store.value(), first, last, when);
        ASSERT_TRUE(put(*store.value(), "again", middle).ok()) << when;
        EXPECT_TRUE(get(*store.value(), "again").value() == middle) << when;
        if (HasFailure())
            return;
    }
}

TEST_F(Holes, AreMadeInAPackWithoutAFooter)
{
    world.memory.files.crash(); // the pack was open
    auto const path = "store/packs/" + pack_files(world.memory.files).front();
    auto const file = world.memory.files.open(path, Access::write).value();
    PackFile const pack{1, *file};
    auto const whole = scan_records(pack, kPackHeaderBytes, Depth::payloads).value();
    ASSERT_GT(whole.entries.size(), 12U);
    std::vector<Kept> kept;
    for (std::size_t i = 0; i < whole.entries.size(); ++i)
        if (i % 6 == 0)
            kept.push_back({whole.entries[i].offset, whole.entries[i].end()});
    Health health;
    EXPECT_GT(free_between(pack, kept, health).value(), 100 * kKiB);
    EXPECT_EQ(free_between(pack, kept, health).value(), 0U);
    for (auto const depth : {Depth::payloads, Depth::headers}) {
        auto const rest = scan_records(pack, kPackHeaderBytes, depth).value();
        for (auto const& one : kept)
            EXPECT_TRUE(std::ranges::any_of(rest.entries, [&](FooterEntry const& entry) {
                return entry.offset == one.offset;
            }));
        for (auto const& entry : rest.entries) { // a record that stayed is whole
            Bytes bytes(kRecordHeaderBytes + entry.stored_bytes);
            ASSERT_TRUE(read_exactly(*file, entry.offset, bytes).ok());
            auto const header = parse_record_header(bytes, {1, entry.offset});
            ASSERT_TRUE(header);
            EXPECT_EQ(checksum(std::span(bytes).subspan(kRecordHeaderBytes)), header->payload_sum);
        }
    }
}

} // namespace
} // namespace karat::blocks
