// SPDX-License-Identifier: Apache-2.0
// Block device mappings, for every verb that takes them: RunInstances, RegisterImage, CreateImage,
// AttachVolume and the import of images. Private to the room.
#pragma once

#include "state.hpp"

#include <string_view>

namespace karat::engine {

/// "/dev/sdf", "/dev/xvdba", "sdf", "/dev/sdf1": what EC2 takes for Linux and Windows.
bool is_device_name(std::string_view name);
/// Fault::invalid about Noun::block_device for another name.
Result<void> check_device_name(std::string const& name);

/// What a list of mappings says by itself: names of devices and of instance store disks, each once,
/// and no mapping that asks for two kinds of disk.
Result<void> check_mappings(std::vector<DeviceRequest> const& asked);

/// What the devices are that the requests are laid over.
enum class Base : unsigned char {
    image,    ///< Those of an image, at a launch.
    instance, ///< Those of an instance, which become an image's.
    nothing,  ///< A new image has none.
};

struct Layout {
    Base base;
    std::string root_device_name;
    std::string default_type; ///< Of a device that is new and names no type.
};

/// Lays one mapping over `devices`: changes the device of its name, adds one, or takes it out.
/// Checks sizes, types and speeds, and the snapshot that it names.
Result<void> lay_over(catalog::View& view, Caller const& caller, Layout const& layout,
                      std::vector<BlockDevice>& devices, DeviceRequest const& asked);

/// Fault::exhausted for more disks than a machine has places for.
Result<void> check_disk_count(std::vector<BlockDevice> const& devices);

} // namespace karat::engine
