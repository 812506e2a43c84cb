// SPDX-License-Identifier: Apache-2.0
// The files of the host cache (FORMAT.md): names and layouts. Pure; readers are for bytes that may
// be torn, rotten or hostile.
#pragma once

#include "karat/env.hpp"
#include "karat/hash.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace karat::blk {

static_assert(std::endian::native == std::endian::little, "words on disk are copied as they are");

inline constexpr std::size_t kHeaderBytes = 96;
inline constexpr std::size_t kRecordBytes = 32;
inline constexpr std::uint64_t kMaxPieceBytes = 512 << 10;
inline constexpr std::uint64_t kMaxVolumeBytes = std::uint64_t{64} << 40;
inline constexpr std::size_t kMaxTracePieces = 65536;
inline constexpr std::size_t kTraceHeadBytes = 56;
inline constexpr std::size_t kMaxTraceBytes = kTraceHeadBytes + 8 * kMaxTracePieces + 8;

inline constexpr std::string_view kPartSuffix = ".part";
inline constexpr std::string_view kWholeSuffix = ".raw";
inline constexpr std::string_view kFilledSuffix = ".filled";
inline constexpr std::string_view kTraceSuffix = ".trace";
inline constexpr std::string_view kLockName = "lock";

/// Names a boot of the host: what was written before it and not synced may be lost.
using BootId = std::array<std::byte, 16>;
/// From the text that Linux has in /proc/sys/kernel/random/boot_id.
BootId boot_id_of(std::string_view text);

/// What a cache file is a copy of.
struct Header {
    Hash root;
    std::uint64_t size_bytes = 0;
    std::uint64_t full_bytes = 0; ///< Of data.
    BootId boot = {};
    bool operator==(Header const&) const = default;
};

struct Record {
    Range range;
    std::uint64_t total_bytes = 0; ///< Filled so far.
};

using HeaderBytes = std::array<std::byte, kHeaderBytes>;
using RecordBytes = std::array<std::byte, kRecordBytes>;

HeaderBytes encode_header(Header const& header);
/// Nothing when the bytes are no header.
std::optional<Header> decode_header(std::span<std::byte const> bytes);
Result<std::optional<Header>> read_header(File& file);

RecordBytes encode_record(Record const& record, std::uint64_t number);
/// Nothing when the bytes are no record of this file at this place.
std::optional<Record> decode_record(std::span<std::byte const> bytes, std::uint64_t number,
                                    Header const& header);

/// Offsets of pieces in the order in which a guest first read them.
using Trace = std::vector<std::uint64_t>;
Bytes encode_trace(Hash const& root, Trace const& trace);
/// Nothing when the bytes are no trace of that snapshot.
std::optional<Trace> decode_trace(std::span<std::byte const> bytes, Hash const& root);

} // namespace karat::blk
