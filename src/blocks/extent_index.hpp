// SPDX-License-Identifier: Apache-2.0
// Where each record lies: hash -> place, in 53 to 55 bytes of memory a record. A chunked array of
// entries that never move, and an open-addressed table of their ids that grows by a quarter when it
// is thirteen sixteenths full. Not locked: Packs does that.
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
    /// What it takes in memory.
    std::uint64_t memory_bytes() const;
    /// Ids are below this; free entries (pack 0) among them.
    Id id_limit() const { return used_; }
    std::uint64_t count() const { return count_; }

private:
    static constexpr Id kChunk = 1024;
    std::size_t home(Hash const& hash) const;
    std::size_t slot_of(Hash const& hash) const;
    std::size_t after(std::size_t slot) const { return slot + 1 == slots_.size() ? 0 : slot + 1; }
    /// How many steps behind `from` a slot lies.
    std::size_t steps(std::size_t from, std::size_t to) const
    {
        return to >= from ? to - from : to + slots_.size() - from;
    }
    void grow();

    std::uint64_t seed_;
    std::vector<std::unique_ptr<std::array<Entry, kChunk>>> chunks_;
    std::vector<Id> slots_; // an id, or kNone
    std::vector<Id> free_;
    Id used_ = 0;
    std::uint64_t count_ = 0;
};

} // namespace karat::blocks
