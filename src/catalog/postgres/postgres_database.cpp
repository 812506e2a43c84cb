// SPDX-License-Identifier: Apache-2.0
// The only file that knows libpq.
#include "postgres/postgres_database.hpp"

#include "postgres/sqlstates.hpp"

#include "karat/log.hpp"
#include "karat/text.hpp"

#include <cctype>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <unordered_map>

namespace karat::catalog {
namespace {

constexpr int kOldestServer = 120000; // 12: what Debian's libpq is tested with goes further
constexpr std::size_t kStatementsAtOnce = 256; // their answers fit into the server's buffers

// What the URL does not say. A server that is gone is found out within seconds.
constexpr char const* kKeywords[] = {"connect_timeout",
                                     "client_encoding",
                                     "fallback_application_name",
                                     "keepalives_idle",
                                     "keepalives_interval",
                                     "keepalives_count",
                                     "tcp_user_timeout",
                                     "dbname",
                                     nullptr};
constexpr char const* kWords[] = {"5", "UTF8", "karat", "5", "2", "3", "10000"};

// A daemon that stopped amid a transaction lets the others in after a while. A commit that is
// acknowledged is durable, whatever the server's settings say.
constexpr char const* kSetUpSession = "SET lock_timeout = '10s';"
                                      "SET idle_in_transaction_session_timeout = '30s';"
                                      "SET client_min_messages = error;"
                                      "SELECT set_config('synchronous_commit', 'on', false) "
                                      "WHERE current_setting('synchronous_commit') = 'off'";

// One writer at a time, of all daemons. Two statements, so that those that follow see what the
// writer before committed.
constexpr char const* kBeginAlone =
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    "SELECT pg_advisory_xact_lock(hashtext('karat catalog'), hashtext(current_schema()))";

struct EndConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearAnswer {
    void operator()(PGresult* answer) const { PQclear(answer); }
};
using Answer = std::unique_ptr<PGresult, ClearAnswer>;

/// A statement's values as libpq takes them.
class Bound {
public:
    explicit Bound(Statement const& query)
    {
        for (auto const& value : query.values) {
            if (auto const* const number = std::get_if<0>(&value))
                texts_.push_back(*number ? std::optional(std::to_string(**number)) : std::nullopt);
            else
                texts_.push_back(std::get<1>(value));
        }
        for (auto const& text : texts_)
            pointers_.push_back(text ? text->c_str() : nullptr);
    }
    int count() const { return static_cast<int>(pointers_.size()); }
    char const* const* data() const { return pointers_.data(); }

private:
    std::vector<std::optional<std::string>> texts_;
    std::vector<char const*> pointers_;
};

bool is_good(PGresult const* answer)
{
    auto const status = PQresultStatus(answer);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_PIPELINE_SYNC;
}

class PostgresDatabase final : public Database {
public:
    explicit PostgresDatabase(std::string url)
        : url_(std::move(url))
    {
    }

    Result<void> connect();

    Result<std::int64_t> run(Statement const& query) override
    {
        auto const answer = TRY(execute(query));
        return number_of<std::int64_t>(PQcmdTuples(answer.get())).value_or(0);
    }

    Result<void> run_all(std::vector<Statement> const& statements) override;

    Result<std::vector<Fields>> rows(Statement const& query, std::size_t columns) override
    {
        auto const answer = TRY(execute(query));
        VERIFY(static_cast<std::size_t>(PQnfields(answer.get())) == columns);
        std::vector<Fields> all(static_cast<std::size_t>(PQntuples(answer.get())));
        for (std::size_t i = 0; i < all.size(); ++i)
            for (int at = 0; at < static_cast<int>(columns); ++at)
                all[i].push_back(field(answer.get(), static_cast<int>(i), at));
        counts_.rows += all.size();
        return all;
    }

    Result<void> run_script(std::string const& statements) override
    {
        TRY(be_connected());
        Answer const answer(PQexec(connection_.get(), statements.c_str()));
        return is_good(answer.get()) ? Result<void>() : Result<void>(failure(answer.get()));
    }

    /// A connection may be found lost only when it is used: a server was restarted meanwhile.
    Result<void> begin() override { return begin_with(kBeginAlone); }
    Result<void> begin_reading() override
    {
        return begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    }
    Result<void> commit() override;

    Result<void> roll_back() override
    {
        if (!std::exchange(is_in_transaction_, false) || is_lost())
            return {};
        if (PQtransactionStatus(connection_.get()) == PQTRANS_IDLE)
            return {};
        auto outcome = run_script("ROLLBACK");
        if (!outcome.ok())
            connection_.reset(); // the server ends the transaction with it
        return {};
    }

