// SPDX-License-Identifier: Apache-2.0
// Stores extents and pages that are not in the packs yet: look up, compress, seal, append.
#pragma once

#include "pack_writer.hpp"
#include "registry.hpp"

namespace karat::blocks {

/// Bytes to be stored under their name.
struct NewRecord {
    Kind kind = Kind::extent;
    Hash hash; ///< Bench::name() of `raw`.
    std::span<std::byte const> raw;
    Domain const* domain = nullptr; ///< Of an extent: sealed in it, or not sealed.
    IfKnown if_known = IfKnown::lean_on_it;
};

/// Thread-safe. What it works with outlives it.
class RecordStore {
public:
    RecordStore(Chance& chance, Packs& packs, PackWriter& writer, Registry& registry)
        : chance_(chance)
        , packs_(packs)
        , writer_(writer)
        , registry_(registry)
    {
    }

    struct Stored {
        PackWriter::Appended appended = PackWriter::Appended::known;
        std::uint64_t bytes = 0; ///< Taken in the pack; none of what was known.
    };
    Result<Stored> store(Bench& bench, NewRecord const& fresh);

private:
    void seal(Bench& bench, Record& record, Domain const& domain);

    Chance& chance_;
    Packs& packs_;
    PackWriter& writer_;
    Registry& registry_;
};

} // namespace karat::blocks
