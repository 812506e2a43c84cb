// SPDX-License-Identifier: Apache-2.0
#include "upkeep.hpp"

#include "checksum.hpp"
#include "loading.hpp"
#include "sql.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::catalog {
namespace {

/// A table whose rows are no nouns: the checksum covers all columns from `first_covered` on.
struct PlainTable {
    char const* name;
    std::vector<char const*> columns;
    std::size_t first_covered = 0;

    std::size_t width() const { return columns.size() + 1; }
    Statement all() const
    {
        return {fmt::format("SELECT {}, checksum FROM {}", fmt::join(columns, ", "), name), {}};
    }
    bool is_sound(Database::Fields const& row) const
    {
        auto const covered = std::span(row).first(columns.size()).subspan(first_covered);
        return row_checksum(name, covered) == row.back();
    }
};

std::vector<PlainTable> const& plain_tables()
{
    static std::vector<PlainTable> const all{
        {"token", {"account", "region", "action", "token", "expires", "doc"}},
        {"audit", {"seq", "at", "actor", "action", "touched"}, 1}}; // all but its number
    return all;
}

template <class Thing>
Result<void> check_rows(Database& database, Checked& checked)
{
    RowReader reader;
    return read_rows(database, table_of<Thing>(), [&](std::vector<Row> rows) -> Result<void> {
        checked.rows += rows.size();
        for (auto const& row : rows) {
            auto const thing = thing_of<Thing>(reader, row);
            if (!thing.ok())
                checked.damage.push_back(thing.error().message);
        }
        return {};
    });
}

Result<void> check_plain_rows(Database& database, PlainTable const& table, Checked& checked)
{
    auto const rows = TRY(database.rows(table.all(), table.width()));
    checked.rows += rows.size();
    auto const bad = std::ranges::count_if(
        rows, [&](Database::Fields const& row) { return !table.is_sound(row); });
    if (bad > 0)
        checked.damage.push_back(
            fmt::format("{} rows of the catalog's table '{}' are damaged", bad, table.name));
    return {};
}

/// A printable line with all that the row holds.
std::string line_of(std::string_view table, std::vector<std::optional<std::string>> const& values)
{
    std::string line(table);
    for (auto const& value : values) {
        line += '\t';
        for (char const letter : value.value_or("NULL"))
            line += letter >= ' ' && letter <= '~' && letter != '\\'
                        ? std::string(1, letter)
                        : fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
    }
    return line + "\n";
}

/// What a repair keeps of the tables and what not, gathered before anything is changed.
class Salvage {
public:
    template <class Thing>
    Result<void> take(Database& database)
    {
        auto const& table = table_of<Thing>();
        RowReader reader;
        for (auto const& row : TRY(all_rows(database, table_of<Thing>()))) {
            auto const thing = reader.documents.read<Thing>(row.doc());
            if (!check_document(reader.sum, table, row).ok() || !thing.ok() ||
                !is_wanted(thing.value())) {
                drop(table.name, row.values);
                repaired_.dropped.push_back(label(table, row));
                continue;
            }
            auto const columns = columns_of(thing.value());
            repaired_.mended += check_columns(table, row, columns).ok() ? 0 : 1;
            add(table, *row.values.front(), columns, row);
            note(thing.value());
        }
        return {};
    }

    Result<void> take(Database& database, PlainTable const& table)
    {
        auto const rows = TRY(database.rows(table.all(), table.width()));
        std::size_t bad = 0;
        for (auto const& row : rows) {
            if (table.is_sound(row)) {
                insert(table.name, table.columns, row);
                continue;
            }
            drop(table.name, row);
            ++bad;
        }
        if (bad > 0)
            repaired_.dropped.push_back(fmt::format("{} rows of the table {}", bad, table.name));
        return {};
    }

