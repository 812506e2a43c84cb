// SPDX-License-Identifier: Apache-2.0
// Rows to records: all of them when the catalog opens, afterwards those that others wrote.
#pragma once

#include "documents.hpp"
#include "live.hpp"

#include <functional>

namespace karat::catalog {

/// What is used again from row to row.
struct RowReader {
    DocumentReader documents;
    Sha256 sum;
};

/// The thing that a row holds. Fault::corrupt, naming it, when its checksum, its document or one of
/// its columns is wrong.
template <class Thing>
Result<Thing> thing_of(RowReader& reader, Row const& row)
{
    auto const& table = table_of<Thing>();
    TRY(check_document(reader.sum, table, row));
    auto thing = reader.documents.read<Thing>(row.doc());
    if (!thing.ok())
        return damaged(table, row, thing.error().message);
    TRY(check_columns(table, row, columns_of(thing.value())));
    return thing;
}

/// Reads the rows of a noun as they are, some at a time, in the order of their numbers.
Result<void> read_rows(Database& database, Table const& table,
                       std::function<Result<void>(std::vector<Row>)> const& take);
/// All of them at once.
Result<std::vector<Row>> all_rows(Database& database, Table const& table);

/// Everything that the database holds. Damaged rows are in it as damage.
Result<State> load(Database& database);

/// Puts decoded rows into a state, in the place of what had their keys.
using Step = std::function<void(State&, Edit)>;

/// Reads the rows of this table that commits after the version wrote (versions.hpp).
Result<Step> reread_rows(Database& database, std::string_view table, std::int64_t since);
Result<Step> reread_tokens(Database& database, std::int64_t since);

} // namespace karat::catalog
