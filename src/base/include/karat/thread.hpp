// SPDX-License-Identifier: Apache-2.0
// The one way to start a thread (house_rules_test): no exception leaves it unseen.
#pragma once

#include <functional>
#include <stop_token>
#include <thread>

namespace karat {

/// A thread of this process. As std::jthread: the destructor asks it to stop and joins it.
class Thread {
public:
    /// What happens when the body throws; the log says so in any case, by the thread's name.
    enum class OnThrow : unsigned char {
        go_on,       ///< After a pause the body is run again, until it returns or is to stop.
        end_process, ///< Decision 016: half of a change must not stay.
    };
    using Body = std::function<void(std::stop_token const&)>;

    Thread() = default;
    /// `name` is a literal. std::system_error when the system has no more threads.
    Thread(char const* name, OnThrow on_throw, Body body);

    bool joinable() const { return thread_.joinable(); }
    void request_stop() { thread_.request_stop(); }
    void join() { thread_.join(); }

private:
    std::jthread thread_;
};

/// Runs a program's main function: what it throws is logged, and the exit status is then 1.
int run_program(char const* name, std::function<int()> const& body) noexcept;

} // namespace karat
