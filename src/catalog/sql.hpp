// SPDX-License-Identifier: Apache-2.0
// Every statement of the catalog. Plain SQL that PostgreSQL also takes; placeholders are used once
// each, because its drivers number them. `seq` is the order of creation.
#pragma once

#include "tables.hpp"

namespace karat::catalog::sql {

inline constexpr char const* kRemoveImageDevices = "DELETE FROM image_device WHERE image = :image";
inline constexpr char const* kAddImageDevice =
    "INSERT INTO image_device (image, snapshot) VALUES (:image, :snapshot) ON CONFLICT DO NOTHING";
// What a damaged time column says is no reason to delete a row.
inline constexpr char const* kRemoveExpiredTokens =
    "DELETE FROM token WHERE expires <= :now AND checksum = "
    "row_checksum('token', account, region, action, token, expires, doc)";

// Rows of both tables are numbered as time goes on, so neither looks at more than it deletes.
inline constexpr char const* kRemoveOldAudit = "DELETE FROM audit WHERE seq < (SELECT seq FROM "
                                               "audit WHERE at >= :before ORDER BY seq LIMIT 1)";
inline constexpr char const* kRemoveOldTasks =
    "DELETE FROM task WHERE due IS NULL AND id <= (SELECT max(id) FROM task) - :kept";

inline constexpr char const* kAddTask =
    "INSERT INTO task (state, due, lease_host, doc) VALUES ('queued', NULL, '', '') RETURNING id";
inline constexpr char const* kNextTaskDue = "SELECT MIN(due) FROM task WHERE due IS NOT NULL";

inline constexpr char const* kAudit = "INSERT INTO audit (at, actor, action, touched, checksum) "
                                      "VALUES (:at, :actor, :action, :touched, :checksum)";

/// The columns of a token's row that its checksum covers, in their order, and the checksum.
inline constexpr char const* kToken =
    "SELECT account, region, action, token, expires, doc, checksum FROM token "
    "WHERE account = :account AND region = :region AND action = :action AND token = :token";

/// What is asked of a column. Said to the database, and compared again with the row that it found:
/// a damaged index leads to other rows.
struct Condition {
    enum class Test : unsigned char {
        equal,
        other,  ///< Written into the statement, as partial indexes want it; no quotes within.
        prefix, ///< The comparison lets the index skip what sorts before; LIKE knows a '%'.
        at_most,
        present,
        a_device, ///< Of an image: the snapshot of one of its devices. Not compared again.
    };
    Test test;
    char const* column;
    Value value = {};
};
using Conditions = std::vector<Condition>;

/// Whose things: the conditions of a scope.
Conditions within(Scope const& scope);

/// The rows of a noun that meet the conditions, in the order of their numbers or as said.
Query select(Table const& table, Conditions const& conditions, char const* order = nullptr,
             char const* rest = "");
/// Deletes them.
Query erase(Table const& table, Conditions const& conditions);
/// Whether a row meets the conditions.
bool meets(Table const& table, Row const& row, Conditions const& conditions);

/// INSERT … ON CONFLICT (keys) DO UPDATE, which keeps seq. With `fixed`, a row in which that
/// column differs stays as it is, and no row counts as changed.
struct Upsert {
    struct Column {
        char const* name;
        Value value;
    };
    char const* table;
    std::string keys; ///< "id", or several with commas.
    std::vector<Column> columns;
    char const* fixed = nullptr;

    Query query() const;
};

} // namespace karat::catalog::sql
