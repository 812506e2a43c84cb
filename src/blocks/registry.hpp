// SPDX-License-Identifier: Apache-2.0
// Who needs what: the ingests and views that are alive, and what was removed while a collection
// runs.
#pragma once

#include "extent_index.hpp"
#include "view.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace karat::blocks {

/// Thread-safe.
class Registry {
public:
    /// Fault::duplicate while another ingest makes a snapshot of that name.
    Result<void> begin_ingest(std::string const& name);
    void end_ingest(std::string const& name);

    /// remove() begins; a view of it cannot be opened any more. `made` ends that for a new snapshot
    /// of the name.
    void removed(std::string const& name);
    void made(std::string const& name);

    /// Views are opened between two looks at this number: if it changed, a collection began.
    std::uint64_t collections() const;
    /// Fault::not_found if the snapshot was removed since the last collection began;
    /// Fault::unavailable if one began since `collections`.
    Result<void> open_view(SnapshotView const& view, std::uint64_t collections);
    void close_view(SnapshotView const& view);

    /// From now on what is removed is remembered. The result is the epoch since when what ingests
    /// touched must be kept.
    Epoch begin_collect();
    /// What is removed or closed from now on is not remembered for the collection any more.
    void end_collect();
    /// The page tables of the views that are open, or were since begin_collect(): an ingest over
    /// one may have ended in a snapshot that keeps its pages.
    std::vector<std::vector<PageRef>> viewed() const;
    /// Whether remove() was called for it since begin_collect().
    bool removed_meanwhile(std::string const& name) const;

    /// Stamps what ingests touch; counts collections.
    std::atomic<Epoch> const& now() const { return epoch_; }

private:
    mutable std::mutex mutex_;
    std::atomic<Epoch> epoch_ = 1;
    std::uint64_t collections_ = 0;
    std::map<std::string, Epoch> ingests_;
    std::set<SnapshotView const*> views_;
    bool collecting_ = false;
    std::vector<std::vector<PageRef>> closed_; // views that were closed while collecting
    std::set<std::string> removed_;
};

} // namespace karat::blocks
