// SPDX-License-Identifier: Apache-2.0
// Who is connected, by process: a guest's QEMU that somebody has taken over must not use up what
// serves the others. nbdkit itself bounds neither.
#pragma once

#include <map>
#include <mutex>
#include <sys/types.h>

namespace karat::blk {

/// What a machine's sixteen disks need, were all of them moved to new connections at once.
inline constexpr int kMaxConnections = 32;

/// Thread-safe.
class Peers {
public:
    /// False when the process has as many connections as it may. One that cannot be told (0 or
    /// less) is not counted.
    bool enter(pid_t process);
    /// Ends what enter() has allowed.
    void leave(pid_t process);

private:
    std::mutex mutex_;
    std::map<pid_t, int> connections_;
};

/// Ends every connection of this process to `process`, so that what is under way fails.
void cut_off(pid_t process);

} // namespace karat::blk
