// SPDX-License-Identifier: Apache-2.0
#include "unix_listener.hpp"

#include "os_error.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace karat::net {

Result<Fd> listen_unix(std::string const& name, int backlog)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (name.size() >= sizeof address.sun_path)
        return fail(Fault::invalid, "The path is too long for a socket: " + name);
    name.copy(address.sun_path, name.size());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.open())
        return os_error("make a socket");
    if (::unlink(name.c_str()) != 0 && errno != ENOENT)
        return os_error("remove " + name);
    if (::fchmod(fd.get(), 0600) != 0) // of the file that bind() makes
        return os_error("protect " + name);
    void const* const place = &address;
    if (::bind(fd.get(), static_cast<sockaddr const*>(place), sizeof address) != 0)
        return os_error("bind " + name);
    if (::listen(fd.get(), backlog) != 0)
        return os_error("listen on " + name);
    return fd;
}

} // namespace karat::net
