// SPDX-License-Identifier: Apache-2.0
#include "migrations.hpp"
#include "sqlite/sqlite_database.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr char const* kSqliteSchema = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') "
                                      "FROM sqlite_master ORDER BY type, name";

Result<std::vector<std::string>> schema_as_made()
{
    auto const fresh = TRY(sqlite_in_memory());
    TRY(migrate(*fresh, sqlite_migrations(), Time{}));
    return fresh->texts({kSqliteSchema, {}});
}

} // namespace

Result<std::vector<std::string>> check_sqlite(Database& database)
{
    std::vector<std::string> damage;
    auto const own = database.texts({"PRAGMA integrity_check", {}});
    if (!own.ok())
        damage.push_back(own.error().message);
    else if (own.value() != std::vector<std::string>{"ok"})
        for (auto const& line : own.value())
            damage.push_back("The catalog's database: " + line);
    auto const lost = database.texts({"PRAGMA foreign_key_check", {}});
    if (lost.ok() && !lost.value().empty())
        damage.push_back(fmt::format("{} rows of the catalog's table '{}' refer to rows that are "
                                     "not there",
                                     lost.value().size(), lost.value().front()));
    auto const schema = database.texts({kSqliteSchema, {}});
    auto const as_made = TRY(schema_as_made());
    if (!schema.ok() || schema.value() != as_made)
        damage.push_back("The catalog's schema is not what its migrations made");
    return damage;
}

} // namespace karat::catalog
