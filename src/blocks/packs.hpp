// SPDX-License-Identifier: Apache-2.0
// The pack files that are open and the index over them. Finds, reads and verifies records; knows
// nothing of writing them (PackWriter) or of which are needed (the collector). Thread-safe.
#pragma once

#include "codec.hpp"
#include "condemned.hpp"
#include "vault.hpp"

#include <atomic>
#include <list>
#include <map>
#include <set>

namespace karat::blocks {

struct Slice;

/// What a pack holds, by the judgement of a collection.
struct PackUse {
    std::uint32_t number = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t kept_bytes = 0;      ///< Of live and waiting records, with their headers.
    std::uint64_t live_records = 0;    ///< Needed.
    std::uint64_t waiting_records = 0; ///< Condemned, but not for two epochs yet.
    std::uint64_t ripe_records = 0;    ///< Condemned for two epochs: to be deleted.
};

/// How a collection found every record.
struct Judgement {
    std::vector<PackUse> packs;             ///< By number.
    std::uint64_t condemned = 0;            ///< Records, in this epoch.
    std::vector<std::string> resurrections; ///< Condemned records that are needed: an alarm each.
};

/// An index entry, copied out.
struct Indexed {
    ExtentIndex::Id id = ExtentIndex::kNone;
    Hash hash;
    Location location = {};
};

/// A record that is asked for.
struct Wanted {
    Hash const& hash;
    Kind kind;
    Domain const* domain = nullptr; ///< What its asker may read: sealed in it, or not sealed.
};

/// Which entries a collection keeps: those it reached, and those an ingest touched since `floor`.
struct Marks {
    std::vector<bool> reached;
    Epoch floor = 0;
    bool keeps(ExtentIndex::Id id, ExtentIndex::Entry const& entry) const
    {
        return entry.epoch() >= floor || (id < reached.size() && reached[id]);
    }
};

class Packs {
    struct Pack {
        std::uint32_t number;
        std::unique_ptr<File> file;
        std::uint64_t file_bytes;
        int pins = 0;
        bool retired = false;
    };

public:
    /// `chance` is only asked here, for the index's seed; `benches` and `vault` outlive the result.
    Packs(Chance& chance, std::string directory, Benches& benches, Vault const& vault);
    ~Packs();

    /// Keeps a pack's file open while it lives, also when the pack is dropped meanwhile.
    class Pin {
    public:
        Pin() = default;
        Pin(Pin&& other) noexcept;
        Pin& operator=(Pin&& other) noexcept;
        ~Pin();
        File& file() const { return *pack_->file; }
        std::uint32_t number() const { return pack_->number; }
        explicit operator bool() const { return pack_ != nullptr; }

    private:
        friend class Packs;
        Pin(Packs& home, Pack& pack);
        Packs* home_ = nullptr;
        Pack* pack_ = nullptr;
    };

    // Packs
    void add(std::uint32_t number, std::unique_ptr<File> file, std::uint64_t file_bytes);
    /// Lists records of a pack; a hash that is known already keeps its place.
    void add_records(std::uint32_t number, std::span<FooterEntry const> entries);
    /// Records of this pack are read, but new ingests store their contents again.
    void distrust(std::uint32_t number);
    void set_file_bytes(std::uint32_t number, std::uint64_t file_bytes);
    Pin pin(std::uint32_t number);
    std::vector<std::uint32_t> numbers() const;

    // Records
    /// Whether an ingest may rely on this record; remembers that it did.
    bool touch(Hash const& hash, std::atomic<Epoch> const& now);
    /// Points the hash at a new record. The result is where it pointed before, to a distrusted
    /// pack.
    std::optional<Location> insert(Hash const& hash, Location const& location, Epoch epoch);
    /// Undoes an insert whose record could not be written.
    struct Inserted {
        Hash hash;
        std::optional<Location> before;
    };
    void withdraw(std::span<Inserted const> inserted, std::uint32_t pack);
    std::optional<Location> find(Hash const& hash) const;
    /// The verified contents of a record. When they are exactly as long as `direct` they go there
    /// and the result is empty. Fault::not_found if the index has none.
    Result<Buffer> fetch(Wanted const& wanted, std::span<std::byte> direct);
    /// Verifies stored bytes as far as there are keys for them; `into` is as long as the raw bytes
    /// and may get them. False when it is only known that they are as they were written.
    Result<bool> verify(Bench& bench, RecordHeader const& header, std::span<std::byte const> stored,
                        std::span<std::byte> into) const;

