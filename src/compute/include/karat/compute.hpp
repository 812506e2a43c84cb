// SPDX-License-Identifier: Apache-2.0
// Virtual machines on this host. A Hypervisor runs one machine per instance; QEMU over QMP in
// production, a fake in memory for fast tests. Machines outlive the daemon and are found again.
#pragma once

#include "karat/confinement.hpp"
#include "karat/env.hpp"
#include "karat/ids.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace karat::compute {

/// What a volume reads through to: an NBD export on a unix socket, or a raw file.
struct Backing {
    std::string socket = {};
    std::string name = {};
    std::string file = {}; ///< When it is not empty, instead of the export. Never written.
    bool operator==(Backing const&) const = default;
};

struct Disk {
    VolumeId volume; ///< Also the serial that the guest sees (vol- and seventeen digits).
    std::uint64_t size_bytes = 0;
    std::optional<Backing> backing = {};    ///< Nothing: reads of unwritten blocks are zeroes.
    std::vector<std::string> overlays = {}; ///< qcow2 files, bottom first; the last one is written.
};

/// An inclusive stretch of ports that the security groups allow from this host.
struct OpenPorts {
    std::string protocol; ///< "tcp" or "udp".
    int from = 0;
    int to = 0;
    bool operator==(OpenPorts const&) const = default;
};

struct Nic {
    std::string mac = {};
    std::string private_ip = {};  ///< What our DHCP gives the guest.
    std::string domain = {};      ///< Of the guest's host name: "ec2.internal".
    std::string subnet_cidr = {}; ///< "10.0.0.0/20": router is its .1, name server its .2.
    std::string public_ip = {};   ///< A loopback alias (127.x.y.z) where open ports are forwarded.
    std::vector<OpenPorts> open_ports = {};
    std::string imds_socket = {}; ///< Unix socket where 169.254.169.254:80 is answered.
    int hop_limit = 1;            ///< TTL of what 169.254.169.254 sends to the guest.
};

/// The most disks that a machine may have: one PCIe root port each. More ports cost boot time
/// without KVM (none: 3.6 s to the init of the seed image `tiny`, 16: 3.9 s, 28: 4.3 s).
inline constexpr std::size_t kMaxDisks = 16;

struct Machine {
    InstanceId id;
    std::string type_name = {}; ///< "t3.micro", shown in the DMI tables.
    int vcpus = 1;
    int threads_per_core = 1; ///< A divisor of `vcpus`.
    int memory_mib = 512;
    bool uefi = false;
    std::vector<Disk> disks = {}; ///< The first one boots.
    Nic nic = {};
};

enum class Power : unsigned char { off, running };

/// What a machine did by itself.
enum class Event : unsigned char {
    shut_down, ///< The guest powered itself off (or obeyed request_shutdown); the process is gone.
    died,      ///< The process ended without a shutdown of the guest.
};

/// A new top overlay for one volume of a running machine.
struct Swap {
    VolumeId volume;
    std::string overlay; ///< An empty overlay file of the volume's size.
};

/// A machine that stands still because a write of its guest met a full disk of this host.
struct Stall {
    InstanceId id;
    Time since;
};

struct Swapped {
    std::chrono::microseconds pause{}; ///< How long the guest's disks stood still.
};

/// How a disk leaves a running machine.
enum class Unplug : unsigned char {
    asking,   ///< The guest is asked to let go of it.
    by_force, ///< At once; a guest that still holds it sees I/O errors from then on.
};

/// Thread-safe; calls for different machines run side by side. Every call is idempotent: a task
/// may repeat it after a crash. Fault::not_found when a call needs a running machine and there is
/// none.
class Hypervisor {
public:
    virtual ~Hypervisor() = default;

    /// Starts the machine and returns when its CPUs run. Success also when it runs already.
    virtual Result<void> start(Machine const& machine) = 0;
    /// Presses the power button (ACPI). The listener hears of the rest.
    virtual Result<void> request_shutdown(InstanceId const& id) = 0;
    /// Resets the machine, as RebootInstances does when the guest does not listen.
    virtual Result<void> reset(InstanceId const& id) = 0;
    /// Presses ctrl-alt-del, which guests take as a request to reboot.
    virtual Result<void> request_reboot(InstanceId const& id) = 0;
    /// Ends the machine at once, with its network process and sockets. Success also when it is off.
    virtual Result<void> kill(InstanceId const& id) = 0;
    virtual Result<Power> power(InstanceId const& id) = 0;
    /// The machines that run on this host, also those of an earlier run of the daemon.
    virtual Result<std::vector<InstanceId>> running() = 0;

    /// The machines that wait for room on this host's disk. They are resumed every few seconds, and
    /// go on by themselves when there is room.
    virtual std::vector<Stall> stalls() = 0;

