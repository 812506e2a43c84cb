// SPDX-License-Identifier: Apache-2.0
// Block device mappings between the wire and the engine. Private to the room.
#pragma once

#include "karat/engine.hpp"
#include "karat/wire/ec2/common.hpp"

#include <vector>

namespace karat::api::ec2 {

/// Fault::missing without a device
/// name.
Result<std::vector<engine::DeviceRequest>>
device_requests(std::vector<wire::ec2::BlockDeviceMapping> const& mappings);

std::vector<wire::ec2::BlockDeviceMapping> wire_devices(std::vector<BlockDevice> const& devices);

} // namespace karat::api::ec2
