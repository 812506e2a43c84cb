// SPDX-License-Identifier: Apache-2.0
// A short life of a store, broken off before every operation that changes the disk, or with every
// single operation failing, must leave each acknowledged snapshot whole.
#include "crash_testing.hpp"
#include "store_life.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

using namespace testing;

using Crash = Quiet;
using Failure = Quiet;
using SlowCrash = Quiet;
using SlowFailure = Quiet;

TEST_F(SlowCrash, AtEveryOperationKeepsWhatWasAcknowledged)
{
    bool whole = false;
    int states = 0;
    for (int last = 0; !whole; ++last) {
        for (int policy = 0; policy < 3; ++policy) {
            MemoryEnv memory;
            Promises promises;
            whole = live_until(memory, last, [&] {
                auto opened = Store::open(memory.env(), "store", small());
                if (opened.ok())
                    promises = Life(*opened.value()).live();
            });
            crash(memory, policy, last);
            auto const store = Store::open(memory.env(), "store", small());
            ASSERT_TRUE(store.ok()) << outcome(store) << " at " << last;
            ASSERT_NO_FATAL_FAILURE(expect_promises(*store.value(), promises))
                << "operation " << last << ", policy " << policy;
            ASSERT_NO_FATAL_FAILURE(expect_future(*store.value(), promises))
                << "operation " << last << ", policy " << policy;
            ++states;
        }
    }
    RecordProperty("states", states);
    EXPECT_GT(states, 300);
}

TEST_F(SlowFailure, OfEverySingleCallIsSurvived)
{
    bool reached = true;
    for (int failing = 0; reached; ++failing) {
        MemoryEnv memory;
        Promises promises;
        auto opened = Store::open(memory.env(), "store", small());
        ASSERT_TRUE(opened.ok());
        auto const what =
            live_with_failure(memory, failing, [&] { promises = Life(*opened.value()).live(); });
        reached = !what.empty();
        ASSERT_NO_FATAL_FAILURE(expect_promises(*opened.value(), promises)) << what;
        auto const read_only = opened.value()->stats().value().read_only;
        EXPECT_EQ(read_only, what.starts_with("sync")) << what;
        opened = fail(Fault::unavailable, "closed");
        memory.files.crash();
        auto const store = Store::open(memory.env(), "store", small());
        ASSERT_TRUE(store.ok()) << outcome(store) << " after " << what;
        ASSERT_NO_FATAL_FAILURE(expect_promises(*store.value(), promises)) << what;
        ASSERT_NO_FATAL_FAILURE(expect_future(*store.value(), promises)) << what;
    }
}

