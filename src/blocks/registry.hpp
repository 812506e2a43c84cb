// SPDX-License-Identifier: Apache-2.0
// Who needs what: the ingests and views that are alive and the snapshots that no list of roots has
// named yet. What a collection may remove is decided here, in one moment.
#pragma once

#include "extent_index.hpp"
#include "view.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace karat::blocks {

/// What a collection starts from.
struct CollectPlan {
    Epoch floor = 0;                          ///< Entries touched since then are kept.
    std::vector<std::string> condemned;       ///< Manifests to remove.
    std::vector<std::string> young;           ///< Not vouched for yet, but kept.
    std::vector<std::vector<PageRef>> viewed; ///< Page tables of open views.
};

/// Thread-safe.
class Registry {
public:
    /// Fault::duplicate while another ingest makes a snapshot of that name.
    Result<void> begin_ingest(std::string const& name);
    void end_ingest(std::string const& name);

    /// The snapshot is about to have a manifest; a collection keeps it until a list of roots names
    /// it.
    void publish(std::string const& name);
    void unpublish(std::string const& name);

    /// Views are opened between two looks at this number: if it changed, a collection began.
    std::uint64_t collections() const;
    /// Fault::not_found if the snapshot is being removed; Fault::unavailable if a collection
    /// began since `collections`.
    Result<void> open_view(SnapshotView const& view, std::uint64_t collections);
    void close_view(SnapshotView const& view);

    /// `listed` are the manifests that were on disk before the call.
    CollectPlan begin_collect(std::span<std::string const> listed,
                              std::span<std::string const> roots);
    void end_collect();
    /// remove() was called for it since begin_collect().
    bool removed_meanwhile(std::string const& name) const;

    /// Stamps what ingests touch; counts collections.
    std::atomic<Epoch> const& now() const { return epoch_; }

private:
    mutable std::mutex mutex_;
    std::atomic<Epoch> epoch_ = 1;
    std::uint64_t collections_ = 0;
    std::map<std::string, Epoch> ingests_;
    std::set<SnapshotView const*> views_;
    std::set<std::string> young_;
    std::set<std::string> condemned_;
    std::set<std::string> removed_;
};

} // namespace karat::blocks
