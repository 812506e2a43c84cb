// SPDX-License-Identifier: Apache-2.0
// The block store: snapshots as maps of content-addressed extents in append-only packs. FORMAT.md
// beside this room says every byte. Knows no nouns: a snapshot is a name ("snap-…") and its facts.
//
// What it promises: a snapshot whose commit() succeeded is readable after any crash, and every
// byte that a read returns was checked against the SHA-256 that its manifest vouches for.
#pragma once

#include "karat/env.hpp"
#include "karat/hash.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace karat::keys {
class Keys;
}

namespace karat::blocks {

/// The unit of reading, writing and cutting. Volumes are whole numbers of it.
inline constexpr std::uint64_t kBlockBytes = 4096;

/// What a manifest says of its snapshot beside the bytes, so that a lost catalog can be rebuilt.
struct Facts {
    std::string name = {};        ///< "snap-…"; its key in this store: [A-Za-z0-9_-]{1,128}.
    std::uint64_t size_bytes = 0; ///< Of the volume; a multiple of kBlockBytes.
    std::string parent = {};      ///< Name of the snapshot it was made from, or empty.
    std::map<std::string, std::string> details =
        {};               ///< Owner, region, times, tags: not interpreted here.
    std::string key = {}; ///< ARN of the master key that it is sealed under; empty: not sealed.
};

/// What a commit made.
struct Committed {
    Hash root;                         ///< Proves every byte: equal roots mean equal volumes.
    std::uint64_t full_size_bytes = 0; ///< Of all data in the snapshot, holes left out.
    std::uint64_t bytes_written = 0;   ///< Data given to write().
    std::uint64_t bytes_new = 0;       ///< Of those, not stored before (before compression).
    std::uint64_t bytes_stored = 0;    ///< What they took in packs (after compression).
};

/// A snapshot in the making. One thread. Ended before its store. Holds a lease: what it has written
/// or found is not collected. Destroying it without commit() leaves nothing but garbage for the
/// collector.
class Ingest {
public:
    virtual ~Ingest() = default;
    /// Adds data at `offset_bytes`; offsets ascend and ranges do not overlap; both ends are
    /// multiples of kBlockBytes (the volume's end excepted). Zero blocks become holes.
    virtual Result<void> write(std::uint64_t offset_bytes, std::span<std::byte const> data) = 0;
    /// Makes the range read as zeroes, whatever the base held. Ascending with write().
    virtual Result<void> zero(Range range) = 0;
    /// Makes everything durable in the order of DESIGN §4 (packs, index, manifest, directory), then
    /// answers. On failure the snapshot does not exist; after a failed sync the store is read-only.
    virtual Result<Committed> commit() = 0;
};

/// What a snapshot stores in one piece, or a hole.
struct Piece {
    Range range;
    bool is_data = false;
    bool operator==(Piece const&) const = default;
};

/// A completed snapshot, open for reading. Thread-safe. Stays readable while it lives, also when
/// the collector moves or drops its packs. Ended before the store or reader that it came from.
class View {
public:
    virtual ~View() = default;
    virtual Facts const& facts() const = 0;
    /// Whether what read() gives lies encrypted in the store, and must not lie otherwise elsewhere.
    bool encrypted() const { return !facts().key.empty(); }
    virtual Hash root() const = 0;
    /// Of all data in the snapshot, holes left out; as Committed says it.
    virtual std::uint64_t full_size_bytes() const = 0;
    /// Reads exactly into.size() bytes; holes read as zeroes. Fault::corrupt names the pack when a
    /// hash does not match. Any alignment.
    virtual Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) const = 0;
    /// The first stretch of data at or after `offset_bytes`; nothing when only a hole follows.
    /// Extents that touch are merged, but no further than about 8 GiB.
    virtual Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) const = 0;
    /// The piece of the volume that `offset_bytes` is in: what is cheapest to read as a whole. Data
    /// has at most 512 KiB. Fault::invalid behind the volume's end.
    virtual Result<Piece> piece_at(std::uint64_t offset_bytes) const = 0;
};

/// Takes a stretch of a snapshot's data. Called from several threads at once.
using Sink = std::function<Result<void>(std::uint64_t offset_bytes, std::span<std::byte const>)>;

/// Reads all data of a snapshot with `threads` threads, each stretch once and verified, and gives
/// it to `sink` in pieces of at most 2 MiB, roughly but not strictly in ascending order. Holes are
/// not given. The first failure, also one of the sink, ends it and is the result.
Result<void> read_all(View const& view, int threads, Sink const& sink);

struct Options {
    std::uint64_t pack_bytes = 64 << 20; ///< A pack is closed when it reaches this size.
    int threads = 2;                     ///< For hashing and compression of one ingest.
    std::uint64_t cache_bytes =
        64 << 20;               ///< Decompressed extents kept by readers, all views together.
    keys::Keys* keys = nullptr; ///< For sealed snapshots; outlives the store or reader.
    /// New data is refused while it would leave less than this free in the file system: what
    /// exists needs room to work, be deleted and be collected.
    std::uint64_t keep_free_bytes = 0;
};

/// Records are extents and pages of maps.
struct CollectReport {
    std::uint64_t epoch = 0;              ///< Counts the collections of this store.
    std::uint64_t live_extents = 0;       ///< Records that are needed.
    std::uint64_t dead_extents = 0;       ///< Records that are not; those deleted now among them.
    std::uint64_t condemned_records = 0;  ///< Of those, condemned by this collection.
    std::uint64_t waiting_records = 0;    ///< Of those, to be deleted in one of the next two.
    bool halted = false;                  ///< Nothing is deleted since an alarm; see clear_alarm().
    std::chrono::nanoseconds mark_time{}; ///< What finding out took.
    std::uint64_t packs_removed = 0;
    std::uint64_t packs_rewritten = 0;
    std::uint64_t bytes_freed = 0;
    std::uint64_t strays = 0; ///< Manifests that the caller did not name.
};

