// SPDX-License-Identifier: Apache-2.0
// Rows to records: what the catalog does once, when it opens.
#pragma once

#include "documents.hpp"
#include "live.hpp"

namespace karat::catalog {

/// The thing that a row holds. Fault::corrupt, naming it, when its checksum, its document or one of
/// its columns is wrong.
template <class Thing>
Result<Thing> thing_of(Row const& row)
{
    auto const& table = table_of<Thing>();
    TRY(check_document(table, row));
    auto thing = read_document<Thing>(row.doc());
    if (!thing.ok())
        return damaged(table, row, thing.error().message);
    TRY(check_columns(table, row, columns_of(thing.value())));
    return thing;
}

/// All rows of a noun as they are.
Result<std::vector<Row>> all_rows(Database& database, Table const& table);

/// Everything that the database holds. Damaged rows are in it as damage.
Result<State> load(Database& database);

} // namespace karat::catalog
