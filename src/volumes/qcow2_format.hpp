// SPDX-License-Identifier: Apache-2.0
// Every number of the qcow2 format (versions 2 and 3) that this room uses, from QEMU's
// docs/interop/qcow2.txt. All integers are big-endian.
//
//   header     cluster 0; version 2 ends at byte 72, version 3 at header_length
//   extensions after the header: type u32, length u32, data padded to 8 bytes; type 0 ends them
//   L1 table   u64 an entry, each the place of one L2 table
//   L2 table   one cluster; u64 an entry, or u64 + subcluster bitmap u64 with extended entries
#pragma once

#include "fields.hpp"

#include <array>

namespace karat::volumes::qcow2 {

inline constexpr std::uint32_t kMagic = 0x514649fb; // "QFI\xfb"

/// Where the header's fields start.
namespace at {
inline constexpr std::size_t kMagic = 0;
inline constexpr std::size_t kVersion = 4;
inline constexpr std::size_t kBackingOffset = 8;
inline constexpr std::size_t kBackingLength = 16;
inline constexpr std::size_t kClusterBits = 20;
inline constexpr std::size_t kSize = 24;
inline constexpr std::size_t kEncryption = 32;
inline constexpr std::size_t kL1Entries = 36;
inline constexpr std::size_t kL1Offset = 40;
inline constexpr std::size_t kRefcountOffset = 48;
inline constexpr std::size_t kRefcountClusters = 56;
inline constexpr std::size_t kIncompatible = 72;
inline constexpr std::size_t kRefcountOrder = 96;
inline constexpr std::size_t kHeaderLength = 100;
inline constexpr std::size_t kCompression = 104;
} // namespace at

inline constexpr std::size_t kHeaderBytes2 = 72;  ///< Of version 2.
inline constexpr std::size_t kHeaderBytes3 = 104; ///< Of version 3, at least.
inline constexpr std::size_t kHeaderBytesNew = 112;

inline constexpr std::uint64_t kDirty = 1 << 0;   ///< Reference counts may be stale.
inline constexpr std::uint64_t kCorrupt = 1 << 1; ///< QEMU found the file damaged.
inline constexpr std::uint64_t kDataFile = 1 << 2;
inline constexpr std::uint64_t kCompressionType = 1 << 3;
inline constexpr std::uint64_t kExtendedL2 = 1 << 4;
inline constexpr std::uint64_t kKnownIncompatible =
    kDirty | kCorrupt | kDataFile | kCompressionType | kExtendedL2;

inline constexpr std::uint8_t kZlib = 0;
inline constexpr std::uint8_t kZstd = 1;

inline constexpr std::uint32_t kExtensionEnd = 0;
inline constexpr std::uint32_t kExtensionDataFile = 0x44415441;
inline constexpr std::uint32_t kExtensionEncryption = 0x0537be77;
inline constexpr std::uint32_t kExtensionFeatures = 0x6803f857; ///< u8 kind, u8 bit, name; each
inline constexpr std::size_t kFeatureBytes = 48;                ///< of so many bytes.
inline constexpr std::uint32_t kAes = 1;                        ///< Methods of encryption.
inline constexpr std::size_t kExtensionHeadBytes = 8;

inline constexpr std::uint32_t kMinClusterBits = 9;
inline constexpr std::uint32_t kMinClusterBitsExtended = 14;
inline constexpr std::uint32_t kMaxClusterBits = 21;
inline constexpr std::uint32_t kMaxRefcountOrder = 6;
inline constexpr std::uint64_t kMaxRefcountTableBytes = 8 << 20;

inline constexpr std::uint64_t kSectorBytes = 512;
inline constexpr std::uint64_t kOffsetBits = 0x00fffffffffffe00; ///< Bits 9 to 55 of an entry.
inline constexpr std::uint64_t kCopied = std::uint64_t{1} << 63; ///< Reference count is one.
inline constexpr std::uint64_t kCompressed = std::uint64_t{1} << 62;
inline constexpr std::uint64_t kZeroFlag = 1; ///< Of a standard entry of version 3.
inline constexpr std::uint64_t kMaxHostOffset = std::uint64_t{1} << 56;
inline constexpr std::uint32_t kSubclusters = 32;

/// The bounds of this room, not of the format.
inline constexpr std::uint64_t kMaxL1Bytes = 8 << 20; ///< 64 TiB at any usual cluster size.
inline constexpr std::size_t kMaxHeaderAreaBytes = 64 << 10;

/// What an overlay of Karat looks like: 4 KiB subclusters, so that a small write costs 4 KiB.
inline constexpr std::uint32_t kOverlayClusterBits = 17;
inline constexpr std::uint32_t kOverlayRefcountOrder = 4; // sixteen bits

} // namespace karat::volumes::qcow2
