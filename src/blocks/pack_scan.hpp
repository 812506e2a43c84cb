// SPDX-License-Identifier: Apache-2.0
// What a pack file holds: by its footer when it is closed, by looking at its records when not.
#pragma once

#include "pack_format.hpp"

#include <optional>
#include <vector>

namespace karat::blocks {

/// How much of a record a scan wants to see before it lists it.
enum class Depth : unsigned char {
    headers,  ///< For readers beside a writer: contents are verified when they are fetched.
    payloads, ///< For recovery: only whole records whose stored bytes match their checksum.
};

struct PackFile {
    std::uint32_t number = 0;
    File& file;
};

/// The footer of a closed pack; nothing if the pack is open, torn or damaged there.
Result<std::optional<std::vector<FooterEntry>>> read_footer(PackFile pack);

struct Scan {
    std::vector<FooterEntry> entries;
    std::uint64_t end = kPackHeaderBytes; ///< Behind the last record listed.
};
/// Looks for records from `from` on. With Depth::payloads it goes on behind damage; with
/// Depth::headers it stops at the first place that holds no record (yet).
Result<Scan> scan_records(PackFile pack, std::uint64_t from, Depth depth);

/// Rewrites an unclosed pack as a closed one with the records of `scan`, at the same offsets.
/// A crash leaves the old file or the new.
Result<void> close_found_pack(Files& files, std::string const& directory, PackFile pack,
                              Scan const& scan);

} // namespace karat::blocks