    std::vector<Statement> const& inserts() const { return inserts_; }
    std::string const& lines() const { return lines_; }
    Repaired& repaired() { return repaired_; }

private:
    /// A key of an account that is gone would be refused.
    bool is_wanted(AccessKey const& key) const { return accounts_.contains(key.account); }
    bool is_wanted(auto const&) const { return true; }
    void note(Account const& account) { accounts_.insert(account.id); }
    void note(auto const&) {}

    void add(Table const& table, std::string const& number, std::vector<Value> const& columns,
             Row const& row)
    {
        std::vector<char const*> names = table.columns;
        std::vector<std::optional<std::string>> values;
        for (auto const& value : columns)
            values.push_back(text_of(value));
        if (std::ranges::find(names, std::string_view(table.order)) == names.end()) {
            names.push_back(table.order);
            values.emplace_back(number);
        }
        names.push_back("doc");
        values.emplace_back(row.doc());
        values.emplace_back(row.checksum());
        insert(table.name, names, values);
    }

    /// As texts: a column of numbers makes numbers of them.
    void insert(char const* table, std::vector<char const*> names,
                std::vector<std::optional<std::string>> const& values)
    {
        names.push_back("checksum");
        Statement query{fmt::format("INSERT INTO {} ({}) VALUES (:{})", table,
                                    fmt::join(names, ", "), fmt::join(names, ", :")),
                        {}};
        for (auto const& value : values)
            query.values.emplace_back(value);
        inserts_.push_back(std::move(query));
    }

    void drop(std::string_view table, std::vector<std::optional<std::string>> const& values)
    {
        lines_ += line_of(table, values);
    }

    std::set<AccountId> accounts_;
    std::vector<Statement> inserts_;
    std::string lines_;
    Repaired repaired_;
};

template <class All>
struct EachOf;
template <class... Things>
struct EachOf<Nouns<Things...>> {
    static std::vector<TableCheck> checks()
    {
        return {{table_of<Things>().name, check_rows<Things>}...};
    }
    static Result<void> take(Salvage& salvage, Database& database)
    {
        Result<void> outcome;
        (void)((outcome = salvage.take<Things>(database), outcome.ok()) && ...);
        return outcome;
    }
    static Result<void> clear(Database& database)
    {
        Result<void> outcome;
        (void)((outcome = empty(database, table_of<Things>().name), outcome.ok()) && ...);
        return outcome;
    }
    static Result<void> empty(Database& database, char const* table)
    {
        return database.run_script(fmt::format("DELETE FROM {}", table));
    }
};

using EachNoun = EachOf<AllNouns>;

Result<void> write_anew(Database& database, Salvage const& salvage)
{
    TRY(EachNoun::clear(database));
    for (auto const& table : plain_tables())
        TRY(EachNoun::empty(database, table.name));
    for (auto const& query : salvage.inserts())
        TRY(database.run(query));
    return {};
}

} // namespace

std::vector<TableCheck> table_checks()
{
    auto all = EachNoun::checks();
    for (auto const& table : plain_tables())
        all.push_back({table.name, [&table](Database& database, Checked& checked) {
                           return check_plain_rows(database, table, checked);
                       }});
    return all;
}

Result<Repaired> repair(Database& database,
                        std::function<Result<void>(std::string const& lines)> const& keep)
{
    Salvage salvage;
    TRY(EachNoun::take(salvage, database));
    for (auto const& table : plain_tables())
        TRY(salvage.take(database, table));
    if (!salvage.lines().empty())
        TRY(keep(salvage.lines()));
    // With foreign keys, each row that goes is looked up in indexes that may be damaged.
    TRY(database.set_references_checked(false));
    TRY(database.begin());
    auto outcome = write_anew(database, salvage);
    if (outcome.ok())
        outcome = database.commit();
    if (!outcome.ok())
        (void)database.roll_back().ok(); // the first failure is the one to tell
    TRY(database.set_references_checked(true));
    TRY(std::move(outcome));
    return std::move(salvage.repaired());
}

} // namespace karat::catalog
