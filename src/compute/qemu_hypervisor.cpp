// SPDX-License-Identifier: Apache-2.0
#include "accelerator.hpp"
#include "block_moves.hpp"
#include "cages.hpp"
#include "cells.hpp"
#include "chain.hpp"
#include "disk_view.hpp"
#include "hot_plug.hpp"
#include "qemu_command.hpp"
#include "qemu_machine.hpp"
#include "stalls.hpp"

#include "karat/console_ring.hpp"
#include "karat/log.hpp"
#include "karat/mutex.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <unistd.h>

namespace karat::compute {
namespace {

constexpr std::chrono::seconds kNetRetry{2};

class QemuHypervisor final : public Hypervisor {
public:
    QemuHypervisor(Env env, QemuOptions options, Kind kind)
        : kind_(std::move(kind))
        , supervisor_([this](Supervisor::News const& news) { take(news); })
        , users_(env.files, options.run_directory)
        , host_{env, std::move(options), kind_.accelerator, supervisor_, users_}
    {
    }
    ~QemuHypervisor() override { supervisor_.stop(); } // its threads use what goes next

    Result<void> start(Machine const& machine) override;
    Result<void> request_shutdown(InstanceId const& id) override;
    Result<void> reset(InstanceId const& id) override;
    Result<void> request_reboot(InstanceId const& id) override;
    Result<void> kill(InstanceId const& id) override;
    Result<Power> power(InstanceId const& id) override;
    Result<std::vector<InstanceId>> running() override;
    std::vector<Stall> stalls() override { return stalls_.all(); }
    Result<Swapped> swap_overlays(InstanceId const& id, std::vector<Swap> const& swaps) override;
    Result<void> rebase(InstanceId const& id, Disk const& disk) override;
    Result<void> attach_disk(InstanceId const& id, Disk const& disk) override;
    Result<bool> detach_disk(InstanceId const& id, VolumeId const& volume, Unplug how) override;
    Result<void> grow_disk(InstanceId const& id, VolumeId const& volume,
                           std::uint64_t size_bytes) override;
    Result<void> set_open_ports(InstanceId const& id, std::vector<OpenPorts> const& ports) override;
    Result<void> set_hop_limit(InstanceId const& id, int hop_limit) override;
    Result<void> exchange_network(InstanceId const& id) override;
    Result<void> admit(InstanceId const& id, std::string const& socket) override;
    std::vector<std::string> not_isolated() override;
    Result<std::string> console(InstanceId const& id, std::size_t limit_bytes) override;
    Result<void> forget(InstanceId const& id) override;
    void listen(Listener listener) override;
    Result<void> adopt() override;
    Kind kind() const override { return kind_; }

private:
    Folder folder(InstanceId const& id) const { return {host_.options.run_directory, id}; }
    Result<void> press(InstanceId const& id, std::string const& command, Json arguments);
    Result<void> finish(std::unique_ptr<QemuMachine>& machine);
    Result<void> hide_unused(QemuMachine& machine);
    void adopt_one(InstanceId const& id);
    void take(Supervisor::News const& news);
    void take_end(Supervisor::News const& news, Event event);
    void take_net_end(Supervisor::News const& news);
    void take_disk_stop(Supervisor::News const& news);
    void tell(InstanceId const& id, Event event);