    Result<std::vector<std::string>> notices(std::chrono::milliseconds patience) override;

    Trouble trouble() const override { return trouble_; }
    bool is_doubtful() const override { return false; }
    bool has_moved() const override { return false; }
    bool is_shared() const override { return true; }
    std::vector<Migration> const& known_migrations() const override
    {
        return postgres_migrations();
    }
    Result<std::vector<std::string>> check() override { return check_postgres(*this); }
    Result<void> set_references_checked(bool) override { return {}; }
    Result<void> copy_to(std::string const&) override
    {
        return fail(Fault::unsupported, "The catalog is in PostgreSQL: back it up with pg_dump");
    }
    Counts counts() const override { return counts_; }

private:
    static std::optional<std::string> field(PGresult const* answer, int row, int column)
    {
        if (PQgetisnull(answer, row, column) != 0)
            return std::nullopt;
        return std::string(PQgetvalue(answer, row, column),
                           static_cast<std::size_t>(PQgetlength(answer, row, column)));
    }

    bool is_lost() const { return !connection_ || PQstatus(connection_.get()) == CONNECTION_BAD; }

    Result<void> be_connected()
    {
        trouble_ = Trouble::other;
        if (!is_lost())
            return {};
        if (is_in_transaction_)
            return postgres_error("");
        return connect_again();
    }

    /// The log says once why it cannot, for the operator; callers need not know where the server
    /// is.
    Result<void> connect_again()
    {
        auto outcome = connect();
        if (outcome.ok()) {
            told_.clear();
            return {};
        }
        connection_.reset();
        if (outcome.error().message != told_)
            log(Level::warn, "catalog.cannot_connect", outcome.error());
        told_ = outcome.error().message;
        return postgres_error("");
    }

    Error failure(PGresult const* answer)
    {
        char const* const code = answer ? PQresultErrorField(answer, PG_DIAG_SQLSTATE) : nullptr;
        if (code == nullptr && !is_lost()) // libpq itself: no memory for the answer
            return fail(Fault::unavailable, "The service lacks the memory for this now; try again");
        trouble_ = trouble_of(code ? code : "");
        return postgres_error(code ? code : "");
    }

    Result<void> begin_with(char const* statements)
    {
        TRY(roll_back());
        bool const was_lost = is_lost();
        auto outcome = run_script(statements);
        if (!outcome.ok() && !was_lost && is_lost())
            outcome = run_script(statements);
        is_in_transaction_ = true;
        if (!outcome.ok())
            TRY(roll_back());
        return outcome;
    }

    Result<std::string> prepared(Statement const& query)
    {
        auto const found = prepared_.find(query.text);
        if (found != prepared_.end())
            return found->second;
        auto const name = fmt::format("s{}", prepared_.size() + 1);
        Answer const answer(PQprepare(connection_.get(), name.c_str(), numbered(query.text).c_str(),
                                      static_cast<int>(query.values.size()), nullptr));
        if (!is_good(answer.get()))
            return failure(answer.get());
        prepared_.emplace(query.text, name);
        return name;
    }

    Result<Answer> execute(Statement const& query)
    {
        TRY(be_connected());
        ++counts_.statements;
        auto const name = TRY(prepared(query));
        Bound const bound(query);
        Answer answer(PQexecPrepared(connection_.get(), name.c_str(), bound.count(), bound.data(),
                                     nullptr, nullptr, 0));
        if (!is_good(answer.get()))
            return failure(answer.get());
        return answer;
    }

    Result<void> run_some(std::span<Statement const> statements);
    Result<void> take_answers();

