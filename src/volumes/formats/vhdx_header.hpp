// SPDX-License-Identifier: Apache-2.0
// The checked headers, region table and metadata of a VHDX file.
#pragma once

#include "complaints.hpp"
#include "formats/vhdx_format.hpp"

#include <vector>

namespace karat::volumes::vhdx {

struct Header {
    std::uint64_t size_bytes = 0;
    std::uint64_t block_bytes = 0;
    std::uint64_t sector_bytes = 0;
    Range table = {};            ///< As many entries as the disk needs.
    std::vector<Range> reserved; ///< Where no block may lie: headers, log and regions.

    std::uint64_t chunk() const { return chunk_entries(block_bytes, sector_bytes); }
};

/// Where the log is, and the entries of which GUID count; zeroes: none.
struct LogPlace {
    Range range = {};
    Guid guid = {};
};
Result<LogPlace> find_log(File& file, Complaints const& complaints);

Guid guid_at(std::span<std::byte const> bytes, std::size_t at);
/// Whether a structure begins as it should and its checksum holds.
bool is_sound(Bytes const& bytes, std::string_view signature);

/// Reads and checks all of them, each with its checksum where it has one.
Result<Header> read_header(File& file, Complaints const& complaints);

} // namespace karat::volumes::vhdx
