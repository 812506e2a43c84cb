// SPDX-License-Identifier: Apache-2.0
// What the catalog answers: records as they were committed, immutable and shared with every other
// reader. A record stays as it is for as long as it is held; who wants to change one copies it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace karat::catalog {

/// What the records of all tables have in common.
struct StoredBase {
    std::int64_t number = 0; ///< The order of creation within the table.
};

template <class Thing>
struct Stored : StoredBase {
    Stored(std::int64_t given, Thing held)
        : StoredBase{given}
        , thing(std::move(held))
    {
    }
    Thing thing;
};

/// Points at a record, or at nothing. Copies are cheap.
template <class Thing>
class Ref {
public:
    Ref() = default;
    explicit Ref(std::shared_ptr<StoredBase const> const& stored)
        : stored_(std::static_pointer_cast<Stored<Thing> const>(stored))
    {
    }
    explicit operator bool() const { return stored_ != nullptr; }
    Thing const& operator*() const { return stored_->thing; }
    Thing const* operator->() const { return &stored_->thing; }
    /// The order of creation.
    std::int64_t number() const { return stored_->number; }

private:
    std::shared_ptr<Stored<Thing> const> stored_;
};

template <class Thing>
using Refs = std::vector<Ref<Thing>>;

} // namespace karat::catalog
