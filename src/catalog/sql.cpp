// SPDX-License-Identifier: Apache-2.0
#include "sql.hpp"

#include <fmt/format.h>

namespace karat::catalog::sql {

Query scoped(char const* listing, Scope const& scope, char const* rest)
{
    Query query{listing, {}};
    if (!scope.region.empty()) {
        query.text += kAndRegion;
        query.values.emplace_back(scope.region);
    }
    if (scope.owner) {
        query.text += kAndOwner;
        query.values.emplace_back(scope.owner->text());
    }
    query.text += rest;
    return query;
}

Query Upsert::query() const
{
    std::string names;
    std::string places;
    std::string updates;
    Query query;
    for (auto const& column : columns) {
        char const* const comma = names.empty() ? "" : ", ";
        names += fmt::format("{}{}", comma, column.name);
        places += fmt::format("{}:{}", comma, column.name);
        updates += fmt::format("{}{} = excluded.{}", comma, column.name, column.name);
        query.values.push_back(column.value);
    }
    query.text = fmt::format("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
                             table, names, places, keys, updates);
    if (fixed)
        query.text += fmt::format(" WHERE {}.{} = excluded.{}", table, fixed, fixed);
    return query;
}

} // namespace karat::catalog::sql
