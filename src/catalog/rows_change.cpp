// SPDX-License-Identifier: Apache-2.0
#include "rows.hpp"

#include "checksum.hpp"
#include "sql.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

/// Gives a broken constraint the name of what it protects.
Result<void> named(Result<std::int64_t> outcome, Fault fault, Noun noun, std::string message)
{
    if (outcome.ok())
        return {};
    if (outcome.error().fault != fault)
        return outcome.take_error();
    return Error{fault, noun, std::move(message), outcome.error().where};
}

} // namespace

std::string Rows::touched() const { return fmt::format("{}", fmt::join(touched_, " ")); }

Query Rows::row_query(Table const& table, std::vector<Value> const& columns,
                      std::string const& document, char const* fixed)
{
    std::optional<std::string> const covered[] = {document};
    sql::Upsert row{table.name, "", {}, fixed};
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (i < table.keys)
            row.keys += fmt::format("{}{}", i > 0 ? ", " : "", table.columns[i]);
        row.columns.push_back({table.columns[i], columns[i]});
    }
    row.columns.push_back({"doc", document});
    row.columns.push_back({"checksum", row_checksum(table.name, covered)});
    return row.query();
}

sql::Conditions Rows::keys(Table const& table, std::vector<Value> const& columns)
{
    sql::Conditions conditions;
    for (std::size_t i = 0; i < table.keys; ++i)
        conditions.push_back({sql::Condition::Test::equal, table.columns[i], columns[i]});
    return conditions;
}

Result<void> Rows::save(Account const& account)
{
    return named(put(account, account.id.text()), Fault::duplicate, Noun::account,
                 fmt::format("The account name '{}' or its alias is taken", account.name));
}

Result<void> Rows::save(AccessKey const& key)
{
    // An id that another account uses must not change hands, so `account` is fixed.
    auto changed = put(key, key.id, "account");
    if (changed.ok() && changed.value() == 0)
        return Error{Fault::duplicate, Noun::access_key,
                     fmt::format("The access key id {} is taken", key.id)};
    return named(std::move(changed), Fault::not_found, Noun::account,
                 fmt::format("The account {} does not exist", key.account.text()));
}

Result<void> Rows::save(Image const& image)
{
    TRY(named(put(image, image.id.text()), Fault::duplicate, Noun::image_name,
              fmt::format("The image name '{}' is taken", image.name)));
    return put_devices(image);
}

Result<void> Rows::put_devices(Image const& image)
{
    auto const id = image.id.text();
    TRY(run({sql::kRemoveImageDevices, {id}}));
    for (auto const& device : image.devices)
        if (device.snapshot)
            TRY(run({sql::kAddImageDevice, {id, device.snapshot->text()}}));
    return {};
}

Result<void> Rows::save(Snapshot const& snapshot)
{
    TRY(put(snapshot, snapshot.id.text()));
    return {};
}

Result<void> Rows::save(Volume const& volume)
{
    TRY(put(volume, volume.id.text()));
    return {};
}

Result<void> Rows::save(Instance const& instance)
{
    TRY(put(instance, instance.id.text()));
    return {};
}

Result<void> Rows::save(KeyPair const& key)
{
    return named(put(key, key.id.text()), Fault::duplicate, Noun::key_pair_name,
                 fmt::format("The key pair name '{}' is taken", key.name));
}

Result<void> Rows::save(SecurityGroup const& group)
{
    return named(
        put(group, group.id.text()), Fault::duplicate, Noun::security_group_name,
        fmt::format("The security group name '{}' is taken in {}", group.name, group.vpc.text()));
}

Result<void> Rows::save(Vpc const& vpc)
{
    TRY(put(vpc, vpc.id.text()));
    return {};
}

Result<void> Rows::save(Subnet const& subnet)
{
    TRY(put(subnet, subnet.id.text()));
    return {};
}

Result<void> Rows::save(Parameter const& parameter)
{
    TRY(put(parameter, parameter.name));
    return {};
}

Result<void> Rows::save_token(AccountId const& account, std::string const& region,
                              std::string const& action, std::string const& token,
                              UsedToken const& used, Time expires)
{
    auto const document = TRY(write_document(used));
    std::optional<std::string> const covered[] = {account.text(),           region,  action, token,
                                                  text_of(column(expires)), document};
    sql::Upsert const row{"token",
                          "account, region, action, token",
                          {{"account", account.text()},
                           {"region", region},
                           {"action", action},
                           {"token", token},
                           {"expires", column(expires)},
                           {"doc", document},
                           {"checksum", row_checksum("token", covered)}}};
    TRY(run(row.query()));
    return {};
}

namespace {

template <class Id>
sql::Conditions is(Id const& id)
{
    return {{sql::Condition::Test::equal, "id", id.text()}};
}

} // namespace

Result<void> Rows::remove(ImageId const& id) { return erase<Image>(is(id), id.text()); }
Result<void> Rows::remove(SnapshotId const& id) { return erase<Snapshot>(is(id), id.text()); }
Result<void> Rows::remove(VolumeId const& id) { return erase<Volume>(is(id), id.text()); }
Result<void> Rows::remove(InstanceId const& id) { return erase<Instance>(is(id), id.text()); }
Result<void> Rows::remove(KeyPairId const& id) { return erase<KeyPair>(is(id), id.text()); }
Result<void> Rows::remove(SecurityGroupId const& id)
{
    return erase<SecurityGroup>(is(id), id.text());
}

Result<void> Rows::remove_parameter(Scope const& scope, std::string const& name)
{
    auto conditions = sql::within(scope);
    conditions.push_back({sql::Condition::Test::equal, "name", name});
    return erase<Parameter>(conditions, name);
}

Result<void> Rows::remove_history(History const& history)
{
    TRY(run({sql::kRemoveExpiredTokens, {column(clock_.now())}}));
    TRY(run({sql::kRemoveOldAudit, {column(history.audit_before)}}));
    TRY(run({sql::kRemoveOldTasks, {static_cast<long long>(history.finished_tasks)}}));
    return {};
}

Result<void> Rows::write_audit(Actor const& actor)
{
    auto const at = column(clock_.now());
    std::optional<std::string> const covered[] = {text_of(at), actor.who, actor.action, touched()};
    TRY(run(
        {sql::kAudit, {at, actor.who, actor.action, touched(), row_checksum("audit", covered)}}));
    return {};
}

} // namespace karat::catalog
