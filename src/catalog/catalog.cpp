// SPDX-License-Identifier: Apache-2.0
// Transactions over one connection. All calls pass one gate, so changes are serial and a reader
// sees one state; group commit would let several changes share the sync at the end of commit().
#include "gate.hpp"
#include "migrations.hpp"
#include "rows.hpp"

#include "karat/log.hpp"

#include <mutex>

namespace karat::catalog {
namespace {

constexpr std::chrono::seconds kPatience{10}; // longer than any commit, shorter than a client's

class SqlCatalog final : public Catalog {
public:
    SqlCatalog(Env env, std::unique_ptr<Database> database)
        : env_(env)
        , database_(std::move(database))
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
        std::scoped_lock const guard(wake_mutex_);
        wake_ = std::move(wake);
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
        // Nobody else writes while we are inside, so the statements see one state unasked.
        Rows rows(*database_, env_.clock);
        return work(rows);
    }

private:
    /// Runs `work` in a transaction; leases (no actor) leave no audit row.
    Result<void> transact(Actor const* actor, std::function<Result<void>(Rows&)> const& work)
    {
        bool has_work = false;
        {
            auto const pass = TRY(gate_.enter());
            if (refusal_)
                return *refusal_;
            Rows rows(*database_, env_.clock);
            TRY(begin_and_commit(rows, actor, work));
            has_work = rows.has_work();
        }
        if (has_work)
            wake();
        return {};
    }

    Result<void> begin_and_commit(Rows& rows, Actor const* actor,
                                  std::function<Result<void>(Rows&)> const& work)
    {
        TRY(database_->run_script("BEGIN"));
        RollBack const unless_committed(*this);
        TRY(work(rows));
        if (actor && !rows.touched().empty())
            TRY(rows.write_audit(*actor));
        if (rows.failure())
            return *rows.failure();
        auto outcome = database_->run_script("COMMIT");
        if (!outcome.ok() && outcome.error().fault == Fault::io)
            refuse_changes(outcome.error());
        return outcome;
    }

    /// Also when `work` throws: a transaction never stays open behind the gate.
    class RollBack {
    public:
        explicit RollBack(SqlCatalog& catalog)
            : catalog_(catalog)
        {
        }
        ~RollBack()
        {
            if (!catalog_.database_->in_transaction())
                return;
            auto const outcome = catalog_.database_->run_script("ROLLBACK");
            if (!outcome.ok())
                catalog_.refuse_changes(outcome.error());
        }
        RollBack(RollBack const&) = delete;
        RollBack& operator=(RollBack const&) = delete;

    private:
        SqlCatalog& catalog_;
    };

    void refuse_changes(Error const& cause)
    {
        log(Level::error, "catalog.refuses_changes", cause);
        refusal_ = fail(Fault::io, "The catalog's disk failed in an earlier commit; changes are "
                                   "refused until the service has been restarted");
    }

    void wake()
    {
        std::function<void()> wake;
        {
            std::scoped_lock const guard(wake_mutex_);
            wake = wake_;
        }
        if (wake)
            wake();
    }

    Env env_;
    Gate gate_{kPatience}; // guards database_ and refusal_
    std::unique_ptr<Database> database_;
    std::optional<Error> refusal_;
    std::mutex wake_mutex_;
    std::function<void()> wake_;
};

} // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(Env env, std::string const& path, Storage storage)
{
    auto database = TRY(Database::open(env, path, storage));
    TRY(migrate(*database, known_migrations(), env.clock.now()));
    return std::unique_ptr<Catalog>(std::make_unique<SqlCatalog>(env, std::move(database)));
}

} // namespace karat::catalog
