// SPDX-License-Identifier: Apache-2.0
// The only file that knows SOCI and SQLite's error codes.
#include "sqlite/sqlite_database.hpp"

#include "checksum.hpp"
#include "sqlite/sqlite_vfs.hpp"

#include <bit>
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unordered_map>

namespace karat::catalog {
namespace {

constexpr int kBusyTimeoutSeconds = 2; // somebody's sqlite3 shell may hold the file for a moment

// EXCLUSIVE before the first use of the log: no shared memory, and a second daemon cannot join.
// synchronous=FULL: a commit returns after the log is synced.
constexpr char const* kSetUp = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA trusted_schema = OFF;"
                               "BEGIN IMMEDIATE; COMMIT;";

/// SQLite's own, or that of a file's call in sqlite_vfs.cpp.
bool is_want_of_memory(int sqlite_code)
{
    return (sqlite_code & 0xff) == SQLITE_NOMEM || sqlite_code == SQLITE_IOERR_NOMEM;
}

Fault fault_of(int sqlite_code)
{
    if (is_want_of_memory(sqlite_code))
        return Fault::unavailable;
    switch (sqlite_code & 0xff) {
    case SQLITE_CONSTRAINT:
        return sqlite_code == SQLITE_CONSTRAINT_FOREIGNKEY ? Fault::not_found : Fault::duplicate;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return Fault::unavailable;
    case SQLITE_TOOBIG:
        return Fault::exhausted;
    case SQLITE_FULL:
        return Fault::full;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return Fault::io;
    default: // CORRUPT, NOTADB, and a schema that our statements do not fit
        return Fault::corrupt;
    }
}

Error sqlite_error(int code)
{
    if (is_want_of_memory(code))
        return fail(Fault::unavailable, "The service lacks the memory for this now; try again");
    if (fault_of(code) == Fault::unavailable)
        return fail(Fault::unavailable, "The catalog is in use by another process");
    if (code == SQLITE_FULL)
        return fail(Fault::full, "The disk is full: the catalog cannot keep the change");
    return fail(fault_of(code), fmt::format("The catalog's database failed: {} (SQLite {})",
                                            sqlite_api::sqlite3_errstr(code), code));
}

/// A name in SQLite's URI form: every byte that could mean something is escaped.
std::string uri_of(std::string const& path, std::string const& vfs)
{
    std::string uri = "file:";
    for (char const c : path) {
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-' || c == '_';
        uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return vfs.empty() ? uri : uri + "?vfs=" + vfs;
}

constexpr std::intptr_t kCopyIt = -1; // SQLITE_TRANSIENT, which is a cast that we ban

/// row_checksum() of SQL.
void compute_checksum(sqlite_api::sqlite3_context* context, int count,
                      sqlite_api::sqlite3_value** arguments)
{
    std::vector<std::optional<std::string>> values;
    for (int i = 0; i < count; ++i) {
        if (sqlite_api::sqlite3_value_type(arguments[i]) == SQLITE_NULL) {
            values.emplace_back();
            continue;
        }
        auto const bytes = static_cast<std::size_t>(sqlite_api::sqlite3_value_bytes(arguments[i]));
        auto const* const text =
            static_cast<char const*>(sqlite_api::sqlite3_value_blob(arguments[i]));
        values.emplace_back(bytes == 0 ? std::string() : std::string(text, bytes));
    }
    if (values.empty() || !values.front())
        return sqlite_api::sqlite3_result_null(context);
    auto const sum = row_checksum(*values.front(), std::span(values).subspan(1));
    sqlite_api::sqlite3_result_text(context, sum.data(), static_cast<int>(sum.size()),
                                    std::bit_cast<sqlite_api::sqlite3_destructor_type>(kCopyIt));
}

/// SQLite is C: an exception would leave its locks taken.
void checksum_function(sqlite_api::sqlite3_context* context, int count,
                       sqlite_api::sqlite3_value** arguments) noexcept
{
    try {
        compute_checksum(context, count, arguments);
    } catch (std::exception const&) {
        sqlite_api::sqlite3_result_error_nomem(context);
    }
}

bool is_number(Value const& value) { return value.index() == 0; }

/// A statement that stays prepared, with the variables that it is bound to.
class Prepared {
public:
    Prepared(soci::session& session, Statement const& query)
        : statement_(session)
        , slots_(query.values.size())
    {
        statement_.alloc();
        statement_.prepare(query.text);
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            auto& slot = slots_[i];
            slot.is_number = is_number(query.values[i]);
            if (slot.is_number)
                statement_.exchange(soci::use(slot.number, slot.indicator));
            else
                statement_.exchange(soci::use(slot.text, slot.indicator));
        }
    }

    std::int64_t run(Statement const& query)
    {
        fill(query);
        if (!bound_)
            statement_.define_and_bind();
        bound_ = true;
        statement_.execute(true);
        return statement_.get_affected_rows();
    }

    std::vector<Database::Fields> rows(Statement const& query, std::size_t columns)
    {
        fill(query);
        if (!bound_) {
            answers_.resize(columns);
            for (auto& answer : answers_)
                statement_.exchange(soci::into(answer.text, answer.indicator));
            statement_.define_and_bind();
        }
        VERIFY(answers_.size() == columns);
        bound_ = true;
        std::vector<Database::Fields> all;
        statement_.execute(false);
        while (statement_.fetch()) { // to the end, so that the statement holds nothing open
            auto& fields = all.emplace_back();
            for (auto const& answer : answers_)
                fields.push_back(answer.indicator == soci::i_null ? std::nullopt
                                                                  : std::optional(answer.text));
        }
        return all;
    }

private:
    struct Slot {
        bool is_number = false;
        long long number = 0;
        std::string text;
        soci::indicator indicator = soci::i_ok;
    };

    void fill(Statement const& query)
    {
        VERIFY(query.values.size() == slots_.size());
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            auto& slot = slots_[i];
            auto const& value = query.values[i];
            VERIFY(slot.is_number == is_number(value));
            slot.indicator = std::visit([](auto const& held) { return held.has_value(); }, value)
                                 ? soci::i_ok
                                 : soci::i_null;
            if (slot.is_number)
                slot.number = std::get<0>(value).value_or(0);
            else
                slot.text = std::get<1>(value).value_or("");
        }
    }

