// SPDX-License-Identifier: Apache-2.0
// A root directory with nothing in it but what a process needs.
#pragma once

#include "launch.hpp"

namespace karat::confine {

/// Leaves the namespaces of the caller as the launch says, and makes `visible` and `links` the only
/// names there are. Descriptors that are open stay usable.
Result<void> enter_namespaces(Launch const& launch);

} // namespace karat::confine
