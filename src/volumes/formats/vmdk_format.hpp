// SPDX-License-Identifier: Apache-2.0
// Every number of VMDK's sparse extents that this room uses, from VMware's "Virtual Disk Format
// 5.0" as QEMU reads it. All integers are little-endian; places and lengths count sectors of 512
// bytes.
//
//   header      sector 0; a stream has a second one, the footer, in the last but one sector
//   descriptor  text that names the disk's parts: here exactly one, this file
//   directory   u32 an entry, each the place of one grain table
//   table       512 entries of u32, each the place of one grain; 0 nothing, 1 zeroes (if so
//   flagged) marker      before each part of a stream: u64, u32 size, u32 type. With a size it is a
//   packed
//               grain: u64 its first sector in the disk, u32 its bytes, zlib data, padding
#pragma once

#include "fields.hpp"

namespace karat::volumes::vmdk {

inline constexpr std::uint32_t kMagic = 0x564d444b;     // "KDMV"
inline constexpr std::uint32_t kCowdMagic = 0x44574f43; // "COWD", an older format

/// Where the header's fields start.
namespace at {
inline constexpr std::size_t kMagic = 0;
inline constexpr std::size_t kVersion = 4;
inline constexpr std::size_t kFlags = 8;
inline constexpr std::size_t kCapacity = 12;
inline constexpr std::size_t kGrain = 20;
inline constexpr std::size_t kDescriptor = 28;
inline constexpr std::size_t kDescriptorSectors = 36;
inline constexpr std::size_t kTableEntries = 44;
inline constexpr std::size_t kSpareDirectory = 48;
inline constexpr std::size_t kDirectory = 56;
inline constexpr std::size_t kOverhead = 64;
inline constexpr std::size_t kUnclean = 72;
inline constexpr std::size_t kNewlines = 73;
inline constexpr std::size_t kCompression = 77;
} // namespace at

/// Where a marker's fields start.
namespace marker {
inline constexpr std::size_t kValue = 0; ///< Sectors that follow; of a grain its first sector.
inline constexpr std::size_t kSize = 8;
inline constexpr std::size_t kType = 12;
inline constexpr std::size_t kGrainHeadBytes = 12; ///< Then data.
inline constexpr std::uint32_t kEndOfStream = 0;
inline constexpr std::uint32_t kTable = 1;
inline constexpr std::uint32_t kDirectory = 2;
inline constexpr std::uint32_t kFooter = 3;
} // namespace marker

inline constexpr std::uint64_t kSectorBytes = 512;
inline constexpr std::uint32_t kNewlineTest = 1 << 0;
inline constexpr std::uint32_t kSpareTables = 1 << 1; ///< There is a second directory.
inline constexpr std::uint32_t kZeroGrains = 1 << 2;
inline constexpr std::uint32_t kPacked = 1 << 16;
inline constexpr std::uint32_t kMarkers = 1 << 17;
inline constexpr std::uint32_t kKnownFlags =
    kNewlineTest | kSpareTables | kZeroGrains | kPacked | kMarkers;
inline constexpr std::string_view kNewlines = "\n \r\n"; ///< Broken by a transfer as text.
inline constexpr std::uint16_t kDeflate = 1;
inline constexpr std::uint64_t kDirectoryAtEnd = ~std::uint64_t{0};
inline constexpr std::uint32_t kTableEntries = 512;
inline constexpr std::uint64_t kTableBytes = kTableEntries * sizeof(std::uint32_t);
inline constexpr std::uint32_t kZeroGrain = 1;

/// The bounds of this room, not of the format.
inline constexpr std::uint64_t kMinGrainSectors = 8;    // 4 KiB
inline constexpr std::uint64_t kMaxGrainSectors = 4096; // 2 MiB
inline constexpr std::uint64_t kMaxDirectoryBytes = 8 << 20;
inline constexpr std::uint64_t kMaxDescriptorBytes = (1 << 20) - 1;
inline constexpr std::uint64_t kMaxPackedSlack = 64 << 10; ///< Beyond a grain's own size.

} // namespace karat::volumes::vmdk
