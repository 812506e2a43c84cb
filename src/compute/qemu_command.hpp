// SPDX-License-Identifier: Apache-2.0
// QEMU's command line for a machine. Pure.
#pragma once

#include "folder.hpp"

#include "karat/compute.hpp"

#include <string>
#include <vector>

namespace karat::compute {

/// The listening sockets that QEMU inherits, by their descriptors in it.
enum class InheritedSocket : int { monitor = 3, net, console, agent };

/// Arguments after the program's name. `accelerator` is "kvm" or "tcg". CPUs wait for `cont`.
std::vector<std::string> qemu_arguments(Machine const& machine, Folder const& folder,
                                        QemuOptions const& options, std::string const& accelerator);

/// The word of QEMU's command line that no other process has.
std::string qemu_mark(InstanceId const& id);

/// The DMI product UUID: "ec2…", by which cloud-init knows EC2; the same for the same instance.
std::string smbios_uuid(InstanceId const& id);

/// What the guest sees as a disk's serial number, as EC2 has it: "vol" and the digits, which is as
/// long as virtio allows.
std::string disk_serial(VolumeId const& volume);

} // namespace karat::compute
