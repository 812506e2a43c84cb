// SPDX-License-Identifier: Apache-2.0
#include "rows.hpp"

#include "sql.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

std::string word_of(auto state) { return std::string(word(state)); }

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

Result<void> Rows::save(Account const& account)
{
    auto const document = TRY(write_document(account));
    sql::Upsert const row{"account",
                          "id",
                          {{"id", account.id.text()},
                           {"name", account.name},
                           {"alias", account.alias},
                           {"doc", document}}};
    return named(put(row.query(), account.id.text()), Fault::duplicate, Noun::account,
                 fmt::format("The account name '{}' or its alias is taken", account.name));
}

Result<void> Rows::save(AccessKey const& key)
{
    // An id that another account uses must not change hands, so `account` is fixed.
    auto const document = TRY(write_document(key));
    sql::Upsert const row{"access_key",
                          "id",
                          {{"id", key.id}, {"account", key.account.text()}, {"doc", document}},
                          "account"};
    auto changed = put(row.query(), key.id);
    if (changed.ok() && changed.value() == 0)
        return Error{Fault::duplicate, Noun::access_key,
                     fmt::format("The access key id {} is taken", key.id)};
    return named(std::move(changed), Fault::not_found, Noun::account,
                 fmt::format("The account {} does not exist", key.account.text()));
}

Result<void> Rows::save(Image const& image)
{
    auto const id = image.id.text();
    auto const document = TRY(write_document(image));
    sql::Upsert const row{"image",
                          "id",
                          {{"id", id},
                           {"region", image.region},
                           {"owner", image.owner.text()},
                           {"name", image.name},
                           {"state", word_of(image.state)},
                           {"doc", document}}};
    TRY(named(put(row.query(), id), Fault::duplicate, Noun::image_name,
              fmt::format("The image name '{}' is taken", image.name)));
    TRY(run({sql::kRemoveImageDevices, {id}}));
    for (auto const& device : image.devices)
        if (device.snapshot)
            TRY(run({sql::kAddImageDevice, {id, device.snapshot->text()}}));
    return {};
}

Result<void> Rows::save(Snapshot const& snapshot)
{
    auto const document = TRY(write_document(snapshot));
    sql::Upsert const row{"snapshot",
                          "id",
                          {{"id", snapshot.id.text()},
                           {"region", snapshot.region},
                           {"owner", snapshot.owner.text()},
                           {"state", word_of(snapshot.state)},
                           {"doc", document}}};
    TRY(put(row.query(), snapshot.id.text()));
    return {};
}

Result<void> Rows::save(Volume const& volume)
{
    std::optional<std::string> instance;
    if (volume.attachment)
        instance = volume.attachment->instance.text();
    std::optional<std::string> base;
    if (volume.layers.base)
        base = volume.layers.base->text();
    auto const document = TRY(write_document(volume));
    sql::Upsert const row{"volume",
                          "id",
                          {{"id", volume.id.text()},
                           {"region", volume.region},
                           {"owner", volume.owner.text()},
                           {"state", word_of(volume.state)},
                           {"instance", instance},
                           {"base", base},
                           {"doc", document}}};
    TRY(put(row.query(), volume.id.text()));
    return {};
}

Result<void> Rows::save(Instance const& instance)
{
    auto const document = TRY(write_document(instance));
    sql::Upsert const row{"instance",
                          "id",
                          {{"id", instance.id.text()},
                           {"region", instance.region},
                           {"owner", instance.owner.text()},
                           {"state", word_of(instance.state)},
                           {"doc", document}}};
    TRY(put(row.query(), instance.id.text()));
    return {};
}

Result<void> Rows::save(KeyPair const& key)
{
    auto const document = TRY(write_document(key));
    sql::Upsert const row{"key_pair",
                          "id",
                          {{"id", key.id.text()},
                           {"region", key.region},
                           {"owner", key.owner.text()},
                           {"name", key.name},
                           {"doc", document}}};
    return named(put(row.query(), key.id.text()), Fault::duplicate, Noun::key_pair_name,
                 fmt::format("The key pair name '{}' is taken", key.name));
}

