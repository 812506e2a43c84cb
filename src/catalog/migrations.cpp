// SPDX-License-Identifier: Apache-2.0
#include "migrations.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr char const* kTable = "CREATE TABLE IF NOT EXISTS migration ("
                               "    number INTEGER PRIMARY KEY,"
                               "    name TEXT NOT NULL,"
                               "    checksum TEXT NOT NULL,"
                               "    applied BIGINT NOT NULL"
                               ")";

Result<void> check(Database& database, std::vector<Migration> const& known,
                   std::int64_t const applied)
{
    auto const newest = static_cast<std::int64_t>(known.size());
    if (applied > newest)
        return fail(Fault::unsupported,
                    fmt::format("The catalog's schema is version {}, but this program knows "
                                "versions up to {}: start a newer karatd",
                                applied, newest));
    auto const checksums =
        TRY(database.texts({"SELECT checksum FROM migration ORDER BY number", {}}));
    for (std::size_t i = 0; i < checksums.size(); ++i)
        if (i >= known.size() || checksums[i] != sha256(known[i].sql).text())
            return fail(
                Fault::corrupt,
                fmt::format("Migration {} of the catalog differs from this program's", i + 1));
    return {};
}

Result<void> apply(Database& database, Migration const& migration, Time now)
{
    TRY(database.begin());
    TRY(database.run_script(migration.sql));
    TRY(database.run({"INSERT INTO migration (number, name, checksum, applied) "
                      "VALUES (:number, :name, :checksum, :applied)",
                      {migration.number, migration.name, sha256(migration.sql).text(),
                       now.time_since_epoch().count()}}));
    return database.commit();
}

} // namespace

Result<void> migrate(Database& database, std::vector<Migration> const& known, Time now)
{
    TRY(database.run_script(kTable));
    auto const found = TRY(database.number({"SELECT MAX(number) FROM migration", {}}));
    auto const applied = found.value_or(0);
    TRY(check(database, known, applied));
    for (auto const& migration : known) {
        if (migration.number <= applied)
            continue;
        auto outcome = apply(database, migration, now);
        if (outcome.ok())
            continue;
        (void)database.roll_back().ok(); // the first failure is the one to tell
        auto error = outcome.take_error();
        error.message = fmt::format("Migration {}: {}", migration.name, error.message);
        return error;
    }
    return {};
}

} // namespace karat::catalog