    soci::statement statement_;
    std::vector<Slot> slots_;
    struct Answer {
        std::string text;
        soci::indicator indicator = soci::i_ok;
    };
    std::vector<Answer> answers_; // bound to the statement: never resized afterwards
    bool bound_ = false;
};

class SqliteDatabase final : public Database {
public:
    Result<void> connect(std::string const& uri);
    Result<void> connect(Env env, std::string const& path, Storage storage);

    Result<std::int64_t> run(Statement const& query) override
    {
        return with(query, [&](Prepared& statement) { return statement.run(query); });
    }

    Result<void> run_all(std::vector<Statement> const& statements) override
    {
        for (auto const& statement : statements)
            TRY(run(statement));
        return {};
    }

    Result<std::vector<Fields>> rows(Statement const& query, std::size_t columns) override
    {
        auto found =
            with(query, [&](Prepared& statement) { return statement.rows(query, columns); });
        if (found.ok())
            counts_.rows += found.value().size();
        return found;
    }

    Result<void> run_script(std::string const& statements) override
    {
        int const code =
            sqlite_api::sqlite3_exec(handle(), statements.c_str(), nullptr, nullptr, nullptr);
        if (code == SQLITE_OK)
            return {};
        auto const failure = sqlite_api::sqlite3_extended_errcode(handle());
        was_full_ = failure == SQLITE_FULL;
        return sqlite_error(failure);
    }

    Result<void> begin() override
    {
        was_full_ = false;
        TRY(roll_back()); // of a transaction that could not be ended for want of memory
        return run_script("BEGIN");
    }

    Result<void> begin_reading() override { return run_script("BEGIN"); }

    Result<void> commit() override
    {
        auto outcome = run_script("COMMIT");
        if (!outcome.ok())
            note_doubt();
        else
            ++counts_.commits;
        return outcome;
    }

    Result<void> roll_back() override
    {
        // SQLite has ended it by itself after some failures.
        if (sqlite_api::sqlite3_get_autocommit(handle()) != 0)
            return {};
        auto outcome = run_script("ROLLBACK");
        if (!outcome.ok())
            note_doubt();
        return outcome;
    }

    Trouble trouble() const override { return was_full_ ? Trouble::full : Trouble::other; }
    bool is_doubtful() const override { return is_doubtful_; }
    bool is_shared() const override { return false; }

