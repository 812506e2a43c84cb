// SPDX-License-Identifier: Apache-2.0
// Makes the empty qcow2 overlays that QEMU writes into.
#pragma once

#include "karat/env.hpp"

namespace karat::volumes {

/// Makes an empty overlay at `path`, durable with its name; a crash leaves all of it or nothing.
/// Replaces whatever an interrupted call left. Fault::invalid for a size that is zero, over
/// 64 TiB or not a multiple of 4096.
Result<void> make_overlay(Files& files, std::string const& path, std::uint64_t size_bytes);

/// The name under which an overlay is made before it gets its own.
std::string unfinished_name(std::string const& path);

} // namespace karat::volumes
