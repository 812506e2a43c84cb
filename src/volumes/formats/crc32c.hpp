// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720), which VHDX checks its headers with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace karat::volumes {

/// Of one stretch of bytes, or of several: give the last answer as `before`.
std::uint32_t crc32c(std::span<std::byte const> bytes, std::uint32_t before = 0);

} // namespace karat::volumes
