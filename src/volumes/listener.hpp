// SPDX-License-Identifier: Apache-2.0
// Who serves NBD on a unix socket.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>

namespace karat::volumes {

struct Listener {
    pid_t pid = 0;        ///< 0: it cannot be told just now (its queue is full).
    bool greeted = false; ///< It said that it speaks NBD.
};

/// Who listens on a unix socket; nothing if nobody does. Waits for the greeting at most as long as
/// `patience`: a connection alone proves nothing, for the kernel makes it for a process that hangs.
std::optional<Listener> listener_of(std::string const& socket_path,
                                    std::chrono::milliseconds patience);

} // namespace karat::volumes
