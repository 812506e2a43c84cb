// SPDX-License-Identifier: Apache-2.0
// Snapshots that are put together unit by unit (FORMAT.md, "Staged"). A put() stores its extents,
// known or not, makes them durable together with what others put at the same time, and then adds
// one record to the snapshot's file in DIR/staged. Memory holds where each unit's record is.
#pragma once

#include "ingest.hpp"
#include "staged_format.hpp"

#include <shared_mutex>

namespace karat::blocks {

/// What the area works with; all of it outlives the area.
struct StagingTools {
    Env env;
    std::string directory;
    Benches& benches;
    Packs& packs;
    PackWriter& writer;
    Health& health;
    Registry& registry;
    Source& source;
    Vault& vault;
    /// The seal of a new snapshot of such facts over that base, if it has a key.
    std::function<Result<Sealed>(Facts const&, SnapshotView const*)> seal_for;
    std::function<Result<std::shared_ptr<SnapshotView const>>(std::string const&)> open_base;
    std::function<Result<std::unique_ptr<SnapshotIngest>>(Facts,
                                                          std::shared_ptr<SnapshotView const>)>
        begin;
};

/// What a collection is told of.
struct StagedMarks {
    std::function<Result<void>(std::span<PageRef const>)> pages;
    std::function<Result<void>(std::span<Slice const>)> slices;
};

class StagedFile final : public Staged {
public:
    /// Writes the head, durably; the snapshot's name must be free.
    static Result<std::shared_ptr<StagedFile>> create(StagingTools const& tools, Manifest start);
    /// Reads what is there, and cuts a torn tail off.
    static Result<std::shared_ptr<StagedFile>> open(StagingTools const& tools,
                                                    std::string const& name);
    StagedFile(StagingTools const& tools, Manifest start, std::unique_ptr<File> file,
               std::uint64_t head_bytes);

    std::uint64_t size_bytes() const override { return start_.facts.size_bytes; }
    std::optional<Seal> const& seal_of() const { return start_.seal; }
    Result<void> put(StagedUnit const& unit) noexcept override;
    Time last_put() const override;
    Result<StagedContents> seal() noexcept override;
    void unseal() noexcept override;
    Result<Committed> commit(Facts facts) noexcept override;

    /// Fails only where trying again may help.
    Result<void> mark(StagedMarks const& marks);
    /// No put() succeeds from here on, ever.
    void close();

private:
    /// Where a record is, and the moment it was written.
    struct Spot {
        std::uint64_t offset = 0;
        std::uint32_t size_bytes = 0;
    };
    enum class Mode : unsigned char { open, sealed, closed };

    Result<void> load();
    /// Writes the file's first bytes anew, and makes them the file.
    Result<void> rewrite(std::uint64_t size);
    Result<void> scan(EachStaged const& each, std::uint64_t& good_end);
    void note(StagedRecord const& record, Spot spot);
    Result<std::vector<Slice>> store_extents(StagedUnit const& unit);
    Result<Spot> append(StagedRecord const& record);
    Result<void> make_durable(std::uint64_t end);
    std::vector<Spot> spots() const;
    Result<StagedRecord> read(Spot spot) const;
    Result<void> place_units(SnapshotIngest& ingest);

    StagingTools const& tools_;
    Manifest const start_; // what it would be without any unit
    std::unique_ptr<File> file_;
    std::uint64_t const head_bytes_;

    std::atomic<std::uint64_t> count_ = 0; // of put()s, to name their leases

    std::shared_mutex puts_; // shared by running puts; taken before the others
    Mode mode_ = Mode::open; // guarded by puts_

    std::mutex sync_mutex_; // one sync at a time; taken before mutex_
    std::uint64_t synced_ = 0;

    mutable std::mutex mutex_; // guards below
    std::uint64_t end_ = 0;    // of the file
    std::map<std::uint32_t, Spot> units_;
    Time last_put_{};
};

class StagingArea final : public StagedSnapshots {
public:
    explicit StagingArea(StagingTools tools)
        : tools_(std::move(tools))
    {
    }
    /// Opens what is there. A file that is damaged beyond its records is logged and left alone.
    Result<void> load();

    Result<void> begin(Facts facts, std::optional<std::string> base) noexcept override;
    Result<std::shared_ptr<Staged>> find(std::string const& name) override;
    Result<void> drop(std::string const& name) noexcept override;
    std::vector<std::string> names() override;

    /// The data keys that staged snapshots have.
    void note_seals();
    /// Everything that staged snapshots need.
    Result<void> mark(StagedMarks const& marks);

private:
    std::vector<std::shared_ptr<StagedFile>> all();

    StagingTools const tools_;
    std::mutex begin_mutex_; // one begin() or drop() at a time; taken before mutex_
    std::mutex mutex_;       // guards below
    std::map<std::string, std::shared_ptr<StagedFile>> files_;
};

} // namespace karat::blocks
