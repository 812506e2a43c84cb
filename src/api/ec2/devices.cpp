// SPDX-License-Identifier: Apache-2.0
#include "devices.hpp"
#include "volume_reply.hpp"

#include "common.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

Result<void> read_ebs(wire::ec2::EbsBlockDevice const& ebs, engine::DeviceRequest& device)
{
    device.encryption = {ebs.encrypted, ebs.kms_key_id.value_or("")};
    if (ebs.snapshot_id)
        device.snapshot = TRY(SnapshotId::parse(*ebs.snapshot_id));
    if (ebs.volume_size) {
        if (*ebs.volume_size < 1)
            return Error{
                Fault::invalid, Noun::block_device,
                fmt::format("The volume size of {} must be at least 1 GiB", device.device_name)};
        device.size_gib = static_cast<std::uint64_t>(*ebs.volume_size);
    }
    device.volume_type = ebs.volume_type;
    device.iops = ebs.iops;
    device.throughput_mibps = ebs.throughput;
    device.delete_on_termination = ebs.delete_on_termination;
    return {};
}

} // namespace

Result<std::vector<engine::DeviceRequest>>
device_requests(std::vector<wire::ec2::BlockDeviceMapping> const& mappings)
{
    std::vector<engine::DeviceRequest> devices;
    for (auto const& mapping : mappings) {
        if (!mapping.device_name)
            return Error{Fault::missing, Noun::none,
                         "The request must contain the parameter BlockDeviceMapping.DeviceName"};
        engine::DeviceRequest device{.device_name = *mapping.device_name,
                                     .no_device = mapping.no_device.has_value(),
                                     .virtual_name = mapping.virtual_name.value_or("")};
        if (mapping.ebs)
            TRY(read_ebs(*mapping.ebs, device));
        devices.push_back(std::move(device));
    }
    return devices;
}

std::vector<wire::ec2::BlockDeviceMapping> wire_devices(std::vector<BlockDevice> const& devices)
{
    std::vector<wire::ec2::BlockDeviceMapping> mappings;
    for (auto const& device : devices) {
        if (!device.virtual_name.empty()) {
            mappings.push_back(
                {.device_name = device.device_name, .virtual_name = device.virtual_name});
            continue;
        }
        wire::ec2::EbsBlockDevice ebs;
        ebs.delete_on_termination = device.delete_on_termination;
        auto const shape = shown_shape(
            {device.size_gib, device.volume_type, device.iops, device.throughput_mibps});
        ebs.iops = device.volume_type == "gp2" ? std::nullopt : shape.iops; // gp2's follow its size
        if (device.snapshot)
            ebs.snapshot_id = device.snapshot->text();
        ebs.volume_size = static_cast<std::int32_t>(device.size_gib);
        ebs.volume_type = device.volume_type;
        ebs.throughput = shape.throughput_mibps;
        ebs.encrypted = device.encrypted;
        mappings.push_back({.ebs = std::move(ebs), .device_name = device.device_name});
    }
    return mappings;
}

} // namespace karat::api::ec2
