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

/// What a record is found by in one index. Each text begins with the index's letter, so one map
/// holds the keys of all indexes. Texts are kept where their order matters; elsewhere a hash of 128
/// bits, with a secret of this process, is as good and a quarter of the size: no two are the same.
struct Key {
    using Hash = std::array<std::uint64_t, 2>;

    Hash hash{};
    std::string text; ///< Of an ordered index; empty in others.
    bool operator==(Key const&) const = default;
};

struct Keys {
    std::vector<Key> single; ///< Of unique and of ordered indexes; the first says which row it is.
    std::vector<Key> group;
};

/// The key in this index.
Key key_of(Table const& table, Index const& index, std::vector<std::string> const& parts);
/// What the texts of an ordered index begin with; the last part is open.
std::string key_text(Table const& table, Index const& index, std::vector<std::string> const& parts);
/// `columns`: texts as rows have them; `more`: keys in the indexes without columns.
Keys keys_of(Table const& table, std::span<std::optional<std::string> const> columns,
             std::vector<MoreKey> const& more);

/// A row that cannot be answered.
struct Damage {
    Error error;
    std::string owner; ///< As the row's column says; empty without one.
    Keys keys;         ///< As the row's columns say; in indexes without columns it may have any.
};

using Records = SharedMap<std::int64_t, StoredRef>; ///< By number.

/// The records that share a key. Most keys are of one record, which then costs a pointer.
class Group {
public:
    Group() = default;
    /// Takes records whose numbers rise, at least one.
    Group(Edit edit, std::vector<StoredRef> records);

    void set(Edit edit, StoredRef const& record);
    void erase(Edit edit, std::int64_t number);
    bool is_empty() const { return size() == 0; }
    std::size_t size() const { return only_ ? 1 : many_ ? many_->size() : 0; }

private:
    friend class Cursor;
    StoredRef only_; ///< Null when there are none, or many.
    std::shared_ptr<Records const> many_;
};

/// Goes through records by their numbers. What it goes through outlives it.
class Cursor {
public:
    Cursor(Records const& records, std::int64_t after);
    Cursor(Group const& group, std::int64_t after);

    /// Null at the end.
    StoredRef const* record() const;
    void move_past(std::int64_t number);

private:
    StoredRef const* only_ = nullptr;
    std::optional<Records::Iterator> at_;
    std::optional<Records::Iterator> end_;
};

struct LiveTable {
    Records by_number;
    SharedMap<Key::Hash, StoredRef> unique;
    SharedMap<std::string, StoredRef> ordered;
    SharedMap<Key::Hash, Group> groups;
    SharedMap<std::int64_t, std::shared_ptr<Damage const>> damaged;
    std::int64_t last_number = 0;
    std::optional<Error> unreadable; ///< Why its rows could not be read at all.

    void add(Edit edit, StoredRef const& record, Keys const& keys);
    /// Adds many at once to a table that has none: records by rising numbers, with their keys.
    void fill(Edit edit, std::vector<std::pair<StoredRef, Keys>> records);
    void remove(Edit edit, std::int64_t number, Keys const& keys);
    void add_damaged(Edit edit, std::int64_t number, Damage damage);
    /// The record with this key of no group; null when absent, Fault::corrupt when damaged.
    Result<StoredRef> find(Key const& key) const;
    /// The same, but null when damaged.
    StoredRef const* find_sound(Key const& key) const;
};

struct TokenKey {
    std::string account;
    std::string region;
    std::string action;
    std::string token;
};

/// An idempotency token's row.
struct Token {
    TokenKey key;
    UsedToken used;
    Time expires{};
    bool is_damaged = false;
};

/// Which commit made a state (versions.hpp). Of a shared database only.
struct Version {
    std::int64_t number = 0;
    std::string batch; ///< The commit's id. A database that went back in time has other ones.

    bool operator==(Version const&) const = default;
};

struct State {
    std::array<LiveTable, kTables> tables;
    SharedMap<std::string, std::shared_ptr<Token const>> tokens; ///< By text_of(TokenKey).
    Version version;
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

std::string text_of(TokenKey const& key);

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
