// SPDX-License-Identifier: Apache-2.0
// Waiting for a task of the daemon.
#pragma once

#include "printing.hpp"

namespace karat::cli {

/// Waits for the task that `started` names, and shows its progress to a person; waits on while the
/// daemon is restarted. With `cancel`, that verb ends the task when the person presses Ctrl-C;
/// without, it goes on in the daemon.
Result<void> wait_for(Options const& options, Json const& started, char const* cancel);

} // namespace karat::cli
