// SPDX-License-Identifier: Apache-2.0
// The catalog: what exists. SQL keeps it, and readers are answered from memory. A change is whole
// or not there, durable when it returns and not seen before, and writes an audit row.
#pragma once

#include "karat/nouns.hpp"
#include "karat/record.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace karat::catalog {

/// Whose things a listing wants; all of them when empty.
struct Scope {
    std::string region;
    std::optional<AccountId> owner;
};

/// An idempotency token that was used before.
struct UsedToken {
    std::string fingerprint; ///< SHA-256 of the parameters that came with it.
    std::string outcome;     ///< What the first call answered: ids, blank between.
};

/// What a listing asks for: the records of a table that share a key, in the order of their numbers.
/// Made by the functions below.
struct Query {
    char const* index = nullptr; ///< The table's index (tables.cpp); all records when null.
    std::vector<std::string> key;
    std::size_t limit = SIZE_MAX; ///< At most so many.
    std::string after = {};       ///< Of an ordered index: keys after the one that ends with this.
};
using Queries = std::vector<Query>;
/// Those of a region, of one owner in it, or all.
Query within(Scope const& scope);
/// Instances that are not terminated and have the address.
Query at_private_address(SubnetId const& subnet, std::string const& address);
Query at_public_address(std::string const& address);
Query attached_to(InstanceId const& instance);    ///< Volumes.
Query read_through(SnapshotId const& snapshot);   ///< Volumes that are not deleted.
Query with_device_of(SnapshotId const& snapshot); ///< Images that are not deregistered.
Query keys_of(AccountId const& account);          ///< Access keys.
/// By name, those after a name.
Query parameters_below(std::string const& region, std::string const& prefix,
                       std::string const& after = {});
Query pending_of(AccountId const& owner); ///< Snapshots.
/// Instances of a type that are on, or about to be.
Query holding_memory(std::string const& type);
/// Images and snapshots that their owners share with an account, or with everyone; neither those
/// that are deregistered nor those that are deleted.
Query shared_with(std::string const& region, AccountId const& account);
Query shared_with_everyone(std::string const& region);
/// Images, snapshots, instances and volumes that have the tag.
Query with_tag(std::string const& region, AccountId const& owner, std::string const& key,
               std::string const& value);
/// Images of any owner that have the name, or whose names begin with it.
Query named(std::string const& region, std::string const& name);
Query named_from(std::string const& region, std::string const& beginning);
Query open_tasks();   ///< By the time they are due.
Query failed_tasks(); ///< Given up, and not forgotten yet.

/// The id that names a thing of this kind.
template <class Thing>
using IdOf = decltype(Thing::id);

struct State;

/// One consistent, durable state of everything, in memory. Single things answer null when absent.
/// A row whose bytes are not what was written is never answered: Fault::corrupt with a sentence
/// that names it, also from listings that may hold it. Not thread-safe; cheap to make.
class View {
public:
    /// What lists do with damaged rows; PassOverDamaged says it for a while.
    struct Passing {
        std::optional<AccountId> but_of;
    };
    void set_passing(std::optional<Passing> passing) { passing_ = std::move(passing); }

    template <class Thing>
    Result<Ref<Thing>> find(IdOf<Thing> const& id) const;
    /// By the name that is unique in a region for an owner; images that are not deregistered.
    template <class Thing>
    Result<Ref<Thing>> find_named(Scope const& scope, std::string const& name) const;
    template <class Thing>
    Result<Refs<Thing>> list(Query const& query) const;
    /// Answers whether the walk goes on.
    template <class Thing>
    using Visit = std::function<Result<bool>(Ref<Thing> const&)>;
    /// Visits the records of any of the queries, each once, in the order of their numbers, from the
    /// one after `after` on. Costs what is visited, and all records of an ordered index.
    template <class Thing>
    Result<void> walk(Queries const& any, std::int64_t after, Visit<Thing> const& visit) const;
    /// How many records a group has; costs the same for any number.
    template <class Thing>
    Result<std::size_t> count(Query const& query) const;
    /// Visits the records of an ordered index, in the order of its keys.
    template <class Thing>
    Result<void> walk_keys(Query const& query, Visit<Thing> const& visit) const;

    Result<std::optional<Account>> account_by_name(std::string const& name) const;
    Result<std::optional<Account>> account_by_alias(std::string const& alias) const;
    /// Nothing once it expired.
    Result<std::optional<UsedToken>> token(AccountId const&, std::string const& region,
                                           std::string const& action,
                                           std::string const& token) const;

