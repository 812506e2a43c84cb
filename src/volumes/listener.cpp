// SPDX-License-Identifier: Apache-2.0
#include "listener.hpp"

#include "karat/fd.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace karat::volumes {
namespace {

constexpr std::string_view kGreeting = "NBDMAGIC";

bool takes_greeting(Fd const& socket, std::chrono::milliseconds patience)
{
    pollfd waits{socket.get(), POLLIN, 0};
    std::array<char, 64> greeting;
    if (::poll(&waits, 1, static_cast<int>(patience.count())) != 1)
        return false;
    auto const got = ::recv(socket.get(), greeting.data(), greeting.size(), 0);
    return got > 0 &&
           std::string_view(greeting.data(), static_cast<std::size_t>(got)).starts_with(kGreeting);
}

} // namespace

std::optional<Listener> listener_of(std::string const& socket_path,
                                    std::chrono::milliseconds patience)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof(address.sun_path))
        return std::nullopt;
    socket_path.copy(address.sun_path, socket_path.size());
    Fd const socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.open())
        return Listener{};
    void const* const place = &address;
    if (::connect(socket.get(), static_cast<sockaddr const*>(place), sizeof(address)) != 0)
        return errno == EAGAIN ? std::optional(Listener{}) : std::nullopt;
    Listener found;
    ucred peer = {};
    socklen_t length = sizeof(peer);
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
        found.pid = peer.pid;
    found.greeted = takes_greeting(socket, patience);
    return found;
}

} // namespace karat::volumes
