// SPDX-License-Identifier: Apache-2.0
#include "karat/fd.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace karat {
namespace {

/// The C API wants its base type; this is the only cast for it.
sockaddr const* generic(sockaddr_un const& address)
{
    return reinterpret_cast<sockaddr const*>(&address);
}

Error connect_error(std::string const& path, int code)
{
    bool const nobody = code == ENOENT || code == ECONNREFUSED || code == EAGAIN;
    return fail(nobody ? Fault::unavailable : Fault::io,
                fmt::format("Cannot connect to {}: {}", path, std::strerror(code)));
}

/// `path`, or the same by way of its directory's descriptor when it is too long for the kernel.
Result<std::string> short_path(std::string const& path, Fd& directory)
{
    if (path.size() < sizeof(sockaddr_un::sun_path))
        return path;
    auto const slash = path.rfind('/');
    if (slash == std::string::npos)
        return connect_error(path, ENAMETOOLONG);
    directory = Fd(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory.open())
        return connect_error(path, errno);
    auto via = fmt::format("/proc/self/fd/{}{}", directory.get(), path.substr(slash));
    if (via.size() >= sizeof(sockaddr_un::sun_path))
        return connect_error(path, ENAMETOOLONG);
    return via;
}

} // namespace

Fd& Fd::operator=(Fd&& other) noexcept
{
    if (this != &other) {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

Fd::~Fd()
{
    if (fd_ >= 0)
        ::close(fd_);
}

Result<Fd> connect_unix(std::string const& path)
{
    Fd directory;
    auto const reachable = TRY(short_path(path, directory));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.open())
        return connect_error(path, errno);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, reachable.c_str(), reachable.size() + 1);
    if (::connect(fd.get(), generic(address), sizeof address) != 0)
        return connect_error(path, errno);
    return fd;
}

Result<Fd> listen_unix(std::string const& path)
{
    constexpr int kBacklog = 16;
    ::unlink(path.c_str());
    Fd directory;
    auto const reachable = TRY(short_path(path, directory));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, reachable.c_str(), reachable.size() + 1);
    // The file has the socket's mode from its first moment.
    if (!fd.open() || ::fchmod(fd.get(), 0600) != 0 ||
        ::bind(fd.get(), generic(address), sizeof address) != 0 ||
        ::listen(fd.get(), kBacklog) != 0)
        return fail(Fault::io, fmt::format("Cannot listen on {}: {}", path, std::strerror(errno)));
    return fd;
}

} // namespace karat
