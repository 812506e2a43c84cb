// SPDX-License-Identifier: Apache-2.0
#include "http_sockets.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

namespace karat::api {
namespace {

namespace asio = boost::asio;

constexpr int kBacklog = 4096;

Error system_failure(std::string const& what, int code)
{
    return fail(code == EADDRINUSE ? Fault::unavailable : Fault::io,
                fmt::format("Cannot listen on {}: {}", what, std::strerror(code)));
}

template <class Endpoint>
Result<Fd> open_socket(Endpoint const& endpoint, std::string const& what)
{
    Fd fd(::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.open())
        return system_failure(what, errno);
    // A unix socket's file gets the mode of its descriptor (unix(7)): nobody else may connect.
    // Never by the umask, which changes what other threads create meanwhile.
    int const on = 1;
    if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0 ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
        ::listen(fd.get(), kBacklog) != 0)
        return system_failure(what, errno);
    return fd;
}

bool after_error(HttpSession& session)
{
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        session.close();
    return false;
}

} // namespace

Result<Fd> listen_on(asio::ip::tcp::endpoint const& endpoint, std::string const& what)
{
    return open_socket(endpoint, what);
}

Result<Fd> listen_on(std::string const& path)
{
    return open_socket(asio::local::stream_protocol::endpoint(path), path);
}

Result<std::uint16_t> port_of(Fd const& listener)
{
    asio::ip::tcp::endpoint endpoint;
    auto length = static_cast<socklen_t>(endpoint.capacity());
    if (::getsockname(listener.get(), endpoint.data(), &length) != 0)
        return system_failure("a port", errno);
    endpoint.resize(length);
    return endpoint.port();
}

Accepted accept_one(Fd const& listener, Family family)
{
    constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (family == Family::local)
        return {Fd(::accept4(listener.get(), nullptr, nullptr, kFlags)), ""};
    asio::ip::tcp::endpoint peer;
    auto length = static_cast<socklen_t>(peer.capacity());
    Fd fd(::accept4(listener.get(), peer.data(), &length, kFlags));
    if (!fd.open())
        return {};
    peer.resize(length);
    int const on = 1; // a reply is written as a whole: nothing is gained by waiting for more
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {std::move(fd), peer.address().to_string()};
}

bool read_some(Connection& connection, std::span<char> buffer)
{
    auto& session = connection.session;
    auto const got = ::recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0)
        return after_error(session);
    if (got == 0) {
        session.end_of_input();
        return false;
    }
    session.receive({buffer.data(), static_cast<std::size_t>(got)});
    if (session.phase() == HttpSession::Phase::receiving && !session.output()[0].empty())
        return send_some(connection); // "100 Continue"
    return true;
}

bool send_some(Connection& connection)
{
    auto& session = connection.session;
    auto const output = session.output();
    std::array<iovec, 2> pieces{};
    for (std::size_t i = 0; i < pieces.size(); ++i)
        pieces[i] = {const_cast<char*>(output[i].data()), output[i].size()};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    auto const put = ::sendmsg(connection.fd.get(), &message, MSG_NOSIGNAL);
    if (put < 0)
        return after_error(session);
    session.sent(static_cast<std::size_t>(put));
    // Who is not told that the reply has ended would wait for as long as we do.
    if (session.phase() == HttpSession::Phase::draining &&
        ::shutdown(connection.fd.get(), SHUT_WR) != 0)
        session.close();
    return true;
}

} // namespace karat::api
