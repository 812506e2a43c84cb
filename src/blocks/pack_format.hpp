// SPDX-License-Identifier: Apache-2.0
// The bytes of a pack (FORMAT.md, "Pack"): header, record header, footer. Pure: no I/O.
#pragma once

#include "blocks_format.hpp"

#include <optional>
#include <span>
#include <vector>

namespace karat::blocks {

/// The head of a record, as it stands before its stored bytes.
struct RecordHeader {
    Kind kind = Kind::extent;
    Codec codec = Codec::raw;
    Sealing sealing = Sealing::none;
    std::uint32_t raw_bytes = 0;
    std::uint32_t stored_bytes = 0;
    Hash hash;
    std::uint64_t payload_sum = 0;
};

/// Where a record lies in its pack, as the footer lists it.
struct FooterEntry {
    Hash hash;
    std::uint32_t offset = 0;
    std::uint32_t stored_bytes = 0;
    std::uint32_t raw_bytes = 0;
    Kind kind = Kind::extent;
    std::uint64_t end() const { return offset + kRecordHeaderBytes + stored_bytes; }
};

std::uint64_t checksum(std::span<std::byte const> bytes, std::uint64_t seed = 0);

void put_pack_header(Bytes& out, std::uint32_t number);
bool good_pack_header(std::span<std::byte const> bytes, std::uint32_t number);

/// Where a record stands: its checksum is tied to the place.
struct Place {
    std::uint32_t pack = 0;
    std::uint32_t offset = 0;
};
void put_record_header(Bytes& out, RecordHeader const& header, Place place);
/// Nothing when the bytes are not the header of a record at that place, or its lengths are absurd.
std::optional<RecordHeader> parse_record_header(std::span<std::byte const> bytes, Place place);

void put_footer(Bytes& out, std::uint32_t number, std::uint64_t footer_offset,
                std::span<FooterEntry const> entries);

struct Trailer {
    std::uint32_t count = 0;
    std::uint64_t footer_offset = 0;
    std::uint64_t sum = 0;
};
/// Nothing when the bytes do not end a closed pack of that number and file size.
std::optional<Trailer> parse_trailer(std::span<std::byte const> bytes, std::uint32_t number,
                                     std::uint64_t file_bytes);
/// `footer` is everything from the footer's offset to the end of the file.
Result<std::vector<FooterEntry>> parse_footer(std::span<std::byte const> footer,
                                              Trailer const& trailer);

} // namespace karat::blocks
