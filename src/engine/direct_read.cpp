// SPDX-License-Identifier: Apache-2.0
// Reading and comparing snapshots block by block (EBS direct).
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::size_t kOpenViews = 16;
constexpr std::size_t kMaxAncestors = 1000;

/// A completed snapshot that the caller owns or was given. Public ones are not read block by block.
Result<Snapshot> find_readable(catalog::View& view, Caller const& caller, SnapshotId const& id)
{
    auto snapshot = TRY(find_usable_snapshot(view, caller, id));
    if (snapshot.owner != caller.account && !snapshot.volume_permissions.contains(caller.account))
        return not_found(id);
    return snapshot;
}

/// The snapshot and those that it was made over, also such as are gone.
Result<std::set<SnapshotId>> ancestry(catalog::View& view, Snapshot const& snapshot)
{
    std::set<SnapshotId> found{snapshot.id};
    auto parent = snapshot.parent;
    while (parent && found.size() < kMaxAncestors && found.insert(*parent).second) {
        auto const row = TRY(view.snapshot(*parent));
        parent = row ? row->parent : std::nullopt;
    }
    return found;
}

Result<bool> are_related(catalog::View& view, Snapshot const& first, Snapshot const& second)
{
    if (first.volume == second.volume && first.volume != kNoVolume)
        return true;
    auto const one = TRY(ancestry(view, first));
    auto const other = TRY(ancestry(view, second));
    return std::ranges::any_of(one, [&](SnapshotId const& id) { return other.contains(id); });
}

} // namespace

std::shared_ptr<blocks::View const> OpenViews::find(std::string const& name)
{
    auto const found =
        std::ranges::find_if(recent_, [&](auto const& view) { return view->facts().name == name; });
    if (found == recent_.end())
        return nullptr;
    recent_.splice(recent_.begin(), recent_, found);
    return recent_.front();
}

/// Opens without the lock: others read meanwhile.
Result<std::shared_ptr<blocks::View const>> OpenViews::get(blocks::Store& store,
                                                           SnapshotId const& id)
{
    auto const name = id.text();
    {
        Lock const guard(mutex_);
        if (auto known = find(name))
            return known;
    }
    auto opened = TRY(store.view(name));
    Lock const guard(mutex_);
    if (auto known = find(name)) // somebody else was faster
        return known;
    recent_.push_front(std::move(opened));
    if (recent_.size() > kOpenViews)
        recent_.pop_back();
    return recent_.front();
}

void OpenViews::forget(std::string const& name)
{
    Lock const guard(mutex_);
    recent_.remove_if([&](auto const& view) { return view->facts().name == name; });
}

Result<Hash> Engine::read_block(Caller const& caller, SnapshotId const& id, std::uint32_t index,
                                std::span<std::byte> into)
{
    auto const snapshot = TRY(state_->catalog().read(
        [&](catalog::View& view) { return find_readable(view, caller, id); }));
    if (index >= snapshot.size_gib * kGiB / blocks::kStagedUnitBytes)
        return Error{Fault::invalid, Noun::block,
                     fmt::format("The snapshot {} has no block {}", id.text(), index)};
    auto const view = TRY(state_->views.get(state_->parts.store, id));
    return blocks::read_unit(*view, index, into);
}

Result<BlockList> Engine::snapshot_blocks(Caller const& caller, SnapshotId const& id,
                                          blocks::UnitQuery const& query)
{
    auto snapshot = TRY(state_->catalog().read(
        [&](catalog::View& view) { return find_readable(view, caller, id); }));
    auto const view = TRY(state_->views.get(state_->parts.store, id));
    auto blocks = TRY(blocks::changed_units(nullptr, *view, query));
    return BlockList{std::move(snapshot), std::move(blocks)};
}

Result<BlockList> Engine::changed_blocks(Caller const& caller, SnapshotPair const& pair,
                                         blocks::UnitQuery const& query)
{
    auto second = TRY(state_->catalog().read([&](catalog::View& view) -> Result<Snapshot> {
        auto const older = TRY(find_readable(view, caller, pair.first));
        auto newer = TRY(find_readable(view, caller, pair.second));
        bool const related = TRY(are_related(view, older, newer));
        if (!related)
            return Error{Fault::mismatch, Noun::snapshot,
                         fmt::format("The snapshots {} and {} are neither of one volume nor "
                                     "made one over the other",
                                     pair.first.text(), pair.second.text())};
        return newer;
    }));
    auto const older = TRY(state_->views.get(state_->parts.store, pair.first));
    auto const newer = TRY(state_->views.get(state_->parts.store, pair.second));
    auto blocks = TRY(blocks::changed_units(older.get(), *newer, query));
    return BlockList{std::move(second), std::move(blocks)};
}

} // namespace karat::engine
