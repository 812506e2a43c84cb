// SPDX-License-Identifier: Apache-2.0
// The inside of a transaction: nouns to rows and back. Lives as long as one transaction and
// remembers what the catalog must know when it ends.
#pragma once

#include "documents.hpp"
#include "sql.hpp"

#include <set>

namespace karat::catalog {

/// The thing that a row holds. Fault::corrupt, naming it, when its checksum, its document or one of
/// its columns is wrong, or when it is not what was asked for.
template <class Thing>
Result<Thing> thing_of(Row const& row, sql::Conditions const& conditions)
{
    auto const& table = table_of<Thing>();
    TRY(check_document(table, row));
    auto thing = read_document<Thing>(row.doc());
    if (!thing.ok())
        return damaged(table, row, thing.error().message);
    TRY(check_columns(table, row, columns_of(thing.value())));
    if (!sql::meets(table, row, conditions))
        return damaged(table, row, "an index led to it by mistake");
    return thing;
}

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

    void set_passing(std::optional<Passing> passing) override { passing_ = std::move(passing); }
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
    Result<std::vector<Task>> failed_tasks() override;
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
    /// The rows as they are, of a noun's table.
    Result<std::vector<Row>> rows(Table const& table, Query const& query);
    /// Whether a row that is damaged may be left out; notes it in the log.
    bool passes_over(Table const& table, Row const& row, Error const& error) const;
    template <class Thing>
    Result<std::vector<Thing>> list(sql::Conditions const& conditions, char const* order = nullptr,
                                    char const* rest = "")
    {
        auto const& table = table_of<Thing>();
        auto const found = TRY(rows(table, sql::select(table, conditions, order, rest)));
        std::vector<Thing> things;
        things.reserve(found.size());
        for (auto const& row : found) {
            auto thing = thing_of<Thing>(row, conditions);
            if (thing.ok())
                things.push_back(std::move(thing).value());
            else if (!passes_over(table, row, thing.error()))
                return thing.take_error();
        }
        return things;
    }
    template <class Thing>
    Result<std::optional<Thing>> find(sql::Conditions const& conditions)
    {
        auto things = TRY(list<Thing>(conditions));
        return things.empty() ? std::optional<Thing>() : std::move(things.front());
    }
    /// Writes the row of a thing; returns how many were written: 0 if `fixed` differs
    /// (sql::Upsert).
    template <class Thing>
    Result<std::int64_t> write(Thing const& thing, char const* fixed = nullptr)
    {
        auto const document = TRY(write_document(thing));
        return run(row_query(table_of<Thing>(), columns_of(thing), document, fixed));
    }
    /// As write(), if the row that it replaces is not damaged, and noted as touched.
    template <class Thing>
    Result<std::int64_t> put(Thing const& thing, std::string const& id, char const* fixed = nullptr)
    {
        TRY(list<Thing>(key_of(thing)));
        auto const changed = TRY(write(thing, fixed));
        if (changed > 0)
            touch(id);
        return changed;
    }
    template <class Thing>
    static sql::Conditions key_of(Thing const& thing)
    {
        return keys(table_of<Thing>(), columns_of(thing));
    }
    /// Removes the row, if there is one that is not damaged.
    template <class Thing>
    Result<void> erase(sql::Conditions const& conditions, std::string const& id)
    {
        TRY(list<Thing>(conditions));
        auto const changed = TRY(run(sql::erase(table_of<Thing>(), conditions)));
        if (changed > 0)
            touch(id);
        return {};
    }
    static Query row_query(Table const& table, std::vector<Value> const& columns,
                           std::string const& document, char const* fixed);
    static sql::Conditions keys(Table const& table, std::vector<Value> const& columns);
    Result<void> put_devices(Image const& image);
    Result<std::optional<Task>> first_due();
    Result<std::int64_t> run(Query const& query) { return noting_failure(database_.run(query)); }
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
    std::optional<Passing> passing_;
};

} // namespace karat::catalog
