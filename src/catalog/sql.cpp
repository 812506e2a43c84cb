// SPDX-License-Identifier: Apache-2.0
#include "sql.hpp"

#include "checksum.hpp"

#include <fmt/format.h>

namespace karat::catalog::sql {

Statement select_after(Table const& table, std::int64_t after, std::size_t most)
{
    return {fmt::format("SELECT {0} FROM {1} WHERE {2} > :after ORDER BY {2} LIMIT {3}",
                        selected(table), table.name, table.order, most),
            {after}};
}

Statement changed(Table const& table, std::int64_t since)
{
    return {fmt::format("SELECT k.changed, {} FROM (SELECT DISTINCT u.number AS changed FROM "
                        "commit_log c, unnest(c.tables, c.numbers) AS u(name, number) WHERE "
                        "u.name = '{}' AND c.version > :since) k LEFT JOIN {} ON {} = k.changed",
                        selected(table), table.name, table.name, table.order),
            {since}};
}

Statement save(Table const& table, std::int64_t number, std::vector<Value> const& columns,
               std::string const& document)
{
    std::optional<std::string> const covered[] = {document};
    auto names = table.columns;
    auto values = columns;
    names.push_back("doc");
    values.emplace_back(document);
    names.push_back("checksum");
    values.emplace_back(row_checksum(table.name, covered));
    std::string updates;
    for (std::size_t i = table.keys; i < names.size(); ++i)
        updates += fmt::format("{0}{1} = excluded.{1}", updates.empty() ? "" : ", ", names[i]);
    bool const is_numbered_apart = std::string_view(table.order) != names.front();
    if (is_numbered_apart) {
        names.insert(names.begin(), table.order);
        values.insert(values.begin(), static_cast<long long>(number));
    }
    auto const keys = std::span(table.columns).first(table.keys);
    return {fmt::format("INSERT INTO {} ({}) VALUES (:{}) ON CONFLICT ({}) DO UPDATE SET {}",
                        table.name, fmt::join(names, ", "), fmt::join(names, ", :"),
                        fmt::join(keys, ", "), updates),
            std::move(values)};
}

Statement erase(Table const& table, std::vector<Value> const& columns)
{
    Statement statement{fmt::format("DELETE FROM {}", table.name), {}};
    for (std::size_t i = 0; i < table.keys; ++i) {
        statement.text +=
            fmt::format(" {0} {1} = :{1}", i == 0 ? "WHERE" : "AND", table.columns[i]);
        statement.values.push_back(columns[i]);
    }
    return statement;
}

} // namespace karat::catalog::sql
