// SPDX-License-Identifier: Apache-2.0
// The bytes of a staged snapshot's file (FORMAT.md, "Staged"): head and records. Pure: no I/O.
#pragma once

#include "manifest.hpp"
#include "page.hpp"

#include <functional>

namespace karat::blocks {

/// A unit that came. The slices are as in a page, but start within the unit.
struct StagedRecord {
    std::uint32_t index = 0;
    Time when = {};
    Hash sum = {};
    std::vector<Slice> slices = {};
};

Bytes encode_staged_head(Manifest const& start);
/// How long the head is by its first bytes; Fault::corrupt when they are none.
Result<std::size_t> staged_head_bytes(std::span<std::byte const> first);
/// Fault::corrupt for anything but what encode_staged_head writes.
Result<Manifest> decode_staged_head(std::span<std::byte const> bytes);

/// `offset` is the record's in the file: its checksum is tied to the place.
Bytes encode_staged_record(StagedRecord const& record, std::uint64_t offset);
/// Nothing when the bytes do not begin with a whole record of that place. `size` gets its length.
std::optional<StagedRecord> decode_staged_record(std::span<std::byte const> bytes,
                                                 std::uint64_t offset, std::size_t& size);

/// A stretch of the file's records.
struct StagedWindow {
    std::span<std::byte const> bytes;
    std::uint64_t offset = 0; ///< Of its first byte in the file.
    bool is_last = false;     ///< Nothing follows in the file.
};
/// Calls each(record, its offset, its length) for every record that lies whole in the window,
/// passing over what is none. Answers how many bytes are done with: the rest may begin a record
/// whose end is not in the window; nothing is left of the last one.
using EachStaged = std::function<void(StagedRecord const&, std::uint64_t offset, std::size_t size)>;
std::size_t scan_staged(StagedWindow const& window, EachStaged const& each);

} // namespace karat::blocks
