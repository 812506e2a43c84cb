// SPDX-License-Identifier: Apache-2.0
#include "devices.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr int kInstanceStores = 24; // ephemeral0 to ephemeral23

Error bad_mapping(std::string message)
{
    return {Fault::invalid, Noun::block_device, std::move(message)};
}

Result<void> check_virtual_name(std::string_view name)
{
    constexpr std::string_view kPrefix = "ephemeral";
    auto const digits = name.substr(std::min(name.size(), kPrefix.size()));
    auto const number = number_of<int>(digits).value_or(-1);
    if (number < 0 || number >= kInstanceStores || name != fmt::format("{}{}", kPrefix, number))
        return bad_mapping(fmt::format("Invalid virtual name '{}'; they are ephemeral0 to "
                                       "ephemeral{}",
                                       name.substr(0, kQuoted), kInstanceStores - 1));
    return {};
}

bool asks_for_shape(DeviceRequest const& asked)
{
    return asked.snapshot || asked.size_gib || asked.volume_type || asked.iops ||
           asked.throughput_mibps;
}

bool asks_for_ebs(DeviceRequest const& asked)
{
    return asks_for_shape(asked) || asked.delete_on_termination || asked.encryption.encrypted ||
           !asked.encryption.key.empty();
}

/// An image's encrypted flag says of an empty disk that it will be encrypted; a disk with a
/// snapshot is as its snapshot is.
Result<void> set_image_encryption(BlockDevice& device, DeviceRequest const& asked,
                                  bool has_snapshot)
{
    if (has_snapshot && asked.encryption.encrypted)
        return bad_mapping(fmt::format("the encrypted flag cannot be specified since device {} has "
                                       "a snapshot specified.",
                                       asked.device_name));
    if (!asked.encryption.key.empty())
        return bad_mapping(fmt::format("An image names no key; leave KmsKeyId of {} out, and give "
                                       "it when you launch",
                                       asked.device_name));
    device.encrypted = asked.encryption.encrypted.value_or(device.encrypted);
    return {};
}

/// Gives the device the snapshot that the mapping names; an instance's own disks keep theirs.
Result<void> set_snapshot(catalog::View& view, Caller const& caller, Layout const& layout,
                          BlockDevice& device, DeviceRequest const& asked, bool is_new)
{
    if (!asked.snapshot || device.snapshot == asked.snapshot)
        return {};
    if (!is_new && device.device_name == layout.root_device_name)
        return bad_mapping("snapshotId cannot be modified on root device");
    if (!is_new && layout.base == Base::instance)
        return bad_mapping(fmt::format("The snapshot of {} is made by this call; leave SnapshotId "
                                       "out",
                                       device.device_name));
    auto const snapshot = TRY(find_usable_snapshot(view, caller, *asked.snapshot));
    device.snapshot = asked.snapshot;
    device.encrypted = !snapshot.kms_key.empty();
    return {};
}

/// The size that the device cannot be below. An instance's disk becomes a snapshot of its size.
Result<std::uint64_t> least_size(catalog::View& view, Layout const& layout,
                                 BlockDevice const& device, bool is_new)
{
    if (!is_new && layout.base == Base::instance)
        return device.size_gib;
    if (!device.snapshot)
        return std::uint64_t{0};
    auto const snapshot = TRY(view.snapshot(*device.snapshot));
    return snapshot ? snapshot->size_gib : device.size_gib;
}

Result<void> set_shape(BlockDevice& device, DeviceRequest const& asked, std::uint64_t least)
{
    auto shape =
        changed_shape({device.size_gib, device.volume_type, device.iops, device.throughput_mibps},
                      {.size_gib = asked.size_gib.value_or(std::max(device.size_gib, least)),
                       .type = asked.volume_type,
                       .iops = asked.iops,
                       .throughput_mibps = asked.throughput_mibps});
    if (shape.size_gib == 0)
        return fail(Fault::missing, fmt::format("Either snapshot ID or volume size must be "
                                                "provided for: {}",
                                                device.device_name));
    if (shape.size_gib < least)
        return bad_mapping(
            device.snapshot
                ? fmt::format("Volume of size {}GB is smaller than snapshot '{}', expect size >= "
                              "{}GB",
                              shape.size_gib, device.snapshot->text(), least)
                : fmt::format("The volume of {} cannot be smaller than its {} GiB",
                              device.device_name, least));
    TRY(check_shape(shape));
    device.size_gib = shape.size_gib;
    device.volume_type = shape.type;
    device.iops = shape.iops;
    device.throughput_mibps = shape.throughput_mibps;
    return {};
}

