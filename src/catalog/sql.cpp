// SPDX-License-Identifier: Apache-2.0
#include "sql.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::catalog::sql {
namespace {

using Test = Condition::Test;

void add(Query& query, Condition const& condition)
{
    auto const* const column = condition.column;
    switch (condition.test) {
    case Test::equal:
        query.text += fmt::format(" AND {0} = :{0}", column);
        query.values.push_back(condition.value);
        return;
    case Test::other:
        query.text += fmt::format(" AND {} <> '{}'", column, *text_of(condition.value));
        return;
    case Test::prefix:
        query.text += fmt::format(" AND {0} >= :prefix AND substr({0}, 1, length(:same_prefix)) = "
                                  ":prefix_again",
                                  column);
        query.values.insert(query.values.end(), 3, condition.value);
        return;
    case Test::at_most:
        query.text += fmt::format(" AND {0} <= :{0}", column);
        query.values.push_back(condition.value);
        return;
    case Test::present:
        query.text += fmt::format(" AND {} IS NOT NULL", column);
        return;
    case Test::a_device:
        query.text += " AND id IN (SELECT image FROM image_device WHERE snapshot = :snapshot)";
        query.values.push_back(condition.value);
        return;
    }
}

bool meets(std::optional<std::string> const& held, Condition const& condition)
{
    auto const wanted = text_of(condition.value);
    switch (condition.test) {
    case Test::equal:
        return held == wanted;
    case Test::other:
        return held && held != wanted;
    case Test::prefix:
        return held && held->starts_with(*wanted);
    case Test::at_most: // both are times: as many digits for the next 250 years, and not negative
        return held && (held->size() < wanted->size() ||
                        (held->size() == wanted->size() && *held <= *wanted));
    case Test::present:
        return held.has_value();
    case Test::a_device:
        return true;
    }
    return false;
}

std::string from(Table const& table) { return fmt::format("FROM {} WHERE 1 = 1", table.name); }

} // namespace

Conditions within(Scope const& scope)
{
    Conditions conditions;
    if (!scope.region.empty())
        conditions.push_back({Test::equal, "region", scope.region});
    if (scope.owner)
        conditions.push_back({Test::equal, "owner", scope.owner->text()});
    return conditions;
}

Query select(Table const& table, Conditions const& conditions, char const* order, char const* rest)
{
    Query query{fmt::format("SELECT {} {}", selected(table), from(table)), {}};
    for (auto const& condition : conditions)
        add(query, condition);
    query.text += fmt::format(" ORDER BY {}{}", order ? order : table.order, rest);
    return query;
}

Query erase(Table const& table, Conditions const& conditions)
{
    Query query{"DELETE " + from(table), {}};
    for (auto const& condition : conditions)
        add(query, condition);
    return query;
}

bool meets(Table const& table, Row const& row, Conditions const& conditions)
{
    return std::ranges::all_of(conditions, [&](Condition const& condition) {
        if (condition.test == Test::a_device)
            return true;
        auto const column = std::ranges::find(table.columns, std::string_view(condition.column));
        VERIFY(column != table.columns.end());
        auto const at = static_cast<std::size_t>(column - table.columns.begin());
        return meets(row.values.at(at + 1), condition);
    });
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