TEST_F(Failure, AfterAFailedSyncTheStoreReadsOnly)
{
    World world(small());
    auto const volume = random_bytes(1, 100 * kKiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    world.memory.files.set_hook([](std::string_view operation, std::string const&) {
        return operation == "sync" ? Result<void>(fail(Fault::io, "EIO")) : Result<void>();
    });
    EXPECT_EQ(put(*world.store, "b", random_bytes(2, 100 * kKiB)).error().fault, Fault::io);
    world.memory.files.set_hook(nullptr);
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    EXPECT_EQ(get(*world.store, "b").error().fault, Fault::not_found);
    EXPECT_EQ(outcome(put(*world.store, "c", volume)),
              "unavailable: The block store is read-only since a sync failed: EIO");
    EXPECT_EQ(world.store->remove("a").error().fault, Fault::unavailable);
    EXPECT_EQ(world.store->collect({}).error().fault, Fault::unavailable);
    world.reopen();
    EXPECT_TRUE(put(*world.store, "b", volume).ok());
}

TEST_F(Failure, AFullDiskLeavesNothingBehind)
{
    World world(small());
    auto const volume = random_bytes(1, 100 * kKiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    world.memory.files.set_capacity_bytes(300 * kKiB);
    auto const failed = put(*world.store, "b", random_bytes(2, 400 * kKiB));
    EXPECT_NE(outcome(failed).find("No space left on device"), std::string::npos)
        << outcome(failed);
    EXPECT_EQ(world.store->names().value(), std::vector<std::string>{"a"});
    std::vector<std::string> const roots{"a"};
    auto const collected = collect_all(*world.store, roots);
    ASSERT_TRUE(collected.ok()) << outcome(collected);
    EXPECT_LT(world.store->stats().value().pack_bytes, 180 * kKiB);
    // The room is really there again: no dropped pack is held open.
    EXPECT_GT(world.memory.files.free_bytes("store").value(), 120 * kKiB);
    auto const other = random_bytes(3, 80 * kKiB);
    EXPECT_TRUE(put(*world.store, "c", other).ok());
    world.reopen(); // with hardly any room
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    EXPECT_EQ(get(*world.store, "c").value(), other);
}

/// Leaves 2 KiB of the disk, and an ingest given up whose records are in memory and fit nowhere.
void fill_with_records_waiting(World& world)
{
    auto const used = (std::uint64_t{1} << 40) - world.memory.files.free_bytes("store").value();
    world.memory.files.set_capacity_bytes(used + 2 * kKiB);
    auto ingest = world.store->begin({.name = "c", .size_bytes = 2 * kPageSpanBytes}, {}).value();
    ASSERT_TRUE(ingest->write(0, random_bytes(3, 40 * kKiB)).ok());
    // The next page's first block sends off what the first page has.
    ASSERT_TRUE(ingest->write(kPageSpanBytes, random_bytes(4, kBlockBytes)).ok());
}

TEST_F(Failure, AFullDiskIsCheckedThoughRecordsWaitToBeWritten)
{
    World world(small());
    ASSERT_TRUE(put(*world.store, "a", random_bytes(1, 100 * kKiB)).ok());
    fill_with_records_waiting(world);
    auto const checked = world.store->check({});
    ASSERT_TRUE(checked.ok()) << outcome(checked);
    EXPECT_TRUE(checked.value().damage.empty());
    fill_with_records_waiting(world);
    auto const scrubbed = world.store->scrub({});
    EXPECT_TRUE(scrubbed.ok()) << outcome(scrubbed);
}

TEST_F(Failure, AFullDiskIsCollectedThoughRecordsWaitToBeWritten)
{
    World world(small());
    auto const volume = random_bytes(1, 100 * kKiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(put(*world.store, "b", random_bytes(2, 100 * kKiB)).ok());
    ASSERT_TRUE(world.store->remove("b").ok());
    fill_with_records_waiting(world);
    std::vector<std::string> const roots{"a"};
    auto const collected = collect_all(*world.store, roots);
    ASSERT_TRUE(collected.ok()) << outcome(collected);
    EXPECT_GT(world.memory.files.free_bytes("store").value(), 60 * kKiB);
    EXPECT_TRUE(put(*world.store, "c", random_bytes(3, 40 * kKiB)).ok());
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    EXPECT_EQ(world.store->stats().value().alarms, 0U);
}

TEST_F(Failure, ADeletedPackIsNamedWhileItIsOpen)
{
    World world(small());
    auto const volume = random_bytes(1, 100 * kKiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    auto const pack = "store/packs/" + pack_files(world.memory.files).front();
    ASSERT_TRUE(world.memory.files.remove(pack).ok());
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    auto const damage = world.store->check({}).value().damage;
    ASSERT_EQ(damage.size(), 1U);
    EXPECT_TRUE(damage.front().starts_with("The file " + pack + " is gone")) << damage.front();
}

TEST_F(Failure, AFullDiskKeepsRoomForTheCatalog)
{
    World world({.pack_bytes = 1 << 20, .threads = 0});
    world.memory.files.set_capacity_bytes(500 * kKiB);
    std::uint64_t tries = 0;
    while (put(*world.store, fmt::format("s{}", tries), random_bytes(tries, 7 * kBlockBytes)).ok())
        ++tries;
    EXPECT_GT(tries, 10U);
    EXPECT_GE(world.memory.files.free_bytes("store").value(), 28 * kKiB);
    EXPECT_TRUE(replace_file(world.memory.files, "catalog", random_bytes(1, 24 * kKiB)).ok());
}

TEST_F(Crash, ATornTailIsCutAndAHoleInTheMiddleIsNot)
{
    World world({.threads = 0});
    auto const volume = random_bytes(1, 64 * kKiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(put(*world.store, "b", random_bytes(2, 64 * kKiB)).ok());
    world.store.reset();
    auto const path = "store/packs/" + pack_files(world.memory.files).front();
    auto const file = world.memory.files.open(path, Access::write).value();
    auto const size = file->size_bytes().value();
    ASSERT_TRUE(file->write_at(size, random_bytes(3, 5000)).ok());
    ASSERT_TRUE(file->write_at(80 * kKiB, as_bytes("rot in b")).ok());
    world.reopen();
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    EXPECT_EQ(get(*world.store, "b").error().fault, Fault::corrupt);
    EXPECT_FALSE(world.store->check({}).value().damage.empty());
}

} // namespace
} // namespace karat::blocks
