// SPDX-License-Identifier: Apache-2.0
#include "patch_panel.hpp"

#include "barrier.hpp"
#include "dhcp.hpp"
#include "dns.hpp"
#include "guard.hpp"
#include "os_error.hpp"
#include "unix_listener.hpp"

#include "karat/log.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace karat::net {
namespace {

constexpr std::size_t kMaxSettingsBytes = 256 * 1024;
constexpr int kReconnectMs = 100;
constexpr int kRecoverMs = 10;
constexpr std::size_t kConsolePieceBytes = 4096;
constexpr std::int64_t kMaxLogBytes = 256 * 1024;
constexpr std::chrono::seconds kTrimInterval{1};

constexpr int kHandoverStepMs = 5;
constexpr std::chrono::seconds kHandoverPatience{4}; // for requests for metadata that are under way

// In the machine's folder, where we run.
constexpr char const* kRelaySocket = "metadata.sock";
constexpr char const* kHandoverSocket = "handover.sock";

// The order of fixed_polls().
enum Slot : std::size_t {
    slot_signals,
    slot_qemu,
    slot_link,
    slot_console,
    slot_host,
    slot_handover,
    slots
};

Result<Fd> take_signals()
{
    sigset_t wanted;
    sigemptyset(&wanted);
    for (int const signal : {SIGHUP, SIGTERM, SIGINT})
        sigaddset(&wanted, signal);
    if (sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0)
        return os_error("block signals");
    Fd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.open())
        return os_error("wait for signals");
    return fd;
}

Result<Fd> watch_process(int pid)
{
    Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd.open())
        return os_error(fmt::format("watch QEMU's process {}", pid));
    return fd;
}

Result<Settings> load(Files& files, std::string const& path)
{
    auto const bytes = TRY(read_file(files, path, kMaxSettingsBytes));
    return parse_settings(as_text(bytes));
}

} // namespace

Result<std::unique_ptr<PatchPanel>> PatchPanel::create(Env env, std::string settings_path)
{
    std::unique_ptr<PatchPanel> panel(new PatchPanel(env, std::move(settings_path)));
    TRY(panel->set_up());
    return panel;
}

Result<void> PatchPanel::set_up()
{
    signals_ = TRY(take_signals());
    settings_ = TRY(load(env_.files, settings_path_));
    qemu_ = TRY(watch_process(settings_.qemu_pid));
    addresses_ = TRY(addresses_of(settings_));
    TRY(succeed());
    ring_ = TRY(ConsoleRing::open(env_.files, settings_.console_ring));
    bool const relays = !settings_.imds_socket.empty();
    if (relays)
        relay_ = TRY(Relay::listen(env_, kRelaySocket, settings_.imds_socket));
    network_ = TRY(Network::create(addresses_, relays ? kRelaySocket : "",
                                   [this](ConstFrame frame) { give_frame(frame); }));
    host_watch_ = TRY(watch_host_addresses());
    TRY(reload());
    if (settings_.reach == Reach::outside)
        TRY(HostAddresses::read()); // without them the guest would reach this host
    handover_ = TRY(listen_unix(kHandoverSocket, 1));
    if (settings_.pid_file.empty()) // who started us knows
        return {};
    auto const pid = fmt::format("{}\n", ::getpid());
    return publish_file(env_.files, settings_.pid_file, as_bytes(pid));
}

/// Takes the guest over from the process before us, if there is one.
Result<void> PatchPanel::succeed()
{
    auto taken = TRY(take_over(kHandoverSocket));
    if (!taken)
        return {};
    if (taken->link.open())
        link_.emplace(std::move(taken->link), std::move(taken->begun), std::move(taken->unsent));
    console_ = std::move(taken->console);
    held_ = std::move(taken->held);
    return {};
}

Result<void> PatchPanel::reload()
{
    settings_ = TRY(load(env_.files, settings_path_));
    read_host_addresses();
    auto const plan = plan_forwards(settings_.open_ports);
    for (std::string const& line : plan.left_out)
        log(Level::info, "net.ports_left_out", {{"ports", line}});
    if (settings_.public_ip.empty()) {
        network_->set_forwards(0, {});
        return {};
    }
    auto const host = TRY(parse_ipv4(settings_.public_ip));
    network_->set_forwards(host, plan.forwards);
    return {};
}

