// SPDX-License-Identifier: Apache-2.0
// Machines in memory, with the members that tests need to look inside and to break things.
#pragma once

#include "karat/compute.hpp"
#include "karat/mutex.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace karat::compute {

/// Thread-safe. The listener is called from the thread that called request_shutdown() or die(),
/// after the lock is let go and before that call returns: so a test sees its effect at once, and
/// the listener may call back in.
class FakeHypervisor final : public Hypervisor {
public:
    explicit FakeHypervisor(Env env)
        : env_(env)
    {
    }

    Result<void> start(Machine const& machine) override;
    Result<void> request_shutdown(InstanceId const& id) override;
    Result<void> reset(InstanceId const& id) override;
    Result<void> request_reboot(InstanceId const& id) override;
    Result<void> kill(InstanceId const& id) override;
    Result<Power> power(InstanceId const& id) override;
    Result<std::vector<InstanceId>> running() override;
    std::vector<Stall> stalls() override;
    Result<Swapped> swap_overlays(InstanceId const& id, std::vector<Swap> const& swaps) override;
    Result<void> rebase(InstanceId const& id, Disk const& disk) override;
    Result<void> attach_disk(InstanceId const& id, Disk const& disk) override;
    Result<bool> detach_disk(InstanceId const& id, VolumeId const& volume, Unplug how) override;
    Result<void> grow_disk(InstanceId const& id, VolumeId const& volume,
                           std::uint64_t size_bytes) override;
    Result<void> set_open_ports(InstanceId const& id, std::vector<OpenPorts> const& ports) override;
    Result<void> set_hop_limit(InstanceId const& id, int hop_limit) override;
    Result<void> exchange_network(InstanceId const& id) override;
    Result<std::string> console(InstanceId const& id, std::size_t limit_bytes) override;
    Result<void> forget(InstanceId const& id) override;
    void listen(Listener listener) override;
    Result<void> adopt() override;
    Kind kind() const override { return {"fake", "machines in memory, for tests"}; }

    // Looking inside.

    /// The machine with its chains and ports as they are now; nothing if it is off.
    std::optional<Machine> machine(InstanceId const& id) const;
    /// The disk of a running machine that has this volume; nothing if there is none.
    std::optional<Disk> disk(VolumeId const& volume) const;

    // Breaking things.

    /// The guest powers itself off: as `poweroff` typed into it. Nothing if it is off.
    void shut_down(InstanceId const& id);
    /// The process ends without a shutdown of the guest. Nothing if it is off.
    void die(InstanceId const& id);
    /// All machines end and nobody is told, as when the host loses power.
    void lose_power();
    /// The next call of the member named so ("start", "swap_overlays", …) fails and does nothing.
    void fail_next(std::string const& operation, Fault fault = Fault::io);
    /// The guest's next write meets a full disk, or there is room again.
    void set_stalled(InstanceId const& id, bool stalled);
    /// Whether guests obey the power button and let go of disks; they do at first.
    void set_obedient(bool obedient);
    /// Adds to the console of a machine that ran here.
    void print(InstanceId const& id, std::string_view text);

private:
    Result<void> trip(std::string const& operation) REQUIRES(mutex_);
    Result<Machine*> find_running(InstanceId const& id) REQUIRES(mutex_);
    Result<void> require_files(std::vector<std::string> const& overlays) const;
    void end(InstanceId const& id, Event event);

    Env env_;
    mutable Mutex mutex_;
    Listener listener_ GUARDED_BY(mutex_);
    bool obedient_ GUARDED_BY(mutex_) = true;
    std::map<InstanceId, Machine> running_ GUARDED_BY(mutex_);
    std::map<InstanceId, std::string> consoles_ GUARDED_BY(mutex_);
    std::map<InstanceId, Time> stalled_ GUARDED_BY(mutex_);
    std::map<std::string, Fault> failures_ GUARDED_BY(mutex_);
};

} // namespace karat::compute
