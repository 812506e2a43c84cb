// SPDX-License-Identifier: Apache-2.0
// What is read comes from memory (live.hpp), what is changed goes to SQL in batches (batches.hpp),
// and SQL is the truth: a catalog that opens holds what the database does.
#include "batches.hpp"
#include "gate.hpp"
#include "loading.hpp"
#include "migrations.hpp"
#include "reserve.hpp"
#include "upkeep.hpp"

#include "karat/log.hpp"
#include "karat/mutex.hpp"

#include <atomic>
#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr std::chrono::seconds kPatience{10}; // longer than any commit, shorter than a client's

class SqlCatalog final : public Catalog {
public:
    SqlCatalog(Env env, std::string path, std::unique_ptr<Database> database,
               std::optional<Reserve> reserve, State loaded)
        : env_(env)
        , path_(std::move(path))
        , database_(std::move(database))
        , reserve_(std::move(reserve))
        , batches_(
              env.clock, std::move(loaded),
              [this](std::vector<Statement> const& statements) { return write(statements); },
              kPatience)
    {
    }

    Result<std::optional<Task>> take_task(std::string const& host, std::chrono::milliseconds lease,
                                          std::optional<Lane> lane) override
    {
        std::optional<Task> taken;
        if (next_task(*batches_.published(), env_.clock.now(), lane) == nullptr)
            return taken;
        TRY(transact(nullptr, [&](Edits& edits) -> Result<void> {
            taken = TRY(catalog::take_task(edits, env_.clock, host, lease, lane));
            return {};
        }));
        return taken;
    }

    Result<void> renew_task(Task const& task, std::chrono::milliseconds lease) override
    {
        return transact(nullptr, [&](Edits& edits) {
            return catalog::renew_task(edits, env_.clock, task, lease);
        });
    }

    Result<std::vector<std::int64_t>> renew_tasks(std::vector<Task> const& tasks,
                                                  std::chrono::milliseconds lease) override
    {
        std::vector<std::int64_t> lost;
        TRY(transact(nullptr, [&](Edits& edits) -> Result<void> {
            lost.clear();
            for (auto const& task : tasks) {
                auto const renewed = catalog::renew_task(edits, env_.clock, task, lease);
                if (!renewed.ok() && renewed.error().fault != Fault::wrong_state)
                    return renewed;
                if (!renewed.ok())
                    lost.push_back(task.id);
            }
            return {};
        }));
        return lost;
    }

    Result<void> release_tasks(std::string const& host) override
    {
        return transact(
            nullptr, [&](Edits& edits) { return catalog::release_tasks(edits, env_.clock, host); });
    }

    Result<std::optional<Time>> next_task_due(std::optional<Lane> lane) override
    {
        return catalog::next_task_due(*batches_.published(), env_.clock.now(), lane);
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
        Repaired repaired;
        TRY(batches_.replace([&]() -> Result<State> {
            auto const pass = TRY(gate_.enter());
            repaired = TRY(repair_database());
            return load(*database_);
        }));
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
        auto counts = database_->counts();
        counts.records = *batches_.published()->answered;
        return counts;
    }

protected:
    Result<void> run_change(Actor const& actor,
                            std::function<Result<void>(Change&)> const& work) override
    {
        return transact(&actor, [&](Edits& edits) {
            edits.request = actor.request;
            Change change(edits, env_.clock);
            return work(change);
        });
    }

    Result<void> run_read(std::function<Result<void>(View&)> const& work) override
    {
        auto const state = batches_.published();
        View view(*state, env_.clock);
        return work(view);
    }

private:
    Result<Repaired> repair_database()
    {
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

    /// Runs `work` and makes what it did durable; leases (no actor) leave no audit row.
    Result<void> transact(Actor const* actor, std::function<Result<void>(Edits&)> const& work)
    {
        if (is_doubtful_)
            return fail(Fault::io, "The catalog's disk failed in an earlier commit; changes are "
                                   "refused until the service has been restarted");
        bool const has_work = TRY(batches_.change([&](Edits& edits) -> Result<void> {
            TRY(work(edits));
            if (actor && !edits.touched.empty())
                edits.statements.push_back(audit_row(*actor, edits.touched, env_.clock.now()));
            return {};
        }));
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

    /// One transaction.
    Result<void> write(std::vector<Statement> const& statements)
    {
        auto const pass = TRY(gate_.enter());
        TRY(check_files());
        auto outcome = begin_and_commit(statements);
        is_doubtful_ = database_->is_doubtful();
        if (is_doubtful_)
            log(Level::error, "catalog.refuses_changes", outcome.error());
        if (!outcome.ok())
            return after_failure(std::move(outcome));
        fill_reserve();
        return {};
    }

    /// After the commit nothing may fail any more.
    void fill_reserve() noexcept
    {
        try {
            if (reserve_)
                reserve_->fill();
        } catch (std::exception const&) { // no memory: the next change tries again
        }
    }

    Result<void> begin_and_commit(std::vector<Statement> const& statements)
    {
        TRY(database_->begin());
        RollBack const unless_committed(*database_);
        for (auto const& statement : statements)
            TRY(database_->run(statement));
        return database_->commit();
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

    /// A transaction never stays open behind the gate.
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
    std::atomic<bool> is_doubtful_ = false;
    Batches batches_;
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
    auto loaded = TRY(load(*usable));
    if (reserve)
        reserve->fill();
    return std::unique_ptr<Catalog>(std::make_unique<SqlCatalog>(
        env, path, std::move(usable), std::move(reserve), std::move(loaded)));
}

} // namespace karat::catalog
