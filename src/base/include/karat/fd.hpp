// SPDX-License-Identifier: Apache-2.0
// A file descriptor that closes itself, and connections to unix sockets.
#pragma once

#include "karat/result.hpp"

#include <string>
#include <utility>

namespace karat {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd)
        : fd_(fd)
    {
    }
    Fd(Fd&& other) noexcept
        : fd_(std::exchange(other.fd_, -1))
    {
    }
    Fd& operator=(Fd&& other) noexcept;
    ~Fd();

    int get() const { return fd_; }
    bool open() const { return fd_ >= 0; }
    void reset() { *this = Fd(); }

private:
    int fd_ = -1;
};

/// Connects to a unix stream socket; the result is non-blocking and closed on exec. Paths longer
/// than sockaddr_un has room for are fine. Fault::unavailable when nobody listens there (yet).
Result<Fd> connect_unix(std::string const& path);

/// Listens on a unix stream socket that only its owner may use, in the place of what had the name.
Result<Fd> listen_unix(std::string const& path);

} // namespace karat