std::optional<Fd> PatchPanel::connect(std::string const& socket)
{
    auto fd = connect_unix(socket);
    if (fd.ok())
        return std::move(fd).value();
    // QEMU may not listen yet, or no longer. Anything else is a fault that an operator wants to
    // see.
    if (fd.error().fault != Fault::unavailable && complained_.insert(socket).second)
        log(Level::error, "net.not_connected", fd.error());
    return std::nullopt;
}

void PatchPanel::connect_missing()
{
    if (!link_)
        if (auto fd = connect(settings_.net_socket))
            link_.emplace(std::move(*fd));
    if (!console_.open())
        if (auto fd = connect(settings_.console_socket))
            console_ = std::move(*fd);
}

std::vector<pollfd> PatchPanel::fixed_polls() const
{
    std::vector<pollfd> polls(slots); // a descriptor of -1 is passed over by poll(2)
    polls[slot_signals] = {signals_.get(), POLLIN, 0};
    polls[slot_qemu] = {qemu_.get(), POLLIN, 0};
    short const wanted = link_ && link_->wants_write() ? POLLIN | POLLOUT : POLLIN;
    polls[slot_link] = {link_ ? link_->fd() : -1, wanted, 0};
    polls[slot_console] = {console_.get(), POLLIN, 0};
    polls[slot_host] = {host_watch_.get(), POLLIN, 0};
    polls[slot_handover] = {successor_.open() ? -1 : handover_.get(), POLLIN, 0};
    return polls;
}

int PatchPanel::patience_ms(int at_most) const
{
    if (successor_.open())
        return kHandoverStepMs;
    return link_ && console_.open() ? at_most : std::min(at_most, kReconnectMs);
}

Result<void> PatchPanel::run(std::function<void()> const& on_ready)
{
    take_held_frames();
    connect_missing();
    on_ready();
    while (!ended_) {
        Result<void> done;
        if (!survives("round", [&] { done = round(); }))
            (void)::poll(nullptr, 0, kRecoverMs); // what fails at once must not burn the processor
        TRY(done);
    }
    return {};
}

Result<void> PatchPanel::round()
{
    auto polled = fixed_polls();
    auto sleep_ms = network_->before_poll(polled);
    if (relay_)
        sleep_ms = std::min(sleep_ms, relay_->before_poll(polled));
    auto const found = ::poll(polled.data(), polled.size(), patience_ms(sleep_ms));
    if (found < 0 && errno != EINTR)
        return os_error("poll");
    network_->after_poll(polled, found < 0);
    if (relay_ && found >= 0)
        relay_->after_poll(polled);
    if (found > 0)
        serve(polled);
    if (successor_.open() && !ended_)
        go_on_handing_over();
    else if (!ended_)
        connect_missing();
    trim_log();
    return {};
}

void PatchPanel::serve(std::vector<pollfd> const& polled)
{
    if (polled[slot_host].revents) // before frames are judged
        read_host_addresses();
    if (link_ && polled[slot_link].revents & POLLOUT)
        link_->flush();
    if (link_ && polled[slot_link].revents & ~POLLOUT) {
        Result<void> received;
        bool const whole = survives("frames", [&] {
            received = link_->receive(
                [this](ConstFrame frame) { survives("frame", [&] { take_frame(frame); }); });
        });
        if (!whole || !received.ok()) // bytes that are lost would have begun a frame
            link_.reset();
    }
    if (polled[slot_console].revents)
        take_console();
    if (polled[slot_handover].revents)
        begin_handover();
    if (polled[slot_signals].revents)
        take_signal();
    if (polled[slot_qemu].revents) {
        while (console_.open()) // its last words are still in the socket
            take_console();
        ended_ = true;
    }
}

/// Keeps what is known where the kernel does not answer: an address too many is the safe mistake.
void PatchPanel::read_host_addresses()
{
    forget_changes(host_watch_);
    auto found = settings_.reach == Reach::outside ? HostAddresses::read()
                                                   : Result<HostAddresses>(HostAddresses());
    if (found.ok())
        host_addresses_ = std::move(found).value();
    else
        log(Level::error, "net.host_addresses", found.error());
}