    Kind kind_;
    Supervisor supervisor_; // outlives the machines, which it watches
    Users users_;
    Host host_;
    Mutex listener_mutex_;
    Listener listener_ GUARDED_BY(listener_mutex_);
    Stalls stalls_;
    Cells cells_;
};

Error not_running(InstanceId const& id)
{
    return {Fault::not_found, Noun::instance, id.text() + " is not running"};
}

Result<void> QemuHypervisor::start(Machine const& machine)
{
    TRY(check_machine(machine));
    Cells::Hold hold(cells_, machine.id);
    if (!hold.machine()) {
        auto found = QemuMachine::take_up(host_, machine.id);
        if (found.ok())
            hold.machine() = std::move(found).value();
    }
    if (hold.machine()) {
        auto const status = hold.machine()->status();
        if (status.ok() && (status.value() == "running" || status.value() == kStalled))
            return {};
        TRY(finish(hold.machine())); // half started, or at its end
    }
    auto launched = QemuMachine::launch(host_, machine);
    if (!launched.ok()) {
        TRY(remove_remains(host_.env.files, folder(machine.id)));
        TRY(host_.env.files.remove(folder(machine.id).marker()));
        return launched.take_error();
    }
    hold.machine() = std::move(launched).value();
    log(Level::info, "compute.started", {{"instance", machine.id.text()}});
    return {};
}

Result<void> QemuHypervisor::press(InstanceId const& id, std::string const& command, Json arguments)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    TRY(hold.machine()->qmp().run(command, std::move(arguments)));
    return {};
}

Result<void> QemuHypervisor::request_shutdown(InstanceId const& id)
{
    return press(id, "system_powerdown", Json::object());
}

Result<void> QemuHypervisor::reset(InstanceId const& id)
{
    return press(id, "system_reset", Json::object());
}

Result<void> QemuHypervisor::request_reboot(InstanceId const& id)
{
    auto keys = Json::array();
    for (char const* const key : {"ctrl", "alt", "delete"})
        keys.push_back({{"type", "qcode"}, {"data", key}});
    return press(id, "send-key", {{"keys", keys}});
}

/// Ends the processes and forgets the machine; its folder keeps what people look at afterwards.
Result<void> QemuHypervisor::finish(std::unique_ptr<QemuMachine>& machine)
{
    TRY(machine->end());
    stalls_.forget(machine->id());
    auto const gone = machine->folder();
    machine.reset();
    return remove_remains(host_.env.files, gone);
}

Result<void> QemuHypervisor::kill(InstanceId const& id)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine()) {
        auto found = QemuMachine::take_up(host_, id); // one that adopt() has not come to
        if (found.ok())
            hold.machine() = std::move(found).value();
    }
    if (hold.machine())
        TRY(finish(hold.machine()));
    return host_.env.files.remove(folder(id).marker());
}

Result<Power> QemuHypervisor::power(InstanceId const& id)
{
    Cells::Hold hold(cells_, id);
    return hold.machine() ? Power::running : Power::off;
}

Result<std::vector<InstanceId>> QemuHypervisor::running()
{
    std::vector<InstanceId> found;
    for (InstanceId const& id : cells_.ids()) {
        auto const state = TRY(power(id));
        if (state == Power::running)
            found.push_back(id);
    }
    return found;
}

Result<Swapped> QemuHypervisor::swap_overlays(InstanceId const& id, std::vector<Swap> const& swaps)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    auto const users = TRY(users_.of(id));
    for (Swap const& swap : swaps)
        TRY(give_overlay(host_, folder(id), swap.overlay, users));
    return compute::swap_overlays(hold.machine()->qmp(), host_.env.clock, swaps);
}

Result<void> QemuHypervisor::rebase(InstanceId const& id, Disk const& disk)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    auto const users = TRY(users_.of(id));
    TRY(give_disk(host_, folder(id), disk, users));
    TRY(compute::rebase(hold.machine()->qmp(), disk));
    return hide_unused(*hold.machine());
}

/// What QEMU has closed it need not see.
Result<void> QemuHypervisor::hide_unused(QemuMachine& machine)
{
    auto const users = TRY(users_.of(machine.id()));
    return hide_unused_disks(host_, machine.folder(), machine.qmp(),
                             host_.options.isolation->user(users.qemu));
}

Result<void> QemuHypervisor::attach_disk(InstanceId const& id, Disk const& disk)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    auto const users = TRY(users_.of(id));
    TRY(give_disk(host_, folder(id), disk, users));
    return compute::attach_disk(hold.machine()->qmp(), disk);
}

Result<bool> QemuHypervisor::detach_disk(InstanceId const& id, VolumeId const& volume, Unplug how)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    bool const gone = TRY(compute::detach_disk(hold.machine()->qmp(), volume, how));
    if (gone)
        TRY(hide_unused(*hold.machine()));
    return gone;
}

Result<void> QemuHypervisor::grow_disk(InstanceId const& id, VolumeId const& volume,
                                       std::uint64_t size_bytes)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    return compute::grow_disk(hold.machine()->qmp(), volume, size_bytes);
}

Result<void> QemuHypervisor::set_open_ports(InstanceId const& id,
                                            std::vector<OpenPorts> const& ports)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    return hold.machine()->set_open_ports(ports);
}

Result<void> QemuHypervisor::set_hop_limit(InstanceId const& id, int hop_limit)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    return hold.machine()->set_hop_limit(hop_limit);
}

