// SPDX-License-Identifier: Apache-2.0
// The catalog in a file of SQLite's, for one process.
#pragma once

#include "database.hpp"

namespace karat::catalog {

/// Opens or creates the file, readable by its owner only, and takes it for this connection alone:
/// Fault::unavailable when another process has it. Syncs what a crash left in the log. Statements
/// may call row_checksum('table', value, …), as checksum.hpp has it.
Result<std::unique_ptr<Database>> open_sqlite(Env env, std::string const& path, Storage storage);

/// An empty one in memory, without migrations: what a schema ought to be is looked up there.
Result<std::unique_ptr<Database>> sqlite_in_memory();

/// SQLite's own check, the schema, and rows that refer to none.
Result<std::vector<std::string>> check_sqlite(Database& database);

std::vector<Migration> const& sqlite_migrations();

} // namespace karat::catalog
