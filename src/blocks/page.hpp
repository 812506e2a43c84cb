// SPDX-License-Identifier: Apache-2.0
// The map of 512 MiB of volume: slices of extents in ascending order (FORMAT.md, "Page"). Pure.
#pragma once

#include "blocks_format.hpp"

#include <deque>
#include <span>
#include <vector>

namespace karat::blocks {

/// Blocks [start, start + blocks) of the page are blocks [skip, skip + blocks) of an extent.
struct Slice {
    std::uint32_t start = 0;
    std::uint16_t blocks = 0;
    std::uint16_t skip = 0;
    Hash hash = {};
    std::uint32_t end() const { return start + blocks; }
};

using Page = std::vector<Slice>;

/// A stretch of blocks in a page.
struct BlockRange {
    std::uint32_t start = 0;
    std::uint32_t end = 0;
};

Bytes encode_page(std::span<Slice const> slices);
/// Fault::corrupt for anything that encode_page would not write.
Result<Page> decode_page(std::span<std::byte const> bytes);

/// The first slice that ends behind `block`.
Page::const_iterator first_behind(Page const& page, std::uint32_t block);

/// `base` with the `changed` stretches (ascending, apart) replaced by the `fresh` slices, which
/// lie within them. What remains of a base slice that is only partly overwritten stays a slice.
Page overlay(Page const& base, std::span<BlockRange const> changed, std::deque<Slice> const& fresh);

} // namespace karat::blocks