Result<void> QemuHypervisor::exchange_network(InstanceId const& id)
{
    Cells::Hold hold(cells_, id);
    if (!hold.machine())
        return not_running(id);
    TRY(hold.machine()->exchange_net());
    log(Level::info, "compute.net_exchanged", {{"instance", id.text()}});
    return {};
}

Result<std::string> QemuHypervisor::console(InstanceId const& id, std::size_t limit_bytes)
{
    return net::read_console(host_.env.files, folder(id).console_ring(), limit_bytes);
}

Result<void> QemuHypervisor::admit(InstanceId const& id, std::string const& socket)
{
    auto const users = TRY(users_.of(id));
    return confine::share(socket, host_.options.isolation->user(users.net), confine::Share::write);
}

std::vector<std::string> QemuHypervisor::not_isolated()
{
    std::vector<std::string> missing;
    for (auto const& shared : shown_whole(host_.options))
        missing.push_back(fmt::format("every QEMU sees all of {}, which is on a file system other "
                                      "than {}",
                                      shared, host_.options.run_directory));
    for (InstanceId const& id : cells_.ids()) {
        Cells::Hold hold(cells_, id);
        if (hold.machine() && !hold.machine()->confined())
            missing.push_back(id.text() + ": an earlier version started its processes, which go "
                                          "on as they are until it is stopped");
    }
    return missing;
}

/// Removes the files in a folder; nothing when it is not there.
Result<void> empty_folder(Files& files, std::string const& path)
{
    auto const names = files.list(path);
    if (!names.ok() && names.error().fault == Fault::not_found)
        return {};
    for (std::string const& name : TRY(names))
        TRY(files.remove(path + '/' + name));
    return {};
}

Result<void> QemuHypervisor::forget(InstanceId const& id)
{
    Cells::Hold hold(cells_, id);
    if (hold.machine())
        return Error{Fault::wrong_state, Noun::instance, id.text() + " is running"};
    auto const path = folder(id).path;
    auto const names = host_.env.files.list(path);
    if (!names.ok() && names.error().fault == Fault::not_found)
        return {};
    auto const users = TRY(users_.of(id));
    TRY(hide_disks(host_, folder(id), host_.options.isolation->user(users.qemu)));
    TRY(empty_folder(host_.env.files, folder(id).net_directory()));
    for (std::string const& name : TRY(host_.env.files.list(path)))
        if (name != "net")
            (void)host_.env.files.remove(fmt::format("{}/{}", path, name))
                .ok(); // what stays is told below
    (void)host_.env.files.remove_dir(folder(id).net_directory()).ok();
    auto const removed = host_.env.files.remove_dir(path);
    if (!removed.ok()) // folders of another version: nobody waits for them to go
        log(Level::warn, "compute.left_over", removed.error(), {{"instance", id.text()}});
    users_.forget(id);
    return {};
}

void QemuHypervisor::listen(Listener listener)
{
    Lock const lock(listener_mutex_);
    listener_ = std::move(listener);
}

void QemuHypervisor::tell(InstanceId const& id, Event event)
{
    Lock const lock(listener_mutex_); // so that who takes it back is not called any more
    if (listener_)
        listener_(id, event);
}

Result<void> QemuHypervisor::adopt()
{
    TRY(host_.env.files.make_dirs(host_.options.run_directory));
    for (std::string const& name : TRY(host_.env.files.list(host_.options.run_directory))) {
        auto const id = InstanceId::parse(name);
        if (id.ok())
            adopt_one(id.value());
    }
    return {};
}

void QemuHypervisor::adopt_one(InstanceId const& id)
{
    Supervisor::News news{.id = id};
    {
        Cells::Hold hold(cells_, id);
        auto const started = host_.env.files.exists(folder(id).marker());
        if (hold.machine() || !started.ok())
            return;
        auto found = QemuMachine::take_up(host_, id);
        if (!found.ok() && !started.value())
            return; // off, as it should be
        if (found.ok()) {
            hold.machine() = std::move(found).value();
            news.ticket = hold.machine()->ticket();
            auto const status = hold.machine()->status();
            if (status.ok() && status.value() == "shutdown")
                news.notice = Notice::guest_shut_down;
            else if (status.ok() && status.value() == kStalled)
                news.notice = Notice::disk_stopped; // and nobody has resumed it meanwhile
            else if (!status.ok() || status.value() == "prelaunch")
                news.notice = Notice::qemu_ended; // half started: whoever started it is gone
            else
                return log(Level::info, "compute.adopted", {{"instance", id.text()}});
        }
    }
    supervisor_.post(news);
}

