// SPDX-License-Identifier: Apache-2.0
#include "stalls.hpp"

#include "karat/log.hpp"

namespace karat::compute {
namespace {

constexpr std::chrono::seconds kResumePatience{1}; // others' news wait for it
/// With less free a guest would take what the catalog gives up of its reserve for deleting.
constexpr std::uint64_t kRoomToResume = 16 << 20;

} // namespace

bool Stalls::resume(QemuMachine& machine, Env const& env)
{
    auto const status = machine.status(kResumePatience);
    if (status.ok() && status.value() != kStalled) {
        if (forget(machine.id()))
            log(Level::info, "compute.disk_resumed", {{"instance", machine.id().text()}});
        return false;
    }
    if (status.ok() && note(machine.id(), env.clock.now())) // said once, not at each try
        log(Level::error, "compute.disk_stopped", {{"instance", machine.id().text()}});
    auto const free = env.files.free_bytes(machine.folder().path);
    if (free.ok() && free.value() < kRoomToResume)
        return true;
    // If there is still no room, QEMU stops the machine again.
    auto const resumed = machine.qmp().run("cont", Json::object(), kResumePatience);
    if (!resumed.ok())
        log(Level::error, "compute.not_resumed", resumed.error(),
            {{"instance", machine.id().text()}});
    return true;
}

bool Stalls::note(InstanceId const& id, Time now)
{
    Lock const lock(mutex_);
    return since_.emplace(id, now).second;
}

bool Stalls::forget(InstanceId const& id)
{
    Lock const lock(mutex_);
    return since_.erase(id) != 0;
}

std::vector<Stall> Stalls::all() const
{
    Lock const lock(mutex_);
    std::vector<Stall> all;
    for (auto const& [id, since] : since_)
        all.push_back({id, since});
    return all;
}

} // namespace karat::compute
