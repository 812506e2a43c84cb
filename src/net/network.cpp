// SPDX-License-Identifier: Apache-2.0
#include "network.hpp"

#include "barrier.hpp"

#include "karat/log.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <slirp/libslirp.h>
#include <sys/un.h>

namespace karat::net {

namespace {

constexpr std::uint32_t kLongestSleepMs = 60'000;
constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr int kImdsPort = 80;
constexpr int kNotPolled = -1; // there was no memory for it

in_addr to_in_addr(Ipv4 address)
{
    in_addr result = {};
    result.s_addr = htonl(address);
    return result;
}

struct Timer {
    SlirpTimerCb fire;
    void* argument;
    std::int64_t due_ms = -1; ///< -1: not armed.
};

std::int64_t now_ms() { return posix_env().clock.steady().count() / kNsPerMs; }

} // namespace

struct Network::Slirped {
    Addresses addresses;
    Send send;
    SlirpCb callbacks = {}; ///< libslirp keeps a pointer to it.
    Slirp* slirp = nullptr;
    std::vector<std::unique_ptr<Timer>> timers;
    std::vector<pollfd>* polling = nullptr; ///< Only inside before_poll() and after_poll().
    std::vector<pollfd> const* polled = nullptr;
    std::set<Forward> forwards;
    Ipv4 forwarding_host = 0;

