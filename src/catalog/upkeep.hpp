// SPDX-License-Identifier: Apache-2.0
// What an operator asks of a catalog that may be damaged: is it, mend it, copy it. Works on the
// rows as they are; the caller lets nobody else in meanwhile.
#pragma once

#include "tables.hpp"

#include <functional>

namespace karat::catalog {

/// The checks of rows, one table after the other, so that others get in between.
struct TableCheck {
    char const* table;
    std::function<Result<void>(Database&, Checked&)> run;
};
std::vector<TableCheck> table_checks();

/// Writes every table anew with the rows whose checksum is right: indexes and copied columns
/// follow from them. `keep` gets the others, a line each, before it is done, and may refuse.
Result<Repaired> repair(Database& database,
                        std::function<Result<void>(std::string const& lines)> const& keep);

} // namespace karat::catalog