    Result<std::optional<Account>> account(AccountId const& id) const { return copy<Account>(id); }
    Result<std::vector<Account>> accounts() const { return copies<Account>({}); }
    Result<std::optional<AccessKey>> access_key(std::string const& id) const
    {
        return copy<AccessKey>(id);
    }
    Result<std::vector<AccessKey>> access_keys(AccountId const& account) const
    {
        return copies<AccessKey>(keys_of(account));
    }
    Result<std::optional<Image>> image(ImageId const& id) const { return copy<Image>(id); }
    /// Every image of a region that is not deregistered; visibility is the engine's business.
    Result<std::vector<Image>> images(Scope const& scope) const;
    Result<std::optional<Image>> image_by_name(Scope const& scope, std::string const& name) const
    {
        return copied(TRY(find_named<Image>(scope, name)));
    }
    Result<std::vector<Image>> images_with(SnapshotId const& id) const
    {
        return copies<Image>(with_device_of(id));
    }
    Result<std::optional<Snapshot>> snapshot(SnapshotId const& id) const
    {
        return copy<Snapshot>(id);
    }
    Result<std::vector<Snapshot>> snapshots(Scope const& scope) const
    {
        return copies<Snapshot>(within(scope));
    }
    Result<std::optional<Volume>> volume(VolumeId const& id) const { return copy<Volume>(id); }
    Result<std::vector<Volume>> volumes(Scope const& scope) const
    {
        return copies<Volume>(within(scope));
    }
    Result<std::vector<Volume>> volumes_of(InstanceId const& id) const
    {
        return copies<Volume>(attached_to(id));
    }
    Result<std::vector<Volume>> volumes_over(SnapshotId const& id) const
    {
        return copies<Volume>(read_through(id));
    }
    Result<std::optional<Instance>> instance(InstanceId const& id) const
    {
        return copy<Instance>(id);
    }
    Result<std::vector<Instance>> instances(Scope const& scope) const
    {
        return copies<Instance>(within(scope));
    }
    Result<std::optional<KeyPair>> key_pair(Scope const& scope, std::string const& name) const
    {
        return copied(TRY(find_named<KeyPair>(scope, name)));
    }
    Result<std::vector<KeyPair>> key_pairs(Scope const& scope) const
    {
        return copies<KeyPair>(within(scope));
    }
    Result<std::optional<SecurityGroup>> security_group(SecurityGroupId const& id) const
    {
        return copy<SecurityGroup>(id);
    }
    Result<std::vector<SecurityGroup>> security_groups(Scope const& scope) const
    {
        return copies<SecurityGroup>(within(scope));
    }
    Result<std::vector<Vpc>> vpcs(Scope const& scope) const { return copies<Vpc>(within(scope)); }
    Result<std::vector<Subnet>> subnets(Scope const& scope) const
    {
        return copies<Subnet>(within(scope));
    }
    Result<std::optional<Parameter>> parameter(Scope const& scope, std::string const& name) const
    {
        return copied(TRY(find_named<Parameter>(scope, name)));
    }
    /// Parameters whose name begins with `prefix`, by name.
    Result<std::vector<Parameter>> parameters(Scope const& scope, std::string const& prefix) const;
    Result<std::optional<Task>> task(std::int64_t id) const { return copy<Task>(id); }
    /// Tasks that are queued or running, by id.
    Result<std::vector<Task>> open_tasks() const;
    /// Tasks that were given up and are not forgotten yet, the newest first.
    Result<std::vector<Task>> failed_tasks() const;
    /// Open tasks that claim the resource, by id. Fault::corrupt when a damaged one may claim it.
    Result<Refs<Task>> tasks_on(std::string const& resource) const;
    /// Whether an open task needs the snapshot's row. Fault::corrupt when a damaged one may.
    Result<bool> is_kept(SnapshotId const& snapshot) const;
    /// Fault::wrong_state when the task is finished or another worker took it: a change that begins
    /// with this commits nothing after a lost lease.
    Result<void> check_lease(Task const& task) const;

    View(State const& state, Clock& clock)
        : state_(state)
        , clock_(clock)
    {
    }

protected:
    State const& state_;
    Clock& clock_;

private:
    Result<Refs<Task>> open_tasks_with(char const* index, std::string const& key) const;
    template <class Thing>
    static std::optional<Thing> copied(Ref<Thing> const& found)
    {
        return found ? std::optional<Thing>(*found) : std::nullopt;
    }
    template <class Thing>
    Result<std::optional<Thing>> copy(IdOf<Thing> const& id) const
    {
        return copied(TRY(find<Thing>(id)));
    }
    template <class Thing>
    Result<std::vector<Thing>> copies(Query const& query) const
    {
        std::vector<Thing> all;
        for (auto const& found : TRY(list<Thing>(query)))
            all.push_back(*found);
        return all;
    }

