// SPDX-License-Identifier: Apache-2.0
// What is read comes from memory (live.hpp), what is changed goes to SQL in batches (batches.hpp),
// and SQL is the truth: a catalog that opens holds what the database does.
#include "follower.hpp"
#include "migrations.hpp"
#include "upkeep.hpp"

#include "karat/log.hpp"
#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr std::chrono::seconds kPeriod{2};    // in which a follower looks, a slow look included
constexpr std::chrono::seconds kPatience{10}; // longer than any commit, shorter than a client's

class SqlCatalog final : public Catalog {
public:
    SqlCatalog(Env env, std::string path, std::unique_ptr<SqlJournal> journal, State loaded)
        : env_(env)
        , path_(std::move(path))
        , journal_(std::move(journal))
        , batches_(env.clock, std::move(loaded), *journal_, kPatience)
    {
    }

    /// Takes in what others commit. Once, before the catalog is used.
    void follow(std::unique_ptr<Database> database)
    {
        follower_.emplace(env_, std::move(database), batches_, journal_->who(), [this] { wake(); });
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
            auto const pass = TRY(journal_->enter());
            checked.damage = TRY(journal_->database().check());
        }
        for (auto const& check : table_checks()) {
            auto const pass = TRY(journal_->enter());
            auto const outcome = check.run(journal_->database(), checked);
            if (!outcome.ok())
                checked.damage.push_back(fmt::format("The catalog's table '{}' cannot be read: {}",
                                                     check.table, outcome.error().message));
        }
        return checked;
    }

    Result<Repaired> repair() override
    {
        if (journal_->database().is_shared())
            return fail(Fault::unsupported, "A catalog in PostgreSQL is not repaired here: end the "
                                            "daemons and restore a dump of it with pg_restore");
        Repaired repaired;
        TRY(batches_.replace([&]() -> Result<State> {
            auto const pass = TRY(journal_->enter());
            repaired = TRY(repair_database());
            return load(journal_->database());
        }));
        return repaired;
    }

    Result<void> back_up(std::string const& path) override
    {
        if (journal_->database().is_shared())
            return fail(Fault::unsupported,
                        "The catalog is in PostgreSQL: back it up with pg_dump");
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
        auto const pass = TRY(journal_->enter());
        auto counts = journal_->database().counts();
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
        auto repaired = TRY(catalog::repair(journal_->database(), [&](std::string const& lines) {
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
            auto const pass = TRY(journal_->enter());
            TRY(journal_->database().copy_to(path));
        }
        auto const file = TRY(env_.files.open(path, Access::write));
        TRY(file->sync_data());
        return env_.files.sync_dir(parent_of(path));
    }

    /// Runs `work` and makes what it did durable; leases (no actor) leave no audit row.
    Result<void> transact(Actor const* actor, std::function<Result<void>(Edits&)> const& work)
    {
        TRY(journal_->check_trust());
        auto outcome = batches_.change([&](Edits& edits) -> Result<void> {
            TRY(work(edits));
            if (actor && !edits.touched.empty())
                edits.written.statements.push_back(
                    audit_row(*actor, edits.touched, env_.clock.now()));
            return {};
        });
        if (!outcome.ok())
            return with_age(outcome.take_error());
        if (outcome.value())
            wake();
        return {};
    }

    /// Says how old the answers of readers are, if they are.
    Error with_age(Error error) const
    {
        using std::chrono::seconds;
        auto const age = follower_ ? std::chrono::floor<seconds>(follower_->age()) : seconds(0);
        if (error.fault == Fault::unavailable && age >= kPeriod)
            error.message += fmt::format("; what is read is {} s old", age.count());
        return error;
    }

    void wake()
    {
        Lock const guard(wake_mutex_); // so that who takes it back is not called any more
        if (wake_)
            wake_();
    }

    Env env_;
    std::string const path_;
    std::unique_ptr<SqlJournal> journal_;
    Batches batches_;
    Mutex wake_mutex_;
    std::function<void()> wake_ GUARDED_BY(wake_mutex_);
    std::optional<Follower> follower_; // of a shared database; ends first
};

Error cannot_be_used(std::string const& where, Error const& why)
{
    if (is_postgres(where)) // which may have a password in it
        return fail(Fault::corrupt, fmt::format("The catalog's database cannot be used: {}. "
                                                "Restore a dump of it",
                                                why.message));
    return fail(Fault::corrupt,
                fmt::format("The catalog {} cannot be used: {}. Restore a backup of it, or start "
                            "without its files and run 'karat store rebuild'",
                            where, why.message));
}

} // namespace

Result<Counts> counts_of(Catalog& catalog)
{
    auto* const known = dynamic_cast<SqlCatalog*>(&catalog);
    VERIFY(known != nullptr); // open() makes no others
    return known->counts();
}

Result<std::unique_ptr<Catalog>> Catalog::open(Env env, std::string const& where, Storage storage)
{
    std::optional<Reserve> reserve;
    if (storage == Storage::native && !is_postgres(where)) {
        reserve.emplace(env, where);
        reserve->give_up_if_full();
    }
    auto const opened = [&]() -> Result<std::unique_ptr<Database>> {
        auto fresh = TRY(Database::open(env, where, storage));
        TRY(migrate(*fresh, fresh->known_migrations(), env.clock.now()));
        return fresh;
    };
    auto database = opened();
    if (!database.ok() && database.error().fault == Fault::corrupt)
        return cannot_be_used(where, database.error());
    auto usable = TRY(std::move(database));
    auto loaded = TRY(load_all(*usable));
    if (reserve)
        reserve->fill();
    bool const is_shared = usable->is_shared();
    auto journal =
        std::make_unique<SqlJournal>(env, where, std::move(usable), std::move(reserve), kPatience);
    auto catalog = std::make_unique<SqlCatalog>(env, where, std::move(journal), std::move(loaded));
    if (is_shared)
        catalog->follow(TRY(Database::open(env, where, storage)));
    return std::unique_ptr<Catalog>(std::move(catalog));
}

} // namespace karat::catalog