Result<void> Rows::save(SecurityGroup const& group)
{
    auto const document = TRY(write_document(group));
    sql::Upsert const row{"security_group",
                          "id",
                          {{"id", group.id.text()},
                           {"region", group.region},
                           {"owner", group.owner.text()},
                           {"vpc", group.vpc.text()},
                           {"name", group.name},
                           {"doc", document}}};
    return named(
        put(row.query(), group.id.text()), Fault::duplicate, Noun::security_group_name,
        fmt::format("The security group name '{}' is taken in {}", group.name, group.vpc.text()));
}

Result<void> Rows::save(Vpc const& vpc)
{
    auto const document = TRY(write_document(vpc));
    sql::Upsert const row{"vpc",
                          "id",
                          {{"id", vpc.id.text()},
                           {"region", vpc.region},
                           {"owner", vpc.owner.text()},
                           {"doc", document}}};
    TRY(put(row.query(), vpc.id.text()));
    return {};
}

Result<void> Rows::save(Subnet const& subnet)
{
    auto const document = TRY(write_document(subnet));
    sql::Upsert const row{"subnet",
                          "id",
                          {{"id", subnet.id.text()},
                           {"region", subnet.region},
                           {"owner", subnet.owner.text()},
                           {"doc", document}}};
    TRY(put(row.query(), subnet.id.text()));
    return {};
}

Result<void> Rows::save(Parameter const& parameter)
{
    auto const document = TRY(write_document(parameter));
    sql::Upsert const row{"parameter",
                          "region, name, owner",
                          {{"region", parameter.region},
                           {"owner", parameter.owner.text()},
                           {"name", parameter.name},
                           {"doc", document}}};
    TRY(put(row.query(), parameter.name));
    return {};
}

Result<void> Rows::save_token(AccountId const& account, std::string const& region,
                              std::string const& action, std::string const& token,
                              UsedToken const& used, Time expires)
{
    auto const document = TRY(write_document(used));
    sql::Upsert const row{"token",
                          "account, region, action, token",
                          {{"account", account.text()},
                           {"region", region},
                           {"action", action},
                           {"token", token},
                           {"expires", column(expires)},
                           {"doc", document}}};
    TRY(run(row.query()));
    return {};
}

Result<std::int64_t> Rows::put(Query const& query, std::string const& id)
{
    auto const changed = TRY(run(query));
    if (changed > 0)
        touch(id);
    return changed;
}

Result<void> Rows::erase(char const* statement, std::string const& id)
{
    auto const changed = TRY(run({statement, {id}}));
    if (changed > 0)
        touch(id);
    return {};
}

Result<void> Rows::remove(ImageId const& id) { return erase(sql::kRemoveImage, id.text()); }
Result<void> Rows::remove(SnapshotId const& id) { return erase(sql::kRemoveSnapshot, id.text()); }
Result<void> Rows::remove(VolumeId const& id) { return erase(sql::kRemoveVolume, id.text()); }
Result<void> Rows::remove(InstanceId const& id) { return erase(sql::kRemoveInstance, id.text()); }
Result<void> Rows::remove(KeyPairId const& id) { return erase(sql::kRemoveKeyPair, id.text()); }
Result<void> Rows::remove(SecurityGroupId const& id)
{
    return erase(sql::kRemoveSecurityGroup, id.text());
}

Result<void> Rows::remove_parameter(Scope const& scope, std::string const& name)
{
    auto query = sql::scoped(sql::kRemoveParameter, scope, sql::kAndName);
    query.values.emplace_back(name);
    auto const changed = TRY(run(query));
    if (changed > 0)
        touch(name);
    return {};
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
    TRY(run({sql::kAudit, {column(clock_.now()), actor.who, actor.action, touched()}}));
    return {};
}

} // namespace karat::catalog
