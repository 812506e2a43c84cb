// SPDX-License-Identifier: Apache-2.0
// A staged snapshot's life, broken off before every operation that changes the disk, or with every
// single operation failing, must keep each acknowledged unit.
#include "crash_testing.hpp"

#include "karat/staged.hpp"

#include <map>

namespace karat::blocks {
namespace {

using namespace testing;

constexpr std::size_t kUnitBytes = kStagedUnitBytes;
Options small_store() { return {.pack_bytes = 256 * 1024, .threads = 0, .cache_bytes = 0}; }

/// A unit with little data, so that many lives are quick: one block of 4 KiB that does not
/// compress, somewhere within zeroes.
Bytes unit(std::uint64_t seed)
{
    Bytes bytes(kUnitBytes);
    std::ranges::copy(random_bytes(seed, 4096), bytes.begin() + 4096 * (seed % 100));
    return bytes;
}

/// What was acknowledged, of the snapshot "b" over "a".
struct StagedPromises {
    bool base = false;
    std::map<std::uint32_t, Bytes> kept;
    std::map<std::uint32_t, Bytes> maybe;
    bool begun = false;
    bool committed = false;
    bool dropping = false; // drop() was called: what is staged may be gone
};

class StagedLife {
public:
    explicit StagedLife(Store& store)
        : store_(store)
    {
    }
    StagedPromises const& live()
    {
        promises_.base = testing::put(store_, "a", text_bytes(1, 64 * 1024)).ok();
        std::optional<std::string> base;
        if (promises_.base)
            base = "a";
        promises_.begun =
            store_.staged().begin({.name = "b", .size_bytes = 4 * kUnitBytes}, base).ok();
        put(1, unit(1));
        put(2, Bytes(kUnitBytes));
        (void)store_.remove("a");
        promises_.base = false;
        (void)collect_all(store_, {});
        put(1, unit(2));
        put(3, unit(1)); // known data
        commit();
        return promises_;
    }

private:
    void put(std::uint32_t index, Bytes const& data)
    {
        promises_.maybe[index] = data;
        auto const staged = store_.staged().find("b");
        if (!staged.ok())
            return;
        auto const done = staged.value()->put({.index = index, .data = data, .sum = sha256(data)});
        if (done.ok())
            promises_.kept[index] = data;
    }
    void commit()
    {
        auto const staged = store_.staged().find("b");
        if (!staged.ok())
            return;
        promises_.committed =
            staged.value()->commit({.name = "b", .size_bytes = 4 * kUnitBytes}).ok();
        promises_.dropping = promises_.committed;
        if (promises_.committed)
            (void)store_.staged().drop("b");
    }

    Store& store_;
    StagedPromises promises_;
};

/// Every acknowledged unit, or what was put over it and not acknowledged.
void expect_units(Store& store, StagedPromises const& promises)
{
    auto const view = store.view("b");
    ASSERT_TRUE(view.ok()) << outcome(view);
    for (auto const& [index, data] : promises.kept) {
        Bytes got(kUnitBytes);
        auto const read = read_unit(*view.value(), index, got);
        ASSERT_TRUE(read.ok()) << outcome(read);
        ASSERT_TRUE(got == data || got == promises.maybe.at(index)) << index;
    }
    auto const listed = changed_units(nullptr, *view.value(), {.from = 1, .limit = 10}).value();
    for (auto const& [index, data] : promises.kept)
        ASSERT_TRUE(std::ranges::any_of(listed.changes, [&](UnitChange const& one) {
            return one.index == index;
        })) << index;
}

void expect_staged_promises(Store& store, StagedPromises const& promises)
{
    auto const staged = store.staged().find("b");
    if (promises.begun && !promises.dropping) {
        ASSERT_TRUE(staged.ok()) << outcome(staged);
    }
    if (staged.ok() && !store.view("b").ok()) {
        auto const made = staged.value()->commit({.name = "b", .size_bytes = 4 * kUnitBytes});
        ASSERT_TRUE(made.ok()) << outcome(made);
    }
    if (promises.begun)
        expect_units(store, promises);
    auto const report = store.check({});
    ASSERT_TRUE(report.ok()) << outcome(report);
    ASSERT_EQ(report.value().damage, std::vector<std::string>());
    ASSERT_TRUE(store.staged().drop("b").ok());
    auto const collected = collect_all(store, {});
    ASSERT_TRUE(collected.ok()) << outcome(collected);
    ASSERT_FALSE(collected.value().halted);
    if (promises.begun)
        expect_units(store, promises);
}

using SlowStagedCrash = Quiet;
using SlowStagedFailure = Quiet;

TEST_F(SlowStagedCrash, AtEveryOperationKeepsEachAcknowledgedUnit)
{
    bool whole = false;
    int states = 0;
    for (int last = 0; !whole; ++last) {
        // Of what was not synced, nothing, all or some is kept; each in turn.
        auto const policy = last % 3;
        MemoryEnv memory;
        StagedPromises promises;
        whole = live_until(memory, last, [&] {
            auto opened = Store::open(memory.env(), "store", small_store());
            if (opened.ok())
                promises = StagedLife(*opened.value()).live();
        });
        crash(memory, policy, last);
        auto const store = Store::open(memory.env(), "store", small_store());
        ASSERT_TRUE(store.ok()) << outcome(store) << " at " << last;
        ASSERT_NO_FATAL_FAILURE(expect_staged_promises(*store.value(), promises))
            << "operation " << last << ", policy " << policy;
        ++states;
    }
    RecordProperty("states", states);
    EXPECT_GT(states, 50);
}

TEST_F(SlowStagedFailure, OfEverySingleCallIsSurvived)
{
    bool reached = true;
    for (int failing = 0; reached; ++failing) {
        MemoryEnv memory;
        StagedPromises promises;
        auto opened = Store::open(memory.env(), "store", small_store());
        ASSERT_TRUE(opened.ok());
        auto const what = live_with_failure(memory, failing,
                                            [&] { promises = StagedLife(*opened.value()).live(); });
        reached = !what.empty();
        opened = fail(Fault::unavailable, "closed");
        memory.files.crash();
        auto const store = Store::open(memory.env(), "store", small_store());
        ASSERT_TRUE(store.ok()) << outcome(store) << " after " << what;
        ASSERT_NO_FATAL_FAILURE(expect_staged_promises(*store.value(), promises)) << what;
    }
}

} // namespace
} // namespace karat::blocks
