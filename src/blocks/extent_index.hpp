// SPDX-License-Identifier: Apache-2.0
// Where each record lies: hash -> place, in about 55 bytes of memory a record. A chunked array of
// entries that never move, and an open-addressed table of their ids. Not locked: Packs does that.
#pragma once

#include "pack_format.hpp"

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace karat::blocks {

/// The place of a record.
struct Location {
    std::uint32_t pack = 0;
    std::uint32_t offset = 0;
    std::uint32_t stored_bytes = 0;
    std::uint32_t raw_blocks = 0; ///< Of an extent; 0 for a page.
    Kind kind = Kind::extent;
};

/// Counts up with each collection; an entry remembers when an ingest last wrote or found it.
using Epoch = std::uint32_t;

class ExtentIndex {
public:
    using Id = std::uint32_t;
    static constexpr Id kNone = 0xffffffffU;

    struct Entry {
        Hash hash;
        std::uint32_t pack = 0; // 0: this entry is free
        std::uint32_t offset = 0;
        std::uint32_t stored_and_kind = 0;
        std::uint32_t blocks_and_epoch = 0;

        Location location() const;
        void set_location(Location const& location);
        Epoch epoch() const { return blocks_and_epoch & 0xffffff; }
        void set_epoch(Epoch epoch);
    };

    /// `seed` makes the table's order unguessable: hashes can be chosen by whoever stores data.
    explicit ExtentIndex(std::uint64_t seed);

    Id find(Hash const& hash) const;
    /// The hash must not be there.
    Id insert(Hash const& hash, Location const& location, Epoch epoch);
    void erase(Id id);
    Entry& at(Id id) { return (*chunks_[id / kChunk])[id % kChunk]; }
    Entry const& at(Id id) const { return (*chunks_[id / kChunk])[id % kChunk]; }
    /// Ids are below this; free entries (pack 0) among them.
    Id id_limit() const { return used_; }
    std::uint64_t count() const { return count_; }

private:
    static constexpr Id kChunk = 16384;
    std::size_t home(Hash const& hash) const;
    std::size_t slot_of(Hash const& hash) const;
    void grow();

    std::uint64_t seed_;
    std::vector<std::unique_ptr<std::array<Entry, kChunk>>> chunks_;
    std::vector<Id> slots_; // an id, or kNone; its size is a power of two
    std::vector<Id> free_;
    Id used_ = 0;
    std::uint64_t count_ = 0;
};

} // namespace karat::blocks
