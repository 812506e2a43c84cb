// SPDX-License-Identifier: Apache-2.0
// Disks that come to and leave a running QEMU. Each may be repeated after a crash at any step. The
// caller lets only one at a time work on a machine.
#pragma once

#include "qmp.hpp"

#include "karat/compute.hpp"

namespace karat::compute {

/// As Hypervisor::attach_disk.
Result<void> attach_disk(Qmp& qmp, Disk const& disk);

/// As Hypervisor::detach_disk.
Result<bool> detach_disk(Qmp& qmp, VolumeId const& volume, Unplug how);

/// As Hypervisor::grow_disk.
Result<void> grow_disk(Qmp& qmp, VolumeId const& volume, std::uint64_t size_bytes);

} // namespace karat::compute
