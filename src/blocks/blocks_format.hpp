// SPDX-License-Identifier: Apache-2.0
// The numbers of FORMAT.md: the only place where they are written in code.
#pragma once

#include "karat/staged.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace karat::blocks {

inline constexpr std::string_view kStoreText = "karat block store, format 1\n";
inline constexpr std::string_view kSealedStoreText = "karat block store, format 2\n";
inline constexpr std::string_view kPackMagic = "KARATPK1";
inline constexpr std::string_view kTrailerMagic = "KARATPE1";
inline constexpr std::string_view kRecordMagic = "KREC";
inline constexpr std::string_view kManifestMagic = "KARATMF1";
inline constexpr std::string_view kCondemnedMagic = "KARATCD1";
inline constexpr std::string_view kStagedMagic = "KARATST1";
inline constexpr std::string_view kStagedRecordMagic = "KSTG";
inline constexpr std::string_view kRootText = "karat root 1\n";
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kSealedManifestVersion = 2;

inline constexpr std::size_t kHashBytes = 32;
inline constexpr std::size_t kPackHeaderBytes = 32;
inline constexpr std::size_t kRecordHeaderBytes = 64;
inline constexpr std::size_t kFooterEntryBytes = 44;
inline constexpr std::size_t kDomainBytes = 8;
inline constexpr std::size_t kSealBytes = kDomainBytes + 12 + 16; // domain, nonce, tag
inline constexpr std::size_t kTrailerBytes = 32;

inline constexpr std::uint32_t kCutEvery = 16; // blocks in an extent, on average
inline constexpr std::uint32_t kMaxExtentBlocks = 128;
inline constexpr std::uint32_t kMaxExtentBytes = kMaxExtentBlocks * kBlockBytes;

inline constexpr std::uint32_t kPageBlocks = 131072; // 512 MiB of volume
inline constexpr std::uint64_t kPageSpanBytes = std::uint64_t{kPageBlocks} * kBlockBytes;
inline constexpr std::size_t kSliceBytes = 38;
inline constexpr std::uint32_t kMaxPageBytes = 4 + kPageBlocks * kSliceBytes;

inline constexpr std::uint64_t kMaxVolumeBytes = std::uint64_t{64} << 40;
inline constexpr std::uint64_t kMaxPages = kMaxVolumeBytes / kPageSpanBytes;
inline constexpr std::size_t kManifestHeaderBytes = 72;
inline constexpr std::size_t kPageRefBytes = 36;
inline constexpr std::size_t kMaxFactsBytes = 1 << 20;
inline constexpr std::size_t kMaxSealBytes = 4096; // of a manifest
inline constexpr std::size_t kMaxManifestBytes =
    kManifestHeaderBytes + kMaxFactsBytes + kMaxSealBytes + kMaxPages * kPageRefBytes + kHashBytes;
inline constexpr std::size_t kMaxNameBytes = 128;

inline constexpr std::uint32_t kUnitBlocks = kStagedUnitBytes / kBlockBytes;
inline constexpr std::uint32_t kPageUnits = kPageBlocks / kUnitBlocks;
inline constexpr std::size_t kStagedHeadBytes = 16;   // before the manifest
inline constexpr std::size_t kStagedRecordBytes = 64; // before the extents
inline constexpr std::size_t kStagedExtentBytes = 34;
inline constexpr std::size_t kMaxStagedRecordBytes =
    kStagedRecordBytes + kUnitBlocks * kStagedExtentBytes;

inline constexpr std::size_t kCondemnedHeadBytes = 32;
inline constexpr std::size_t kMaxCondemnedBytes = std::size_t{1} << 30; // 134 million records

/// Offsets in a pack are 32 bits in the index; a pack that recovery finds larger is refused.
inline constexpr std::uint64_t kMaxPackBytes = std::uint64_t{1} << 31;

/// What a record holds.
enum class Kind : unsigned char { extent = 1, page = 2 };
enum class Codec : unsigned char { raw = 0, zstd = 1 };
enum class Sealing : unsigned char { none = 0, gcm = 1 };

std::string store_path(std::string const& directory);
std::string lock_path(std::string const& directory);
std::string packs_path(std::string const& directory);
std::string manifests_path(std::string const& directory);
std::string staged_path(std::string const& directory);
std::string staged_path(std::string const& directory, std::string_view name);
std::string condemned_path(std::string const& directory);
std::string alarm_path(std::string const& directory);
std::string scrub_path(std::string const& directory);
std::string pack_path(std::string const& directory, std::uint32_t number);
std::string manifest_path(std::string const& directory, std::string_view name);
inline constexpr std::string_view kTemporarySuffix = ".new";

/// The number of a pack file's name; nothing for a name that is not a pack's.
std::optional<std::uint32_t> parse_pack_name(std::string_view name);
/// Whether a snapshot may be called so: a file name that cannot reach elsewhere.
bool good_name(std::string_view name);

} // namespace karat::blocks
