// SPDX-License-Identifier: Apache-2.0
#include "deadline.hpp"

#include "karat/log.hpp"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <unistd.h>

namespace karat::daemon {
namespace {

constexpr unsigned kSecondsToSaySo = 1;

void wait_and_end(std::stop_token const& well, std::chrono::milliseconds patience,
                  std::function<std::vector<std::string>()> const& running)
{
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, well, patience, [] { return false; });
    if (well.stop_requested())
        return;
    ::alarm(kSecondsToSaySo); // ends the process where even saying it hangs
    for (auto const& name : running())
        log(Level::error, "karatd.hangs", {{"running", name}});
    log(Level::error, "karatd.ends_without_waiting");
    std::_Exit(1);
}

} // namespace

Deadline::Deadline(std::chrono::milliseconds patience,
                   std::function<std::vector<std::string>()> running)
    : thread_("deadline", Thread::OnThrow::end_process,
              [patience, running = std::move(running)](std::stop_token const& well) {
                  wait_and_end(well, patience, running);
              })
{
}

} // namespace karat::daemon
