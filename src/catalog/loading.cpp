// SPDX-License-Identifier: Apache-2.0
#include "loading.hpp"

#include "checksum.hpp"
#include "sql.hpp"

#include "karat/mutex.hpp"
#include "karat/text.hpp"
#include "karat/thread.hpp"

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <deque>

namespace karat::catalog {
namespace {

constexpr Edit kLoading{1};
constexpr std::size_t kChunk = 2000; // rows that are read at once

/// A decoded row, ready to be put in its place.
struct Loaded {
    std::int64_t number = 0;
    StoredRef record;
    Keys keys;
    std::optional<Damage> damage;
};

std::int64_t row_number(Row const& row) { return number_of<std::int64_t>(row.text(0)).value_or(0); }

std::span<std::optional<std::string> const> columns_of(Table const& table, Row const& row)
{
    return std::span(row.values).subspan(1, table.columns.size());
}

Damage damage_of(Table const& table, Row const& row, Error error)
{
    auto const columns = columns_of(table, row);
    Damage damage{std::move(error), "", keys_of(table, columns, {})};
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (table.columns[i] == std::string_view("owner"))
            damage.owner = columns[i].value_or("");
    return damage;
}

template <class Thing>
Loaded decoded(RowReader& reader, Row const& row)
{
    Loaded loaded;
    loaded.number = row_number(row);
    auto thing = thing_of<Thing>(reader, row);
    if (!thing.ok()) {
        loaded.damage = damage_of(table_of<Thing>(), row, thing.take_error());
        return loaded;
    }
    auto const& table = table_of<Thing>(); // the row's columns are what the thing asks for
    loaded.keys = keys_of(table, columns_of(table, row), more_keys(thing.value()));
    loaded.record = std::make_shared<Stored<Thing>>(loaded.number, std::move(thing).value());
    return loaded;
}

/// Jobs that a thread of its own does, and whoever adds them when many wait.
class Jobs {
public:
    Jobs()
        : thread_("catalog.load", Thread::OnThrow::end_process,
                  [this](std::stop_token const& stop) { work(stop); })
    {
    }
    Jobs(Jobs const&) = delete;
    Jobs& operator=(Jobs const&) = delete;
    ~Jobs() { thread_.request_stop(); }

    void add(std::function<void()> job)
    {
        {
            Lock const guard(mutex_);
            waiting_.push_back(std::move(job));
            ++open_;
        }
        changed_.notify_all();
        while (count() > kMostWaiting)
            do_one();
    }
    /// Returns when all are done.
    void finish()
    {
        while (do_one()) {
        }
        Lock guard(mutex_);
        changed_.wait(guard, [this]() REQUIRES(mutex_) { return open_ == 0; });
    }

private:
    static constexpr std::size_t kMostWaiting = 4; // each holds a chunk of rows

    std::size_t count()
    {
        Lock const guard(mutex_);
        return waiting_.size();
    }
    /// False when none waits.
    bool do_one()
    {
        std::function<void()> job;
        {
            Lock const guard(mutex_);
            if (waiting_.empty())
                return false;
            job = std::move(waiting_.front());
            waiting_.pop_front();
        }
        job();
        job = nullptr; // what it holds goes before it counts as done
        {
            Lock const guard(mutex_);
            --open_;
        }
        changed_.notify_all();
        return true;
    }
    void work(std::stop_token const& stop)
    {
        while (!stop.stop_requested()) {
            if (do_one())
                continue;
            Lock guard(mutex_);
            changed_.wait(guard, stop, [this]() REQUIRES(mutex_) { return !waiting_.empty(); });
        }
    }

    Mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> waiting_ GUARDED_BY(mutex_);
    std::size_t open_ GUARDED_BY(mutex_) = 0; ///< Waiting, or being done.
    Thread thread_;
};

/// A table that is being loaded: whoever decodes its last chunk fills it.
struct Loading {
    LiveTable& live;
    std::deque<std::vector<Loaded>> chunks; ///< By the order of their rows.
    std::atomic<std::size_t> open = 1;      ///< Chunks that are not decoded, and the reader.

    void done_one()
    {
        if (--open > 0)
            return;
        std::vector<std::pair<StoredRef, Keys>> records;
        for (auto& chunk : chunks) {
            for (auto& loaded : chunk) {
                if (loaded.damage)
                    live.add_damaged(kLoading, loaded.number, std::move(*loaded.damage));
                else
                    records.emplace_back(std::move(loaded.record), std::move(loaded.keys));
            }
            chunk = {};
        }
        live.fill(kLoading, std::move(records));
    }
};

template <class Thing>
Result<void> load_table(Database& database, State& state, Jobs& jobs)
{
    auto const loading = std::make_shared<Loading>(state.table<Thing>());
    auto const outcome =
        read_rows(database, table_of<Thing>(), [&](std::vector<Row> rows) -> Result<void> {
            auto& decoded_rows = loading->chunks.emplace_back();
            ++loading->open;
            auto const given = std::make_shared<std::vector<Row>>(std::move(rows));
            jobs.add([loading, &decoded_rows, given] {
                RowReader reader;
                for (auto const& row : *given)
                    decoded_rows.push_back(decoded<Thing>(reader, row));
                given->clear();
                loading->done_one();
            });
            return {};
        });
    if (!outcome.ok() && outcome.error().fault == Fault::corrupt)
        loading->live.unreadable = outcome.error(); // the check, other tables and a repair go on
    else
        TRY(outcome);
    jobs.add([loading] { loading->done_one(); });
    return {};
}

template <class... Things>
Result<void> load_tables(Nouns<Things...>, Database& database, State& state)
{
    Jobs jobs;
    Result<void> outcome;
    (void)((outcome = load_table<Things>(database, state, jobs), outcome.ok()) && ...);
    jobs.finish();
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
    RowReader reader;
    for (auto& fields : TRY(database.rows(sql::changed(table, since), table.columns.size() + 4))) {
        auto const number = number_of<std::int64_t>(fields.front().value_or("")).value_or(0);
        fields.erase(fields.begin());
        bool const is_there = fields.front().has_value();
        found.push_back(is_there ? decoded<Thing>(reader, Row{std::move(fields)})
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
Result<Step> reread_one_of(Nouns<Things...>, Database& database, std::string_view name,
                           std::int64_t since)
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

Result<void> read_rows(Database& database, Table const& table,
                       std::function<Result<void>(std::vector<Row>)> const& take)
{
    std::int64_t after = INT64_MIN;
    for (;;) {
        auto found =
            TRY(database.rows(sql::select_after(table, after, kChunk), table.columns.size() + 3));
        if (found.empty())
            return {};
        bool const is_last = found.size() < kChunk;
        std::vector<Row> rows;
        for (auto& fields : found)
            rows.push_back({std::move(fields)});
        auto const last = row_number(rows.back());
        if (last <= after)
            return fail(Fault::corrupt, "its rows are not in the order of their numbers");
        after = last;
        TRY(take(std::move(rows)));
        if (is_last)
            return {};
    }
}

Result<std::vector<Row>> all_rows(Database& database, Table const& table)
{
    std::vector<Row> all;
    TRY(read_rows(database, table, [&](std::vector<Row> rows) -> Result<void> {
        std::ranges::move(rows, std::back_inserter(all));
        return {};
    }));
    return all;
}

Result<State> load(Database& database)
{
    State state;
    TRY(load_tables(AllNouns(), database, state));
    TRY(load_tokens(database, state));
    return state;
}

Result<Step> reread_rows(Database& database, std::string_view table, std::int64_t since)
{
    return reread_one_of(AllNouns(), database, table, since);
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
