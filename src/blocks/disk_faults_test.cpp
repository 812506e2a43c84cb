// SPDX-License-Identifier: Apache-2.0
// A disk that fails for a while, from any moment of a store's life on: it is full, was made
// read-only, cannot be read, or there are no descriptors left. Nothing that was acknowledged is
// lost, and when the trouble is over the store goes on.
#include "crash_testing.hpp"
#include "store_life.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

using namespace testing;

constexpr int kStride = 5; // 1 tries every operation; this takes seconds

/// What fails, and how.
struct Trouble {
    char const* name;
    bool (*hits)(std::string_view operation);
    Fault fault;
    int length; ///< So many operations that it hits fail.
    bool opens = false;
};

bool takes_room(std::string_view operation)
{
    return operation == "write" || operation == "create" || operation == "punch";
}
bool takes_room_late(std::string_view operation) // as network file systems tell it
{
    return takes_room(operation) || operation == "sync";
}
bool changes(std::string_view operation) { return operation != "read"; }
bool reads(std::string_view operation) { return operation == "read"; }
bool any(std::string_view) { return true; }

constexpr int kForEver = 1 << 30;
constexpr Trouble kTroubles[] = {
    {"full once", takes_room, Fault::full, 1},
    {"full for a while", takes_room, Fault::full, 12},
    {"full", takes_room, Fault::full, kForEver},
    {"full, told late", takes_room_late, Fault::full, kForEver},
    {"read-only", changes, Fault::io, kForEver},
    {"unreadable for a while", reads, Fault::io, 8},
    {"unreadable", reads, Fault::io, kForEver},
    {"no descriptors once", any, Fault::io, 1, true},
    {"no descriptors", any, Fault::io, kForEver, true},
};

/// Begins the trouble at the operation `first` of those that it hits. Counts them in `seen`.
void begin(MemoryFiles& files, Trouble const& trouble, int first, int& seen)
{
    auto const hook = [&trouble, first, &seen](std::string_view operation,
                                               std::string const& path) -> Result<void> {
        if (!trouble.hits(operation))
            return {};
        auto const now = seen++;
        if (now < first || now - first >= trouble.length)
            return {};
        return fail(trouble.fault, fmt::format("Cannot {} {}: {}", operation, path, trouble.name));
    };
    if (trouble.opens)
        files.set_open_hook(hook);
    else
        files.set_hook(hook);
}

void end(MemoryFiles& files)
{
    files.set_hook(nullptr);
    files.set_open_hook(nullptr);
}

class SlowDiskFaults : public Quiet, public ::testing::WithParamInterface<Trouble> {};

TEST_P(SlowDiskFaults, FromAnyOperationOnLoseNothing)
{
    auto const& trouble = GetParam();
    int lives = 0;
    for (bool reached = true; reached; ++lives) {
        auto const first = lives * kStride;
        SCOPED_TRACE(fmt::format("{} from operation {}", trouble.name, first));
        World world(small());
        int seen = 0;
        begin(world.memory.files, trouble, first, seen);
        auto promises = Life(*world.store).live();
        reached = seen > first;
        if (trouble.hits != reads && !trouble.opens) { // what is there can be read meanwhile
            ASSERT_NO_FATAL_FAILURE(expect_promises(*world.store, promises));
        }
        end(world.memory.files);
        ASSERT_NO_FATAL_FAILURE(expect_promises(*world.store, promises));
        auto const read_only = world.store->stats().value().read_only;
        if (trouble.hits == takes_room || trouble.hits == reads || trouble.opens) {
            ASSERT_FALSE(read_only);
        }
        if (!read_only) { // it goes on by itself
            ASSERT_NO_FATAL_FAILURE(expect_future(*world.store, promises));
            promises.kept["new"] = future_volume();
        }
        world.store.reset();
        world.memory.files.crash();
        world.reopen();
        ASSERT_NO_FATAL_FAILURE(expect_promises(*world.store, promises));
        if (read_only) {
            ASSERT_NO_FATAL_FAILURE(expect_future(*world.store, promises));
        }
    }
    EXPECT_GT(lives, 1);
}

/// The same while a store is opened that a crash left: it opens, or it says why and opens later.
TEST_P(SlowDiskFaults, WhileAStoreIsOpenedLoseNothing)
{
    auto const& trouble = GetParam();
    for (int first = 0, seen = 1; seen > first; ++first) {
        SCOPED_TRACE(fmt::format("{} from operation {}", trouble.name, first));
        World world(small());
        auto const promises = Life(*world.store).live();
        world.store.reset();
        world.memory.files.crash();
        seen = 0;
        begin(world.memory.files, trouble, first, seen);
        auto opened = Store::open(world.memory.env(), "store", small());
        if (!opened.ok()) {
            EXPECT_EQ(opened.error().fault, trouble.fault) << outcome(opened);
        }
        end(world.memory.files);
        opened = fail(Fault::unavailable, "closed");
        world.reopen();
        ASSERT_NO_FATAL_FAILURE(expect_promises(*world.store, promises));
        ASSERT_NO_FATAL_FAILURE(expect_future(*world.store, promises));
    }
}

INSTANTIATE_TEST_SUITE_P(Slow, SlowDiskFaults, ::testing::ValuesIn(kTroubles), [](auto const& one) {
    std::string name = one.param.name;
    std::erase_if(name, [](char c) { return !std::isalnum(c); });
    return name;
});

} // namespace
} // namespace karat::blocks
