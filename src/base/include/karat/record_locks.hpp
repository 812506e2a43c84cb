// SPDX-License-Identifier: Apache-2.0
// Record locks (fcntl), by which QEMU says that it uses a disk's file.
#pragma once

#include "karat/result.hpp"

#include <string>

namespace karat {

/// Whether another process holds record locks on a file of the operating system, as QEMU does on
/// each disk that it has open. False also if it is absent.
Result<bool> locked_by_others(std::string const& path);

} // namespace karat