    std::optional<Passing> passing_;
};

/// While it lives, lists of the view leave damaged rows out, which the log names, but not rows of
/// `but_of`. For who is better served by the rest; never where a row that is left out is a loss.
class PassOverDamaged {
public:
    explicit PassOverDamaged(View& view, std::optional<AccountId> but_of = {})
        : view_(view)
    {
        view_.set_passing(View::Passing{std::move(but_of)});
    }
    PassOverDamaged(PassOverDamaged const&) = delete;
    PassOverDamaged& operator=(PassOverDamaged const&) = delete;
    ~PassOverDamaged() { view_.set_passing({}); }

private:
    View& view_;
};

/// What need not be kept any longer.
struct History {
    Time audit_before;               ///< Audit rows from before.
    std::int64_t finished_tasks = 0; ///< Finished tasks, but for those among this many newest.
};

struct Edits;

/// The writing side: what is saved is read back at once. save() inserts or replaces by id; neither
/// it nor remove() takes a damaged row away (Fault::corrupt). Of save(), names are unique (image
/// names, key pair names, security group names, access key ids): Fault::duplicate names the thing,
/// and the change may go on. Text must be UTF-8 (Fault::invalid). remove() succeeds also if absent.
class Change : public View {
public:
    Result<void> save(Account const&);
    Result<void> save(AccessKey const&);
    Result<void> save(Image const&);
    Result<void> save(Snapshot const&);
    Result<void> save(Volume const&);
    Result<void> save(Instance const&);
    Result<void> save(KeyPair const&);
    Result<void> save(SecurityGroup const&);
    Result<void> save(Vpc const&);
    Result<void> save(Subnet const&);
    Result<void> save(Parameter const&);
    Result<void> save_token(AccountId const&, std::string const& region, std::string const& action,
                            std::string const& token, UsedToken const&, Time expires);

    Result<void> remove(ImageId const&);
    Result<void> remove(SnapshotId const&);
    Result<void> remove(VolumeId const&);
    Result<void> remove(InstanceId const&);
    Result<void> remove(KeyPairId const&);
    Result<void> remove(SecurityGroupId const&);
    Result<void> remove_parameter(Scope const&, std::string const& name);
    /// Also client tokens that have expired. Leaves no audit row.
    Result<void> remove_history(History const&);

    /// Adds the task (its id, its state and, when unset, `created` and `request` are given here);
    /// returns its id.
    Result<std::int64_t> enqueue(Task task);
    /// Keeps what a worker did with its task; leaving TaskState::running gives up the lease.
    /// Fault::wrong_state when the task is finished or another worker took it, so that a change
    /// that ends with this commits nothing after a lost lease. Extends no lease.
    Result<void> save(Task const&);

    Change(Edits& edits, Clock& clock);

private:
    Edits& edits_;
};

/// What a check of the catalog found.
struct Checked {
    std::uint64_t rows = 0;
    std::vector<std::string> damage; ///< A sentence each.
};

/// What a repair of the catalog did.
struct Repaired {
    std::uint64_t mended = 0;         ///< Rows whose columns were not what their documents say.
    std::vector<std::string> dropped; ///< "image ami-…": could not be mended.
    std::string kept_in;              ///< The file with what these rows held; empty if none.
};

/// Who asked for a change, for the audit row.
struct Actor {
    std::string who;          ///< An account id, or "worker", "admin".
    std::string action;       ///< "CopyImage", "task.capture", …
    std::string request = {}; ///< The id of the call, which tasks that it queues are given.
};

/// Whether it names a PostgreSQL database, and no file.
bool is_postgres(std::string_view where);

/// How the database reaches its file.
enum class Storage : unsigned char {
    native,      ///< By SQLite's own code for this system. `env.files` must be the real ones.
    through_env, ///< Through `env.files`, so that tests can cut its power.
};

