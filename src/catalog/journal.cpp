// SPDX-License-Identifier: Apache-2.0
#include "journal.hpp"

#include "karat/log.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr int kTries = 3; // of a transaction that another one was in the way of

// How long a commit whose outcome is unknown is looked for, while its callers wait.
constexpr int kLooks = 40;
constexpr std::chrono::milliseconds kBetweenLooks{250};

} // namespace

SqlJournal::SqlJournal(Env env, std::string path, std::unique_ptr<Database> database,
                       std::optional<Reserve> reserve, std::chrono::milliseconds patience)
    : env_(env)
    , path_(std::move(path))
    , gate_(patience)
    , database_(std::move(database))
    , reserve_(std::move(reserve))
    , who_(database_->is_shared() ? random_hex(env.chance, 16) : "")
{
}

Result<void> SqlJournal::check_trust() const
{
    if (is_doubtful_)
        return fail(Fault::io, "The catalog's disk failed in an earlier commit; changes are "
                               "refused until the service has been restarted");
    return {};
}

Result<News> SqlJournal::begin(Version const& version)
{
    auto pass = TRY(gate_.enter());
    pass_.emplace(std::move(pass));
    auto news = begin_on(version);
    if (news.ok())
        return news;
    auto failed = after_failure(news.take_error());
    end();
    return failed.take_error();
}

Result<News> SqlJournal::begin_on(Version const& version)
{
    TRY(check_files());
    TRY(database_->begin());
    version_ = version;
    News news;
    if (!database_->is_shared())
        return news;
    batch_ = fmt::format("{}-{}", who_, ++batches_);
    news = TRY(news_since(*database_, version));
    version_ = news.version;
    return news;
}

Result<Version> SqlJournal::commit(Written written)
{
    if (database_->is_shared()) // in one go with the rest: each wait for the server costs
        for (auto& statement :
             log_commit({version_.number + 1, batch_}, who_, env_.clock.now(), written))
            written.statements.push_back(std::move(statement));
    auto outcome = write(written.statements);
    if (!outcome.ok() && database_->trouble() == Database::Trouble::conflict)
        outcome = write_again(written.statements, std::move(outcome));
    if (!outcome.ok() && database_->trouble() == Database::Trouble::unknown)
        outcome = settle();
    if (!outcome.ok())
        outcome = after_failure(outcome.take_error());
    end();
    TRY(std::move(outcome));
    fill_reserve();
    return database_->is_shared() ? Version{version_.number + 1, batch_} : Version{};
}

void SqlJournal::give_up() noexcept { end(); }

/// A transaction never stays open behind the gate.
void SqlJournal::end() noexcept
{
    if (!pass_)
        return;
    try {
        auto const outcome = database_->roll_back();
        if (!outcome.ok())
            log(Level::error, "catalog.rollback_failed", outcome.error());
        if (database_->is_doubtful() && !is_doubtful_)
            log(Level::error, "catalog.refuses_changes");
    } catch (std::exception const&) { // no memory: the next begin() ends it
    }
    is_doubtful_ = database_->is_doubtful();
    pass_.reset();
}

Result<void> SqlJournal::write(std::vector<Statement> const& statements)
{
    TRY(database_->run_all(statements));
    return database_->commit();
}

/// Where nothing was committed meanwhile, the same statements are right.
Result<void> SqlJournal::write_again(std::vector<Statement> const& statements, Result<void> outcome)
{
    for (int tries = 1; tries < kTries && !outcome.ok(); ++tries) {
        if (database_->trouble() != Database::Trouble::conflict)
            break;
        TRY(database_->begin());
        if (TRY(newest_version(*database_)) != version_)
            break;
        outcome = write(statements);
    }
    return outcome;
}

/// The lock that begin() takes was the lost transaction's, so it has ended when we have it.
Result<void> SqlJournal::settle()
{
    for (int look = 0; look < kLooks; ++look) {
        if (look > 0)
            std::this_thread::sleep_for(kBetweenLooks);
        if (!database_->begin().ok())
            continue;
        auto const found = was_committed(*database_, batch_);
        if (!found.ok())
            continue;
        log(Level::warn, "catalog.settled", {{"committed", found.value() ? "yes" : "no"}});
        if (found.value())
            return {};
        return fail(Fault::unavailable, "The catalog's server was lost amid the commit, and the "
                                        "change was not made: try again");
    }
    return fail(Fault::unavailable, "The catalog's server was lost amid the commit: the change may "
                                    "have been made. Look before you try again");
}

/// What is written to a file without a name is gone when the process ends: nothing must be
/// acknowledged. Of a database on a real disk.
Result<void> SqlJournal::check_files()
{
    if (!reserve_)
        return {};
    auto const log_exists = env_.files.exists(path_ + "-wal");
    bool const log_is_gone = log_exists.ok() && !log_exists.value();
    if (!database_->has_moved() && !log_is_gone)
        return {};
    return fail(Fault::io, fmt::format("Somebody removed or replaced the catalog's files, {0} or "
                                       "{0}-wal; changes are refused. What the catalog holds is "
                                       "still open here: save it with 'karat catalog backup FILE', "
                                       "end the daemon, and restore FILE",
                                       path_));
}

/// A full disk must not keep anybody from deleting: whoever tries again has the reserve's room. Not
/// done here, as `work` ran already.
Result<void> SqlJournal::after_failure(Error error)
{
    bool const was_full = database_->trouble() == Database::Trouble::full;
    if (!was_full || !reserve_ || !reserve_->give_up())
        return error;
    return fail(Fault::unavailable,
                "The disk was full, and the catalog gave up a part of its reserve: try again, "
                "delete what is not needed, then run 'karat store gc'");
}

/// After the commit nothing may fail any more.
void SqlJournal::fill_reserve() noexcept
{
    try {
        if (reserve_)
            reserve_->fill();
    } catch (std::exception const&) { // no memory: the next change tries again
    }
}

} // namespace karat::catalog
