// SPDX-License-Identifier: Apache-2.0
// The names in a machine's folder, in one place.
#pragma once

#include "karat/compute.hpp"

namespace karat::compute {

/// run_directory/<instance id>/. QEMU inherits its sockets and karat-net has a folder below, so
/// that neither can put a name where we open one.
struct Folder {
    std::string path;

    Folder(std::string const& run_directory, InstanceId const& id)
        : path(run_directory + '/' + id.text())
    {
    }
    std::string in(std::string_view file) const { return path + '/' + std::string(file); }

    /// Present from before a start until its end has been told: the machine should run.
    std::string marker() const { return in("started"); }
    /// Which user ids the machine has (users.hpp).
    std::string users() const { return in("users"); }
    /// Where karat-net runs and may make files.
    std::string net_directory() const { return in("net"); }
    /// What QEMU sees of the folders with disks (disk_view.hpp).
    std::string disks() const { return in("disks"); }
    std::string qemu_pid() const { return in("qemu.pid"); }
    std::string qemu_log() const { return in("qemu.log"); }
    std::string net_settings() const { return in("net.json"); }
    std::string net_pid() const { return in("net.pid"); }
    std::string net_log() const { return in("net.log"); }
    std::string console_ring() const { return in("console.ring"); }
    std::string uefi_vars() const { return in("uefi-vars.fd"); }
    std::string monitor() const { return in(kMonitor); }
    std::string net_socket() const { return in(kNet); }
    std::string console_socket() const { return in(kConsole); }

    static constexpr std::string_view kMonitor = "qmp.sock";
    static constexpr std::string_view kNet = "net.sock";
    static constexpr std::string_view kConsole = "console.sock";
    // karat-net's own: where libslirp brings it requests for metadata, and a successor its wish.
    static constexpr std::string_view kMetadata = "net/metadata.sock";
    static constexpr std::string_view kHandover = "net/handover.sock";
    static constexpr std::string_view kAgent = "agent.sock"; ///< For the guest agent, later.
};

} // namespace karat::compute