void QemuHypervisor::take(Supervisor::News const& news)
{
    switch (news.notice) {
    case Notice::guest_shut_down:
        return take_end(news, Event::shut_down);
    case Notice::qemu_ended:
        return take_end(news, Event::died);
    case Notice::net_ended:
        return take_net_end(news);
    case Notice::disk_stopped:
        return take_disk_stop(news);
    }
}

/// Whether the news are about the machine that is there now (or about none, and there is none).
bool is_current(std::unique_ptr<QemuMachine> const& machine, Supervisor::News const& news)
{
    return machine ? machine->ticket() == news.ticket : news.ticket == 0;
}

void QemuHypervisor::take_end(Supervisor::News const& news, Event event)
{
    {
        Cells::Hold hold(cells_, news.id);
        if (!is_current(hold.machine(), news))
            return;
        if (hold.machine()) {
            auto const finished = finish(hold.machine());
            if (!finished.ok())
                log(Level::error, "compute.remains", finished.error(),
                    {{"instance", news.id.text()}});
            hold.machine().reset();
        }
    }
    bool const died = event == Event::died;
    log(died ? Level::warn : Level::info, died ? "compute.died" : "compute.shut_down",
        {{"instance", news.id.text()}});
    tell(news.id, event);
    // Only now: a crash before the listener was done has the end told again.
    Cells::Hold hold(cells_, news.id);
    if (!hold.machine()) {
        auto const removed = host_.env.files.remove(folder(news.id).marker());
        if (!removed.ok())
            log(Level::error, "compute.marker_left", removed.error());
    }
}

void QemuHypervisor::take_net_end(Supervisor::News const& news)
{
    Cells::Hold hold(cells_, news.id);
    if (!hold.machine() || !is_current(hold.machine(), news))
        return;
    auto const restarted = hold.machine()->restart_net();
    if (restarted.ok() && !restarted.value()) // it was exchanged
        return;
    if (restarted.ok())
        return log(Level::warn, "compute.net_restarted", {{"instance", news.id.text()}});
    log(Level::error, "compute.no_network", restarted.error(), {{"instance", news.id.text()}});
    supervisor_.post(news, kNetRetry);
}

void QemuHypervisor::take_disk_stop(Supervisor::News const& news)
{
    Cells::Hold hold(cells_, news.id);
    if (!hold.machine() || !is_current(hold.machine(), news))
        return;
    if (stalls_.resume(*hold.machine(), host_.env))
        supervisor_.post(news, kDiskRetry);
}

/// Whether a program can be run, looked for as posix_spawnp() does.
bool is_there(std::string const& program)
{
    if (program.find('/') != std::string::npos)
        return ::access(program.c_str(), X_OK) == 0;
    std::string_view path = "/usr/local/bin:/usr/bin:/bin";
    if (char const* const set = ::getenv("PATH"))
        path = set;
    while (!path.empty()) {
        auto const candidate = std::string(take_until(path, ':')) + '/' + program;
        if (::access(candidate.c_str(), X_OK) == 0)
            return true;
    }
    return false;
}

/// Programs are started in other directories than ours.
std::string absolute(std::string const& path)
{
    std::error_code code;
    auto const result = std::filesystem::absolute(path, code);
    return code || path.empty() ? path : result.string();
}

} // namespace

Result<std::unique_ptr<Hypervisor>> make_qemu(Env env, QemuOptions options)
{
    if (!is_there(options.qemu))
        return fail(Fault::not_found, "QEMU is not installed: apt-get install qemu-system-x86");
    if (!is_there(options.net))
        return fail(Fault::not_found, "karat-net is not at " + options.net);
    VERIFY(options.isolation != nullptr);
    options.run_directory = absolute(options.run_directory);
    if (options.net.find('/') != std::string::npos)
        options.net = absolute(options.net);
    TRY(env.files.make_dirs(options.run_directory));
    auto kind = TRY(choose_accelerator(env, options));
    return std::unique_ptr<Hypervisor>(
        std::make_unique<QemuHypervisor>(env, std::move(options), std::move(kind)));
}

} // namespace karat::compute