/// Thread-safe. Changes are serialised; Fault::unavailable after waiting too long for a lock.
/// After the disk failed in a commit, changes are refused with Fault::io until the next open():
/// what is on the platter is then unknown, and building on it could lose what was acknowledged.
/// Want of memory fails a call with Fault::unavailable; the next one may succeed.
/// A full disk fails a change with Fault::unavailable as long as a reserve beside the database has
/// room to give up for the next try, then with Fault::io.
class Catalog {
public:
    virtual ~Catalog() = default;
    /// Opens or creates the database file and brings its schema up to date (numbered migrations,
    /// one transaction each). A schema newer than this program is refused with a sentence that says
    /// so. Fault::unavailable while another process has the catalog open; Fault::corrupt when the
    /// database is so damaged that it cannot be used at all, with what to do.
    /// `where` that begins with postgresql:// is a server's database instead, which any number of
    /// processes share: readers see what others commit within some two seconds, and from memory
    /// alone while the server is away; changes are then Fault::unavailable.
    static Result<std::unique_ptr<Catalog>> open(Env env, std::string const& where,
                                                 Storage storage = Storage::native);

    /// Runs `work` alone: keeps what it did when it succeeds, drops it when it fails. `work` may
    /// not call the catalog again. Returns work's result, or the failure of the commit. `work` may
    /// run several times, also on other threads, while this call lasts, and what it did and
    /// answered last counts: what it captures by reference it assigns, and appends nothing to.
    template <class Work>
    auto change(Actor const& actor, Work&& work) -> std::invoke_result_t<Work, Change&>
    {
        using Answer = std::invoke_result_t<Work, Change&>;
        std::optional<Answer> answer;
        auto outcome = run_change(actor, [&](Change& change) -> Result<void> {
            answer.emplace(work(change));
            return answer->ok() ? Result<void>() : Result<void>(answer->error());
        });
        if (!outcome.ok())
            return outcome.take_error();
        return std::move(*answer);
    }

    /// Runs `work` on one consistent state.
    template <class Work>
    auto read(Work&& work) -> std::invoke_result_t<Work, View&>
    {
        using Answer = std::invoke_result_t<Work, View&>;
        std::optional<Answer> answer;
        auto outcome = run_read([&](View& view) -> Result<void> {
            answer.emplace(work(view));
            return {};
        });
        if (!outcome.ok())
            return outcome.take_error();
        return std::move(*answer);
    }

    /// Takes the task of the lane (of any, without one) that has been due longest and whose turn
    /// it is, marks it running under `host`'s lease, and counts the attempt. Due is what is queued
    /// and has reached its not_before, or runs under a lease that ended. A queued task waits while
    /// a task that shares a resource with it runs, or is older and has begun or is due, too.
    /// Nothing when there is none.
    virtual Result<std::optional<Task>> take_task(std::string const& host,
                                                  std::chrono::milliseconds lease,
                                                  std::optional<Lane> lane = {}) = 0;
    /// Extends the lease and notes progress. Fault::wrong_state when the lease was lost.
    virtual Result<void> renew_task(Task const& task, std::chrono::milliseconds lease) = 0;
    /// Extends the leases of all these in one commit; answers the ids of those that were lost.
    virtual Result<std::vector<std::int64_t>> renew_tasks(std::vector<Task> const& tasks,
                                                          std::chrono::milliseconds lease) = 0;
    /// Makes the tasks that run under `host`'s lease due at once: for a daemon that starts and so
    /// knows that the one before it is dead.
    virtual Result<void> release_tasks(std::string const& host) = 0;
    /// When the next task of the lane (of any, without one) can be taken, as far as time alone
    /// decides: for a worker that wants to sleep.
    virtual Result<std::optional<Time>> next_task_due(std::optional<Lane> lane = {}) = 0;
    /// Called after every committed change that made a task due, or gave another one its turn.
    virtual void on_task(std::function<void()> wake) = 0;

    /// Reads every row and compares it with its checksum, the copies of columns with their
    /// documents, and lets the database check itself. Others wait for a table at a time.
    virtual Result<Checked> check() = 0;
    /// Writes the tables anew from the rows that are sound. What the others held goes into a new
    /// file beside the database, for its owner only. Fails where pages of the database are damaged
    /// so that the rest cannot be read.
    virtual Result<Repaired> repair() = 0;
    /// Copies the database, as it is at one moment, to a new file for its owner only: durable when
    /// it succeeds. Fault::duplicate if there is one, Fault::corrupt when the catalog is damaged.
    virtual Result<void> back_up(std::string const& path) = 0;

protected:
    virtual Result<void> run_change(Actor const&, std::function<Result<void>(Change&)> const&) = 0;
    virtual Result<void> run_read(std::function<Result<void>(View&)> const&) = 0;
};

} // namespace karat::catalog
