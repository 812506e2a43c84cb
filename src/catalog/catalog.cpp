// SPDX-License-Identifier: Apache-2.0
// Transactions over one connection. All calls pass one gate, so changes are serial and a reader
// sees one state; group commit would let several changes share the sync at the end of commit().
#include "gate.hpp"
#include "migrations.hpp"
#include "reserve.hpp"
#include "rows.hpp"
#include "upkeep.hpp"

#include "karat/log.hpp"
#include "karat/mutex.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr std::chrono::seconds kPatience{10}; // longer than any commit, shorter than a client's

class SqlCatalog final : public Catalog {
public:
    SqlCatalog(Env env, std::string path, std::unique_ptr<Database> database,
               std::optional<Reserve> reserve)
        : env_(env)
        , path_(std::move(path))
        , database_(std::move(database))
        , reserve_(std::move(reserve))
    {
    }

    Result<std::optional<Task>> take_task(std::string const& host,
                                          std::chrono::milliseconds lease) override
    {
        std::optional<Task> taken;
        auto outcome = transact(nullptr, [&](Rows& rows) -> Result<void> {
            taken = TRY(rows.take_task(host, lease));
            return {};
        });
        if (!outcome.ok())
            return outcome.take_error();
        return taken;
    }

    Result<void> renew_task(Task const& task, std::chrono::milliseconds lease) override
    {
        return transact(nullptr, [&](Rows& rows) { return rows.renew_task(task, lease); });
    }

    Result<void> release_tasks(std::string const& host) override
    {
        return transact(nullptr, [&](Rows& rows) { return rows.release_tasks(host); });
    }

    Result<std::optional<Time>> next_task_due() override
    {
        auto const pass = TRY(gate_.enter());
        return Rows(*database_, env_.clock).next_task_due();
    }

    void on_task(std::function<void()> wake) override
    {
        Lock const guard(wake_mutex_);
        wake_ = std::move(wake);
    }

    Result<Checked> check() override
    {
        Checked checked;
        {
            auto const pass = TRY(gate_.enter());
            checked.damage = TRY(check_database(*database_));
        }
        for (auto const& check : table_checks()) {
            auto const pass = TRY(gate_.enter());
            auto const outcome = check.run(*database_, checked);
            if (!outcome.ok())
                checked.damage.push_back(fmt::format("The catalog's table '{}' cannot be read: {}",
                                                     check.table, outcome.error().message));
        }
        return checked;
    }

    Result<Repaired> repair() override
    {
        auto const pass = TRY(gate_.enter());
        auto const kept =
            fmt::format("{}.damaged-{}", path_, env_.clock.now().time_since_epoch().count());
        bool any = false;
        auto repaired = TRY(catalog::repair(*database_, [&](std::string const& lines) {
            any = true;
            return replace_file(env_.files, kept, as_bytes(lines));
        }));
        if (any)
            repaired.kept_in = kept;
        return repaired;
    }

    Result<void> back_up(std::string const& path) override
    {
        auto const checked = TRY(check());
        if (!checked.damage.empty())
            return fail(Fault::corrupt, "The catalog is damaged and cannot be backed up: " +
                                            checked.damage.front());
        // SQLite would make the file readable by everybody; it takes an empty one.
        TRY(env_.files.open(path, Access::create_new));
        auto outcome = copy_to(path);
        if (!outcome.ok())
            (void)env_.files.remove(path).ok(); // the failure to copy is the one to tell
        return outcome;
    }

    Result<Counts> counts()
    {
        auto const pass = TRY(gate_.enter());
        return database_->counts();
    }

protected:
    Result<void> run_change(Actor const& actor,
                            std::function<Result<void>(Change&)> const& work) override
    {
        return transact(&actor, [&](Rows& rows) { return work(rows); });
    }

    Result<void> run_read(std::function<Result<void>(View&)> const& work) override
    {
        auto const pass = TRY(gate_.enter());
        TRY(database_->roll_back()); // what is open still could not be ended for want of memory
        // Nobody else writes while we are inside, so the statements see one state unasked.
        Rows rows(*database_, env_.clock);
        return work(rows);
    }

private:
    Result<void> copy_to(std::string const& path)
    {
        {
            auto const pass = TRY(gate_.enter());
            TRY(database_->copy_to(path));
        }
        auto const file = TRY(env_.files.open(path, Access::write));
        TRY(file->sync_data());
        return env_.files.sync_dir(parent_of(path));
    }

