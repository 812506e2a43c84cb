// SPDX-License-Identifier: Apache-2.0
// The machine that an instance is, and the launch task that makes its overlays and starts it.
#include "steps.hpp"

#include "karat/names.hpp"

#include <algorithm>

namespace karat::engine {

compute::Disk disk_of(Engine::State& state, Volume const& volume)
{
    compute::Disk disk{.volume = volume.id, .size_bytes = volume.size_gib * kGiB};
    if (volume.layers.base) {
        auto const source = state.parts.volumes.export_of(*volume.layers.base);
        disk.backing = compute::Backing{source.socket, source.name, source.file};
    }
    for (auto const& overlay : volume.layers.overlays)
        disk.overlays.push_back(state.parts.volumes.overlay_path(volume.id, overlay));
    return disk;
}

namespace {

std::string metadata_socket(Engine::State& state, InstanceId const& id)
{
    return state.parts.settings.run_directory + "/imds/" + id.text();
}

} // namespace

Result<compute::Machine> machine_of(Engine::State& state, Instance const& instance)
{
    return state.catalog().read([&](catalog::View& view) -> Result<compute::Machine> {
        auto const* const type = find_instance_type(instance.type);
        if (type == nullptr) // a release that knew it launched it
            return Error{Fault::unsupported, Noun::instance_type,
                         "The instance type '" + instance.type + "' of " + instance.id.text() +
                             " is not offered any more; stop the instance and change its type"};
        compute::Machine machine{.id = instance.id, .type_name = instance.type};
        machine.vcpus = type->vcpus;
        machine.threads_per_core = type->threads_per_core;
        machine.memory_mib = static_cast<int>(type->memory_mib);
        machine.uefi = instance.boot_mode == "uefi";
        auto volumes = TRY(view.volumes_of(instance.id));
        // A disk that comes to a running instance is plugged in by its own task, when no other task
        // works on the volume; a launch brings its own. One that was asked back before it came has
        // no overlay.
        std::erase_if(volumes, [&](Volume const& volume) {
            bool const comes_later = instance.state != InstanceState::pending &&
                                     volume.attachment->state == AttachmentState::attaching;
            return comes_later || volume.layers.overlays.empty();
        });
        std::stable_partition(volumes.begin(), volumes.end(), [&](Volume const& volume) {
            return volume.attachment->device_name == instance.root_device_name;
        });
        for (auto const& volume : volumes)
            machine.disks.push_back(disk_of(state, volume));
        auto const subnets = TRY(view.subnets({instance.region, instance.owner}));
        for (auto const& subnet : subnets)
            if (subnet.id == instance.interface.subnet)
                machine.nic.subnet_cidr = subnet.cidr;
        machine.nic.mac = instance.interface.mac;
        machine.nic.private_ip = instance.interface.private_ip;
        machine.nic.domain = private_domain(instance.region);
        machine.nic.public_ip = instance.interface.public_ip;
        machine.nic.open_ports = TRY(open_ports(view, instance.interface.groups));
        machine.nic.hop_limit = instance.metadata.http_put_response_hop_limit;
        machine.nic.imds_socket = metadata_socket(state, instance.id);
        return machine;
    });
}

Result<void> check_overlays(Engine::State& state, Volume const& volume)
{
    return state.parts.volumes.check_overlays(volume.id, volume.layers.overlays,
                                              volume.size_gib * kGiB);
}

Result<void> open_metadata(Engine::State& state, InstanceId const& id)
{
    auto const socket = metadata_socket(state, id);
    TRY(state.parts.metadata.open(id, socket));
    return state.parts.hypervisor.admit(id, socket);
}

Result<void> start_machine(Engine::State& state, Instance const& instance)
{
    TRY(check_keys(state, instance));
    auto const machine = TRY(machine_of(state, instance));
    auto const volumes = TRY(
        state.catalog().read([&](catalog::View& view) { return view.volumes_of(instance.id); }));
    for (auto const& volume : volumes)
        if (std::ranges::find(machine.disks, volume.id, &compute::Disk::volume) !=
            machine.disks.end())
            TRY(check_overlays(state, volume));
    TRY(open_metadata(state, instance.id));
    return state.parts.hypervisor.start(machine);
}

namespace {

/// The files of the disks that a launch brings.
Result<void> make_overlays(Engine::State& state, InstanceId const& id)
{
    auto const volumes =
        TRY(state.catalog().read([&](catalog::View& view) { return view.volumes_of(id); }));
    for (auto const& volume : volumes)
        if (volume.layers.overlays.size() == 1 &&
            volume.attachment->state == AttachmentState::attaching)
            TRY(state.parts.volumes.create_overlay(volume.id, volume.layers.overlays.front(),
                                                   volume.size_gib * kGiB));
    return {};
}

Result<void> note_attached(catalog::Change& change, InstanceId const& id)
{
    auto attached = TRY(change.volumes_of(id));
    for (auto& volume : attached) {
        if (volume.attachment->state != AttachmentState::attaching)
            continue;
        volume.attachment->state = AttachmentState::attached;
        TRY(change.save(volume));
    }
    return {};
}

Result<void> note_running(catalog::Change& change, InstanceId const& id)
{
    auto instance = TRY(change.instance(id));
    if (!instance || instance->state != InstanceState::pending)
        return {};
    TRY(become(*instance, InstanceState::running));
    TRY(change.save(*instance));
    return note_attached(change, id);
}

/// Whether a stop or a terminate came before the launch, and waits for it.
bool is_to_end(InstanceState state)
{
    return state == InstanceState::stopping || state == InstanceState::shutting_down;
}

} // namespace

Result<Next> step_launch(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<LaunchWork>(task));
    auto const& id = work.instance;
    auto const found =
        TRY(state.catalog().read([&](catalog::View& view) { return view.instance(id); }));
    if (!found || (found->state != InstanceState::pending && !is_to_end(found->state)))
        return finished();
    TRY(make_overlays(state, id));
    if (is_to_end(found->state)) // its disks are there all the same
        return finish(state, task,
                      [&](catalog::Change& change) { return note_attached(change, id); });
    TRY(start_machine(state, *found));
    auto const next =
        TRY(finish(state, task, [&](catalog::Change& change) { return note_running(change, id); }));
    log(Level::info, "instance.running",
        {{"instance", id.text()},
         {"image", found->image.text()},
         {"address", found->interface.public_ip},
         {"took_ms", (state.now() - found->launched).count()},
         {"request", task.request}});
    return next;
}

/// A launch that cannot succeed ends the instance, as EC2 does; a start leaves it stopped.
Result<void> give_up_launch(Engine::State& state, Task const& task, Error const& error)
{
    auto const work = TRY(work_of<LaunchWork>(task));
    TRY(state.parts.hypervisor.kill(work.instance));
    state.parts.metadata.close(work.instance);
    return fail_task(state, task, error, [&](catalog::Change& change) -> Result<void> {
        auto instance = TRY(change.instance(work.instance));
        if (!instance || instance->state != InstanceState::pending)
            return {};
        instance->state_reason = why_not_launched(error);
        TRY(become(*instance, work.start ? InstanceState::stopped : InstanceState::shutting_down));
        TRY(change.save(*instance));
        if (!work.start)
            TRY(enqueue(state, change, TerminateWork{work.instance}));
        return {};
    });
}

} // namespace karat::engine
