// SPDX-License-Identifier: Apache-2.0
// Lets one thread at a time through, waits for a bounded time, and finds a thread that would wait
// for itself.
#pragma once

#include "karat/mutex.hpp"
#include "karat/result.hpp"

#include <chrono>
#include <condition_variable>
#include <thread>

namespace karat::catalog {

class Gate {
public:
    explicit Gate(std::chrono::milliseconds patience)
        : patience_(patience)
    {
    }

    /// Inside until destroyed.
    class Pass {
    public:
        explicit Pass(Gate& gate)
            : gate_(&gate)
        {
        }
        Pass(Pass&& other) noexcept
            : gate_(std::exchange(other.gate_, nullptr))
        {
        }
        Pass& operator=(Pass&&) = delete;
        ~Pass();

    private:
        Gate* gate_;
    };

    /// Fault::unavailable when the others took longer than the gate's patience. Aborts when this
    /// thread is inside already: that is our mistake, and it would wait in vain.
    Result<Pass> enter();

private:
    std::chrono::milliseconds const patience_;
    Mutex mutex_;
    std::condition_variable_any left_;
    std::thread::id inside_ GUARDED_BY(mutex_); // no thread's id when the gate is free
};

} // namespace karat::catalog
