// SPDX-License-Identifier: Apache-2.0
#include "migrations.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

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

/// Applies the first migration that is missing, and returns it; null when none is.
Result<Migration const*> apply_next(Database& database, std::vector<Migration> const& known,
                                    Time now)
{
    TRY(database.run_script(kMigrationTable));
    auto const found = TRY(database.number({"SELECT MAX(number) FROM migration", {}}));
    auto const applied = found.value_or(0);
    TRY(check(database, known, applied));
    if (applied == static_cast<std::int64_t>(known.size()))
        return nullptr;
    auto const& migration = known.at(static_cast<std::size_t>(applied));
    auto script = database.run_script(migration.sql);
    if (!script.ok()) {
        auto error = script.take_error();
        error.message = fmt::format("Migration {}: {}", migration.name, error.message);
        return error;
    }
    TRY(database.run({"INSERT INTO migration (number, name, checksum, applied) "
                      "VALUES (:number, :name, :checksum, :applied)",
                      {migration.number, migration.name, sha256(migration.sql).text(),
                       now.time_since_epoch().count()}}));
    return &migration;
}

} // namespace

/// Each look is in a transaction that no other process's overlaps: several daemons may start at
/// once.
Result<void> migrate(Database& database, std::vector<Migration> const& known, Time now)
{
    for (;;) {
        TRY(database.begin());
        auto const applied = apply_next(database, known, now);
        bool const is_done = applied.ok() && applied.value() == nullptr;
        if (is_done)
            return database.roll_back();
        auto outcome = applied.ok() ? database.commit() : Result<void>(applied.error());
        if (!outcome.ok()) {
            (void)database.roll_back().ok(); // the first failure is the one to tell
            return outcome;
        }
    }
}

} // namespace karat::catalog
