// SPDX-License-Identifier: Apache-2.0
// The tables of the nouns: which columns repeat what of the document. Said once, for writing rows
// and for comparing what is read.
#pragma once

#include "database.hpp"

#include "karat/hash.hpp"
#include <array>

#include <span>

namespace karat::catalog {

/// What records are found by, beside their number.
struct Index {
    enum class Kind : unsigned char {
        unique, ///< One record a key.
        group,  ///< Any number of records a key.
        order,  ///< For walking in the order of keys; made unique by the last column.
    };
    /// Records in which a column has this value are left out.
    struct Unless {
        char const* column = nullptr;
        char const* value = nullptr;
    };

    char const* name;
    Kind kind;
    std::vector<char const*> columns; ///< Their texts are the key. Records with a NULL are left
                                      ///< out. Empty: the keys come from more_keys() alone.
    Unless unless = {};
};

struct Table {
    std::size_t position; ///< Among all tables, from 0.
    char const* name;
    Noun noun;
    char const* order;                ///< The column that rows are numbered by.
    std::size_t keys;                 ///< How many of the columns say which row it is.
    std::vector<char const*> columns; ///< Beside `order`, doc and checksum; the keys come first.
    std::vector<Index> indexes;       ///< The first one has the same columns as the row's key.

    Index const& index(std::string_view wanted) const;
    std::size_t column(std::string_view wanted) const;
};

/// Every noun, by the position of its table; accounts come before their keys.
template <class... Things>
struct Nouns {
    static constexpr std::size_t kCount = sizeof...(Things);
};
using AllNouns = Nouns<Account, AccessKey, Image, Snapshot, Volume, Instance, KeyPair,
                       SecurityGroup, Vpc, Subnet, Parameter, Task>;
inline constexpr std::size_t kTables = AllNouns::kCount;

template <class Thing>
Table const& table_of();

/// By their positions.
std::array<Table const*, kTables> all_tables();

/// A key of a record in an index without columns.
struct MoreKey {
    char const* index;
    std::vector<std::string> parts;
};
inline std::vector<MoreKey> more_keys(auto const&) { return {}; }
std::vector<MoreKey> more_keys(Image const&);    ///< Snapshots of its devices, readers, tags.
std::vector<MoreKey> more_keys(Snapshot const&); ///< Its owner while it is pending, readers, tags.
std::vector<MoreKey> more_keys(Volume const&);   ///< Tags.
std::vector<MoreKey> more_keys(Instance const&); ///< Its addresses, its type while it is on, tags.
std::vector<MoreKey> more_keys(Task const&);     ///< Of an open one: its lane, and what it claims.
/// The texts of such keys.
std::string reader_key(std::string const& region, std::string const& reader);
inline constexpr char const* kEveryone = "all"; ///< A reader, as EC2 names the group of everyone.
std::string tag_key(std::string const& region, AccountId const& owner, std::string const& key,
                    std::string const& value);
/// A private address is unique within its subnet only.
std::string private_address(SubnetId const& subnet, std::string const& address);

/// What the table's columns hold for this thing, in their order.
std::vector<Value> columns_of(Account const&);
std::vector<Value> columns_of(AccessKey const&);
std::vector<Value> columns_of(Image const&);
std::vector<Value> columns_of(Snapshot const&);
std::vector<Value> columns_of(Volume const&);
std::vector<Value> columns_of(Instance const&);
std::vector<Value> columns_of(KeyPair const&);
std::vector<Value> columns_of(SecurityGroup const&);
std::vector<Value> columns_of(Vpc const&);
std::vector<Value> columns_of(Subnet const&);
std::vector<Value> columns_of(Parameter const&);
std::vector<Value> columns_of(Task const&);

/// When a worker may take the task; nothing when it is finished.
std::optional<Time> due(Task const& task);

/// As the time columns hold it: milliseconds since 1970.
inline long long column(Time time) { return time.time_since_epoch().count(); }

/// A row of a noun as it was read.
struct Row {
    std::vector<std::optional<std::string>> values; ///< `order`, the columns, doc, checksum.

    std::string const& doc() const { return text(values.size() - 2); }
    std::string const& checksum() const { return text(values.size() - 1); }
    std::string const& text(std::size_t at) const;
};

/// The order, all columns, doc and checksum, with commas.
std::string selected(Table const& table);
/// Which row it is, in words for an operator: printable and short, whatever the row holds.
std::string label(Table const& table, Row const& row);
/// Fault::corrupt about this row, with what is wrong with it and what to do.
Error damaged(Table const& table, Row const& row, std::string_view what);
/// Fault::corrupt unless the checksum is that of the document.
Result<void> check_document(Sha256& sum, Table const& table, Row const& row);
/// Fault::corrupt unless the row's columns are those that its document asks for.
Result<void> check_columns(Table const& table, Row const& row, std::span<Value const> expected);
/// Decimal digits of a number; nothing for NULL.
std::optional<std::string> text_of(Value const& value);

} // namespace karat::catalog
