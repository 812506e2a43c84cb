// SPDX-License-Identifier: Apache-2.0
// Where extents begin and end (FORMAT.md, "Extent"). Pure.
#pragma once

#include "blocks_format.hpp"

#include <span>

namespace karat::blocks {

/// Whether the block (kBlockBytes) is all zeroes.
bool is_zero_block(std::span<std::byte const> block);
/// Whether an extent ends behind this block, by its contents.
bool cuts_after(std::span<std::byte const> block);

} // namespace karat::blocks
