// SPDX-License-Identifier: Apache-2.0
// What the daemon keeps of root's privileges.
#pragma once

#include "karat/result.hpp"

namespace karat::confine {

/// Gives up, for good and for every process started later, what neither the daemon nor
/// karat-confine needs: loading modules, raw devices, the clock, the network's configuration, …;
/// and lets no program gain privileges. Before any thread is started. Does little without root.
Result<void> drop_daemon_capabilities();

} // namespace karat::confine
