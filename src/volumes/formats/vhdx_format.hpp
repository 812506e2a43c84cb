// SPDX-License-Identifier: Apache-2.0
// Every number of VHDX that this room uses, from Microsoft's [MS-VHDX] version 1. All integers are
// little-endian; places are bytes.
//
//   0          "vhdxfile", who made it in UTF-16
//   64 KiB     header, 4 KiB; 128 KiB its double. The one with the higher sequence number counts
//   192 KiB    region table, 64 KiB; 256 KiB its double: where the block table and metadata are
//   1 MiB…     log, metadata, block table, payload blocks; all at whole MiB
//
//   metadata   a table of items, then the items: block size, disk size, sector sizes
//   table      u64 an entry: state in bits 0 to 2, place in MiB in bits 20 to 63. After every
//              "chunk" of entries stands one of a sector bitmap, which only differences use
#pragma once

#include "fields.hpp"

#include <array>

namespace karat::volumes::vhdx {

inline constexpr std::string_view kFileSignature = "vhdxfile";
inline constexpr std::string_view kHeaderSignature = "head";
inline constexpr std::string_view kRegionSignature = "regi";
inline constexpr std::string_view kMetadataSignature = "metadata";

inline constexpr std::uint64_t kKiB = 1 << 10;
inline constexpr std::uint64_t kMiB = 1 << 20;
inline constexpr std::array<std::uint64_t, 2> kHeaderAt{64 * kKiB, 128 * kKiB};
inline constexpr std::array<std::uint64_t, 2> kRegionsAt{192 * kKiB, 256 * kKiB};
inline constexpr std::size_t kHeaderBytes = 4 * kKiB;
inline constexpr std::size_t kRegionsBytes = 64 * kKiB;
inline constexpr std::uint64_t kHeaderAreaBytes = kMiB;
inline constexpr std::size_t kChecksum = 4; ///< Of headers and region tables.
inline constexpr std::size_t kGuidBytes = 16;

/// Where the header's fields start.
namespace at {
inline constexpr std::size_t kSequence = 8;
inline constexpr std::size_t kFileWriteGuid = 16;
inline constexpr std::size_t kDataWriteGuid = 32;
inline constexpr std::size_t kLogGuid = 48; ///< Zeroes: the log is empty.
inline constexpr std::size_t kLogVersion = 64;
inline constexpr std::size_t kVersion = 66;
inline constexpr std::size_t kLogLength = 68;
inline constexpr std::size_t kLogOffset = 72;
} // namespace at

/// The log: entries of whole sectors, one after the other, round and round. An entry lists changes,
/// then has a sector for each that is not of zeroes.
inline constexpr std::uint64_t kLogSectorBytes = 4 * kKiB;
inline constexpr std::string_view kLogSignature = "loge";
inline constexpr std::string_view kZeroSignature = "zero";
inline constexpr std::string_view kDataSignature = "desc";
namespace entry {
inline constexpr std::size_t kLength = 8;
inline constexpr std::size_t kTail = 12; ///< Where the oldest entry is that still counts.
inline constexpr std::size_t kSequence = 16;
inline constexpr std::size_t kCount = 24;
inline constexpr std::size_t kGuid = 32;
inline constexpr std::size_t kFlushedSize = 48; ///< What the file has at least.
inline constexpr std::size_t kLastSize = 56;    ///< What it has after all changes.
inline constexpr std::size_t kFirst = 64;
inline constexpr std::size_t kDescriptorBytes = 32;
} // namespace entry
namespace change {
inline constexpr std::size_t kTrailing = 4; ///< The sector's last 4 bytes,
inline constexpr std::size_t kLeading = 8;  ///< and its first 8.
inline constexpr std::size_t kZeroLength = 8;
inline constexpr std::size_t kOffset = 16;
inline constexpr std::size_t kSequence = 24;
} // namespace change
namespace data {
inline constexpr std::string_view kSignature = "data";
inline constexpr std::size_t kSequenceHigh = 4;
inline constexpr std::size_t kData = 8;
inline constexpr std::size_t kSequenceLow = 4092;
} // namespace data

/// Region tables: u32 count at 8, entries of 32 bytes from 16 on.
namespace region {
inline constexpr std::size_t kCount = 8;
inline constexpr std::size_t kFirst = 16;
inline constexpr std::size_t kEntryBytes = 32;
inline constexpr std::size_t kOffset = 16; ///< In an entry, after its GUID.
inline constexpr std::size_t kLength = 24;
inline constexpr std::size_t kRequired = 28;
} // namespace region

/// The metadata table: u16 count at 10, entries of 32 bytes from 32 on.
namespace item {
inline constexpr std::size_t kCount = 10;
inline constexpr std::size_t kFirst = 32;
inline constexpr std::size_t kEntryBytes = 32;
inline constexpr std::size_t kOffset = 16; ///< In an entry; relative to the metadata region.
inline constexpr std::size_t kLength = 20;
inline constexpr std::size_t kFlags = 24;
inline constexpr std::uint32_t kVirtualDisk = 2;
inline constexpr std::uint32_t kRequired = 4;
} // namespace item

inline constexpr std::size_t kMaxEntries = 2047; ///< Of either table.
inline constexpr std::size_t kMetadataTableBytes = 64 * kKiB;
inline constexpr std::uint32_t kLeaveAllocated = 1; ///< File parameters: a fixed disk.
inline constexpr std::uint32_t kHasParent = 2;

/// GUIDs as they stand in the file.
using Guid = std::array<std::uint8_t, kGuidBytes>;
namespace guid {
inline constexpr Guid kBlockTable{0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                  0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
inline constexpr Guid kMetadata{0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
inline constexpr Guid kFileParameters{0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                      0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
inline constexpr Guid kDiskSize{0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8};
inline constexpr Guid kDiskId{0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45,
                              0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46};
inline constexpr Guid kLogicalSector{0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
                                     0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f};
inline constexpr Guid kPhysicalSector{0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44,
                                      0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56};
inline constexpr Guid kParentLocator{0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
                                     0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};
} // namespace guid

/// Entries of the block table.
inline constexpr std::uint64_t kStateBits = 7;
inline constexpr std::uint64_t kReservedBits = 0xffff8;
inline constexpr std::uint64_t kNotPresent = 0;
inline constexpr std::uint64_t kUndefined = 1;
inline constexpr std::uint64_t kZero = 2;
inline constexpr std::uint64_t kUnmapped = 3;
inline constexpr std::uint64_t kUnmappedOfDraft = 5; ///< As version 0.95 numbered it.
inline constexpr std::uint64_t kPresent = 6;
inline constexpr std::uint64_t kPartlyPresent = 7;

inline constexpr std::uint64_t kMinBlockBytes = 1 * kMiB;
inline constexpr std::uint64_t kMaxBlockBytes = 256 * kMiB;

/// How many payload entries stand between two sector bitmap entries.
constexpr std::uint64_t chunk_entries(std::uint64_t block_bytes, std::uint64_t sector_bytes)
{
    return (std::uint64_t{1} << 23) * sector_bytes / block_bytes;
}

} // namespace karat::volumes::vhdx
