// SPDX-License-Identifier: Apache-2.0
// What import and capture share: the way from readers into an ingest.
#pragma once

#include "disk_reader.hpp"
#include "karat/volumes.hpp"

namespace karat::volumes {

/// Gathers data that follows on one another into large writes, and reports progress. Ranges
/// ascend; both ends are multiples of blocks::kBlockBytes. One thread.
class Feeder {
public:
    /// All of them outlive the feeder.
    Feeder(blocks::Ingest& ingest, blocks::Facts const& facts, Progress const& progress);

    /// Adds what `reader` holds there; beyond its size that is zeroes.
    Result<void> add(DiskReader& reader, Range range);
    Result<void> zero(Range range);
    /// Nothing to add up to there. Counts as work, so that a walk over much nothing can be ended.
    Result<void> skip(std::uint64_t offset_bytes);
    /// Nothing more comes: gives what is gathered to the ingest.
    Result<void> finish();

private:
    Result<void> flush();
    Result<void> worked(std::uint64_t offset_bytes, std::uint64_t work_bytes);

    blocks::Ingest& ingest_;
    blocks::Facts const& facts_;
    Progress const& progress_;
    std::uint64_t buffer_offset_ = 0;
    Bytes buffer_;
    std::uint64_t unreported_bytes_ = 0;
};

/// The answer for a snapshot that exists; nothing if there is none of that name.
Result<std::optional<blocks::Committed>> find_committed(blocks::Store& store,
                                                        std::string const& name);

/// Stores the disk as the snapshot facts.name. When all of it is read, `check` may still refuse it.
Result<blocks::Committed> import_disk(blocks::Store& store, DiskReader& disk,
                                      blocks::Facts const& facts, Progress const& progress,
                                      std::function<Result<void>()> const& check);

/// Stores base plus overlays (bottom first) as the snapshot facts.name. Where an overlay ends, so
/// does what lies below it: as a guest saw it.
Result<blocks::Committed> capture_layers(blocks::Store& store, std::optional<std::string> base,
                                         std::vector<std::unique_ptr<DiskReader>> overlays,
                                         blocks::Facts const& facts, Progress const& progress);

} // namespace karat::volumes
