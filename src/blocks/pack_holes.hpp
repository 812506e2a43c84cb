// SPDX-License-Identifier: Apache-2.0
// Gives back the room of records that nobody needs, in a pack that stays (FORMAT.md, "Holes"):
// needs no room itself, so a full disk can be collected.
#pragma once

#include "health.hpp"
#include "pack_scan.hpp"

namespace karat::blocks {

/// What stays of a pack, by offset, without overlap.
struct Kept {
    std::uint32_t offset = 0;
    std::uint64_t end = 0;
};

/// Rewrites the footer, if there is one, so that it vouches for no other record; then frees all
/// but what is kept. Returns how many bytes of the file system that were. A crash at any point
/// leaves a pack that can be read. `pack.file` is open for writing, and nobody else writes it.
Result<std::uint64_t> free_between(PackFile pack, std::span<Kept const> kept, Health& health);

} // namespace karat::blocks