    /// Freezes the top overlays of several volumes at one instant and puts new ones above them.
    /// When it returns, the frozen files hold everything the guest had written and are not written
    /// again.
    virtual Result<Swapped> swap_overlays(InstanceId const& id, std::vector<Swap> const& swaps) = 0;
    /// Moves a volume's chain to `disk.overlays` (some of those in use, top included) over
    /// `disk.backing`, whose bytes must equal what it replaces. Afterwards the other files are
    /// closed.
    virtual Result<void> rebase(InstanceId const& id, Disk const& disk) = 0;
    /// Plugs a disk into a running machine; the guest sees it soon after. Success also when it is
    /// there already. Fault::exhausted when the machine has no place left, Fault::unavailable while
    /// the guest still holds the same volume's disk after an unplugging by force.
    virtual Result<void> attach_disk(InstanceId const& id, Disk const& disk) = 0;
    /// True when the machine does not use the volume's files any more: they are closed, with all
    /// that the guest wrote. False: the guest was asked; call again until it is true.
    virtual Result<bool> detach_disk(InstanceId const& id, VolumeId const& volume, Unplug how) = 0;
    /// Grows a disk of a running machine, whose guest sees the new size at once.
    virtual Result<void> grow_disk(InstanceId const& id, VolumeId const& volume,
                                   std::uint64_t size_bytes) = 0;
    /// Forwards these ports from now on instead of the ones before.
    virtual Result<void> set_open_ports(InstanceId const& id,
                                        std::vector<OpenPorts> const& ports) = 0;
    /// Answers of 169.254.169.254 have this TTL from now on.
    virtual Result<void> set_hop_limit(InstanceId const& id, int hop_limit) = 0;
    /// Lets the machine's network process use a socket.
    virtual Result<void> admit(InstanceId const&, std::string const& /*socket*/) { return {}; }
    /// What is missing of the isolation of machines, a sentence each: also of those that an earlier
    /// version started.
    virtual std::vector<std::string> not_isolated() { return {}; }

    /// Puts a new network process, of the program's file of now, in the place of the one that runs.
    /// Requests for metadata are answered all the same; the guest's other connections end.
    virtual Result<void> exchange_network(InstanceId const& id) = 0;

    /// The newest serial output, at most `limit_bytes`; also of a machine that is off. Empty when
    /// it never ran here.
    virtual Result<std::string> console(InstanceId const& id, std::size_t limit_bytes) = 0;
    /// Removes what is left of a machine that is off (console ring, folder).
    virtual Result<void> forget(InstanceId const& id) = 0;

    /// Called from a thread of the hypervisor, once per end of a machine. Set before the first
    /// start.
    using Listener = std::function<void(InstanceId const&, Event)>;
    virtual void listen(Listener listener) = 0;
    /// Takes up the machines of an earlier run: their events are heard from now on, network
    /// processes that died are started again.
    virtual Result<void> adopt() = 0;

    /// "kvm" or "tcg" for QEMU, with the reason of the choice; "fake" for the fake.
    struct Kind {
        std::string accelerator;
        std::string reason;
    };
    virtual Kind kind() const = 0;
};

enum class Accelerator : unsigned char { automatic, kvm, tcg };

/// Where guests may connect to besides the metadata service and the name server.
enum class Reach : unsigned char {
    outside,  ///< Not to this host's own addresses.
    anywhere, ///< To those too, but for its loopback addresses.
};

struct QemuOptions {
    std::string run_directory; ///< One folder per machine: sockets, pid files, console ring.
    std::string qemu = "qemu-system-x86_64";
    std::string net; ///< Path of karat-net, the user network's process.
    std::string ovmf_code = "/usr/share/OVMF/OVMF_CODE_4M.fd";
    std::string ovmf_vars = "/usr/share/OVMF/OVMF_VARS_4M.fd";
    Accelerator accelerator = Accelerator::automatic; ///< automatic: KVM if a boot probe passes.
    Reach reach = Reach::outside;                     ///< Where guests may connect to.
    confine::Isolation const* isolation = nullptr;    ///< Outlives the hypervisor; never null.
    /// The folders of overlays and of files that back them. QEMU sees its machine's files there.
    std::vector<std::string> disk_folders = {};
    std::vector<std::string> readable =
        {};                  ///< What every QEMU sees: the folder of exports' socket.
    std::string grants = {}; ///< A folder that tells karat-blk which user may read which exports.
};

/// Fault::not_found with the package to install when QEMU is missing.
Result<std::unique_ptr<Hypervisor>> make_qemu(Env env, QemuOptions options);

/// Machines in memory: they start at once, obey the power button at once, print a console line.
/// Overlay files are checked to exist through `env.files`. State is lost with the object, as a
/// host's machines are when it loses power.
std::unique_ptr<Hypervisor> make_fake(Env env);

} // namespace karat::compute