    std::uint64_t count() const;
    std::uint64_t plain_bytes() const; ///< Of extents.
    std::vector<Indexed> all() const;
    /// The packs and their sizes.
    std::vector<PackUse> sizes() const;

    // What is condemned
    /// As it was saved; places without a record are pardoned.
    void set_condemned(Condemned condemned);
    std::uint64_t condemned_count() const;
    bool is_condemned(Hash const& hash) const;
    /// Whether the record was condemned; it is not any more.
    bool pardon(Hash const& hash);
    void pardon_all();
    /// The file that says what is condemned, if it says something else now.
    std::optional<Bytes> take_condemned_changes();
    /// The changes that were taken did not reach the disk.
    void condemned_not_saved();
    std::uint64_t condemned_edition() const;

    // For the collector (packs_upkeep.cpp). Locks are held for a few thousand records at a time.
    Epoch begin_epoch();
    enum class Marked : unsigned char { absent, now, before };
    /// Marks a record as needed.
    Marked mark(Hash const& hash, Marks& marks) const;
    /// Marks the extents of slices; the result is the first that is absent, or null.
    Hash const* mark(std::span<Slice const> slices, Marks& marks) const;
    /// Condemns what is not kept and was not condemned before; pardons what is kept.
    Judgement judge(Marks const& marks);
    /// The records of packs, sorted by pack and offset.
    std::vector<Indexed> records_of(std::set<std::uint32_t> const& packs) const;
    /// Whether the record is one that drop() drops.
    bool is_ripe(Indexed const& record, Marks const& marks) const;
    /// A verified record; its stored bytes are in `buffer`, behind the header.
    Result<RecordHeader> read_stored(Indexed const& what, Bytes& buffer);
    /// Points moved records at their copies and drops the rest with the pack. False, and only the
    /// moves are done, when a record that was not moved is needed after all.
    struct Dropping {
        std::uint32_t pack = 0;
        std::span<Indexed const> records; ///< All that the index has of it.
        std::span<Indexed const> moved;   ///< Those with a new place.
    };
    bool drop(Dropping const& dropping, Marks const& marks);
    /// Drops the ripe ones of a pack's records, which stays; the result are the others, by offset.
    std::vector<Indexed> drop_ripe(std::uint32_t pack, std::span<Indexed const> records,
                                   Marks const& marks);
    /// Forgets a pack and its records, whatever they are needed for (a reader's view of things).
    void forget(std::uint32_t pack);

private:
    Result<Buffer> read_record(Indexed const& what, Domain const* domain, Pin const& pin,
                               std::span<std::byte> direct);
    void release(Pack& pack);
    void retire(std::uint32_t number);
    void erase_entry(ExtentIndex::Id id);
    void judge_entry(ExtentIndex::Id id, Marks const& marks, Judgement& judgement,
                     std::map<std::uint32_t, PackUse>& uses);
    bool ripe(ExtentIndex::Id id, Marks const& marks) const;
    bool droppable(std::uint32_t pack, std::span<Indexed const> records, Marks const& marks) const;

    std::string directory_;
    Benches& benches_;
    Vault const& vault_;
    mutable std::mutex mutex_; // guards all below
    ExtentIndex index_;
    std::uint64_t plain_blocks_ = 0;
    std::map<std::uint32_t, std::unique_ptr<Pack>> packs_;
    std::list<std::unique_ptr<Pack>> retired_; // dropped, but still pinned
    std::set<std::uint32_t> distrusted_;
    Condemned condemned_;
    bool condemned_changed_ = false;
};

} // namespace karat::blocks
