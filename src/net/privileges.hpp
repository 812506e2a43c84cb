// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "karat/result.hpp"

namespace karat::net {

/// Gives up what a process that reads a hostile guest's frames does not need: all capabilities but
/// the one to bind ports below 1024, gaining any by exec, core dumps, large files, many
/// descriptors. Cannot be undone.
Result<void> drop_privileges();

} // namespace karat::net
