// SPDX-License-Identifier: Apache-2.0
// A bound on how long the daemon takes to end. What hangs (a call that reads a dead file server, a
// task that waits for a disk) cannot be joined; what was acknowledged is safe at any moment, so the
// process may go as it is.
#pragma once

#include "karat/thread.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace karat::daemon {

/// While it lives, the process has `patience` to end; then what still runs is logged by name, and
/// the process ends with status 1.
class Deadline {
public:
    /// `running` is called on another thread, once at most; it may hang for a second.
    Deadline(std::chrono::milliseconds patience, std::function<std::vector<std::string>()> running);

private:
    Thread thread_; // its stop_token says that all went well
};

} // namespace karat::daemon
