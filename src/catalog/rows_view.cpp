// SPDX-License-Identifier: Apache-2.0
#include "rows.hpp"

#include "sql.hpp"

namespace karat::catalog {

Result<std::optional<Account>> Rows::account(AccountId const& id)
{
    return find<Account>({sql::kAccount, {id.text()}});
}
Result<std::optional<Account>> Rows::account_by_name(std::string const& name)
{
    return find<Account>({sql::kAccountByName, {name}});
}
Result<std::optional<Account>> Rows::account_by_alias(std::string const& alias)
{
    return find<Account>({sql::kAccountByAlias, {alias}});
}
Result<std::vector<Account>> Rows::accounts() { return list<Account>({sql::kAccounts, {}}); }

Result<std::optional<AccessKey>> Rows::access_key(std::string const& id)
{
    return find<AccessKey>({sql::kAccessKey, {id}});
}
Result<std::vector<AccessKey>> Rows::access_keys(AccountId const& account)
{
    return list<AccessKey>({sql::kAccessKeys, {account.text()}});
}

Result<std::optional<Image>> Rows::image(ImageId const& id)
{
    return find<Image>({sql::kImage, {id.text()}});
}
Result<std::vector<Image>> Rows::images(Scope const& scope)
{
    return list<Image>(sql::scoped(sql::kImages, scope));
}
Result<std::optional<Image>> Rows::image_by_name(Scope const& scope, std::string const& name)
{
    auto query = sql::scoped(sql::kImages, scope, sql::kAndName);
    query.text += sql::kBySeq;
    query.values.emplace_back(name);
    return find<Image>(query);
}
Result<std::vector<Image>> Rows::images_with(SnapshotId const& snapshot)
{
    return list<Image>({sql::kImagesWith, {snapshot.text()}});
}

Result<std::optional<Snapshot>> Rows::snapshot(SnapshotId const& id)
{
    return find<Snapshot>({sql::kSnapshot, {id.text()}});
}
Result<std::vector<Snapshot>> Rows::snapshots(Scope const& scope)
{
    return list<Snapshot>(sql::scoped(sql::kSnapshots, scope));
}

Result<std::optional<Volume>> Rows::volume(VolumeId const& id)
{
    return find<Volume>({sql::kVolume, {id.text()}});
}
Result<std::vector<Volume>> Rows::volumes(Scope const& scope)
{
    return list<Volume>(sql::scoped(sql::kVolumes, scope));
}
Result<std::vector<Volume>> Rows::volumes_of(InstanceId const& instance)
{
    return list<Volume>({sql::kVolumesOf, {instance.text()}});
}
Result<std::vector<Volume>> Rows::volumes_over(SnapshotId const& snapshot)
{
    return list<Volume>({sql::kVolumesOver, {snapshot.text()}});
}

Result<std::optional<Instance>> Rows::instance(InstanceId const& id)
{
    return find<Instance>({sql::kInstance, {id.text()}});
}
Result<std::vector<Instance>> Rows::instances(Scope const& scope)
{
    return list<Instance>(sql::scoped(sql::kInstances, scope));
}

Result<std::optional<KeyPair>> Rows::key_pair(Scope const& scope, std::string const& name)
{
    auto query = sql::scoped(sql::kKeyPairs, scope, sql::kAndName);
    query.text += sql::kBySeq;
    query.values.emplace_back(name);
    return find<KeyPair>(query);
}
Result<std::vector<KeyPair>> Rows::key_pairs(Scope const& scope)
{
    return list<KeyPair>(sql::scoped(sql::kKeyPairs, scope));
}

Result<std::optional<SecurityGroup>> Rows::security_group(SecurityGroupId const& id)
{
    return find<SecurityGroup>({sql::kSecurityGroup, {id.text()}});
}
Result<std::vector<SecurityGroup>> Rows::security_groups(Scope const& scope)
{
    return list<SecurityGroup>(sql::scoped(sql::kSecurityGroups, scope));
}
Result<std::vector<Vpc>> Rows::vpcs(Scope const& scope)
{
    return list<Vpc>(sql::scoped(sql::kVpcs, scope));
}
Result<std::vector<Subnet>> Rows::subnets(Scope const& scope)
{
    return list<Subnet>(sql::scoped(sql::kSubnets, scope));
}

Result<std::optional<Parameter>> Rows::parameter(Scope const& scope, std::string const& name)
{
    auto query = sql::scoped(sql::kParameters, scope, sql::kAndName);
    query.text += sql::kBySeq;
    query.values.emplace_back(name);
    return find<Parameter>(query);
}
Result<std::vector<Parameter>> Rows::parameters(Scope const& scope, std::string const& prefix)
{
    auto query = sql::scoped(sql::kParameters, scope, sql::kAndPrefix);
    query.text += sql::kByName;
    query.values.insert(query.values.end(), 3, prefix);
    return list<Parameter>(query);
}

Result<std::optional<Task>> Rows::task(std::int64_t id) { return find<Task>({sql::kTask, {id}}); }
Result<std::vector<Task>> Rows::open_tasks() { return list<Task>({sql::kOpenTasks, {}}); }

Result<std::optional<UsedToken>> Rows::token(AccountId const& account, std::string const& region,
                                             std::string const& action, std::string const& token)
{
    return find<UsedToken>(
        {sql::kToken, {account.text(), region, action, token, column(clock_.now())}});
}

} // namespace karat::catalog
