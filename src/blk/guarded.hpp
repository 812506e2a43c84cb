// SPDX-License-Identifier: Apache-2.0
// The barrier between nbdkit, which is C, and us: an exception that left a callback would end the
// server of all guests' disks.
#pragma once

#include <chrono>
#include <exception>
#include <new>
#include <thread>

namespace karat::blk {

/// What a callback answers when it has thrown.
template <class T>
constexpr T failure()
{
    if constexpr (std::is_pointer_v<T>)
        return nullptr;
    else
        return T(-1);
}
template <>
constexpr void failure<void>()
{
}

/// Calls `function` as nbdkit calls it. What it throws is told to `report` and is this call's
/// failure, nothing else.
template <auto function, auto report>
struct Guarded;
template <class Answer, class... Arguments, Answer (*function)(Arguments...), auto report>
struct Guarded<function, report> {
    static Answer call(Arguments... arguments) noexcept
    {
        try {
            return function(arguments...);
        } catch (std::exception const& problem) {
            report(problem.what());
        } catch (...) {
            report("unknown");
        }
        return failure<Answer>();
    }
};

/// A guest whose read fails has a broken disk, while want of memory passes: tries for a while.
template <class Read>
auto patiently(Read const& read, std::chrono::milliseconds pause, int most)
{
    for (int i = 1; i < most; ++i) {
        try {
            return read();
        } catch (std::bad_alloc const&) {
            std::this_thread::sleep_for(pause);
        }
    }
    return read();
}

} // namespace karat::blk
