// SPDX-License-Identifier: Apache-2.0
// What one QEMU sees of the folders with disks: hard links to the files of its own machine, under
// their usual paths. The links are in the machine's folder, which its mount namespace shows in the
// place of the real ones. A folder on another file system is shown whole.
#pragma once

#include "qemu_machine.hpp"

namespace karat::compute {

/// What of QemuOptions::disk_folders cannot be shown in parts.
std::vector<std::string> shown_whole(QemuOptions const& options);

/// The folders of links, made if they are not there, and where QEMU sees them.
Result<std::vector<confine::Mount>> disk_mounts(Host const& host, Folder const& folder,
                                                std::optional<unsigned> user);

/// Gives a file its second name. Files outside of the disks' folders stay as they are.
Result<void> show_disk(Host const& host, Folder const& folder, std::string const& path,
                       std::optional<unsigned> user);
/// Lets the user read an export of karat-blk.
Result<void> grant_export(Host const& host, std::string const& name, std::optional<unsigned> user);

/// Takes back what QEMU does not have open, so that the space of files can be freed.
Result<void> hide_unused_disks(Host const& host, Folder const& folder, Qmp& qmp,
                               std::optional<unsigned> user);
/// Takes back all, when no QEMU runs.
Result<void> hide_disks(Host const& host, Folder const& folder, std::optional<unsigned> user);

} // namespace karat::compute
