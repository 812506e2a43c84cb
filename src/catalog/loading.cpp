// SPDX-License-Identifier: Apache-2.0
#include "loading.hpp"

#include "checksum.hpp"
#include "sql.hpp"

#include "karat/text.hpp"
#include "karat/thread.hpp"

#include <charconv>

namespace karat::catalog {
namespace {

constexpr Edit kLoading{1};
constexpr std::size_t kWorthAThread = 2000; // rows

/// A decoded row, ready to be put in its place.
struct Loaded {
    std::int64_t number = 0;
    StoredRef record;
    Keys keys;
    std::optional<Damage> damage;
};

std::int64_t row_number(Row const& row) { return number_of<std::int64_t>(row.text(0)).value_or(0); }

Damage damage_of(Table const& table, Row const& row, Error error)
{
    std::vector<std::optional<std::string>> const columns(
        row.values.begin() + 1,
        row.values.begin() + 1 + static_cast<std::ptrdiff_t>(table.columns.size()));
    Damage damage{std::move(error), "", keys_of(table, columns, {})};
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (table.columns[i] == std::string_view("owner"))
            damage.owner = columns[i].value_or("");
    return damage;
}

template <class Thing>
Loaded decoded(Row const& row)
{
    Loaded loaded;
    loaded.number = row_number(row);
    auto thing = thing_of<Thing>(row);
    if (!thing.ok()) {
        loaded.damage = damage_of(table_of<Thing>(), row, thing.take_error());
        return loaded;
    }
    loaded.keys = keys_of(thing.value());
    loaded.record = std::make_shared<Stored<Thing>>(loaded.number, std::move(thing).value());
    return loaded;
}

/// Decodes all rows, large tables with two threads.
template <class Thing>
std::vector<Loaded> decoded_all(std::vector<Row> const& rows)
{
    std::vector<Loaded> all(rows.size());
    auto const decode = [&](std::size_t from, std::size_t to) {
        for (auto i = from; i < to; ++i)
            all[i] = decoded<Thing>(rows[i]);
    };
    if (rows.size() < kWorthAThread) {
        decode(0, rows.size());
        return all;
    }
    Thread half("catalog.load", Thread::OnThrow::end_process,
                [&](std::stop_token const&) { decode(0, rows.size() / 2); });
    decode(rows.size() / 2, rows.size());
    half.join();
    return all;
}

template <class Thing>
Result<void> load_table(Database& database, State& state)
{
    auto& live = state.table<Thing>();
    auto const rows = all_rows(database, table_of<Thing>());
    if (!rows.ok() && rows.error().fault == Fault::corrupt) {
        live.unreadable = rows.error(); // the check, the other tables and a repair go on
        return {};
    }
    if (!rows.ok())
        return rows.error();
    for (auto& loaded : decoded_all<Thing>(rows.value())) {
        if (loaded.damage)
            live.add_damaged(kLoading, loaded.number, std::move(*loaded.damage));
        else
            live.add(kLoading, loaded.record, loaded.keys);
    }
    return {};
}

template <class... Things>
Result<void> load_tables(Database& database, State& state)
{
    Result<void> outcome;
    (void)((outcome = load_table<Things>(database, state), outcome.ok()) && ...);
    return outcome;
}

Token token_of(Database::Fields const& row)
{
    Token token;
    auto used = read_document<UsedToken>(row[5].value_or(""));
    long long expires = 0;
    auto const& time = row[4].value_or("");
    (void)std::from_chars(time.data(), time.data() + time.size(), expires);
    token.key = {row[0].value_or(""), row[1].value_or(""), row[2].value_or(""),
                 row[3].value_or("")};
    token.is_damaged = row_checksum("token", std::span(row).first(6)) != row[6] || !used.ok();
    if (!token.is_damaged) {
        token.used = std::move(used).value();
        token.expires = Time(std::chrono::milliseconds(expires));
    }
    return token;
}

Result<void> load_tokens(Database& database, State& state)
{
    for (auto const& row : TRY(database.rows({sql::kTokens, {}}, 7))) {
        auto token = std::make_shared<Token const>(token_of(row));
        state.tokens.set(kLoading, text_of(token->key), token);
    }
    return {};
}

/// Takes away what has this number, sound or damaged.
template <class Thing>
void forget(LiveTable& live, Edit edit, std::int64_t number)
{
    live.damaged.erase(edit, number);
    auto const* const found = live.by_number.find(number);
    if (found == nullptr)
        return;
    auto const record = *found;
    live.remove(edit, number, keys_of(static_cast<Stored<Thing> const&>(*record).thing));
}

template <class Thing>
Result<Step> reread(Database& database, std::int64_t since)
{
    auto const& table = table_of<Thing>();
    std::vector<Loaded> found;
    for (auto& fields : TRY(database.rows(sql::changed(table, since), table.columns.size() + 4))) {
        auto const number = number_of<std::int64_t>(fields.front().value_or("")).value_or(0);
        fields.erase(fields.begin());
        bool const is_there = fields.front().has_value();
        found.push_back(is_there ? decoded<Thing>(Row{std::move(fields)})
                                 : Loaded{.number = number});
    }
    return Step([found = std::move(found)](State& state, Edit edit) {
        auto& live = state.table<Thing>();
        for (auto const& one : found) // all of them first: keys may move from one to the other
            forget<Thing>(live, edit, one.number);
        for (auto const& one : found) {
            if (one.damage)
                live.add_damaged(edit, one.number, *one.damage);
            else if (one.record)
                live.add(edit, one.record, one.keys);
        }
    });
}

template <class... Things>
Result<Step> reread_one_of(Database& database, std::string_view name, std::int64_t since)
{
    std::optional<Result<Step>> step;
    (void)((name == table_of<Things>().name ? (step = reread<Things>(database, since), true)
                                            : false) ||
           ...);
    if (!step)
        return fail(Fault::unsupported, "The catalog's commits name a table that this program "
                                        "does not know: start a newer karatd");
    return *std::move(step);
}

} // namespace

Result<std::vector<Row>> all_rows(Database& database, Table const& table)
{
    auto found = TRY(database.rows(sql::select_all(table), table.columns.size() + 3));
    std::vector<Row> rows;
    rows.reserve(found.size());
    for (auto& fields : found)
        rows.push_back({std::move(fields)});
    return rows;
}

Result<State> load(Database& database)
{
    State state;
    TRY((load_tables<Account, AccessKey, Image, Snapshot, Volume, Instance, KeyPair, SecurityGroup,
                     Vpc, Subnet, Parameter, Task>(database, state)));
    TRY(load_tokens(database, state));
    return state;
}

Result<Step> reread_rows(Database& database, std::string_view table, std::int64_t since)
{
    return reread_one_of<Account, AccessKey, Image, Snapshot, Volume, Instance, KeyPair,
                         SecurityGroup, Vpc, Subnet, Parameter, Task>(database, table, since);
}

Result<Step> reread_tokens(Database& database, std::int64_t since)
{
    struct Found {
        TokenKey key;
        std::shared_ptr<Token const> token; ///< Null when it is gone.
    };
    std::vector<Found> found;
    for (auto& row : TRY(database.rows({sql::kChangedTokens, {since}}, 11))) {
        TokenKey const key{row[0].value_or(""), row[1].value_or(""), row[2].value_or(""),
                           row[3].value_or("")};
        bool const is_there = row[4].has_value();
        row.erase(row.begin(), row.begin() + 4);
        found.push_back({key, is_there ? std::make_shared<Token const>(token_of(row)) : nullptr});
    }
    return Step([found = std::move(found)](State& state, Edit edit) {
        for (auto const& one : found) {
            if (one.token)
                state.tokens.set(edit, text_of(one.key), one.token);
            else
                state.tokens.erase(edit, text_of(one.key));
        }
    });
}

} // namespace karat::catalog