Result<void> leave_out(Layout const& layout, std::vector<BlockDevice>& devices,
                       std::string const& name)
{
    if (name == layout.root_device_name)
        return bad_mapping(fmt::format("The root device {} cannot be left out", name));
    std::erase_if(devices, [&](BlockDevice const& one) { return one.device_name == name; });
    return {};
}

} // namespace

bool is_device_name(std::string_view name)
{
    if (name.starts_with("/dev/"))
        name.remove_prefix(5);
    bool const known = name.starts_with("xvd") || name.starts_with("sd") || name.starts_with("hd");
    if (!known)
        return false;
    name.remove_prefix(name.starts_with("xvd") ? 3 : 2);
    auto const letters =
        std::min(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), name.size());
    auto const digits = name.substr(letters);
    return letters >= 1 && letters <= 2 && digits.size() <= 2 &&
           digits.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<void> check_device_name(std::string const& name)
{
    if (!is_device_name(name))
        return bad_mapping(fmt::format("Invalid device name {}", name.substr(0, kQuoted)));
    return {};
}

Result<void> check_mappings(std::vector<DeviceRequest> const& asked)
{
    std::set<std::string_view> names;
    for (auto const& one : asked) {
        TRY(check_device_name(one.device_name));
        if (!names.insert(one.device_name).second)
            return bad_mapping(fmt::format("The device '{}' is used in more than one block-device "
                                           "mapping",
                                           one.device_name));
        auto const kinds =
            int{asks_for_ebs(one)} + int{one.no_device} + int{!one.virtual_name.empty()};
        if (kinds > 1)
            return bad_mapping(fmt::format("The mapping of {} says more than one of Ebs, "
                                           "VirtualName and NoDevice",
                                           one.device_name));
        if (one.virtual_name.empty())
            continue;
        TRY(check_virtual_name(one.virtual_name));
        if (!names.insert(one.virtual_name).second)
            return bad_mapping(fmt::format("The virtual name '{}' is used in more than one "
                                           "block-device mapping",
                                           one.virtual_name));
    }
    return {};
}

Result<void> lay_over(catalog::View& view, Caller const& caller, Layout const& layout,
                      std::vector<BlockDevice>& devices, DeviceRequest const& asked)
{
    if (asked.no_device)
        return leave_out(layout, devices, asked.device_name);
    auto at = std::ranges::find(devices, asked.device_name, &BlockDevice::device_name);
    if (!asked.virtual_name.empty()) {
        if (at != devices.end() && at->virtual_name.empty())
            return bad_mapping(fmt::format("The device {} is a volume; it cannot be '{}' too",
                                           asked.device_name, asked.virtual_name));
        if (at != devices.end())
            at->virtual_name = asked.virtual_name;
        else
            devices.push_back(
                {.device_name = asked.device_name, .virtual_name = asked.virtual_name});
        return {};
    }
    bool const is_new = at == devices.end() || !at->virtual_name.empty();
    BlockDevice device =
        is_new ? BlockDevice{.device_name = asked.device_name, .volume_type = layout.default_type}
               : *at;
    TRY(set_snapshot(view, caller, layout, device, asked, is_new));
    if (is_new || asks_for_shape(asked)) {
        auto const least = TRY(least_size(view, layout, device, is_new));
        TRY(set_shape(device, asked, least));
    }
    if (layout.base != Base::image)
        TRY(set_image_encryption(device, asked,
                                 device.snapshot || (!is_new && layout.base == Base::instance)));
    device.delete_on_termination =
        asked.delete_on_termination.value_or(device.delete_on_termination);
    if (at != devices.end())
        *at = device;
    else
        devices.push_back(device);
    return {};
}

Result<void> check_disk_count(std::vector<BlockDevice> const& devices)
{
    auto const disks = std::ranges::count_if(
        devices, [](BlockDevice const& one) { return one.virtual_name.empty(); });
    if (static_cast<std::size_t>(disks) > compute::kMaxDisks)
        return Error{Fault::exhausted, Noun::attachment,
                     fmt::format("{} volumes are more than the {} that an instance can have", disks,
                                 compute::kMaxDisks)};
    return {};
}

} // namespace karat::engine
