// SPDX-License-Identifier: Apache-2.0
// The schema's history: migrations/*/NNN_*.sql, embedded at build time and applied in order, one
// transaction each. A migration that was released is never edited: its checksum is on record.
#pragma once

#include "database.hpp"

namespace karat::catalog {

/// The table that keeps their history.
inline constexpr char const* kMigrationTable = "CREATE TABLE IF NOT EXISTS migration ("
                                               "    number INTEGER PRIMARY KEY,"
                                               "    name TEXT NOT NULL,"
                                               "    checksum TEXT NOT NULL,"
                                               "    applied BIGINT NOT NULL"
                                               ")";

/// Brings the schema up to date. Fault::unsupported when it is newer than `known`, Fault::corrupt
/// when a migration differs from the one that was applied.
Result<void> migrate(Database& database, std::vector<Migration> const& known, Time now);

} // namespace karat::catalog
