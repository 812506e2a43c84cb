// SPDX-License-Identifier: Apache-2.0
#include "machine_events.hpp"

#include "karat/log.hpp"

namespace karat::compute {
namespace {

constexpr std::chrono::seconds kDiskRetry{5};
constexpr std::size_t kLongestReason = 200;

} // namespace

Qmp::OnEvent event_handler(Supervisor& supervisor, Supervisor::News const& machine)
{
    return [&supervisor, machine](std::string const& name, Json const& event) {
        auto const data = event.value("data", Json::object());
        auto told = machine;
        if (name == "SHUTDOWN" && data.value("guest", false)) {
            told.notice = Notice::guest_shut_down;
            supervisor.post(told);
        }
        if (name == "BLOCK_IO_ERROR" && data.value("action", "") == "stop") {
            told.notice = Notice::disk_stopped;
            if (supervisor.post(told, kDiskRetry)) // a disk has many requests under way
                log(Level::error, "compute.disk_stopped",
                    {{"instance", machine.id.text()},
                     {"reason", data.value("reason", "").substr(0, kLongestReason)}});
        }
    };
}

} // namespace karat::compute
