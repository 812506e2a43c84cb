// SPDX-License-Identifier: Apache-2.0
#include "machine_events.hpp"

namespace karat::compute {

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
            supervisor.post(told, kDiskRetry); // once: a disk has many requests under way
        }
    };
}

} // namespace karat::compute
