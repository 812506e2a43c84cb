// SPDX-License-Identifier: Apache-2.0
// Every statement that reads and writes rows. Plain SQL that SQLite and PostgreSQL take, but for
// what is read after others' commits; placeholders are used once each, because they are numbered.
// `seq` is the order of creation.
#pragma once

#include "tables.hpp"

namespace karat::catalog::sql {

// Rows are numbered as time goes on, so this looks at no more than it deletes.
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
inline constexpr char const* kRemoveToken =
    "DELETE FROM token WHERE account = :account AND region = :region AND action = :action "
    "AND token = :token";

/// The keys of tokens that commits after this version wrote, and their rows as they are now.
inline constexpr char const* kChangedTokens =
    "SELECT k.account, k.region, k.action, k.token, t.account, t.region, t.action, t.token, "
    "t.expires, t.doc, t.checksum FROM (SELECT DISTINCT u.account, u.region, u.action, u.token "
    "FROM commit_log c, unnest(c.token_accounts, c.token_regions, c.token_actions, c.tokens) "
    "AS u(account, region, action, token) WHERE c.version > :since) k LEFT JOIN token t ON "
    "t.account = k.account AND t.region = k.region AND t.action = k.action AND t.token = k.token";

/// The numbers of this table's rows that commits after the version wrote, and the rows as they are
/// now.
Statement changed(Table const& table, std::int64_t since);
/// All rows of a noun, in the order of their numbers: the number, the columns, doc, checksum.
Statement select_after(Table const& table, std::int64_t after, std::size_t most);
/// Inserts the row or replaces it; the number of a row that is there stays.
Statement save(Table const& table, std::int64_t number, std::vector<Value> const& columns,
               std::string const& document);
/// Deletes the row with these columns' keys.
Statement erase(Table const& table, std::vector<Value> const& columns);

} // namespace karat::catalog::sql
