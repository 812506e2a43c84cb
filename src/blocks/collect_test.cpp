// SPDX-License-Identifier: Apache-2.0
#include "blocks_testing.hpp"

#include <atomic>
#include <thread>

namespace karat::blocks {
namespace {

using namespace testing;

using Names = std::vector<std::string>;

TEST(Collect, FreesWhatNoRootNeeds)
{
    World world({.pack_bytes = kMiB});
    auto const keep = random_bytes(1, 3 * kMiB);
    ASSERT_TRUE(put(*world.store, "keep", keep).ok());
    ASSERT_TRUE(put(*world.store, "drop", random_bytes(2, 3 * kMiB)).ok());
    auto const before = world.store->stats().value().pack_bytes;
    ASSERT_TRUE(world.store->remove("drop").ok());
    auto const report = collect_all(*world.store, Names{"keep"}).value();
    EXPECT_GT(report.packs_removed, 1U);
    EXPECT_GT(report.dead_extents, 10U);
    auto const after = world.store->stats().value().pack_bytes;
    EXPECT_LT(after, before - 2 * kMiB);
    EXPECT_EQ(get(*world.store, "keep").value(), keep);
    ASSERT_TRUE(world.store->remove("keep").ok());
    ASSERT_TRUE(collect_all(*world.store, {}).ok());
    EXPECT_LT(world.store->stats().value().pack_bytes, 4096U);
    world.reopen();
    EXPECT_EQ(world.store->stats().value().extents, 0U);
}

TEST(Collect, StopsWhenARootIsMissingOrDamaged)
{
    World world;
    ASSERT_TRUE(put(*world.store, "a", random_bytes(1, kMiB)).ok());
    ASSERT_TRUE(put(*world.store, "b", random_bytes(2, kMiB)).ok());
    auto const extents = world.store->stats().value().extents;
    EXPECT_EQ(world.store->collect(Names{"a", "c"}).error().fault, Fault::corrupt);
    auto const path = std::string("store/manifests/a");
    ASSERT_TRUE(
        world.memory.files.open(path, Access::write).value()->write_at(50, as_bytes("x")).ok());
    EXPECT_EQ(world.store->collect(Names{"a"}).error().fault, Fault::corrupt);
    EXPECT_EQ(world.store->names().value(), (Names{"a", "b"}));
    EXPECT_EQ(world.store->stats().value().extents, extents);
}

TEST(Collect, KeepsStraysAndCountsThem)
{
    World world;
    auto const volume = random_bytes(1, kMiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    EXPECT_EQ(collect_all(*world.store, {}).value().strays, 1U);
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    EXPECT_EQ(collect_all(*world.store, Names{"a"}).value().strays, 0U);
    ASSERT_TRUE(world.store->remove("a").ok());
    ASSERT_TRUE(collect_all(*world.store, {}).ok());
    EXPECT_EQ(get(*world.store, "a").error().fault, Fault::not_found);
    EXPECT_EQ(world.store->stats().value().extents, 0U);
}

TEST(Collect, KeepsWhatAnIngestWroteOrFound)
{
    World world({.pack_bytes = 256 * kKiB});
    auto const old = random_bytes(1, kMiB);
    auto const fresh = random_bytes(2, kMiB);
    ASSERT_TRUE(put(*world.store, "old", old).ok());
    auto ingest = world.store->begin({.name = "new", .size_bytes = 2 * kMiB}, {}).value();
    ASSERT_TRUE(ingest->write(0, old).ok());
    ASSERT_TRUE(ingest->write(kMiB, fresh).ok());
    ASSERT_TRUE(world.store->remove("old").ok());
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(world.store->collect({}).ok());
    ASSERT_TRUE(ingest->commit().ok());
    ingest.reset();
    auto expected = old;
    expected.insert(expected.end(), fresh.begin(), fresh.end());
    ASSERT_TRUE(world.store->collect(Names{"new"}).ok());
    EXPECT_EQ(get(*world.store, "new").value(), expected);
}

TEST(Collect, FreesTheGarbageOfAnEndedIngest)
{
    World world;
    {
        auto ingest = world.store->begin({.name = "a", .size_bytes = kMiB}, {}).value();
        ASSERT_TRUE(ingest->write(0, random_bytes(1, kMiB)).ok());
    }
    ASSERT_TRUE(collect_all(*world.store, {}).ok());
    EXPECT_EQ(world.store->stats().value().extents, 0U);
}

TEST(Collect, OpenViewsStayReadable)
{
    World world({.pack_bytes = 256 * kKiB, .cache_bytes = 0});
    auto const volume = random_bytes(1, kMiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    auto view = world.store->view("a").value();
    auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
    auto const remote = reader->view("a").value();
    ASSERT_TRUE(world.store->remove("a").ok());
    ASSERT_TRUE(collect_all(*world.store, {}).ok());
    Bytes got(kMiB);
    ASSERT_TRUE(view->read(0, got).ok());
    EXPECT_EQ(got, volume);
    view.reset();
    ASSERT_TRUE(collect_all(*world.store, {}).ok());
    EXPECT_EQ(world.store->stats().value().extents, 0U);
    auto const read = remote->read(0, got); // its files are unlinked and still open
    ASSERT_TRUE(read.ok()) << outcome(read);
    EXPECT_EQ(got, volume);
    EXPECT_EQ(reader->view("a").error().fault, Fault::not_found);
}

TEST(Reader, FollowsTheWriter)
{
    World world({.pack_bytes = 256 * kKiB, .cache_bytes = 0});
    auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
    EXPECT_EQ(reader->view("a").error().fault, Fault::not_found);
    Bytes small(kMiB);
    auto const volume = random_bytes(1, kMiB);
    std::copy_n(volume.begin(), 64 * kKiB, small.begin());
    ASSERT_TRUE(put(*world.store, "small", small).ok());
    auto const before = reader->view("small").value();
    ASSERT_TRUE(put(*world.store, "all", volume).ok());
    ASSERT_TRUE(put(*world.store, "small-2", small).ok());
    ASSERT_TRUE(world.store->remove("all").ok());
    // The packs of "small" are copied forward behind the reader's back, twice.
    for (int round = 0; round < 2; ++round) {
        ASSERT_TRUE(collect_all(*world.store, Names{"small", "small-2"}).ok());
        Bytes got(kMiB);
        auto const read = before->read(0, got);
        ASSERT_TRUE(read.ok()) << outcome(read);
        EXPECT_EQ(got, small);
        ASSERT_TRUE(reader->view("small-2").value()->read(0, got).ok());
        EXPECT_EQ(got, small);
        world.reopen();
        ASSERT_TRUE(put(*world.store, "more-" + std::to_string(round), volume).ok());
        ASSERT_TRUE(reader->view("more-" + std::to_string(round)).value()->read(0, got).ok());
        EXPECT_EQ(got, volume);
        ASSERT_TRUE(world.store->remove("more-" + std::to_string(round)).ok());
    }
}

TEST(Collect, RunsBesideIngestsAndReads)
{
    World world({.pack_bytes = 128 * kKiB, .threads = 2, .cache_bytes = 0});
    auto const pool = random_bytes(7, kMiB); // all snapshots share parts of it
    auto const keep = random_bytes(8, kMiB / 2);
    ASSERT_TRUE(put(*world.store, "keep", keep).ok());
    std::atomic<bool> done = false;
    std::jthread collector([&] {
        while (!done) {
            auto const report = world.store->collect(Names{"keep"});
            EXPECT_TRUE(report.ok()) << outcome(report);
        }
    });
    std::jthread remote([&] {
        auto const reader = Reader::open(world.memory.env(), "store", {.cache_bytes = 0}).value();
        while (!done) {
            auto const view = reader->view("keep").value();
            Bytes got(keep.size());
            auto const read = view->read(0, got);
            EXPECT_TRUE(read.ok()) << outcome(read);
            EXPECT_EQ(got, keep);
        }
    });
    std::vector<std::jthread> makers;
    for (std::uint64_t t = 0; t < 2; ++t)
        makers.emplace_back([&, t] {
            for (std::uint64_t round = 0; round < 30; ++round) {
                auto const snapshot = "s" + std::to_string(t) + "-" + std::to_string(round);
                auto const from = (round * 7 + t) % 12 * 64 * kKiB;
                Bytes const volume(pool.begin() + static_cast<std::ptrdiff_t>(from),
                                   pool.begin() + static_cast<std::ptrdiff_t>(from + 256 * kKiB));
                auto const made = put(*world.store, snapshot, volume);
                ASSERT_TRUE(made.ok()) << outcome(made);
                auto const got = get(*world.store, snapshot);
                ASSERT_TRUE(got.ok()) << outcome(got);
                EXPECT_EQ(got.value(), volume);
                EXPECT_TRUE(world.store->remove(snapshot).ok());
            }
        });
    makers.clear();
    done = true;
    collector.join();
    remote.join();
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
    EXPECT_EQ(get(*world.store, "keep").value(), keep);
}

} // namespace
} // namespace karat::blocks
