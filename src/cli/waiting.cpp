// SPDX-License-Identifier: Apache-2.0
#include "waiting.hpp"

#include "admin_client.hpp"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace karat::cli {
namespace {

constexpr int kMostFailures = 600; // a minute of restarting

/// Blocks Ctrl-C, and returns what to wait for it with.
sigset_t block_interrupts()
{
    sigset_t interrupt;
    ::sigemptyset(&interrupt);
    ::sigaddset(&interrupt, SIGINT);
    ::sigaddset(&interrupt, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
    return interrupt;
}

} // namespace

Result<void> wait_for(Options const& options, Json const& started, char const* cancel)
{
    auto const interrupt = block_interrupts();
    bool const shows = !options.json && ::isatty(STDERR_FILENO) == 1;
    int failures = 0;
    while (true) {
        auto const task = ask(options.socket(), "task", {{"task", started.at("task")}});
        if (!task.ok() && (task.error().fault != Fault::unavailable || ++failures > kMostFailures))
            return task.error();
        if (task.ok()) {
            failures = 0;
            auto const state = task.value().at("state").get<std::string>();
            if (shows)
                std::fprintf(stderr, "\r%3d %%%s", task.value().at("progress_percent").get<int>(),
                             state == "failed" ? "\n" : "");
            if (state == "failed")
                return fail(Fault::invalid, task.value().at("outcome").get<std::string>());
            if (state == "done")
                break;
        }
        constexpr timespec kStep{0, 100'000'000};
        if (::sigtimedwait(&interrupt, nullptr, &kStep) <= 0)
            continue;
        if (cancel == nullptr)
            return fail(Fault::invalid, "Interrupted. The work goes on in the daemon; "
                                        "karat tasks shows it");
        TRY(ask(options.socket(), cancel, {{"task", started.at("task")}}));
    }
    if (shows)
        std::fputs("\r", stderr);
    return {};
}

} // namespace karat::cli
