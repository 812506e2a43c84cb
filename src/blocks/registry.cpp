// SPDX-License-Identifier: Apache-2.0
#include "registry.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {

Result<void> Registry::begin_ingest(std::string const& name)
{
    std::scoped_lock const guard(mutex_);
    if (!ingests_.emplace(name, epoch_.load()).second)
        return fail(Fault::duplicate, fmt::format("The snapshot '{}' is being made", name));
    return {};
}

void Registry::end_ingest(std::string const& name)
{
    std::scoped_lock const guard(mutex_);
    ingests_.erase(name);
}

void Registry::publish(std::string const& name)
{
    std::scoped_lock const guard(mutex_);
    young_.insert(name);
}

void Registry::unpublish(std::string const& name)
{
    std::scoped_lock const guard(mutex_);
    young_.erase(name);
    removed_.insert(name);
}

std::uint64_t Registry::collections() const
{
    std::scoped_lock const guard(mutex_);
    return collections_;
}

Result<void> Registry::open_view(SnapshotView const& view, std::uint64_t collections)
{
    std::scoped_lock const guard(mutex_);
    auto const& name = view.facts().name;
    if (condemned_.contains(name))
        return fail(Fault::not_found, fmt::format("The snapshot '{}' is not in the store", name));
    if (collections != collections_)
        return fail(Fault::unavailable, "A collection began");
    views_.insert(&view);
    return {};
}

void Registry::close_view(SnapshotView const& view)
{
    std::scoped_lock const guard(mutex_);
    views_.erase(&view);
}

CollectPlan Registry::begin_collect(std::span<std::string const> listed,
                                    std::span<std::string const> roots)
{
    std::scoped_lock const guard(mutex_);
    CollectPlan plan;
    ++collections_;
    plan.floor = ++epoch_;
    removed_.clear();
    std::set<std::string> kept(roots.begin(), roots.end());
    for (auto const& [name, began] : ingests_) {
        plan.floor = std::min(plan.floor, began);
        kept.insert(name);
    }
    for (auto const& root : roots)
        young_.erase(root);
    for (auto const* const view : views_) {
        plan.viewed.push_back(view->manifest().pages);
        kept.insert(view->facts().name);
    }
    plan.young.assign(young_.begin(), young_.end());
    kept.insert(young_.begin(), young_.end());
    for (auto const& name : listed)
        if (!kept.contains(name))
            plan.condemned.push_back(name);
    condemned_ = {plan.condemned.begin(), plan.condemned.end()};
    return plan;
}

void Registry::end_collect()
{
    std::scoped_lock const guard(mutex_);
    condemned_.clear();
}

bool Registry::removed_meanwhile(std::string const& name) const
{
    std::scoped_lock const guard(mutex_);
    return removed_.contains(name);
}

} // namespace karat::blocks