    static Slirped& self(void* opaque) { return *static_cast<Slirped*>(opaque); }
    void set_callbacks();
    std::uint32_t until_timer(std::uint32_t at_most) const;
    void fire_timers();
};

namespace {

using Self = void*;

short to_poll(int events)
{
    int poll_events = 0;
    poll_events |= events & SLIRP_POLL_IN ? POLLIN : 0;
    poll_events |= events & SLIRP_POLL_OUT ? POLLOUT : 0;
    poll_events |= events & SLIRP_POLL_PRI ? POLLPRI : 0;
    return static_cast<short>(poll_events);
}

int from_poll(short found)
{
    int events = 0;
    events |= found & POLLIN ? SLIRP_POLL_IN : 0;
    events |= found & POLLOUT ? SLIRP_POLL_OUT : 0;
    events |= found & POLLPRI ? SLIRP_POLL_PRI : 0;
    events |= found & POLLERR ? SLIRP_POLL_ERR : 0;
    events |= found & POLLHUP ? SLIRP_POLL_HUP : 0;
    return events;
}

SlirpConfig config_of(Addresses const& addresses)
{
    SlirpConfig config = {};
    config.version = 4;
    config.in_enabled = true;
    config.vnetwork = to_in_addr(addresses.network);
    config.vnetmask = to_in_addr(addresses.mask);
    config.vhost = to_in_addr(addresses.router);
    config.vnameserver = to_in_addr(addresses.dns);
    config.vdhcp_start = to_in_addr(addresses.guest);
    config.disable_host_loopback = true;
    config.disable_dhcp = true; // dhcp.hpp says why
    return config;
}

} // namespace

void Network::Slirped::set_callbacks()
{
    callbacks.send_packet = [](void const* bytes, std::size_t size, Self opaque) -> ssize_t {
        // libslirp is C: an exception must not go through it.
        survives("frame to the guest",
                 [&] { self(opaque).send({static_cast<std::uint8_t const*>(bytes), size}); });
        return static_cast<ssize_t>(size);
    };
    callbacks.guest_error = [](char const* message, Self) {
        log(Level::debug, "net.guest_error", {{"message", message}});
    };
    callbacks.clock_get_ns = [](Self) -> std::int64_t {
        return posix_env().clock.steady().count();
    };
    callbacks.timer_new = [](SlirpTimerCb fire, void* argument, Self opaque) -> void* {
        auto& made = self(opaque).timers.emplace_back();
        made = std::make_unique<Timer>(Timer{fire, argument});
        return made.get();
    };
    callbacks.timer_free = [](void* timer, Self opaque) {
        std::erase_if(self(opaque).timers, [=](auto const& t) { return t.get() == timer; });
    };
    callbacks.timer_mod = [](void* timer, std::int64_t due_ms, Self) {
        static_cast<Timer*>(timer)->due_ms = due_ms;
    };
    callbacks.register_poll_fd = [](int, Self) {};
    callbacks.unregister_poll_fd = [](int, Self) {};
    callbacks.notify = [](Self) {};
}

std::uint32_t Network::Slirped::until_timer(std::uint32_t at_most) const
{
    for (auto const& timer : timers)
        if (timer->due_ms >= 0)
            at_most = static_cast<std::uint32_t>(
                std::clamp<std::int64_t>(timer->due_ms - now_ms(), 0, at_most));
    return at_most;
}

void Network::Slirped::fire_timers()
{
    auto const now = now_ms();
    // By index: what fires may add timers.
    for (std::size_t i = 0; i < timers.size(); ++i) {
        auto& timer = *timers[i];
        if (timer.due_ms < 0 || timer.due_ms > now)
            continue;
        timer.due_ms = -1;
        timer.fire(timer.argument);
    }
}

Network::Network(std::unique_ptr<Slirped> slirped)
    : slirped_(std::move(slirped))
{
}

Network::~Network()
{
    if (slirped_->slirp)
        slirp_cleanup(slirped_->slirp);
}

Result<std::unique_ptr<Network>> Network::create(Addresses const& addresses,
                                                 std::string const& imds_socket, Send send)
{
    if (imds_socket.size() >= sizeof(sockaddr_un::sun_path))
        return fail(Fault::invalid, "The path is too long for a socket: " + imds_socket);
    auto slirped = std::make_unique<Slirped>();
    slirped->addresses = addresses;
    slirped->send = std::move(send);
    slirped->set_callbacks();
    auto const config = config_of(addresses);
    slirped->slirp = slirp_new(&config, &slirped->callbacks, slirped.get());
    if (!slirped->slirp)
        return fail(Fault::invalid, "libslirp refuses the network");
    auto inside = to_in_addr(addresses.inside);
    if (!imds_socket.empty() &&
        slirp_add_unix(slirped->slirp, imds_socket.c_str(), &inside, kImdsPort) < 0)
        return fail(Fault::invalid, "libslirp refuses the metadata service's address");
    return std::unique_ptr<Network>(new Network(std::move(slirped)));
}

void Network::input(ConstFrame frame)
{
    slirp_input(slirped_->slirp, frame.data(), static_cast<int>(frame.size()));
}

int Network::before_poll(std::vector<pollfd>& polled)
{
    std::uint32_t sleep_ms = kLongestSleepMs;
    slirped_->polling = &polled;
    auto const add = [](int fd, int events, Self opaque) {
        auto& polling = *Slirped::self(opaque).polling;
        int index = kNotPolled;
        survives("poll", [&] {
            polling.push_back({fd, to_poll(events), 0});
            index = static_cast<int>(polling.size() - 1);
        });
        return index;
    };
    slirp_pollfds_fill(slirped_->slirp, &sleep_ms, add, slirped_.get());
    slirped_->polling = nullptr;
    return static_cast<int>(slirped_->until_timer(std::min(sleep_ms, kLongestSleepMs)));
}

void Network::after_poll(std::vector<pollfd> const& polled, bool failed)
{
    slirped_->polled = &polled;
    auto const found = [](int index, Self opaque) {
        auto const& all = *Slirped::self(opaque).polled;
        if (index == kNotPolled)
            return 0;
        return from_poll(all[static_cast<std::size_t>(index)].revents);
    };
    slirp_pollfds_poll(slirped_->slirp, failed ? 1 : 0, found, slirped_.get());
    slirped_->polled = nullptr;
    slirped_->fire_timers();
}

/// libslirp tells of its connections only as a table for people:
///   Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
bool Network::asks_metadata() const
{
    constexpr std::array<std::string_view, 3> kDone{"[FIN_WAIT_2]", "[TIME_WAIT]", "[CLOSED]"};
    std::unique_ptr<char, void (*)(void*)> const table(slirp_connection_info(slirped_->slirp),
                                                       std::free);
    auto const inside = to_in_addr(slirped_->addresses.inside);
    std::array<char, INET_ADDRSTRLEN> name{};
    ::inet_ntop(AF_INET, &inside, name.data(), name.size());
    auto const destination = fmt::format(" {} {:5} ", name.data(), kImdsPort);
    std::string_view rest = table.get();
    while (!rest.empty()) {
        auto const line = take_until(rest, '\n');
        bool const done = std::ranges::any_of(
            kDone, [&](auto state) { return line.find(state) != std::string_view::npos; });
        if (line.find("TCP[") != std::string_view::npos && !done &&
            line.find(destination) != std::string_view::npos)
            return true;
    }
    return false;
}

void Network::set_forwards(Ipv4 host, std::set<Forward> const& forwards)
{
    auto const host_address = to_in_addr(host);
    auto const guest = to_in_addr(slirped_->addresses.guest);
    for (Forward const& old : slirped_->forwards)
        if (host != slirped_->forwarding_host || !forwards.contains(old))
            slirp_remove_hostfwd(slirped_->slirp, old.transport == Transport::udp,
                                 to_in_addr(slirped_->forwarding_host), old.port);
    std::set<Forward> bound;
    for (Forward const& wanted : forwards) {
        bool const udp = wanted.transport == Transport::udp;
        bool const kept = host == slirped_->forwarding_host && slirped_->forwards.contains(wanted);
        if (kept || slirp_add_hostfwd(slirped_->slirp, udp, host_address, wanted.port, guest,
                                      wanted.port) == 0)
            bound.insert(wanted);
        else
            log(Level::warn, "net.port_not_forwarded",
                {{"port", wanted.port},
                 {"transport", udp ? "udp" : "tcp"},
                 {"reason", std::strerror(errno)}});
    }
    slirped_->forwards = std::move(bound);
    slirped_->forwarding_host = host;
}

} // namespace karat::net
