// SPDX-License-Identifier: Apache-2.0
// A snapshot in the making. The caller's thread cuts and gathers extents into batches of about half
// a megabyte; workers hash, look up, compress and append. A batch is large enough that handing it
// over costs nothing, and small enough to stay in a processor's cache on its way.
#pragma once

#include "page.hpp"
#include "record_store.hpp"
#include "workers.hpp"

#include <condition_variable>

namespace karat::blocks {

/// What an ingest works with; all of it outlives the ingest.
struct IngestTools {
    Env env;
    std::string directory;
    Benches& benches;
    Packs& packs;
    PackWriter& writer;
    Workers& workers;
    Health& health;
    Registry& registry;
};

class SnapshotIngest final : public Ingest {
public:
    /// The name is registered with tools.registry; the destructor ends that. `manifest` has facts,
    /// and with a domain its seal.
    SnapshotIngest(IngestTools tools, Manifest manifest, std::shared_ptr<SnapshotView const> base,
                   Vault::Held domain);
    ~SnapshotIngest() override;

    Result<void> write(std::uint64_t offset_bytes,
                       std::span<std::byte const> data) noexcept override;
    Result<void> zero(Range range) noexcept override;
    Result<Committed> commit() noexcept override;

    /// Pages that others have too are written all the same: the time tells nothing of them.
    void write_known_pages() { known_pages_ = IfKnown::write_it_too; }
    /// Replaces what the base has in `changed` (ascending, apart) by `fresh` slices of extents that
    /// are stored and kept already. Pages ascend, also with write() and zero().
    Result<void> place(std::uint32_t page, std::vector<BlockRange> changed,
                       std::deque<Slice> fresh);

private:
    /// A page whose contents are being gathered.
    struct PageWork {
        std::uint32_t index = 0;
        std::vector<BlockRange> changed;
        std::deque<Slice> fresh; // hashes are filled in by workers
        int pending = 0;         // of them, guarded by mutex_
    };
    /// Extents of one page that were cut and wait for their hashes; they lie one behind another.
    struct Batch final : Work {
        SnapshotIngest* ingest = nullptr;
        Buffer data;
        std::vector<Slice*> slices = {};
        PageWork* page = nullptr;
        void run() override { ingest->store(*this); }
    };

    Result<void> check_range(Range range);
    /// Opens the page's work and, over a base, remembers that the range is the ingest's to say.
    Result<void> enter(std::uint32_t index, BlockRange changed);
    void add_blocks(std::uint64_t first, std::span<std::byte const> data);
    void begin_extent(std::uint64_t first);
    void end_extent();
    /// Hands the extents that were gathered to the workers.
    void send_batch();
    void store(Batch& batch);
    Result<void> store_extents(Batch const& batch);
    Result<void> store_record(Bench& bench, NewRecord const& fresh);
    Result<void> finish_oldest_page();
    Result<void> add_page(std::uint32_t index, Page const& page);
    void keep_base_pages(std::uint64_t before);
    Result<void> finish_pages();
    Result<void> publish();
    Result<void> write_manifest(std::string const& temporary);
    std::optional<Error> failure();

    IngestTools tools_;
    Manifest manifest_;
    std::shared_ptr<SnapshotView const> base_; // held so that its extents stay
    Vault::Held domain_;                       // null: not sealed
    RecordStore records_;
    std::uint64_t const failures_before_;
    bool ended_ = false;
    IfKnown known_pages_ = IfKnown::lean_on_it;

    // The caller's side: where it is in the volume and what it has cut.
    std::uint64_t position_ = 0;
    std::uint64_t extent_start_ = 0; // block of the volume where the extent being cut begins
    std::uint32_t extent_bytes_ = 0; // so far, at the end of the batch
    std::unique_ptr<Batch> batch_;
    std::uint32_t batch_bytes_ = 0; // of its data, the extent being cut included
    std::deque<PageWork> works_;    // references stay good: only the ends change
    std::uint64_t next_base_page_ = 0;

    std::mutex mutex_; // guards below, and PageWork::pending and slice hashes of works_
    std::condition_variable done_;
    int pending_ = 0;          // batches
    std::vector<Buffer> idle_; // of batches that are done
    Committed totals_;
    std::optional<Error> failure_;
};

} // namespace karat::blocks
