// SPDX-License-Identifier: Apache-2.0
// Appends records to the open pack in large writes, closes packs that are full, makes what was
// appended durable. One log for all ingests and the collector. Thread-safe.
#pragma once

#include "health.hpp"
#include "packs.hpp"

namespace karat::blocks {

/// What is appended: stored bytes and what a header says of them.
struct Record {
    Kind kind = Kind::extent;
    Codec codec = Codec::raw;
    Sealing sealing = Sealing::none;
    Hash hash;
    std::uint32_t raw_bytes = 0;
    std::span<std::byte const> stored = {};
};

/// What to do with a record that is stored already.
enum class IfKnown : unsigned char {
    lean_on_it,
    write_it_too, ///< For who must not learn that it was known: the second copy is garbage.
};

class PackWriter {
public:
    struct Settings {
        std::string directory;
        std::uint64_t pack_bytes;
        std::uint32_t next_number;
        std::uint64_t keep_free_bytes;
    };
    /// Makes no file before the first append. Everything given outlives it.
    PackWriter(Env env, Settings settings, Packs& packs, Health& health);
    /// Closes the open pack if all of it is durable: the next open need not copy it.
    ~PackWriter();
    PackWriter(PackWriter const&) = delete;
    PackWriter& operator=(PackWriter const&) = delete;

    enum class Appended : unsigned char { fresh, known };
    /// Adds a record unless the index has it (another thread may have been faster); either way
    /// it is touched. It is not durable before make_durable().
    Result<Appended> append(Record const& record, std::atomic<Epoch> const& now,
                            IfKnown if_known = IfKnown::lean_on_it);
    /// Adds another copy of a record without telling the index, for the collector.
    Result<Location> append_copy(Record const& record);
    /// Everything appended before the call is on disk with its file names when this succeeds, and
    /// so is who was condemned or pardoned. A failed sync makes the store read-only.
    Result<void> make_durable();
    /// Writes what is buffered. What the disk has no room for is withdrawn (failures() tells its
    /// ingests), so that a collection can make room.
    void settle();
    /// Leaves the open pack if it holds records and begins the next. The next one's name is
    /// durable, so whatever is dropped now, its number is never used again. Needs no space for
    /// data: a full disk can be collected.
    Result<void> rotate();
    /// Closes a pack that was dropped before anything made it durable: its room is free then.
    void forget(std::uint32_t number);
    /// The open pack, or 0.
    std::uint32_t open_number() const;
    /// Whether the pack may still get records or a footer.
    bool holds(std::uint32_t number) const;
    /// Whether the file system is so full that what is garbage should go in any way.
    bool is_short_of_room() const;
    /// What new data leaves free on the disk.
    std::uint64_t kept_free_bytes() const;
    /// Whether so many bytes may be copied forward.
    bool has_room_for(std::uint64_t bytes) const;
    /// Counts the failed writes, each of which may have taken records from every live ingest.
    std::uint64_t failures() const;

private:
    /// A pack that takes no more records. Its footer is written when they are durable: a footer
    /// that outlived its records in a crash would vouch for bytes that are not there.
    struct Full {
        Packs::Pin pin;
        std::uint64_t end = 0;
        std::vector<FooterEntry> entries;
    };

    /// A stretch that can go to disk while others append.
    struct Writeback {
        Packs::Pin pin;
        Range range;
    };

    Result<Location> put(Record const& record, std::uint64_t sum);
    Writeback take_writeback();
    Result<void> make_room(std::uint64_t record_bytes);
    Result<void> open_next();
    Result<void> leave_current();
    void write_footer(Full const& full);
    Result<void> check_room();
    Result<void> flush();
    Result<void> save_condemned();
    Result<void> replace_condemned(Bytes const& bytes);
    void undo_unflushed();
    std::uint64_t end() const { return flushed_ + buffer_.size(); }

    Env env_;
    Settings settings_;
    Packs& packs_;
    Health& health_;

    std::mutex sync_mutex_;    // one sync at a time; taken before mutex_
    mutable std::mutex mutex_; // guards all below
    Packs::Pin open_;          // the open pack, if there is one
    std::vector<FooterEntry> entries_;
    std::size_t flushed_entries_ = 0;
    Bytes buffer_; // of the open pack, from flushed_ on
    std::uint64_t flushed_ = 0;
    std::uint64_t writing_back_ = 0;         // of the open pack, up to here
    std::vector<Packs::Inserted> unflushed_; // in the index since they are in buffer_
    std::vector<Full> full_;
    bool open_dirty_ = false;
    bool holds_new_data_ = false; // buffer_ does, beside the collector's copies
    bool names_dirty_ = false;
    std::uint64_t failures_ = 0;
};

} // namespace karat::blocks
