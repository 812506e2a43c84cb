// SPDX-License-Identifier: Apache-2.0
// One running machine: QEMU's process, its monitor, and its karat-net.
#pragma once

#include "folder.hpp"
#include "supervisor.hpp"
#include "users.hpp"

#include "karat/compute.hpp"
#include "karat/net_settings.hpp"
#include "karat/process.hpp"

namespace karat::compute {

/// What every machine needs of its hypervisor; outlives them.
struct Host {
    Env env;
    QemuOptions options;
    std::string accelerator;
    Supervisor& supervisor;
    Users& users;
};

/// Not for several threads at once. Destroying it leaves the processes running.
class QemuMachine {
public:
    /// Starts the processes and the CPUs. Leaves nothing running when it fails.
    static Result<std::unique_ptr<QemuMachine>> launch(Host& host, Machine const& machine);
    /// Takes up the process of an earlier run; Fault::not_found when there is none. A karat-net
    /// that is gone is started again.
    static Result<std::unique_ptr<QemuMachine>> take_up(Host& host, InstanceId const& id);
    ~QemuMachine();
    QemuMachine(QemuMachine const&) = delete;
    QemuMachine& operator=(QemuMachine const&) = delete;

    Qmp& qmp() { return *qmp_; }
    Supervisor::Ticket ticket() const { return ticket_; }
    Folder const& folder() const { return folder_; }
    InstanceId const& id() const { return id_; }

    /// QEMU's word for what the machine does: "running", "shutdown", "prelaunch", …
    Result<std::string> status(std::chrono::milliseconds patience = Qmp::kPatience);
    Result<void> set_open_ports(std::vector<OpenPorts> const& ports);
    Result<void> set_hop_limit(int hop_limit);
    /// After karat-net ended: starts it again with the settings it had. False when one runs.
    Result<bool> restart_net();
    /// As Hypervisor::exchange_network().
    Result<void> exchange_net();
    /// Whether its processes are as isolated as new ones would be.
    bool confined() const;
    /// Ends QEMU, then karat-net. Fault::io if a process cannot be ended.
    Result<void> end();

private:
    QemuMachine(Host& host, InstanceId const& id, Process qemu, std::unique_ptr<Qmp> qmp,
                Supervisor::Ticket ticket);
    static Result<std::unique_ptr<QemuMachine>> join(Host& host, InstanceId const& id,
                                                     Process qemu);
    Result<void> set_going(Machine const& machine);
    Result<confine::Cage> prepare_net();
    Result<void> start_net();
    Result<void> find_net();
    Result<void> move_old_handover();
    Result<void> change_net(std::function<void(net::Settings&)> const& change);

    Host& host_;
    InstanceId id_;
    Folder folder_;
    Process qemu_;
    std::optional<Process> net_;
    std::unique_ptr<Qmp> qmp_;
    Supervisor::Ticket ticket_;
};

/// Removes what processes leave in a machine's folder: sockets and pid files.
Result<void> remove_remains(Files& files, Folder const& folder);

} // namespace karat::compute
