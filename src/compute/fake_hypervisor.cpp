// SPDX-License-Identifier: Apache-2.0
#include "karat/fake_hypervisor.hpp"

#include "chain.hpp"

#include <fmt/format.h>

namespace karat::compute {
namespace {

constexpr std::size_t kConsoleBytes = 64 * 1024;

} // namespace

Result<void> FakeHypervisor::start(Machine const& machine)
{
    Lock const lock(mutex_);
    TRY(trip("start"));
    if (running_.contains(machine.id))
        return {};
    TRY(check_machine(machine));
    for (Disk const& disk : machine.disks)
        TRY(require_files(disk.overlays));
    running_.emplace(machine.id, machine);
    consoles_[machine.id] += fmt::format("fake: {} started\n", machine.id.text());
    return {};
}

Result<void> FakeHypervisor::request_shutdown(InstanceId const& id)
{
    {
        Lock const lock(mutex_);
        TRY(trip("request_shutdown"));
        TRY(find_running(id));
        if (!obedient_)
            return {};
    }
    shut_down(id);
    return {};
}

Result<void> FakeHypervisor::reset(InstanceId const& id)
{
    Lock const lock(mutex_);
    TRY(trip("reset"));
    TRY(find_running(id));
    consoles_[id] += fmt::format("fake: {} reset\n", id.text());
    return {};
}

Result<void> FakeHypervisor::request_reboot(InstanceId const& id)
{
    Lock const lock(mutex_);
    TRY(trip("request_reboot"));
    TRY(find_running(id));
    if (obedient_)
        consoles_[id] += fmt::format("fake: {} rebooted\n", id.text());
    return {};
}

std::vector<Stall> FakeHypervisor::stalls()
{
    Lock const lock(mutex_);
    std::vector<Stall> all;
    for (auto const& [id, since] : stalled_)
        if (running_.contains(id))
            all.push_back({id, since});
    return all;
}

void FakeHypervisor::set_stalled(InstanceId const& id, bool stalled)
{
    Lock const lock(mutex_);
    stalled_.erase(id);
    if (stalled)
        stalled_.emplace(id, env_.clock.now());
}

Result<void> FakeHypervisor::kill(InstanceId const& id)
{
    Lock const lock(mutex_);
    TRY(trip("kill"));
    running_.erase(id);
    stalled_.erase(id);
    return {};
}

Result<Power> FakeHypervisor::power(InstanceId const& id)
{
    Lock const lock(mutex_);
    TRY(trip("power"));
    return running_.contains(id) ? Power::running : Power::off;
}

Result<std::vector<InstanceId>> FakeHypervisor::running()
{
    Lock const lock(mutex_);
    TRY(trip("running"));
    std::vector<InstanceId> ids;
    for (auto const& [id, machine] : running_)
        ids.push_back(id);
    return ids;
}

Result<Swapped> FakeHypervisor::swap_overlays(InstanceId const& id, std::vector<Swap> const& swaps)
{
    Lock const lock(mutex_);
    TRY(trip("swap_overlays"));
    auto* const machine = TRY(find_running(id));
    for (Swap const& swap : swaps) { // all or nothing, as the transaction of the real one
        TRY(find_disk(*machine, swap.volume));
        TRY(require_files({swap.overlay}));
    }
    for (Swap const& swap : swaps) {
        auto* const disk = TRY(find_disk(*machine, swap.volume));
        if (disk->overlays.back() != swap.overlay)
            disk->overlays.push_back(swap.overlay);
    }
    return Swapped{.pause = std::chrono::microseconds(1)};
}

Result<void> FakeHypervisor::rebase(InstanceId const& id, Disk const& disk)
{
    Lock const lock(mutex_);
    TRY(trip("rebase"));
    auto* const machine = TRY(find_running(id));
    auto* const current = TRY(find_disk(*machine, disk.volume));
    TRY(check_rebase(*current, disk));
    TRY(require_files(disk.overlays));
    current->overlays = disk.overlays;
    current->backing = disk.backing;
    return {};
}

Result<void> FakeHypervisor::attach_disk(InstanceId const& id, Disk const& disk)
{
    Lock const lock(mutex_);
    TRY(trip("attach_disk"));
    auto* const machine = TRY(find_running(id));
    if (find_disk(*machine, disk.volume).ok())
        return {};
    TRY(require_files(disk.overlays));
    auto grown = *machine;
    grown.disks.push_back(disk);
    TRY(check_machine(grown));
    *machine = std::move(grown);
    return {};
}

Result<bool> FakeHypervisor::detach_disk(InstanceId const& id, VolumeId const& volume, Unplug how)
{
    Lock const lock(mutex_);
    TRY(trip("detach_disk"));
    auto* const machine = TRY(find_running(id));
    if (how == Unplug::asking && !obedient_)
        return false;
    std::erase_if(machine->disks, [&](Disk const& disk) { return disk.volume == volume; });
    return true;
}

Result<void> FakeHypervisor::grow_disk(InstanceId const& id, VolumeId const& volume,
                                       std::uint64_t size_bytes)
{
    Lock const lock(mutex_);
    TRY(trip("grow_disk"));
    auto* const machine = TRY(find_running(id));
    auto* const disk = TRY(find_disk(*machine, volume));
    disk->size_bytes = std::max(disk->size_bytes, size_bytes);
    return {};
}

Result<void> FakeHypervisor::set_open_ports(InstanceId const& id,
                                            std::vector<OpenPorts> const& ports)
{
    Lock const lock(mutex_);
    TRY(trip("set_open_ports"));
    auto* const machine = TRY(find_running(id));
    machine->nic.open_ports = ports;
    return {};
}

Result<void> FakeHypervisor::set_hop_limit(InstanceId const& id, int hop_limit)
{
    Lock const lock(mutex_);
    TRY(trip("set_hop_limit"));
    auto* const machine = TRY(find_running(id));
    machine->nic.hop_limit = hop_limit;
    return {};
}

Result<void> FakeHypervisor::exchange_network(InstanceId const& id)
{
    Lock const lock(mutex_);
    TRY(trip("exchange_network"));
    TRY(find_running(id));
    return {};
}

Result<std::string> FakeHypervisor::console(InstanceId const& id, std::size_t limit_bytes)
{
    Lock const lock(mutex_);
    TRY(trip("console"));
    auto const found = consoles_.find(id);
    if (found == consoles_.end())
        return std::string();
    auto const& text = found->second;
    return text.substr(text.size() - std::min(text.size(), limit_bytes));
}

Result<void> FakeHypervisor::forget(InstanceId const& id)
{
    Lock const lock(mutex_);
    TRY(trip("forget"));
    if (running_.contains(id))
        return Error{Fault::wrong_state, Noun::instance, id.text() + " is running"};
    consoles_.erase(id);
    return {};
}

void FakeHypervisor::listen(Listener listener)
{
    Lock const lock(mutex_);
    listener_ = std::move(listener);
}

Result<void> FakeHypervisor::adopt()
{
    Lock const lock(mutex_);
    return trip("adopt");
}

std::optional<Machine> FakeHypervisor::machine(InstanceId const& id) const
{
    Lock const lock(mutex_);
    auto const found = running_.find(id);
    if (found == running_.end())
        return std::nullopt;
    return found->second;
}

std::optional<Disk> FakeHypervisor::disk(VolumeId const& volume) const
{
    Lock const lock(mutex_);
    for (auto const& [id, machine] : running_)
        for (Disk const& disk : machine.disks)
            if (disk.volume == volume)
                return disk;
    return std::nullopt;
}

void FakeHypervisor::shut_down(InstanceId const& id) { end(id, Event::shut_down); }

void FakeHypervisor::die(InstanceId const& id) { end(id, Event::died); }

void FakeHypervisor::lose_power()
{
    Lock const lock(mutex_);
    running_.clear();
}

void FakeHypervisor::fail_next(std::string const& operation, Fault fault)
{
    Lock const lock(mutex_);
    failures_[operation] = fault;
}

void FakeHypervisor::set_obedient(bool obedient)
{
    Lock const lock(mutex_);
    obedient_ = obedient;
}

void FakeHypervisor::print(InstanceId const& id, std::string_view text)
{
    Lock const lock(mutex_);
    auto& console = consoles_[id];
    console += text;
    if (console.size() > kConsoleBytes)
        console.erase(0, console.size() - kConsoleBytes);
}

Result<void> FakeHypervisor::trip(std::string const& operation)
{
    auto const found = failures_.find(operation);
    if (found == failures_.end())
        return {};
    auto const fault = found->second;
    failures_.erase(found);
    return fail(fault, fmt::format("The fake hypervisor was told to fail in {}", operation));
}

Result<Machine*> FakeHypervisor::find_running(InstanceId const& id)
{
    auto const found = running_.find(id);
    if (found == running_.end())
        return Error{Fault::not_found, Noun::instance, id.text() + " is not running"};
    return &found->second;
}

Result<void> FakeHypervisor::require_files(std::vector<std::string> const& overlays) const
{
    for (std::string const& overlay : overlays) {
        auto const there = TRY(env_.files.exists(overlay));
        if (!there)
            return fail(Fault::not_found, "There is no overlay " + overlay);
    }
    return {};
}

void FakeHypervisor::end(InstanceId const& id, Event event)
{
    Listener listener;
    {
        Lock const lock(mutex_);
        if (running_.erase(id) == 0)
            return;
        if (event == Event::shut_down)
            consoles_[id] += fmt::format("fake: {} shut down\n", id.text());
        listener = listener_;
    }
    if (listener)
        listener(id, event);
}

std::unique_ptr<Hypervisor> make_fake(Env env) { return std::make_unique<FakeHypervisor>(env); }

} // namespace karat::compute
