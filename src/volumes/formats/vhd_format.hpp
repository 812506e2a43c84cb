// SPDX-License-Identifier: Apache-2.0
// Every number of VHD that this room uses, from Microsoft's "Virtual Hard Disk Image Format
// Specification" 1.0. All integers are big-endian; places of blocks count sectors of 512 bytes.
//
//   fixed    the disk's bytes, then the footer
//   dynamic  a copy of the footer, the dynamic header, the block table, blocks, the footer
//   block    a bitmap, a bit a sector from the highest on (1: stored here), in whole sectors; data
#pragma once

#include "fields.hpp"

namespace karat::volumes::vhd {

inline constexpr std::string_view kFooterCookie = "conectix";
inline constexpr std::string_view kDynamicCookie = "cxsparse";
inline constexpr std::uint64_t kSectorBytes = 512;
inline constexpr std::size_t kFooterBytes = 512;
inline constexpr std::size_t kDynamicBytes = 1024;

/// Where the footer's fields start.
namespace at {
inline constexpr std::size_t kFeatures = 8;
inline constexpr std::size_t kVersion = 12;
inline constexpr std::size_t kDynamic = 16; ///< Place of the dynamic header.
inline constexpr std::size_t kTime = 24;    ///< Seconds since 2000-01-01.
inline constexpr std::size_t kCreator = 28;
inline constexpr std::size_t kCreatorVersion = 32;
inline constexpr std::size_t kCreatorHost = 36;
inline constexpr std::size_t kOriginalSize = 40;
inline constexpr std::size_t kSize = 48;
inline constexpr std::size_t kCylinders = 56;
inline constexpr std::size_t kHeads = 58;
inline constexpr std::size_t kSectors = 59;
inline constexpr std::size_t kType = 60;
inline constexpr std::size_t kChecksum = 64;
inline constexpr std::size_t kUuid = 68;
} // namespace at

/// Where the dynamic header's fields start.
namespace dynamic {
inline constexpr std::size_t kNext = 8;
inline constexpr std::size_t kTable = 16;
inline constexpr std::size_t kVersion = 24;
inline constexpr std::size_t kEntries = 28;
inline constexpr std::size_t kBlockBytes = 32;
inline constexpr std::size_t kChecksum = 36;
} // namespace dynamic

inline constexpr std::uint32_t kVersion1 = 0x00010000;
inline constexpr std::uint32_t kReservedFeature = 2; ///< Always set.
inline constexpr std::uint32_t kFixed = 2;
inline constexpr std::uint32_t kDynamic = 3;
inline constexpr std::uint32_t kDifferencing = 4;
inline constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
inline constexpr std::uint32_t kUnused = ~std::uint32_t{0}; ///< An entry without a block.

/// What the format can address, as every reader of it has agreed.
inline constexpr std::uint64_t kMaxSizeBytes = std::uint64_t{2040} << 30;
/// The bounds of this room, not of the format.
inline constexpr std::uint32_t kMinBlockBytes = 4096;
inline constexpr std::uint32_t kMaxBlockBytes = 256 << 20;
inline constexpr std::uint64_t kMaxTableBytes = 16 << 20;

/// A bitmap takes whole sectors.
constexpr std::uint64_t bitmap_bytes(std::uint64_t block_bytes)
{
    auto const bytes = block_bytes / kSectorBytes / 8;
    return (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
}

/// The ones' complement of the sum of all bytes but the checksum's own.
inline std::uint32_t checksum(std::span<std::byte const> bytes, std::size_t own)
{
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (i < own || i >= own + sizeof(sum))
            sum += std::to_integer<std::uint32_t>(bytes[i]);
    return ~sum;
}

} // namespace karat::volumes::vhd
