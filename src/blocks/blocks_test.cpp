// SPDX-License-Identifier: Apache-2.0
#include "blocks_testing.hpp"

#include <thread>

namespace karat::blocks {
namespace {

using namespace testing;

TEST(Store, GivesBackWhatWasStored)
{
    World world;
    auto const volume = random_bytes(7, 3 * kMiB);
    auto const committed = put(*world.store, "snap-1", volume).value();
    EXPECT_EQ(committed.full_size_bytes, 3 * kMiB);
    EXPECT_EQ(committed.bytes_new, 3 * kMiB);
    EXPECT_EQ(get(*world.store, "snap-1").value(), volume);
    world.reopen();
    EXPECT_EQ(get(*world.store, "snap-1").value(), volume);
    EXPECT_EQ(world.store->view("snap-1").value()->root(), committed.root);
}

TEST(Store, KeepsTheFacts)
{
    World world;
    Facts const facts{"snap-1", kMiB, "snap-0", {{"owner", "1234"}, {"tag:", ""}}};
    ASSERT_TRUE(world.store->begin(facts, {}).value()->commit().ok());
    world.reopen();
    auto const view = world.store->view("snap-1").value();
    EXPECT_EQ(view->facts().parent, "snap-0");
    EXPECT_EQ(view->facts().details, facts.details);
    EXPECT_EQ(world.store->names().value(), std::vector<std::string>{"snap-1"});
}

TEST(Store, ReadsAtAnyAlignmentAndHolesAsZeroes)
{
    World world;
    Bytes volume(4 * kMiB);
    auto const data = random_bytes(3, kMiB);
    std::ranges::copy(data, volume.begin() + kMiB + 8192);
    ASSERT_TRUE(put(*world.store, "snap-1", volume).ok());
    auto const view = world.store->view("snap-1").value();
    for (std::size_t const offset : {0UL, 1UL, kMiB - 5, kMiB + 8191, 2 * kMiB + 77})
        for (std::size_t const length : {0UL, 1UL, 511UL, 4096UL, 700001UL}) {
            Bytes part(length, std::byte{9});
            ASSERT_TRUE(view->read(offset, part).ok());
            EXPECT_TRUE(std::ranges::equal(part, std::span(volume).subspan(offset, length)));
        }
    Bytes one(1);
    EXPECT_EQ(view->read(4 * kMiB, one).error().fault, Fault::invalid);
    EXPECT_EQ(view->read(~0ULL, one).error().fault, Fault::invalid);
    EXPECT_EQ(view->next_data(0).value(), (Range{kMiB + 8192, kMiB}));
    EXPECT_EQ(view->next_data(kMiB + 9000).value(), (Range{kMiB + 9000, kMiB + 8192 - 9000}));
    EXPECT_FALSE(view->next_data(3 * kMiB).value().has_value());
}

TEST(Store, StoresTheSameOnce)
{
    World world;
    auto const volume = text_bytes(5, 8 * kMiB);
    auto const first = put(*world.store, "snap-1", volume).value();
    EXPECT_LT(first.bytes_stored, 4 * kMiB);
    auto const second = put(*world.store, "snap-2", volume).value();
    EXPECT_EQ(second.bytes_new, 0U);
    EXPECT_EQ(second.bytes_stored, 0U);
    EXPECT_EQ(second.root, first.root);
    // Moved by whole blocks, as file systems do: only the cuts around the seam are new.
    Bytes moved(volume.size() + 12288);
    std::ranges::copy(volume, moved.begin() + 12288);
    auto const third = put(*world.store, "snap-3", moved).value();
    EXPECT_LT(third.bytes_new, kMiB);
    EXPECT_EQ(get(*world.store, "snap-3").value(), moved);
}

TEST(Store, AnIncrementCostsWhatItChanges)
{
    World world;
    constexpr std::uint64_t kSize = 3 * kPageSpanBytes + 4096;
    auto const first = random_bytes(1, kMiB);
    {
        auto ingest = world.store->begin({.name = "base", .size_bytes = kSize}, {}).value();
        ASSERT_TRUE(ingest->write(0, first).ok());
        ASSERT_TRUE(ingest->write(kPageSpanBytes - kMiB / 2, first).ok());
        ASSERT_TRUE(ingest->write(kSize - 4096, std::span(first).first(4096)).ok());
        ASSERT_TRUE(ingest->commit().ok());
    }
    auto ingest = world.store->begin({.name = "next", .size_bytes = kSize + kMiB}, "base").value();
    auto const change = random_bytes(2, 4096);
    ASSERT_TRUE(ingest->write(8192, change).ok());
    ASSERT_TRUE(ingest->zero({16384, 4096}).ok());
    auto const committed = ingest->commit().value();
    EXPECT_EQ(committed.bytes_new, 4096U);
    EXPECT_LT(committed.bytes_stored, 16384U); // the block and one page of the map
    EXPECT_EQ(committed.full_size_bytes, 2 * kMiB);

    auto expected = first;
    std::ranges::copy(change, expected.begin() + 8192);
    std::fill_n(expected.begin() + 16384, 4096, std::byte{0});
    auto const view = world.store->view("next").value();
    Bytes got(kMiB);
    ASSERT_TRUE(view->read(0, got).ok());
    EXPECT_EQ(got, expected);
    ASSERT_TRUE(view->read(kPageSpanBytes - kMiB / 2, got).ok());
    EXPECT_EQ(got, first);
    ASSERT_TRUE(view->read(kSize - 4096, got).ok());
    EXPECT_TRUE(std::ranges::equal(std::span(got).first(4096), std::span(first).first(4096)));
    EXPECT_EQ(got[4096], std::byte{0});
    Bytes base(kMiB);
    ASSERT_TRUE(world.store->view("base").value()->read(0, base).ok());
    EXPECT_EQ(base, first);
}

TEST(Store, AVolumeOfHolesCostsNothing)
{
    World world;
    auto ingest = world.store->begin({.name = "a", .size_bytes = kMaxVolumeBytes}, {}).value();
    ASSERT_TRUE(ingest->zero({0, kMaxVolumeBytes}).ok());
    EXPECT_EQ(ingest->commit().value().bytes_stored, 0U);
    auto const view = world.store->view("a").value();
    EXPECT_FALSE(view->next_data(0).value().has_value());
    auto next = world.store->begin({.name = "b", .size_bytes = kMaxVolumeBytes}, "a").value();
    ASSERT_TRUE(next->zero({0, kMaxVolumeBytes}).ok());
    EXPECT_EQ(next->commit().value().root, view->root());
}

TEST(Store, NamesWhatIsWrongWithARequest)
{
    World world;
    auto const begin = [&](Facts facts, std::optional<std::string> base = {}) {
        auto result = world.store->begin(std::move(facts), std::move(base));
        return result.ok() ? Fault{255} : result.error().fault;
    };
    EXPECT_EQ(begin({.name = "../x", .size_bytes = 4096}), Fault::invalid);
    EXPECT_EQ(begin({.name = "", .size_bytes = 4096}), Fault::invalid);
    EXPECT_EQ(begin({.name = "a", .size_bytes = 4095}), Fault::invalid);
    EXPECT_EQ(begin({.name = "a", .size_bytes = 0}), Fault::invalid);
    EXPECT_EQ(begin({.name = "a", .size_bytes = 4096}, "none"), Fault::not_found);
    ASSERT_TRUE(put(*world.store, "a", random_bytes(1, 8192)).ok());
    EXPECT_EQ(begin({.name = "a", .size_bytes = 4096}), Fault::duplicate);
    EXPECT_EQ(begin({.name = "b", .size_bytes = 4096}, "a"), Fault::invalid);
    auto ingest = world.store->begin({.name = "b", .size_bytes = 16384}, {}).value();
    EXPECT_EQ(begin({.name = "b", .size_bytes = 4096}), Fault::duplicate);
    EXPECT_EQ(ingest->write(4096, Bytes(100)).error().fault, Fault::invalid);
    EXPECT_EQ(ingest->write(16384, Bytes(4096)).error().fault, Fault::invalid);
    ASSERT_TRUE(ingest->write(8192, Bytes(4096)).ok());
    EXPECT_EQ(ingest->write(4096, Bytes(4096)).error().fault, Fault::invalid);
    ASSERT_TRUE(ingest->commit().ok());
    EXPECT_EQ(ingest->commit().error().fault, Fault::wrong_state);
    EXPECT_EQ(world.store->view("none").error().fault, Fault::not_found);
    EXPECT_EQ(world.store->view("../lock").error().fault, Fault::not_found);
    EXPECT_TRUE(world.store->remove("none").ok());
}

TEST(Store, IsOpenOnce)
{
    World world;
    EXPECT_EQ(Store::open(world.memory.env(), "store").error().fault, Fault::unavailable);
    ASSERT_TRUE(world.memory.files.make_dirs("other").ok());
    (void)world.memory.files.open("other/thesis.txt", Access::create);
    EXPECT_EQ(Store::open(world.memory.env(), "other").error().fault, Fault::corrupt);
    EXPECT_EQ(Reader::open(world.memory.env(), "other").error().fault, Fault::not_found);
}

TEST(Store, ServesNoFlippedBit)
{
    World world({.cache_bytes = 0});
    auto const volume = random_bytes(1, 256 * 1024);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    auto const path = "store/packs/" + pack_files(world.memory.files).front();
    auto const file = world.memory.files.open(path, Access::write).value();
    std::uint64_t detected = 0;
    for (std::uint64_t at = kPackHeaderBytes; at < file->size_bytes().value(); at += 997) {
        std::array<std::byte, 1> byte{};
        ASSERT_TRUE(read_exactly(*file, at, byte).ok());
        byte[0] ^= std::byte{1};
        ASSERT_TRUE(file->write_at(at, byte).ok());
        auto const got = get(*world.store, "a");
        if (got.ok()) {
            EXPECT_EQ(got.value(), volume);
        } else {
            ++detected;
            EXPECT_EQ(got.error().fault, Fault::corrupt);
            EXPECT_NE(got.error().message.find(path), std::string::npos) << got.error().message;
        }
        byte[0] ^= std::byte{1};
        ASSERT_TRUE(file->write_at(at, byte).ok());
    }
    EXPECT_GT(detected, 200U);
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
}

TEST(Store, ChecksAndSaysWhomDamageHits)
{
    World world;
    ASSERT_TRUE(put(*world.store, "a", random_bytes(1, 64 * 1024)).ok());
    ASSERT_TRUE(put(*world.store, "b", random_bytes(2, 64 * 1024)).ok());
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
    auto const path = "store/packs/" + pack_files(world.memory.files).front();
    ASSERT_TRUE(
        world.memory.files.open(path, Access::write).value()->write_at(5000, as_bytes("rot")).ok());
    auto const report = world.store->check({}).value();
    ASSERT_EQ(report.damage.size(), 1U);
    EXPECT_EQ(report.damage[0].find("Snapshot 'a': store/packs/00000001.pack: the record at"), 0U)
        << report.damage[0];
    EXPECT_EQ(world.store->check([](double) { return false; }).ok(), true); // too short to ask
}

TEST(Store, ManyThreadsAtOnce)
{
    World world({.pack_bytes = 1 << 20, .threads = 3, .cache_bytes = 1 << 20});
    auto const shared = random_bytes(99, kMiB);
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t round = 0; round < 4; ++round) {
                auto const snapshot = "snap-" + std::to_string(t) + "-" + std::to_string(round);
                auto volume = random_bytes(t * 10 + round + 1000, 2 * kMiB);
                std::ranges::copy(shared, volume.begin());
                EXPECT_TRUE(put(*world.store, snapshot, volume).ok());
                EXPECT_EQ(get(*world.store, snapshot).value(), volume);
            }
        });
    threads.clear();
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
    EXPECT_GT(world.store->stats().value().packs, 8U);
}

