// SPDX-License-Identifier: Apache-2.0
// The root of a snapshot: its facts and the table of its pages (FORMAT.md, "Manifest"). Pure.
#pragma once

#include "domain.hpp"

#include <optional>
#include <span>
#include <vector>

namespace karat::blocks {

/// A stored page and the 512 MiB of the volume that it maps.
struct PageRef {
    std::uint32_t index = 0;
    Hash hash;
    bool operator==(PageRef const&) const = default;
};

struct Manifest {
    Facts facts; // .key is the seal's
    std::uint64_t data_bytes = 0;
    std::vector<PageRef> pages = {}; // ascending
    std::optional<Seal> seal = {};
};

/// Fault::invalid when the facts cannot be kept: a bad name, a size that is none, too many words.
Result<void> check_facts(Facts const& facts);

Hash root_of(Manifest const& manifest);
Bytes encode_manifest(Manifest const& manifest);
/// What the seal's mac covers: all of the manifest, its pages by the root.
Bytes words_to_prove(Manifest const& manifest);
/// Fault::corrupt for anything but what encode_manifest writes.
Result<Manifest> decode_manifest(std::span<std::byte const> bytes);

/// The page that maps `index`; null when that part of the volume is a hole.
PageRef const* find_page(std::span<PageRef const> pages, std::uint32_t index);

/// Reads and checks the manifest of a snapshot. Fault::not_found if there is none.
Result<Manifest> read_manifest(Files& files, std::string const& directory, std::string const& name);

/// Names of the manifests in a directory, leftovers of unfinished ones left out.
Result<std::vector<std::string>> list_manifests(Files& files, std::string const& directory);

/// How many pages a volume has.
inline std::uint32_t page_count(std::uint64_t size_bytes)
{
    return static_cast<std::uint32_t>((size_bytes + kPageSpanBytes - 1) / kPageSpanBytes);
}

} // namespace karat::blocks