/// A successor has connected. From now on we bring to an end what the guest asks of the metadata
/// service, and keep for the successor what it begins.
void PatchPanel::begin_handover()
{
    successor_ = Fd(::accept4(handover_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    patient_until_ = env_.clock.steady() + kHandoverPatience;
}

void PatchPanel::go_on_handing_over()
{
    if (network_->asks_metadata() && env_.clock.steady() < patient_until_)
        return;
    Handover handover;
    if (link_) {
        handover.begun = link_->begun();
        handover.unsent = link_->unsent();
        handover.link = link_->take_fd();
    }
    handover.console = std::move(console_);
    handover.held = std::move(held_);
    network_->set_forwards(0, {}); // the successor listens on the same ports
    auto const handed = hand_over(successor_, handover);
    ended_ = handed.ok();
    if (!ended_)
        keep(std::move(handover), handed.error());
}

/// The successor did not take it: goes on as before.
void PatchPanel::keep(Handover handover, Error const& why)
{
    log(Level::error, "net.not_handed_over", why);
    successor_.reset();
    if (link_)
        link_.emplace(std::move(handover.link), std::move(handover.begun),
                      std::move(handover.unsent));
    console_ = std::move(handover.console);
    held_ = std::move(handover.held);
    if (auto const reloaded = reload(); !reloaded.ok())
        log(Level::error, "net.settings_kept", reloaded.error());
    take_held_frames();
}

void PatchPanel::take_held_frames()
{
    for (auto const& frame : std::exchange(held_, {}))
        take_frame(frame);
}

void PatchPanel::take_frame(ConstFrame frame)
{
    auto const verdict = judge(addresses_, host_addresses_, frame);
    bool const may_wait =
        verdict == Verdict::pass || verdict == Verdict::imds || verdict == Verdict::dns;
    if (successor_.open() && may_wait && begins_flow(frame)) {
        if (held_.size() < kMaxHeldFrames)
            held_.emplace_back(frame.begin(), frame.end());
        return;
    }
    switch (verdict) {
    case Verdict::drop:
        return;
    case Verdict::pass:
        return network_->input(frame);
    case Verdict::dhcp:
        if (auto const reply = answer_dhcp(addresses_, frame); reply && link_)
            link_->send(*reply);
        return;
    case Verdict::dns:
        if (auto const reply = answer_dns(addresses_, frame); reply && link_)
            return link_->send(*reply);
        return network_->input(frame);
    case Verdict::imds: {
        std::vector<std::uint8_t> copy(frame.begin(), frame.end());
        rewrite_destination(copy, addresses_.inside);
        if (relay_)
            relay_->accept_all();
        return network_->input(copy);
    }
    case Verdict::imds_arp:
        if (link_)
            link_->send(answer_imds_arp(addresses_, frame));
        return;
    }
}

void PatchPanel::give_frame(ConstFrame frame)
{
    if (!link_)
        return;
    if (!is_from(frame, addresses_.inside))
        return link_->send(frame);
    std::vector<std::uint8_t> copy(frame.begin(), frame.end());
    rewrite_source(copy, kImds);
    set_hop_limit(copy, static_cast<std::uint8_t>(settings_.hop_limit));
    link_->send(copy);
}

void PatchPanel::take_console()
{
    std::array<char, kConsolePieceBytes> piece{};
    auto const got = ::recv(console_.get(), piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        console_.reset();
        return;
    }
    auto const kept = ring_->append({piece.data(), static_cast<std::size_t>(got)});
    if (!kept.ok()) // a full disk must not stop the guest
        log(Level::warn, "net.console_lost", kept.error());
}

/// Keeps QEMU's log and ours small. Here and not in the daemon, because we are there while QEMU is.
void PatchPanel::trim_log()
{
    auto const now = env_.clock.steady();
    if (now - trimmed_ < kTrimInterval)
        return;
    trimmed_ = now;
    // Who appends goes on at the new end.
    struct stat own = {};
    if (::fstat(STDERR_FILENO, &own) == 0 && S_ISREG(own.st_mode) && own.st_size > kMaxLogBytes)
        (void)::ftruncate(STDERR_FILENO, 0);
    auto const file = env_.files.open(settings_.qemu_log, Access::write);
    if (!file.ok())
        return;
    auto const size = file.value()->size_bytes();
    if (size.ok() && size.value() > std::uint64_t{kMaxLogBytes} && !file.value()->truncate(0).ok())
        log(Level::warn, "net.log_not_trimmed");
}

void PatchPanel::take_signal()
{
    signalfd_siginfo info = {};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo != SIGHUP) {
        ended_ = true;
        return;
    }
    auto const reloaded = reload();
    if (!reloaded.ok())
        log(Level::error, "net.settings_kept", reloaded.error());
}

} // namespace karat::net