TEST(Store, WorksOnThisMachinesFiles)
{
    auto env = posix_env();
    auto const directory = ::testing::TempDir() + "karat-blocks-" + random_hex(env.chance, 8);
    auto const volume = text_bytes(4, 5 * kMiB);
    for (int round = 0; round < 2; ++round) {
        auto store = Store::open(env, directory, {.pack_bytes = 1 << 20}).value();
        EXPECT_EQ(put(*store, "a", volume).ok(), round == 0);
        EXPECT_EQ(get(*store, "a").value(), volume);
        auto const reader = Reader::open(env, directory).value();
        Bytes got(volume.size());
        EXPECT_TRUE(reader->view("a").value()->read(0, got).ok());
        EXPECT_EQ(got, volume);
        if (round == 1) {
            EXPECT_TRUE(store->remove("a").ok());
            EXPECT_GT(collect_all(*store, {}).value().bytes_freed, 0U);
            EXPECT_EQ(store->stats().value().extents, 0U);
        }
    }
    for (auto const& folder : {"/packs", "/manifests", "/staged", ""}) {
        for (auto const& entry : env.files.list(directory + folder).value())
            ASSERT_TRUE(env.files.remove(directory + folder + "/" + entry).ok());
        ASSERT_TRUE(env.files.remove_dir(directory + folder).ok());
    }
}

} // namespace
} // namespace karat::blocks
