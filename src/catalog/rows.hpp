// SPDX-License-Identifier: Apache-2.0
// The inside of a transaction: nouns to rows and back. Lives as long as one transaction and
// remembers what the catalog must know when it ends.
#pragma once

#include "database.hpp"
#include "documents.hpp"

#include <set>

namespace karat::catalog {

class Rows final : public Change {
public:
    Rows(Database& database, Clock& clock)
        : database_(database)
        , clock_(clock)
    {
    }

    /// The ids of what was written, blank between; empty when nothing was.
    std::string touched() const;
    /// Whether a task became due.
    bool has_work() const { return has_work_; }
    /// The first failure after which the transaction must not commit, whatever its work says.
    std::optional<Error> const& failure() const { return failure_; }

    Result<std::optional<Account>> account(AccountId const&) override;
    Result<std::optional<Account>> account_by_name(std::string const& name) override;
    Result<std::optional<Account>> account_by_alias(std::string const& alias) override;
    Result<std::vector<Account>> accounts() override;
    Result<std::optional<AccessKey>> access_key(std::string const& id) override;
    Result<std::vector<AccessKey>> access_keys(AccountId const&) override;
    Result<std::optional<Image>> image(ImageId const&) override;
    Result<std::vector<Image>> images(Scope const&) override;
    Result<std::optional<Image>> image_by_name(Scope const&, std::string const& name) override;
    Result<std::vector<Image>> images_with(SnapshotId const&) override;
    Result<std::optional<Snapshot>> snapshot(SnapshotId const&) override;
    Result<std::vector<Snapshot>> snapshots(Scope const&) override;
    Result<std::optional<Volume>> volume(VolumeId const&) override;
    Result<std::vector<Volume>> volumes(Scope const&) override;
    Result<std::vector<Volume>> volumes_of(InstanceId const&) override;
    Result<std::vector<Volume>> volumes_over(SnapshotId const&) override;
    Result<std::optional<Instance>> instance(InstanceId const&) override;
    Result<std::vector<Instance>> instances(Scope const&) override;
    Result<std::optional<KeyPair>> key_pair(Scope const&, std::string const& name) override;
    Result<std::vector<KeyPair>> key_pairs(Scope const&) override;
    Result<std::optional<SecurityGroup>> security_group(SecurityGroupId const&) override;
    Result<std::vector<SecurityGroup>> security_groups(Scope const&) override;
    Result<std::vector<Vpc>> vpcs(Scope const&) override;
    Result<std::vector<Subnet>> subnets(Scope const&) override;
    Result<std::optional<Parameter>> parameter(Scope const&, std::string const& name) override;
    Result<std::vector<Parameter>> parameters(Scope const&, std::string const& prefix) override;
    Result<std::optional<Task>> task(std::int64_t id) override;
    Result<std::vector<Task>> open_tasks() override;
    Result<std::optional<UsedToken>> token(AccountId const&, std::string const& region,
                                           std::string const& action,
                                           std::string const& token) override;

    Result<void> save(Account const&) override;
    Result<void> save(AccessKey const&) override;
    Result<void> save(Image const&) override;
    Result<void> save(Snapshot const&) override;
    Result<void> save(Volume const&) override;
    Result<void> save(Instance const&) override;
    Result<void> save(KeyPair const&) override;
    Result<void> save(SecurityGroup const&) override;
    Result<void> save(Vpc const&) override;
    Result<void> save(Subnet const&) override;
    Result<void> save(Parameter const&) override;
    Result<void> save_token(AccountId const&, std::string const& region, std::string const& action,
                            std::string const& token, UsedToken const&, Time expires) override;
    Result<void> remove(ImageId const&) override;
    Result<void> remove(SnapshotId const&) override;
    Result<void> remove(VolumeId const&) override;
    Result<void> remove(InstanceId const&) override;
    Result<void> remove(KeyPairId const&) override;
    Result<void> remove(SecurityGroupId const&) override;
    Result<void> remove_parameter(Scope const&, std::string const& name) override;
    Result<void> remove_history(History const& history) override;
    Result<std::int64_t> enqueue(Task task) override;
    Result<void> save(Task const&) override;

    // For the catalog's own transactions (tasks.cpp, audit).
    Result<std::optional<Task>> take_task(std::string const& host, std::chrono::milliseconds lease);
    Result<void> renew_task(Task const& task, std::chrono::milliseconds lease);
    Result<void> release_tasks(std::string const& host);
    Result<std::optional<Time>> next_task_due();
    Result<void> write_audit(Actor const& actor);

private:
    template <class Thing>
    Result<std::vector<Thing>> list(Query const& query)
    {
        auto const documents = TRY(noting_failure(database_.texts(query)));
        std::vector<Thing> things;
        things.reserve(documents.size());
        for (auto const& document : documents)
            things.push_back(TRY(read_document<Thing>(document)));
        return things;
    }
    template <class Thing>
    Result<std::optional<Thing>> find(Query const& query)
    {
        auto things = TRY(list<Thing>(query));
        return things.empty() ? std::optional<Thing>() : std::move(things.front());
    }
    Result<std::int64_t> run(Query const& query) { return noting_failure(database_.run(query)); }
    Result<std::int64_t> put(Query const& query, std::string const& id);
    Result<void> erase(char const* statement, std::string const& id);
    Result<Task> held(Task const& task);
    Result<void> store(Task const& task);
    void touch(std::string const& id) { touched_.insert(id); }

    /// A name that is taken or a thing that is absent leaves the transaction whole; after anything
    /// else SQLite may have ended it, and what follows would commit in parts.
    template <class T>
    Result<T> noting_failure(Result<T> result)
    {
        if (!result.ok() && !failure_ && result.error().fault != Fault::duplicate &&
            result.error().fault != Fault::not_found)
            failure_ = result.error();
        return result;
    }

    Database& database_;
    Clock& clock_;
    std::set<std::string> touched_;
    std::optional<Error> failure_;
    bool has_work_ = false;
};

/// As the time columns hold it: milliseconds since 1970.
inline long long column(Time time) { return time.time_since_epoch().count(); }

} // namespace karat::catalog
