// SPDX-License-Identifier: Apache-2.0
#include "database.hpp"

#include "postgres/postgres_database.hpp"
#include "sqlite/sqlite_database.hpp"

#include "karat/text.hpp"

namespace karat::catalog {

bool is_postgres(std::string_view where)
{
    return where.starts_with("postgresql://") || where.starts_with("postgres://");
}

Result<std::unique_ptr<Database>> Database::open(Env env, std::string const& where, Storage storage)
{
    if (is_postgres(where))
        return open_postgres(where);
    return open_sqlite(env, where, storage);
}

Result<std::vector<std::string>> Database::texts(Statement const& query)
{
    auto found = TRY(rows(query, 1));
    std::vector<std::string> all;
    all.reserve(found.size());
    for (auto& fields : found)
        all.push_back(std::move(fields.front()).value_or(""));
    return all;
}

Result<std::optional<std::int64_t>> Database::number(Statement const& query)
{
    auto const found = TRY(texts(query));
    if (found.empty() || found.front().empty())
        return std::optional<std::int64_t>();
    auto const number = number_of<std::int64_t>(found.front());
    if (!number)
        return fail(Fault::corrupt, "The catalog's database holds a text where a number belongs");
    return number;
}

} // namespace karat::catalog
