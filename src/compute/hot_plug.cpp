// SPDX-License-Identifier: Apache-2.0
#include "hot_plug.hpp"

#include "block_moves.hpp"
#include "qemu_command.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace karat::compute {
namespace {

constexpr char const* kDevices = "/machine/peripheral";

std::string device_path(VolumeId const& volume) { return kDevices + ('/' + volume.text()); }

/// The root ports that have a disk: "port3".
Result<std::set<std::string>> taken_ports(Qmp& qmp)
{
    std::set<std::string> taken;
    auto const devices = TRY(qmp.run("qom-list", {{"path", kDevices}}));
    for (Json const& device : devices) {
        if (device.value("type", "") != "child<virtio-blk-pci>")
            continue;
        auto const path = std::string(kDevices) + '/' + device.value("name", "");
        auto const bus = TRY(qmp.run("qom-get", {{"path", path}, {"property", "parent_bus"}}));
        auto const text = bus.is_string() ? bus.get<std::string>() : std::string();
        taken.insert(text.substr(text.rfind('/') + 1));
    }
    return taken;
}

Result<std::string> free_port(Qmp& qmp)
{
    auto const taken = TRY(taken_ports(qmp));
    for (std::size_t i = 0; i < kMaxDisks; ++i) {
        auto port = fmt::format("port{}", i);
        if (!taken.contains(port))
            return port;
    }
    return Error{Fault::exhausted, Noun::attachment,
                 fmt::format("The machine has {} disks, and no place for more", kMaxDisks)};
}

Result<void> plug_in(Qmp& qmp, BlockGraph const& graph, Disk const& disk)
{
    auto const port = TRY(free_port(qmp));
    for (Json const& options : disk_options(disk))
        TRY(add_missing(qmp, graph, options));
    TRY(qmp.run("device_add", {{"driver", "virtio-blk-pci"},
                               {"id", disk.volume.text()},
                               {"drive", overlay_node(disk.overlays.back())},
                               {"serial", disk_serial(disk.volume)},
                               {"bus", port}}));
    return {};
}

/// Asks the guest. It is asked again at each call: one that was booting did not hear.
Result<void> request_unplug(Qmp& qmp, VolumeId const& volume)
{
    auto asked = qmp.run("device_del", {{"id", volume.text()}});
    if (asked.ok())
        return {};
    bool const under_way =
        asked.error().message.find("in the process of unplug") != std::string::npos;
    bool const gone = asked.error().message.find("not found") != std::string::npos;
    return under_way || gone ? Result<void>() : Result<void>(asked.take_error());
}

/// Gives the guest's device a disk that only fails, so that the real one can be closed.
Result<void> pull_out(Qmp& qmp, BlockGraph const& graph, VolumeId const& volume)
{
    TRY(add_missing(qmp, graph, dead_options(volume)));
    TRY(qmp.run(
        "qom-set",
        {{"path", device_path(volume)}, {"property", "drive"}, {"value", dead_node(volume)}}));
    return request_unplug(qmp, volume);
}

} // namespace

Result<void> attach_disk(Qmp& qmp, Disk const& disk)
{
    if (disk.overlays.empty())
        return Error{Fault::invalid, Noun::volume, disk.volume.text() + " needs an overlay"};
    auto const graph = TRY(query_graph(qmp));
    auto const chain = graph.chain(disk.volume);
    if (chain.ok() && !chain.value().empty() && chain.value().front() == dead_node(disk.volume))
        return Error{Fault::unavailable, Noun::volume,
                     fmt::format("The guest has not let go of {} since it was detached by force",
                                 disk.volume.text())};
    if (chain.ok())
        return {}; // an earlier try came this far
    auto plugged = plug_in(qmp, graph, disk);
    if (!plugged.ok()) // the first failure is the one to tell
        (void)sweep(qmp).ok();
    return plugged;
}

Result<bool> detach_disk(Qmp& qmp, VolumeId const& volume, Unplug how)
{
    auto const graph = TRY(query_graph(qmp));
    auto const chain = graph.chain(volume);
    bool const gone = !chain.ok();
    if (gone && chain.error().fault != Fault::not_found)
        return chain.error();
    bool const dead = !gone && !chain.value().empty() && chain.value().front() == dead_node(volume);
    if (!gone && !dead && how == Unplug::asking) {
        TRY(request_unplug(qmp, volume));
        return false;
    }
    if (!gone && !dead)
        TRY(pull_out(qmp, graph, volume));
    TRY(sweep(qmp));
    // The device is gone before QEMU has let go of its files: their locks would keep the next
    // machine out.
    auto const now = TRY(query_graph(qmp));
    return now.left_over().empty();
}

Result<void> grow_disk(Qmp& qmp, VolumeId const& volume, std::uint64_t size_bytes)
{
    auto const graph = TRY(query_graph(qmp));
    auto const chain = TRY(graph.chain(volume));
    if (chain.empty())
        return not_found(volume);
    TRY(qmp.run("block_resize", {{"node-name", chain.front()}, {"size", size_bytes}}));
    return {};
}

} // namespace karat::compute
