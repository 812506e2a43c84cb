// SPDX-License-Identifier: Apache-2.0
#include "listener.hpp"

#include "karat/fd.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace karat::volumes {
namespace {

constexpr int kGreetingMs = 200;

/// nbdkit greets whoever connects, and reports one who has left before that as an error.
void take_greeting(Fd const& socket)
{
    pollfd waits{socket.get(), POLLIN, 0};
    std::array<char, 64> greeting;
    if (::poll(&waits, 1, kGreetingMs) == 1)
        (void)::recv(socket.get(), greeting.data(), greeting.size(), 0);
}

} // namespace

std::optional<pid_t> listener_of(std::string const& socket_path)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof(address.sun_path))
        return std::nullopt;
    socket_path.copy(address.sun_path, socket_path.size());
    Fd const socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.open())
        return 0;
    void const* const place = &address;
    if (::connect(socket.get(), static_cast<sockaddr const*>(place), sizeof(address)) != 0)
        return errno == EAGAIN ? std::optional<pid_t>(0) : std::nullopt;
    ucred peer = {};
    socklen_t length = sizeof(peer);
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return 0;
    take_greeting(socket);
    return peer.pid;
}

} // namespace karat::volumes
