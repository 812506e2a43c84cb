// SPDX-License-Identifier: Apache-2.0
// What QEMU and karat-net of a machine may see and use, and whose their files are.
#pragma once

#include "qemu_machine.hpp"

namespace karat::compute {

/// The groups that may use KVM.
std::vector<unsigned> kvm_group();

Result<confine::Cage> qemu_cage(Host const& host, Folder const& folder, Machine const& machine,
                                UserIndices const& users);
confine::Cage net_cage(Host const& host, Folder const& folder, net::Settings const& settings,
                       UserIndices const& users);

/// Gives QEMU its disks: overlays for writing, a file of the cache for reading. The latter has the
/// group of all readers, since many guests may run from it; only their QEMUs see its name.
Result<void> give_disk(Host const& host, Folder const& folder, Disk const& disk,
                       UserIndices const& users);
Result<void> give_overlay(Host const& host, Folder const& folder, std::string const& path,
                          UserIndices const& users);
/// Makes the files of a machine's folder that its processes write, and gives them out.
Result<void> give_folder(Host const& host, Folder const& folder, UserIndices const& users);
/// For karat-net, which reads them: after each change.
Result<void> give_settings(Host const& host, Folder const& folder, UserIndices const& users);

} // namespace karat::compute
