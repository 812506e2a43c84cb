// SPDX-License-Identifier: Apache-2.0
// Everything that the catalog holds, in memory: what SQL keeps, decoded, and found by every index
// of tables.cpp. A state is immutable once others can see it; an edit works on a copy.
#pragma once

#include "shared_map.hpp"
#include "tables.hpp"

#include "karat/record.hpp"

#include <array>
#include <atomic>

namespace karat::catalog {

using StoredRef = std::shared_ptr<StoredBase const>;

/// What a record is found by: keys of unique and of ordered indexes, and of groups. Each begins
/// with the index's letter, so one map holds the keys of all indexes.
struct Keys {
    std::vector<std::string> single;
    std::vector<std::string> group;
};

/// The key in this index. Of a prefix, the last part is open.
std::string key_text(Table const& table, Index const& index, std::vector<std::string> const& parts);
/// `columns`: texts as rows have them; `more`: keys in the indexes without columns.
Keys keys_of(Table const& table, std::vector<std::optional<std::string>> const& columns,
             std::vector<MoreKey> const& more);

/// A row that cannot be answered.
struct Damage {
    Error error;
    std::string owner; ///< As the row's column says; empty without one.
    Keys keys;         ///< As the row's columns say; in indexes without columns it may have any.
};

struct LiveTable {
    SharedMap<std::int64_t, StoredRef> by_number;
    SharedMap<std::string, StoredRef> single;
    SharedMap<std::string, SharedMap<std::int64_t, StoredRef>> groups;
    SharedMap<std::int64_t, std::shared_ptr<Damage const>> damaged;
    std::int64_t last_number = 0;
    std::optional<Error> unreadable; ///< Why its rows could not be read at all.

    void add(Edit edit, StoredRef const& record, Keys const& keys);
    void remove(Edit edit, std::int64_t number, Keys const& keys);
    void add_damaged(Edit edit, std::int64_t number, Damage damage);
    /// The record with this key of no group; null when absent, Fault::corrupt when damaged.
    Result<StoredRef> find(std::string const& key) const;
};

/// An idempotency token's row.
struct Token {
    UsedToken used;
    Time expires{};
    bool is_damaged = false;
};

struct State {
    std::array<LiveTable, kTables> tables;
    SharedMap<std::string, std::shared_ptr<Token const>> tokens; ///< By token_key().
    /// Records that were answered, from this state and those that it was copied from and to.
    std::shared_ptr<std::atomic<std::uint64_t>> answered =
        std::make_shared<std::atomic<std::uint64_t>>(0);

    template <class Thing>
    LiveTable const& table() const
    {
        return tables[table_of<Thing>().position];
    }
    template <class Thing>
    LiveTable& table()
    {
        return tables[table_of<Thing>().position];
    }
};

std::string token_key(std::string const& account, std::string const& region,
                      std::string const& action, std::string const& token);

/// The column texts of a thing.
template <class Thing>
std::vector<std::optional<std::string>> column_texts(Thing const& thing)
{
    std::vector<std::optional<std::string>> texts;
    for (auto const& value : columns_of(thing))
        texts.push_back(text_of(value));
    return texts;
}

template <class Thing>
Keys keys_of(Thing const& thing)
{
    return keys_of(table_of<Thing>(), column_texts(thing), more_keys(thing));
}

} // namespace karat::catalog
