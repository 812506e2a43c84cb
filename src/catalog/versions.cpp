// SPDX-License-Identifier: Apache-2.0
#include "versions.hpp"

#include "karat/text.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

// A process that is further behind reads everything, which takes some seconds. Not on each commit:
// a statement that deletes one row costs as much as one that deletes a thousand.
constexpr std::int64_t kKeptCommits = 100'000;
constexpr std::int64_t kForgetEvery = 1000;

constexpr char const* kNewest =
    "SELECT (SELECT max(version) FROM commit_log), (SELECT batch FROM commit_log "
    "ORDER BY version DESC LIMIT 1), (SELECT max(number) FROM migration)";
// Those, and the one that we are at, if it is the one that we know.
constexpr char const* kCommitsSince =
    "SELECT count(*) FROM commit_log WHERE version > :since OR (version = :at AND batch = :batch)";
constexpr char const* kTablesSince =
    "SELECT DISTINCT u.name FROM commit_log c, unnest(c.tables) AS u(name) "
    "WHERE c.version > :since";
constexpr char const* kTokensSince =
    "SELECT count(*) FROM commit_log WHERE version > :since AND cardinality(tokens) > 0";
constexpr char const* kBatch = "SELECT count(*) FROM commit_log WHERE batch = :batch "
                               "AND version > (SELECT max(version) FROM commit_log) - 1000";
constexpr char const* kLogCommit =
    "INSERT INTO commit_log (version, batch, at, tables, numbers, token_accounts, token_regions, "
    "token_actions, tokens) VALUES (:version, :batch, :at, CAST(:tables AS TEXT[]), "
    "CAST(:numbers AS BIGINT[]), CAST(:accounts AS TEXT[]), CAST(:regions AS TEXT[]), "
    "CAST(:actions AS TEXT[]), CAST(:tokens AS TEXT[]))";
constexpr char const* kForget = "DELETE FROM commit_log WHERE version <= :last";
constexpr char const* kNotify = "SELECT pg_notify('karat_catalog', :words)";

/// An array as PostgreSQL reads it.
template <class Things>
std::string array_text(Things const& things, auto text_of_one)
{
    std::string all = "{";
    for (auto const& thing : things) {
        all += all.size() > 1 ? ",\"" : "\"";
        for (char const letter : std::string(text_of_one(thing))) {
            if (letter == '"' || letter == '\\')
                all += '\\';
            all += letter;
        }
        all += '"';
    }
    return all + "}";
}

} // namespace

State News::on(State const& state, Edit edit) const
{
    State next = anew ? *anew : state;
    next.answered = state.answered;
    for (auto const& step : steps)
        step(next, edit);
    next.version = version;
    return next;
}

Result<Version> newest_version(Database& database)
{
    auto const found = TRY(database.rows({kNewest, {}}, 3));
    auto const& row = found.front();
    auto const number = [&](std::size_t at) {
        return number_of<std::int64_t>(row.at(at).value_or("0")).value_or(0);
    };
    if (number(2) > static_cast<std::int64_t>(database.known_migrations().size()))
        return fail(Fault::unsupported, "The catalog's schema has become newer than this program: "
                                        "start a newer karatd");
    return Version{number(0), row.at(1).value_or("")};
}

Result<State> load_all(Database& database)
{
    if (!database.is_shared())
        return load(database);
    TRY(database.begin_reading());
    auto const loaded = [&]() -> Result<State> {
        auto const version = TRY(newest_version(database));
        auto state = TRY(load(database));
        state.version = version;
        return state;
    }();
    TRY(database.roll_back());
    return loaded;
}

Result<News> news_since(Database& database, Version const& version)
{
    News news;
    news.since = version;
    news.version = TRY(newest_version(database));
    if (news.version == version)
        return news;
    auto const since = version.number;
    auto const commits = TRY(database.number({kCommitsSince, {since, since, version.batch}}));
    auto const whole = news.version.number - since + (since == 0 ? 0 : 1);
    if (commits != whole) { // forgotten, or an older copy was put back
        news.anew = TRY(load(database));
        news.has_work = true;
        return news;
    }
    for (auto const& table : TRY(database.texts({kTablesSince, {since}}))) {
        news.steps.push_back(TRY(reread_rows(database, table, since)));
        news.has_work = news.has_work || table == table_of<Task>().name;
    }
    if (TRY(database.number({kTokensSince, {since}})).value_or(0) > 0)
        news.steps.push_back(TRY(reread_tokens(database, since)));
    return news;
}

std::vector<Statement> log_commit(Version const& version, std::string const& who, Time now,
                                  Written const& written)
{
    auto const& rows = written.rows;
    auto const& tokens = written.tokens;
    std::vector<Statement> all;
    all.push_back(
        {kLogCommit,
         {version.number, version.batch, column(now),
          array_text(rows, [](RowKey const& row) { return all_tables().at(row.table)->name; }),
          array_text(rows, [](RowKey const& row) { return std::to_string(row.number); }),
          array_text(tokens, [](TokenKey const& key) { return key.account; }),
          array_text(tokens, [](TokenKey const& key) { return key.region; }),
          array_text(tokens, [](TokenKey const& key) { return key.action; }),
          array_text(tokens, [](TokenKey const& key) { return key.token; })}});
    if (version.number % kForgetEvery == 0)
        all.push_back({kForget, {version.number - kKeptCommits}});
    all.push_back({kNotify, {fmt::format("{} {}", version.number, who)}});
    return all;
}

Result<bool> was_committed(Database& database, std::string const& batch)
{
    return TRY(database.number({kBatch, {batch}})).value_or(0) > 0;
}

} // namespace karat::catalog
