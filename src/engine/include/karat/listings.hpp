// SPDX-License-Identifier: Apache-2.0
// What the verbs that list things are told. They visit records in the order of their numbers, so a
// page costs what is on it.
#pragma once

#include "karat/catalog.hpp"
#include "karat/nouns.hpp"

#include <optional>
#include <string>
#include <vector>

namespace karat::engine {

/// What an index finds, so that a listing need not go through everything. Who visits checks what it
/// wants all the same: things come that have not what is said here.
struct Narrowing {
    struct Tag {
        std::string key;
        std::vector<std::string> values; ///< It has one of these.
    };
    struct Name {
        std::string text;
        bool is_whole = true; ///< Else the beginning of a name.
    };
    std::int64_t after = 0; ///< Only records with a higher number come.
    std::optional<Tag> tag;
    std::vector<Name> names; ///< It has one of these. Of images.
};

/// Is called with each thing; answers whether the walk goes on.
template <class Thing>
using Visit = catalog::View::Visit<Thing>;

/// What DescribeImages is told beside filters. Empty lists do not restrict.
struct ImageSelection {
    std::vector<ImageId> ids;
    std::vector<std::string> owners;        ///< Account ids, "self", "amazon".
    std::vector<std::string> executable_by; ///< Account ids, "self", "all".
    Narrowing narrowing;
};

/// Which snapshots DescribeSnapshots shows. Empty lists do not restrict.
struct SnapshotSelection {
    std::vector<SnapshotId> ids;
    std::vector<std::string> owners;        ///< Account ids, "self", "amazon".
    std::vector<std::string> restorable_by; ///< Account ids, "self", "all".
    Narrowing narrowing;
};

/// Of the caller's own things.
template <class Id>
struct OwnSelection {
    std::vector<Id> ids; ///< All when empty.
    Narrowing narrowing;
};

} // namespace karat::engine
