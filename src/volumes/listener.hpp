// SPDX-License-Identifier: Apache-2.0
// Who listens on a unix socket.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

namespace karat::volumes {

/// The number of the process that listens on a unix socket; nothing if none does. 0 if it cannot
/// be told just now (many are connecting).
std::optional<pid_t> listener_of(std::string const& socket_path);

} // namespace karat::volumes
