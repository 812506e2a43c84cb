// SPDX-License-Identifier: Apache-2.0
// For tests: a life on a disk that loses power, or fails, at one operation.
#pragma once

#include "blocks_testing.hpp"

namespace karat::blocks::testing {

/// Mutes the log, since errors are what these tests make.
class Quiet : public ::testing::Test {
protected:
    void SetUp() override { set_log_level(static_cast<Level>(4)); }
    void TearDown() override { set_log_level(Level::info); }
};

/// Calls `live`, and cuts the power before operation `last`, reads not counted; true if `live`
/// ended before that. The disk works again afterwards, but has not crashed yet.
inline bool live_until(MemoryEnv& memory, int last, std::function<void()> const& live)
{
    int count = 0;
    memory.files.set_hook([&](std::string_view operation, std::string const&) -> Result<void> {
        if (operation != "read" && count++ >= last)
            return fail(Fault::io, "power cut");
        return {};
    });
    live();
    memory.files.set_hook(nullptr);
    return count <= last;
}

/// Crashes the disk. Of what was not synced, nothing (policy 0), all (1) or some (2) is kept.
inline void crash(MemoryEnv& memory, int policy, int last)
{
    SeededChance chance(static_cast<std::uint64_t>(policy) * 1000003 +
                        static_cast<std::uint64_t>(last));
    memory.files.crash([&] { return policy == 2 ? chance.flip() : policy == 1; });
}

/// Calls `live` while operation `failing` alone fails; returns which that was, and nothing if
/// `live` ended before it.
inline std::string live_with_failure(MemoryEnv& memory, int failing,
                                     std::function<void()> const& live)
{
    int count = 0;
    std::string what;
    memory.files.set_hook([&](std::string_view operation, std::string const& path) -> Result<void> {
        if (count++ != failing)
            return {};
        what = std::string(operation) + " " + path;
        return fail(Fault::io, "injected");
    });
    live();
    memory.files.set_hook(nullptr);
    return what;
}

} // namespace karat::blocks::testing
