// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

#include <algorithm>
#include <sys/resource.h>
#include <sys/socket.h>

namespace karat::blk {
namespace {

constexpr rlim_t kMostDescriptors = 1 << 20;

} // namespace

bool Peers::enter(pid_t process)
{
    if (process <= 0)
        return true;
    std::scoped_lock const guard(mutex_);
    auto& count = connections_[process];
    if (count >= kMaxConnections)
        return false;
    ++count;
    return true;
}

void Peers::leave(pid_t process)
{
    if (process <= 0)
        return;
    std::scoped_lock const guard(mutex_);
    auto const found = connections_.find(process);
    if (found != connections_.end() && --found->second == 0)
        connections_.erase(found);
}

void cut_off(pid_t process)
{
    rlimit limit = {};
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    // nbdkit does not tell a connection's descriptor, so all are looked at.
    auto const most = static_cast<int>(std::min(limit.rlim_cur, kMostDescriptors));
    for (int fd = 0; fd < most; ++fd) {
        ucred peer = {};
        socklen_t length = sizeof peer;
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == process)
            (void)::shutdown(fd, SHUT_RDWR);
    }
}

} // namespace karat::blk
