// SPDX-License-Identifier: Apache-2.0
#include "qemu_machine.hpp"

#include "cages.hpp"
#include "disk_view.hpp"
#include "machine_events.hpp"
#include "qemu_command.hpp"

#include "karat/log.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace karat::compute {
namespace {

constexpr std::chrono::milliseconds kMonitorPatience{20'000}; // many may start at once
constexpr std::chrono::milliseconds kNetPatience{10'000};
constexpr std::chrono::milliseconds kQuitPatience{5'000};
constexpr std::chrono::milliseconds kTermPatience{2'000};
constexpr std::chrono::milliseconds kConnectPause{2};
constexpr std::chrono::milliseconds kExitPatience{2'000};
constexpr std::size_t kMaxVarsBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxSettingsBytes = 256 * 1024;
constexpr std::size_t kLogTailBytes = 512;

/// The end of a log, one line, for an error's message.
std::string tail_of(Files& files, std::string const& path)
{
    auto const file = files.open(path, Access::read);
    if (!file.ok())
        return "";
    auto const size = file.value()->size_bytes();
    if (!size.ok())
        return "";
    Bytes bytes(std::min<std::size_t>(kLogTailBytes, static_cast<std::size_t>(size.value())));
    auto const got = file.value()->read_at(size.value() - bytes.size(), bytes);
    std::string text(as_text(bytes));
    std::erase_if(text, [](char c) { return c == '\r'; });
    while (text.ends_with('\n'))
        text.pop_back();
    return got.ok() ? text.substr(text.rfind('\n') + 1) : "";
}

Error not_started(Files& files, Folder const& folder, Process const& qemu)
{
    return fail(Fault::io, fmt::format("QEMU did not start ({}): {}", qemu.ending(),
                                       tail_of(files, folder.qemu_log())));
}

/// Connects to the monitor as soon as QEMU listens.
Result<Fd> connect_monitor(Env env, Folder const& folder, Process const& qemu)
{
    auto const deadline = env.clock.steady() + kMonitorPatience;
    for (;;) {
        auto fd = connect_unix(folder.monitor());
        if (fd.ok() || fd.error().fault != Fault::unavailable)
            return fd;
        if (qemu.wait(kConnectPause))
            return not_started(env.files, folder, qemu);
        if (env.clock.steady() > deadline)
            return fd;
    }
}

net::Reach net_reach(Host const& host)
{
    return host.options.reach == Reach::anywhere ? net::Reach::anywhere : net::Reach::outside;
}

net::Settings net_settings(Host const& host, Folder const& folder, Machine const& machine,
                           int qemu_pid)
{
    net::Settings settings;
    settings.reach = net_reach(host);
    settings.instance = machine.id.text();
    settings.qemu_pid = qemu_pid;
    settings.net_socket = folder.net_socket();
    settings.console_socket = folder.console_socket();
    settings.console_ring = folder.console_ring();
    settings.qemu_log = folder.qemu_log();
    settings.mac = machine.nic.mac;
    settings.private_ip = machine.nic.private_ip;
    settings.domain = machine.nic.domain;
    settings.subnet_cidr = machine.nic.subnet_cidr;
    settings.public_ip = machine.nic.public_ip;
    settings.imds_socket = machine.nic.imds_socket;
    settings.hop_limit = machine.nic.hop_limit;
    for (OpenPorts const& ports : machine.nic.open_ports)
        settings.open_ports.push_back({ports.protocol, ports.from, ports.to});
    return settings;
}

Result<void> write_settings(Files& files, Folder const& folder, net::Settings const& settings)
{
    return publish_file(files, folder.net_settings(), as_bytes(net::to_json(settings)));
}

Result<void> prepare_vars(Host& host, Folder const& folder)
{
    auto const there = TRY(host.env.files.exists(folder.uefi_vars()));
    if (there) // what the guest's firmware remembers survives stop and start
        return {};
    auto const fresh = TRY(read_file(host.env.files, host.options.ovmf_vars, kMaxVarsBytes));
    return replace_file(host.env.files, folder.uefi_vars(), fresh);
}

Result<void> prepare_folder(Host& host, Folder const& folder, Machine const& machine,
                            std::vector<std::string> const& arguments)
{
    TRY(host.env.files.make_dirs(folder.path));
    TRY(remove_remains(host.env.files, folder));
    if (machine.uefi)
        TRY(prepare_vars(host, folder));
    std::string command = host.options.qemu;
    for (std::string const& word : arguments)
        command += "\n  " + word;
    return publish_file(host.env.files, folder.marker(), as_bytes(command + '\n'));
}

/// Waits until the program at the other end of the pipe says a word; false when it does not.
bool says_ready(Fd const& pipe)
{
    pollfd ready = {pipe.get(), POLLIN, 0};
    std::array<char, 16> word{};
    return ::poll(&ready, 1, static_cast<int>(kNetPatience.count())) == 1 &&
           ::read(pipe.get(), word.data(), word.size()) > 0;
}

} // namespace

namespace {

/// Starts QEMU with its sockets, at which it need not listen yet.
Result<Process> spawn_qemu(Host const& host, Folder const& folder, Machine const& machine,
                           std::vector<std::string> arguments)
{
    auto const users = TRY(host.users.of(machine.id));
    std::vector<Fd> sockets;
    Process::Command command{.program = host.options.qemu,
                             .arguments = std::move(arguments),
                             .error_log = folder.qemu_log()};
    for (std::string_view const name : // as InheritedSocket numbers them
         {Folder::kMonitor, Folder::kNet, Folder::kConsole, Folder::kAgent}) {
        sockets.push_back(TRY(listen_unix(folder.in(name))));
        command.inherited.push_back(sockets.back().get());
    }
    TRY(give_folder(host, folder, users));
    for (Disk const& disk : machine.disks)
        TRY(give_disk(host, folder, disk, users));
    auto const cage = TRY(qemu_cage(host, folder, machine, users));
    return Process::spawn(host.options.isolation->confine(cage, std::move(command)));
}

} // namespace

Result<void> remove_remains(Files& files, Folder const& folder)
{
    for (std::string_view const socket : {Folder::kMonitor, Folder::kNet, Folder::kConsole,
                                          Folder::kAgent, Folder::kMetadata, Folder::kHandover})
        TRY(files.remove(folder.in(socket)));
    TRY(files.remove(folder.qemu_pid()));
    return files.remove(folder.net_pid());
}

QemuMachine::QemuMachine(Host& host, InstanceId const& id, Process qemu, std::unique_ptr<Qmp> qmp,
                         Supervisor::Ticket ticket)
    : host_(host)
    , id_(id)
    , folder_(host.options.run_directory, id)
    , qemu_(std::move(qemu))
    , qmp_(std::move(qmp))
    , ticket_(ticket)
{
    host_.supervisor.watch(id_, ticket_, *qmp_, qemu_);
}

QemuMachine::~QemuMachine() { host_.supervisor.unwatch(ticket_); }

Result<std::unique_ptr<QemuMachine>> QemuMachine::launch(Host& host, Machine const& machine)
{
    Folder const folder(host.options.run_directory, machine.id);
    auto const arguments = qemu_arguments(machine, folder, host.options, host.accelerator);
    TRY(prepare_folder(host, folder, machine, arguments));
    auto qemu = TRY(spawn_qemu(host, folder, machine, arguments));
    auto launched = join(host, machine.id, std::move(qemu));
    if (!launched.ok())
        return launched;
    auto const going = launched.value()->set_going(machine);
    if (going.ok())
        return launched;
    TRY(launched.value()->end());
    return going.error();
}

Result<std::unique_ptr<QemuMachine>> QemuMachine::take_up(Host& host, InstanceId const& id)
{
    Folder const folder(host.options.run_directory, id);
    auto const mark = qemu_mark(id);
    auto qemu = Process::find(host.env.files, folder.qemu_pid(), mark);
    // Somebody may have deleted its pid file, or all of run/. A folder without the marker is that
    // of a machine which is off as it should be.
    bool const has_folder = TRY(host.env.files.exists(folder.path));
    bool const has_marker = TRY(host.env.files.exists(folder.marker()));
    if (!qemu && (has_marker || !has_folder))
        qemu = Process::search(host.env.files, mark);
    bool const has_monitor = TRY(host.env.files.exists(folder.monitor()));
    if (qemu && !has_monitor) { // or its sockets: nobody could ever command it
        log(Level::warn, "compute.out_of_reach", {{"instance", id.text()}, {"pid", qemu->pid()}});
        TRY(qemu->end(kTermPatience));
        qemu.reset();
    }
    if (!qemu)
        return Error{Fault::not_found, Noun::instance, id.text() + " is not running"};
    auto machine = TRY(join(host, id, std::move(*qemu)));
    auto const found = machine->find_net();
    if (!found.ok()) // the machine itself runs; its network is tried again when it is started
        log(Level::error, "compute.no_network", found.error(), {{"instance", id.text()}});
    return machine;
}

Result<std::unique_ptr<QemuMachine>> QemuMachine::join(Host& host, InstanceId const& id,
                                                       Process qemu)
{
    Folder const folder(host.options.run_directory, id);
    auto fd = connect_monitor(host.env, folder, qemu);
    if (!fd.ok()) {
        TRY(qemu.end(std::chrono::milliseconds(0))); // nobody could ever command it
        return fd.take_error();
    }
    auto const ticket = host.supervisor.new_ticket();
    auto qmp = std::make_unique<Qmp>(std::move(fd).value(),
                                     event_handler(host.supervisor, {.id = id, .ticket = ticket}));
    std::unique_ptr<QemuMachine> machine(
        new QemuMachine(host, id, std::move(qemu), std::move(qmp), ticket));
    auto const greeted = machine->qmp_->run("qmp_capabilities", Json::object(), kMonitorPatience);
    if (greeted.ok())
        return machine;
    if (machine->qemu_.wait(kExitPatience)) // it listens before it has opened its disks
        return not_started(host.env.files, folder, machine->qemu_);
    TRY(machine->qemu_.end(std::chrono::milliseconds(0)));
    return greeted.error();
}

Result<void> QemuMachine::set_going(Machine const& machine)
{
    auto const settings = net_settings(host_, folder_, machine, qemu_.pid());
    TRY(write_settings(host_.env.files, folder_, settings));
    TRY(start_net()); // before the CPUs run, so that no console output is missed
    TRY(qmp_->run("cont"));
    return {};
}

/// Hands the machine's folder to karat-net, that of a machine that an earlier version started too.
Result<confine::Cage> QemuMachine::prepare_net()
{
    auto const users = TRY(host_.users.of(id_));
    TRY(give_folder(host_, folder_, users));
    TRY(change_net([](net::Settings& settings) { settings.pid_file.clear(); }));
    auto const json = TRY(read_file(host_.env.files, folder_.net_settings(), kMaxSettingsBytes));
    auto const settings = TRY(net::parse_settings(as_text(json)));
    if (!settings.imds_socket.empty())
        if (TRY(host_.env.files.exists(settings.imds_socket)))
            TRY(confine::share(settings.imds_socket, host_.options.isolation->user(users.net),
                               confine::Share::write));
    return net_cage(host_, folder_, settings, users);
}

bool QemuMachine::confined() const
{
    return confine::is_confined(qemu_.pid()) && (!net_ || confine::is_confined(net_->pid()));
}

Result<void> QemuMachine::start_net()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(Fault::io, "Cannot make a pipe");
    Fd const ours(ends[0]);
    Fd theirs(ends[1]);
    auto const cage = TRY(prepare_net());
    net_ = TRY(Process::spawn(
        host_.options.isolation->confine(cage, {.program = host_.options.net,
                                                .arguments = {folder_.net_settings()},
                                                .directory = folder_.net_directory(),
                                                .error_log = folder_.net_log(),
                                                .standard_output = theirs.get()})));
    theirs.reset();
    if (says_ready(ours)) {
        host_.supervisor.watch_net(ticket_, *net_);
        return {};
    }
    TRY(net_->end(std::chrono::milliseconds(0)));
    net_.reset();
    return fail(Fault::io, fmt::format("karat-net did not start: {}",
                                       tail_of(host_.env.files, folder_.net_log())));
}

Result<void> QemuMachine::find_net()
{
    net_ = Process::find(host_.env.files, folder_.net_pid(), folder_.net_settings());
    if (!net_)
        return start_net();
    host_.supervisor.watch_net(ticket_, *net_);
    return change_net([](net::Settings&) {}); // the daemon may have been given another reach
}

Result<bool> QemuMachine::restart_net()
{
    if (net_ && net_->alive())
        return false;
    TRY(start_net());
    return true;
}

/// Earlier versions of karat-net ran in the machine's folder, which a new one does not write.
Result<void> QemuMachine::move_old_handover()
{
    auto const old = folder_.in("handover.sock");
    auto const there = TRY(host_.env.files.exists(old));
    if (!there)
        return {};
    auto const users = TRY(host_.users.of(id_));
    TRY(give_folder(host_, folder_, users));
    TRY(confine::share(old, host_.options.isolation->user(users.net), confine::Share::write));
    return host_.env.files.rename(old, folder_.in(Folder::kHandover));
}

Result<void> QemuMachine::exchange_net()
{
    auto const former = std::exchange(net_, std::nullopt);
    TRY(move_old_handover());
    bool const gives = TRY(host_.env.files.exists(folder_.in(Folder::kHandover)));
    if (former && former->alive() && gives) {
        auto const taken = start_net(); // which takes over from the former
        if (taken.ok())
            return former->wait(kTermPatience) ? Result<void>() : former->end(kTermPatience);
        log(Level::error, "compute.net_not_handed_over", taken.error(), {{"instance", id_.text()}});
    }
    if (former) // an earlier version, or one that hangs
        TRY(former->end(gives ? std::chrono::milliseconds(0) : kTermPatience));
    return start_net();
}

Result<std::string> QemuMachine::status(std::chrono::milliseconds patience)
{
    auto const status = TRY(qmp_->run("query-status", Json::object(), patience));
    return status.value("status", "");
}

/// Changes the settings that karat-net runs with, those of an older version included.
Result<void> QemuMachine::change_net(std::function<void(net::Settings&)> const& change)
{
    auto& files = host_.env.files;
    auto const json = TRY(read_file(files, folder_.net_settings(), kMaxSettingsBytes));
    auto settings = TRY(net::parse_settings(as_text(json)));
    change(settings);
    settings.reach = net_reach(host_);
    TRY(write_settings(files, folder_, settings));
    auto const users = TRY(host_.users.of(id_));
    TRY(give_settings(host_, folder_, users));
    if (net_)
        net_->signal(SIGHUP);
    return {};
}

Result<void> QemuMachine::set_open_ports(std::vector<OpenPorts> const& ports)
{
    return change_net([&](net::Settings& settings) {
        settings.open_ports.clear();
        for (OpenPorts const& range : ports)
            settings.open_ports.push_back({range.protocol, range.from, range.to});
    });
}

Result<void> QemuMachine::set_hop_limit(int hop_limit)
{
    return change_net([=](net::Settings& settings) { settings.hop_limit = hop_limit; });
}

Result<void> QemuMachine::end()
{
    auto const quit = qmp_->run("quit", Json::object(), kQuitPatience);
    bool const ended = qemu_.wait(quit.ok() ? kQuitPatience : std::chrono::milliseconds(0));
    if (!ended)
        TRY(qemu_.end(std::chrono::milliseconds(0)));
    // karat-net ends with QEMU, after it has read the last of the console.
    if (net_ && !net_->wait(kTermPatience))
        TRY(net_->end(kTermPatience));
    auto const users = TRY(host_.users.of(id_));
    TRY(hide_disks(host_, folder_, host_.options.isolation->user(users.qemu)));
    host_.options.isolation->release(id_.text());
    host_.options.isolation->release(id_.text() + "-net");
    return {};
}

} // namespace karat::compute
