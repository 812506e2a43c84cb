// SPDX-License-Identifier: Apache-2.0
// CreateImage: rows for the image and the snapshots of an instance's volumes; the capture task
// (capture.cpp) fills them.
#include "devices.hpp"
#include "steps.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

Result<Instance> find_source(catalog::View& view, Caller const& caller, InstanceId const& id)
{
    auto instance = TRY(find_own_instance(view, caller, id));
    if (instance.state != InstanceState::running && instance.state != InstanceState::stopped)
        return Error{Fault::wrong_state, Noun::instance,
                     fmt::format("Instance is not in state 'running' or 'stopped': {} is {}",
                                 instance.id.text(), word(instance.state))};
    TRY(check_root(view, instance));
    return instance;
}

Result<Image> image_of(Engine::State& state, catalog::View& view, Instance const& instance,
                       CreateImage const& request)
{
    Image image{.id = ImageId::generate(state.env().chance),
                .owner = instance.owner,
                .region = instance.region,
                .name = request.name,
                .description = request.description,
                .created = state.now(),
                .architecture = instance.architecture,
                .root_device_name = instance.root_device_name};
    image.boot_mode = request.boot_mode.empty() ? instance.boot_mode : request.boot_mode;
    image.ena_support = true;
    image.source_instance = instance.id;
    image.source_image = instance.image;
    image.source_image_region = instance.region;
    image.tags = request.image_tags;
    if (auto const source = TRY(view.image(instance.image)))
        image.imds_support = source->imds_support;
    return image;
}

BlockDevice device_of(Volume const& volume)
{
    return {.device_name = volume.attachment->device_name,
            .size_gib = volume.size_gib,
            .volume_type = volume.type,
            .iops = volume.iops,
            .throughput_mibps = volume.throughput_mibps,
            .delete_on_termination = volume.attachment->delete_on_termination,
            .encrypted = !volume.kms_key.empty()};
}

/// The instance's disks with the request laid over: what is left of them, and new ones.
Result<std::vector<BlockDevice>> wanted_devices(catalog::View& view, Caller const& caller,
                                                Instance const& instance,
                                                std::vector<Volume> const& volumes,
                                                CreateImage const& request)
{
    std::vector<BlockDevice> devices;
    for (auto const& volume : volumes)
        devices.push_back(device_of(volume));
    Layout const layout{Base::instance, instance.root_device_name, "gp3"};
    for (auto const& asked : request.devices)
        TRY(lay_over(view, caller, layout, devices, asked));
    TRY(check_disk_count(devices));
    return devices;
}

} // namespace

Result<Image> Engine::create_image(Caller const& caller, CreateImage const& request)
{
    TRY(check_image_name(request.name));
    TRY(check_description(request.description));
    TRY(check_boot_mode(request.boot_mode));
    TRY(check_tags(request.image_tags));
    TRY(check_tags(request.snapshot_tags));
    TRY(check_mappings(request.devices));
    auto& state = *state_;
    return change_for(state, caller, "CreateImage", [&](catalog::Change& change) -> Result<Image> {
        auto const instance = TRY(find_source(change, caller, request.instance));
        TRY(check_room(state, Noun::volume));
        auto image = TRY(image_of(state, change, instance, request));
        auto const volumes = TRY(change.volumes_of(instance.id));
        image.devices = TRY(wanted_devices(change, caller, instance, volumes, request));
        CaptureWork work{.instance = instance.id, .image = image.id};
        work.no_reboot = request.no_reboot;
        for (auto const& volume : volumes) {
            auto const device = std::ranges::find(image.devices, volume.attachment->device_name,
                                                  &BlockDevice::device_name);
            if (device == image.devices.end())
                continue; // left out
            auto const snapshot = new_snapshot(state, caller, volume,
                                               fmt::format("Created by CreateImage({}) for {}",
                                                           instance.id.text(), image.id.text()),
                                               request.snapshot_tags);
            TRY(change.save(snapshot));
            work.pairs.push_back({volume.id, snapshot.id});
            device->snapshot = snapshot.id;
        }
        TRY(rehearse(request.dry_run));
        TRY(change.save(image));
        TRY(enqueue(state, change, work));
        return image;
    });
}

} // namespace karat::engine
