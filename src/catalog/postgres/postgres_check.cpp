// SPDX-License-Identifier: Apache-2.0
#include "migrations.hpp"
#include "postgres/postgres_database.hpp"

namespace karat::catalog {
namespace {

// Columns, indexes and references of the schema in use, without its name.
constexpr char const* kPostgresSchema =
    "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable AS line "
    "FROM information_schema.columns WHERE table_schema = current_schema() "
    "UNION ALL SELECT regexp_replace(indexdef, ' ON [^ ]*\\.', ' ON ') FROM pg_indexes "
    "WHERE schemaname = current_schema() "
    "UNION ALL SELECT CAST(conrelid AS regclass) || ' ' || conname || ' ' || "
    "pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = CAST(current_schema() AS regnamespace) AND contype <> 'n' ORDER BY line";

/// As temporary tables, which are gone when the transaction is rolled back.
Result<std::vector<std::string>> postgres_schema_as_made(Database& database)
{
    TRY(database.run_script("SET LOCAL search_path TO pg_temp"));
    TRY(database.run_script(kMigrationTable));
    for (auto const& migration : postgres_migrations())
        TRY(database.run_script(migration.sql));
    return database.texts({kPostgresSchema, {}});
}

} // namespace

Result<std::vector<std::string>> check_postgres(Database& database)
{
    auto const schema = TRY(database.texts({kPostgresSchema, {}}));
    TRY(database.begin());
    auto const as_made = postgres_schema_as_made(database);
    TRY(database.roll_back());
    if (!as_made.ok())
        return as_made.error();
    std::vector<std::string> damage;
    if (schema != as_made.value())
        damage.emplace_back("The catalog's schema is not what its migrations made");
    return damage;
}

} // namespace karat::catalog
