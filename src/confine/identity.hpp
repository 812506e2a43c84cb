// SPDX-License-Identifier: Apache-2.0
// Who a process is, and which of root's privileges it has.
#pragma once

#include "launch.hpp"

namespace karat::confine {

/// Becomes the launch's user with its groups, without capabilities but the one to bind low ports
/// where that is wanted, never to gain any.
Result<void> become(Launch const& launch);

} // namespace karat::confine
