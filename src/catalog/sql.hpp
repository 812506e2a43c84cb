// SPDX-License-Identifier: Apache-2.0
// Every statement of the catalog. Plain SQL that PostgreSQL also takes; placeholders are used once
// each, because its drivers number them. `seq` is the order of creation.
#pragma once

#include "tables.hpp"

namespace karat::catalog::sql {

// What a damaged time column says is no reason to delete a row.
inline constexpr char const* kRemoveExpiredTokens =
    "DELETE FROM token WHERE expires <= :now AND checksum = "
    "row_checksum('token', account, region, action, token, expires, doc)";

// Rows of both tables are numbered as time goes on, so neither looks at more than it deletes.
inline constexpr char const* kRemoveOldAudit = "DELETE FROM audit WHERE seq < (SELECT seq FROM "
                                               "audit WHERE at >= :before ORDER BY seq LIMIT 1)";

inline constexpr char const* kAudit = "INSERT INTO audit (at, actor, action, touched, checksum) "
                                      "VALUES (:at, :actor, :action, :touched, :checksum)";

/// The columns of a token's row that its checksum covers, in their order, and the checksum.
inline constexpr char const* kTokens =
    "SELECT account, region, action, token, expires, doc, checksum FROM token";
inline constexpr char const* kSaveToken =
    "INSERT INTO token (account, region, action, token, expires, doc, checksum) "
    "VALUES (:account, :region, :action, :token, :expires, :doc, :checksum) "
    "ON CONFLICT (account, region, action, token) DO UPDATE SET "
    "expires = excluded.expires, doc = excluded.doc, checksum = excluded.checksum";

/// All rows of a noun, in the order of their numbers: the number, the columns, doc, checksum.
Statement select_all(Table const& table);
/// Inserts the row or replaces it; the number of a row that is there stays.
Statement save(Table const& table, std::int64_t number, std::vector<Value> const& columns,
               std::string const& document);
/// Deletes the row with these columns' keys.
Statement erase(Table const& table, std::vector<Value> const& columns);

} // namespace karat::catalog::sql