struct Stats {
    std::uint64_t snapshots = 0;
    std::uint64_t extents = 0;
    std::uint64_t packs = 0;
    std::uint64_t pack_bytes = 0;        ///< On disk.
    std::uint64_t plain_bytes = 0;       ///< Of all extents, before compression.
    std::uint64_t condemned_records = 0; ///< Not needed; a later collection deletes them.
    std::uint64_t alarms = 0;            ///< Condemned records that were needed, since the start.
    bool halted = false;    ///< There was an alarm: nothing is deleted until clear_alarm().
    bool read_only = false; ///< A sync failed; only a restart after a look can heal that.
    std::optional<std::uint64_t> free_bytes; ///< On the store's disk; nothing: it does not tell.
    std::uint64_t kept_free_bytes = 0;       ///< New data is refused when less would be left.

    bool is_short_of_room() const { return free_bytes && *free_bytes < kept_free_bytes; }
};

struct CheckReport {
    std::uint64_t extents = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string>
        damage;               ///< One sentence each: what is wrong and which snapshots it hits.
    std::uint64_t sealed = 0; ///< Of the extents, those whose key was not to be had: what
                              ///< is stored is as it was written, and no more is known.
    std::vector<std::string> locked; ///< One sentence a key that was not to be had.
};

struct ScrubRequest {
    std::uint64_t bytes_per_second = 0;        ///< Of pack files; 0: as fast as it goes.
    bool anew = false;                         ///< Begin a new round, though one is unfinished.
    std::function<bool(double)> progress = {}; ///< Gets the share done; false breaks it off.
};

struct ScrubReport {
    std::uint64_t bytes = 0; ///< Verified in this round, before compression.
    bool finished = false;   ///< The round is done; else the next scrub goes on where it was.
    std::vector<std::string> damage = {}; ///< As CheckReport's; of the whole round.
    std::uint64_t sealed = 0;             ///< As CheckReport's, since the scrub went on.
    std::vector<std::string> locked = {};
};

/// What a manifest says without any key.
struct Description {
    Facts facts;
    Hash root;
    std::uint64_t full_size_bytes = 0;
};

class StagedSnapshots;

/// The one writer of a store directory (it holds a lock file). Thread-safe.
class Store {
public:
    virtual ~Store() = default;
    /// Makes the directory if absent, recovers what a crash left. Fault::unavailable when another
    /// process has it open, Fault::corrupt when it is not a store.
    static Result<std::unique_ptr<Store>> open(Env env, std::string directory,
                                               Options options = {});

    /// Begins a snapshot named facts.name (Fault::duplicate if it exists). With `base` it starts as
    /// a copy of that snapshot, grown with a hole when facts.size_bytes is larger. Both are sealed
    /// under the same key, or neither is (Fault::invalid). Fails as view() does for a bad key.
    virtual Result<std::unique_ptr<Ingest>> begin(Facts facts, std::optional<std::string> base) = 0;
    /// Fault::not_found if there is none of that name; Fault::denied, with a sentence that names
    /// the key and what to do, when it is sealed and its key is gone, disabled or another.
    virtual Result<std::shared_ptr<View const>> view(std::string const& name) = 0;
    /// As view(), but needs no key: for rebuilding a catalog.
    virtual Result<Description> describe(std::string const& name) = 0;
    /// Removes the manifest; the extents go with the next collect(). Success also if absent.
    virtual Result<void> remove(std::string const& name) = 0;
    /// Condemns records that no manifest needs, and frees those that were condemned two collections
    /// ago: a record outlives the third collection after its snapshot at the latest. `roots` are
    /// the names that the catalog vouches for, all of them: one that is missing on disk stops the
    /// collection (Fault::corrupt), so nothing is dropped on a short list. A manifest that is not
    /// among them is kept too (its task may be about to tell the catalog) and counted as a stray;
    /// only remove() ends a snapshot. Runs beside ingests and reads.
    virtual Result<CollectReport> collect(std::span<std::string const> roots) = 0;
    /// A person has looked at why a condemned record was needed: everything is pardoned, and
    /// collections delete again.
    virtual Result<void> clear_alarm() = 0;
    /// Names of all snapshots with a manifest, for rebuilding a catalog.
    virtual Result<std::vector<std::string>> names() = 0;
    virtual Result<Stats> stats() = 0;
    /// What Stats::is_short_of_room() tells, without the counting.
    virtual bool is_short_of_room() = 0;
    /// Reads and verifies everything, as far as there are keys for it. `progress` gets the share
    /// done, 0 to 1, and may end it (false).
    virtual Result<CheckReport> check(std::function<bool(double)> progress) = 0;
    /// As check(), at a bounded rate, in rounds that go on after a restart: how far it is lies on
    /// disk.
    virtual Result<ScrubReport> scrub(ScrubRequest const& request) = 0;
    /// Snapshots that are put together block by block (karat/staged.hpp).
    virtual StagedSnapshots& staged() = 0;
};

/// A reader of a store that another process writes (karat-blk). Thread-safe. Finds snapshots and
/// packs that appear after it was opened.
class Reader {
public:
    virtual ~Reader() = default;
    static Result<std::unique_ptr<Reader>> open(Env env, std::string directory,
                                                Options options = {});
    /// Also sees what the writer has committed or moved since.
    virtual Result<std::shared_ptr<View const>> view(std::string const& name) = 0;
    /// Names of all snapshots with a manifest, sorted.
    virtual Result<std::vector<std::string>> names() = 0;
};

} // namespace karat::blocks