    bool has_moved() const override
    {
        int moved = 0;
        sqlite_api::sqlite3_file_control(handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        return moved != 0;
    }

    Result<std::vector<std::string>> notices(std::chrono::milliseconds) override
    {
        return std::vector<std::string>(); // there are no others
    }

    std::vector<Migration> const& known_migrations() const override { return sqlite_migrations(); }
    Result<std::vector<std::string>> check() override { return check_sqlite(*this); }

    Result<void> set_references_checked(bool checked) override
    {
        return run_script(checked ? "PRAGMA foreign_keys = ON" : "PRAGMA foreign_keys = OFF");
    }

    Result<void> copy_to(std::string const& path) override
    {
        auto const uri = uri_of(path, vfs_ ? vfs_->name() : "");
        TRY(run({"VACUUM INTO :uri", {uri}}));
        return {};
    }

    Counts counts() const override { return counts_; }

private:
    void note_doubt()
    {
        auto const code = sqlite_api::sqlite3_extended_errcode(handle());
        is_doubtful_ = is_doubtful_ || ((code & 0xff) != SQLITE_FULL && !is_want_of_memory(code));
    }

    /// Unchecked by UBSan: Debian's SOCI keeps the class's type information to itself.
    __attribute__((no_sanitize("vptr"))) sqlite_api::sqlite3* handle() const
    {
        return static_cast<soci::sqlite3_session_backend const*>(session_.get_backend())->conn_;
    }

    /// Runs `work` on the prepared statement: the one place that catches. SOCI's what() is never
    /// used: it quotes the bound values, and some of them are secrets.
    auto with(Statement const& query, auto work)
        -> Result<decltype(work(std::declval<Prepared&>()))>
    {
        ++counts_.statements;
        try {
            auto found = prepared_.find(query.text);
            if (found == prepared_.end())
                found = prepared_.try_emplace(query.text, session_, query).first;
            return work(found->second);
        } catch (soci::soci_error const&) {
            auto const code = sqlite_api::sqlite3_extended_errcode(handle());
            was_full_ = code == SQLITE_FULL;
            prepared_.erase(query.text); // in whatever state the failure left it
            return sqlite_error(code);
        } catch (std::exception const&) { // no memory: for who asked to answer
            prepared_.erase(query.text);
            throw;
        }
    }

    std::unique_ptr<EnvVfs> vfs_; // outlives the session that uses it
    soci::session mutable session_;
    std::unordered_map<std::string, Prepared> prepared_; // as many as there are statement texts
    bool is_doubtful_ = false;
    bool was_full_ = false;
    Counts counts_;
};

Result<void> SqliteDatabase::connect(std::string const& uri)
{
    try {
        session_.open(soci::sqlite3, uri);
    } catch (soci::sqlite3_soci_error const& error) {
        return sqlite_error(error.result());
    }
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    int const code =
        sqlite_api::sqlite3_create_function_v2(handle(), "row_checksum", -1, kFlags, nullptr,
                                               checksum_function, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? Result<void>() : Result<void>(sqlite_error(code));
}

Result<void> SqliteDatabase::connect(Env env, std::string const& path, Storage storage)
{
    // SQLite would make the file readable by everybody, and it holds secret keys.
    TRY(env.files.open(path, Access::create));
    if (storage == Storage::through_env)
        vfs_ = std::make_unique<EnvVfs>(env);
    auto const uri = uri_of(path, vfs_ ? vfs_->name() : "");
    TRY(connect(fmt::format("dbname={} timeout={}", uri, kBusyTimeoutSeconds)));
    TRY(run_script(kSetUp));
    // What a crash left in the log may be in the page cache only, where a failed sync left it.
    // Built upon, it must be on the platter first.
    return run_script("PRAGMA wal_checkpoint(TRUNCATE)");
}

} // namespace

Result<std::unique_ptr<Database>> open_sqlite(Env env, std::string const& path, Storage storage)
{
    auto database = std::make_unique<SqliteDatabase>();
    TRY(database->connect(env, path, storage));
    return std::unique_ptr<Database>(std::move(database));
}

Result<std::unique_ptr<Database>> sqlite_in_memory()
{
    auto database = std::make_unique<SqliteDatabase>();
    TRY(database->connect("dbname=:memory:"));
    return std::unique_ptr<Database>(std::move(database));
}

} // namespace karat::catalog