    std::string const url_;
    std::unique_ptr<PGconn, EndConnection> connection_;
    std::unordered_map<std::string, std::string> prepared_; ///< Names by statements' texts.
    bool is_in_transaction_ = false;
    Trouble trouble_ = Trouble::other;
    std::string told_; ///< Why it could not connect, as the log says.
    Counts counts_;
};

/// libpq's own words, of which the last line says why. They do not quote the password.
Error cannot_connect(PGconn const* connection)
{
    std::string words = connection ? PQerrorMessage(connection) : "no memory";
    while (!words.empty() && words.back() == '\n')
        words.pop_back();
    for (auto& letter : words)
        letter = letter < ' ' ? ' ' : letter;
    return fail(Fault::unavailable,
                fmt::format("The catalog's server cannot be reached: {}", words));
}

Result<void> PostgresDatabase::connect()
{
    prepared_.clear();
    std::vector<char const*> words(std::begin(kWords), std::end(kWords));
    words.push_back(url_.c_str()); // later ones prevail
    words.push_back(nullptr);
    connection_.reset(PQconnectdbParams(kKeywords, words.data(), 1));
    if (is_lost())
        return cannot_connect(connection_.get());
    PQsetNoticeProcessor(connection_.get(), [](void*, char const*) {}, nullptr);
    if (PQserverVersion(connection_.get()) < kOldestServer)
        return fail(Fault::unsupported, "The catalog needs PostgreSQL 12 or newer");
    auto const* const encoding = PQparameterStatus(connection_.get(), "server_encoding");
    if (encoding == nullptr || std::string_view(encoding) != "UTF8")
        return fail(Fault::unsupported, "The catalog's database must have the encoding UTF8: "
                                        "create it with 'createdb -E UTF8 -T template0'");
    Answer const answer(PQexec(connection_.get(), kSetUpSession));
    return is_good(answer.get()) ? Result<void>() : Result<void>(failure(answer.get()));
}

Result<void> PostgresDatabase::run_all(std::vector<Statement> const& statements)
{
    for (std::size_t at = 0; at < statements.size(); at += kStatementsAtOnce)
        TRY(run_some(std::span(statements)
                         .subspan(at, std::min(kStatementsAtOnce, statements.size() - at))));
    return {};
}

/// In one go, without waiting for each answer.
Result<void> PostgresDatabase::run_some(std::span<Statement const> statements)
{
    TRY(be_connected());
    for (auto const& statement : statements)
        TRY(prepared(statement));
    counts_.statements += statements.size();
    if (PQenterPipelineMode(connection_.get()) != 1)
        return failure(nullptr);
    bool is_sent = true;
    for (auto const& statement : statements) {
        Bound const bound(statement);
        is_sent =
            is_sent && PQsendQueryPrepared(connection_.get(), prepared_.at(statement.text).c_str(),
                                           bound.count(), bound.data(), nullptr, nullptr, 0) == 1;
    }
    is_sent = is_sent && PQpipelineSync(connection_.get()) == 1;
    auto outcome = is_sent ? take_answers() : Result<void>(failure(nullptr));
    if (!is_sent || PQexitPipelineMode(connection_.get()) != 1)
        connection_.reset(); // the transaction is lost with it
    return outcome;
}

/// Up to the pipeline's end; the first failure is the one to tell.
Result<void> PostgresDatabase::take_answers()
{
    Result<void> outcome;
    for (bool is_end = false; !is_end;) {
        Answer const answer(PQgetResult(connection_.get()));
        if (!answer) { // between two answers
            if (is_lost())
                return outcome.ok() ? Result<void>(failure(nullptr)) : outcome;
            continue;
        }
        is_end = PQresultStatus(answer.get()) == PGRES_PIPELINE_SYNC;
        if (!is_good(answer.get()) && outcome.ok())
            outcome = failure(answer.get());
    }
    return outcome;
}

Result<void> PostgresDatabase::commit()
{
    TRY(be_connected());
    Answer const answer(PQexec(connection_.get(), "COMMIT"));
    bool const is_made =
        is_good(answer.get()) && std::string_view(PQcmdStatus(answer.get())) == "COMMIT";
    if (is_made) {
        is_in_transaction_ = false;
        ++counts_.commits;
        return {};
    }
    auto error = failure(answer.get());
    if (is_lost() || error.fault == Fault::unavailable) {
        trouble_ = trouble_ == Trouble::conflict ? trouble_ : Trouble::unknown;
        if (trouble_ == Trouble::unknown)
            connection_.reset();
    }
    return error;
}

Result<std::vector<std::string>> PostgresDatabase::notices(std::chrono::milliseconds patience)
{
    TRY(be_connected());
    pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
    (void)::poll(&readable, 1, static_cast<int>(patience.count()));
    if (PQconsumeInput(connection_.get()) != 1)
        return failure(nullptr);
    std::vector<std::string> all;
    while (auto* const notice = PQnotifies(connection_.get())) {
        all.emplace_back(notice->extra);
        PQfreemem(notice);
    }
    return all;
}

} // namespace

std::string numbered(std::string_view text)
{
    std::string out;
    int count = 0;
    bool is_quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        is_quoted = is_quoted != (text[at] == '\'');
        if (is_quoted || text[at] != ':') {
            out += text[at];
            continue;
        }
        out += fmt::format("${}", ++count);
        while (at + 1 < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[at + 1])) != 0 || text[at + 1] == '_'))
            ++at;
    }
    return out;
}

Result<std::unique_ptr<Database>> open_postgres(std::string const& url)
{
    auto database = std::make_unique<PostgresDatabase>(url);
    TRY(database->connect());
    return std::unique_ptr<Database>(std::move(database));
}

} // namespace karat::catalog