    /// Runs `work` in a transaction; leases (no actor) leave no audit row.
    Result<void> transact(Actor const* actor, std::function<Result<void>(Rows&)> const& work)
    {
        bool has_work = false;
        {
            auto const pass = TRY(gate_.enter());
            if (database_->is_doubtful())
                return fail(Fault::io, "The catalog's disk failed in an earlier commit; changes "
                                       "are refused until the service has been restarted");
            TRY(check_files());
            Rows rows(*database_, env_.clock);
            auto outcome = begin_and_commit(rows, actor, work);
            if (database_->is_doubtful())
                log(Level::error, "catalog.refuses_changes", outcome.error());
            if (!outcome.ok())
                return after_failure(std::move(outcome));
            if (reserve_)
                reserve_->fill();
            has_work = rows.has_work();
        }
        if (has_work)
            wake();
        return {};
    }

    /// What is written to a file without a name is gone when the process ends: nothing must be
    /// acknowledged. Of a database on a real disk.
    Result<void> check_files()
    {
        auto const log_exists = env_.files.exists(path_ + "-wal");
        bool const log_is_gone = log_exists.ok() && !log_exists.value();
        if (!reserve_ || (!database_->has_moved() && !log_is_gone))
            return {};
        return fail(Fault::io,
                    fmt::format("Somebody removed or replaced the catalog's files, {0} or {0}-wal; "
                                "changes are refused. What the catalog holds is still open here: "
                                "save it with 'karat catalog backup FILE', end the daemon, and "
                                "restore FILE",
                                path_));
    }

    /// A full disk must not keep anybody from deleting: whoever tries again has the reserve's room.
    /// Not done here, as `work` ran already.
    Result<void> after_failure(Result<void> outcome)
    {
        if (!database_->was_full() || !reserve_ || !reserve_->give_up())
            return outcome;
        return fail(Fault::unavailable,
                    "The disk was full, and the catalog gave up a part of its reserve: try again, "
                    "delete what is not needed, then run 'karat store gc'");
    }

    Result<void> begin_and_commit(Rows& rows, Actor const* actor,
                                  std::function<Result<void>(Rows&)> const& work)
    {
        TRY(database_->begin());
        RollBack const unless_committed(*database_);
        TRY(work(rows));
        if (actor && !rows.touched().empty())
            TRY(rows.write_audit(*actor));
        if (rows.failure())
            return *rows.failure();
        return database_->commit();
    }

    /// Also when `work` throws: a transaction never stays open behind the gate.
    class RollBack {
    public:
        explicit RollBack(Database& database)
            : database_(database)
        {
        }
        ~RollBack()
        {
            auto const outcome = database_.roll_back();
            if (!outcome.ok())
                log(Level::error, "catalog.rollback_failed", outcome.error());
        }
        RollBack(RollBack const&) = delete;
        RollBack& operator=(RollBack const&) = delete;

    private:
        Database& database_;
    };

    void wake()
    {
        Lock const guard(wake_mutex_); // so that who takes it back is not called any more
        if (wake_)
            wake_();
    }

    Env env_;
    std::string const path_;
    Gate gate_{kPatience}; // guards database_
    std::unique_ptr<Database> database_;
    std::optional<Reserve> reserve_; // of a database on a real disk; also behind the gate
    Mutex wake_mutex_;
    std::function<void()> wake_ GUARDED_BY(wake_mutex_);
};

} // namespace

Result<Counts> counts_of(Catalog& catalog)
{
    auto* const known = dynamic_cast<SqlCatalog*>(&catalog);
    VERIFY(known != nullptr); // open() makes no others
    return known->counts();
}

Result<std::unique_ptr<Catalog>> Catalog::open(Env env, std::string const& path, Storage storage)
{
    std::optional<Reserve> reserve;
    if (storage == Storage::native) {
        reserve.emplace(env, path);
        reserve->give_up_if_full();
    }
    auto const opened = [&]() -> Result<std::unique_ptr<Database>> {
        auto database = TRY(Database::open(env, path, storage));
        TRY(migrate(*database, known_migrations(), env.clock.now()));
        return database;
    };
    auto database = opened();
    if (!database.ok() && database.error().fault == Fault::corrupt)
        return fail(Fault::corrupt,
                    fmt::format("The catalog {} cannot be used: {}. Restore a backup of it, or "
                                "start without its files and run 'karat store rebuild'",
                                path, database.error().message));
    auto usable = TRY(std::move(database));
    if (reserve)
        reserve->fill();
    return std::unique_ptr<Catalog>(
        std::make_unique<SqlCatalog>(env, path, std::move(usable), std::move(reserve)));
}

} // namespace karat::catalog
