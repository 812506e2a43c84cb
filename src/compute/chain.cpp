// SPDX-License-Identifier: Apache-2.0
#include "chain.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace karat::compute {
namespace {

constexpr int kMaxVcpus = 255;
constexpr int kMinMemoryMib = 16;
constexpr int kMaxMemoryMib = 16 * 1024 * 1024;

Error unfit(Machine const& machine, std::string_view what)
{
    return {Fault::invalid, Noun::instance, fmt::format("{}: {}", machine.id.text(), what)};
}

} // namespace

Result<void> check_machine(Machine const& machine)
{
    if (machine.vcpus < 1 || machine.vcpus > kMaxVcpus)
        return unfit(machine, fmt::format("{} processors cannot be had", machine.vcpus));
    if (machine.threads_per_core < 1 || machine.vcpus % machine.threads_per_core != 0)
        return unfit(machine, fmt::format("{} processors are no cores of {} threads", machine.vcpus,
                                          machine.threads_per_core));
    if (machine.memory_mib < kMinMemoryMib || machine.memory_mib > kMaxMemoryMib)
        return unfit(machine, fmt::format("{} MiB of memory cannot be had", machine.memory_mib));
    if (machine.disks.empty())
        return unfit(machine, "a machine needs a disk to boot from");
    if (machine.disks.size() > kMaxDisks)
        return Error{Fault::exhausted, Noun::attachment,
                     fmt::format("{}: {} disks are more than {}", machine.id.text(),
                                 machine.disks.size(), kMaxDisks)};
    std::set<VolumeId> seen;
    for (Disk const& disk : machine.disks) {
        if (disk.overlays.empty())
            return unfit(machine, disk.volume.text() + " has no overlay to write to");
        if (!seen.insert(disk.volume).second)
            return unfit(machine, disk.volume.text() + " is there twice");
    }
    return {};
}

Result<void> check_rebase(Disk const& current, Disk const& wanted)
{
    auto at = current.overlays.begin();
    for (std::string const& overlay : wanted.overlays) {
        at = std::find(at, current.overlays.end(), overlay);
        if (at == current.overlays.end())
            return Error{Fault::wrong_state, Noun::volume,
                         fmt::format("{} is not made of {}", wanted.volume.text(), overlay)};
        ++at;
    }
    if (wanted.overlays.empty() || wanted.overlays.back() != current.overlays.back())
        return Error{
            Fault::wrong_state, Noun::volume,
            fmt::format("{} would lose the overlay that is written now", wanted.volume.text())};
    return {};
}

Result<Disk*> find_disk(Machine& machine, VolumeId const& volume)
{
    for (Disk& disk : machine.disks)
        if (disk.volume == volume)
            return &disk;
    return not_found(volume);
}

} // namespace karat::compute
