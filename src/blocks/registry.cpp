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

void Registry::removed(std::string const& name)
{
    std::scoped_lock const guard(mutex_);
    removed_.insert(name);
}

void Registry::made(std::string const& name)
{
    std::scoped_lock const guard(mutex_);
    removed_.erase(name);
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
    if (removed_.contains(name))
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
    if (collecting_)
        closed_.push_back(view.manifest().pages);
}

Epoch Registry::begin_collect()
{
    std::scoped_lock const guard(mutex_);
    ++collections_;
    removed_.clear();
    collecting_ = true;
    auto floor = ++epoch_;
    for (auto const& [name, began] : ingests_)
        floor = std::min(floor, began);
    return floor;
}

void Registry::end_collect()
{
    std::scoped_lock const guard(mutex_);
    collecting_ = false;
    closed_.clear();
}

std::vector<std::vector<PageRef>> Registry::viewed() const
{
    std::scoped_lock const guard(mutex_);
    auto tables = closed_;
    for (auto const* const view : views_)
        tables.push_back(view->manifest().pages);
    return tables;
}

bool Registry::removed_meanwhile(std::string const& name) const
{
    std::scoped_lock const guard(mutex_);
    return removed_.contains(name);
}

} // namespace karat::blocks
