// SPDX-License-Identifier: Apache-2.0
#include "karat/thread.hpp"

#include "karat/log.hpp"

#include <chrono>
#include <exception>

namespace karat {
namespace {

constexpr std::chrono::milliseconds kPause{100}; // what fails at once must not fill the log

/// Where there is no memory for a log line, nobody is told.
void tell(char const* name, char const* what) noexcept
{
    try {
        log(Level::error, "thread.threw", {{"thread", name}, {"message", what}});
    } catch (...) {
        return;
    }
}

/// Whether it came to its end.
template <class Work>
bool survives(char const* name, Work const& work) noexcept
{
    try {
        work();
        return true;
    } catch (std::exception const& problem) {
        tell(name, problem.what());
    } catch (...) {
        tell(name, "unknown");
    }
    return false;
}

void run(char const* name, Thread::OnThrow on_throw, Thread::Body const& body,
         std::stop_token const& stop) noexcept
{
    while (!survives(name, [&] { body(stop); })) {
        if (on_throw == Thread::OnThrow::end_process)
            std::terminate();
        if (stop.stop_requested())
            return;
        std::this_thread::sleep_for(kPause);
    }
}

} // namespace

Thread::Thread(char const* name, OnThrow on_throw, Body body)
    : thread_([name, on_throw, body = std::move(body)](std::stop_token const& stop) {
        run(name, on_throw, body, stop);
    })
{
}

int run_program(char const* name, std::function<int()> const& body) noexcept
{
    int status = 1;
    survives(name, [&] { status = body(); });
    return status;
}

} // namespace karat
