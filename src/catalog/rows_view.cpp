// SPDX-License-Identifier: Apache-2.0
#include "rows.hpp"

#include "checksum.hpp"
#include "sql.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <charconv>

namespace karat::catalog {

using sql::within;
using Test = sql::Condition::Test;

namespace {

sql::Condition const kRegistered{Test::other, "state", "deregistered"};
sql::Condition const kNotDeleted{Test::other, "state", "deleted"};

sql::Condition is(char const* column, std::string const& value)
{
    return {Test::equal, column, value};
}

sql::Conditions both(sql::Conditions conditions, sql::Condition more)
{
    conditions.push_back(std::move(more));
    return conditions;
}

} // namespace

bool Rows::passes_over(Table const& table, Row const& row, Error const& error) const
{
    if (!passing_)
        return false;
    auto const owner = std::ranges::find(table.columns, std::string_view("owner"));
    if (passing_->but_of && owner != table.columns.end() &&
        row.text(static_cast<std::size_t>(owner - table.columns.begin()) + 1) ==
            passing_->but_of->text())
        return false;
    log(Level::error, "catalog.row_damaged", error);
    return true;
}

Result<std::vector<Row>> Rows::rows(Table const& table, Query const& query)
{
    auto found = TRY(noting_failure(database_.rows(query, table.columns.size() + 3)));
    std::vector<Row> rows;
    rows.reserve(found.size());
    for (auto& fields : found)
        rows.push_back({std::move(fields)});
    return rows;
}

Result<std::optional<Account>> Rows::account(AccountId const& id)
{
    return find<Account>({is("id", id.text())});
}
Result<std::optional<Account>> Rows::account_by_name(std::string const& name)
{
    return find<Account>({is("name", name)});
}
Result<std::optional<Account>> Rows::account_by_alias(std::string const& alias)
{
    return find<Account>({is("alias", alias), {Test::other, "alias", ""}});
}
Result<std::vector<Account>> Rows::accounts() { return list<Account>({}); }

Result<std::optional<AccessKey>> Rows::access_key(std::string const& id)
{
    return find<AccessKey>({is("id", id)});
}
Result<std::vector<AccessKey>> Rows::access_keys(AccountId const& account)
{
    return list<AccessKey>({is("account", account.text())});
}

Result<std::optional<Image>> Rows::image(ImageId const& id)
{
    return find<Image>({is("id", id.text())});
}
Result<std::vector<Image>> Rows::images(Scope const& scope)
{
    return list<Image>(both(within(scope), kRegistered));
}
Result<std::optional<Image>> Rows::image_by_name(Scope const& scope, std::string const& name)
{
    return find<Image>(both(both(within(scope), kRegistered), is("name", name)));
}
Result<std::vector<Image>> Rows::images_with(SnapshotId const& snapshot)
{
    auto const found =
        TRY(list<Image>({{Test::a_device, "snapshot", snapshot.text()}, kRegistered}));
    for (auto const& image : found)
        if (std::ranges::none_of(image.devices, [&](BlockDevice const& device) {
                return device.snapshot == snapshot;
            }))
            return fail(Fault::corrupt,
                        "The catalog's table of the images' snapshots is damaged: run 'karat "
                        "store check', then 'karat store rebuild'");
    return found;
}

Result<std::optional<Snapshot>> Rows::snapshot(SnapshotId const& id)
{
    return find<Snapshot>({is("id", id.text())});
}
Result<std::vector<Snapshot>> Rows::snapshots(Scope const& scope)
{
    return list<Snapshot>(within(scope));
}

Result<std::optional<Volume>> Rows::volume(VolumeId const& id)
{
    return find<Volume>({is("id", id.text())});
}
Result<std::vector<Volume>> Rows::volumes(Scope const& scope)
{
    return list<Volume>(within(scope));
}
Result<std::vector<Volume>> Rows::volumes_of(InstanceId const& instance)
{
    return list<Volume>({is("instance", instance.text())});
}
Result<std::vector<Volume>> Rows::volumes_over(SnapshotId const& snapshot)
{
    return list<Volume>({is("base", snapshot.text()), kNotDeleted});
}

Result<std::optional<Instance>> Rows::instance(InstanceId const& id)
{
    return find<Instance>({is("id", id.text())});
}
Result<std::vector<Instance>> Rows::instances(Scope const& scope)
{
    return list<Instance>(within(scope));
}

Result<std::optional<KeyPair>> Rows::key_pair(Scope const& scope, std::string const& name)
{
    return find<KeyPair>(both(within(scope), is("name", name)));
}
Result<std::vector<KeyPair>> Rows::key_pairs(Scope const& scope)
{
    return list<KeyPair>(within(scope));
}

Result<std::optional<SecurityGroup>> Rows::security_group(SecurityGroupId const& id)
{
    return find<SecurityGroup>({is("id", id.text())});
}
Result<std::vector<SecurityGroup>> Rows::security_groups(Scope const& scope)
{
    return list<SecurityGroup>(within(scope));
}
Result<std::vector<Vpc>> Rows::vpcs(Scope const& scope) { return list<Vpc>(within(scope)); }
Result<std::vector<Subnet>> Rows::subnets(Scope const& scope)
{
    return list<Subnet>(within(scope));
}

Result<std::optional<Parameter>> Rows::parameter(Scope const& scope, std::string const& name)
{
    return find<Parameter>(both(within(scope), is("name", name)));
}
Result<std::vector<Parameter>> Rows::parameters(Scope const& scope, std::string const& prefix)
{
    return list<Parameter>(both(within(scope), {Test::prefix, "name", prefix}), "name, seq");
}

Result<std::optional<Task>> Rows::task(std::int64_t id)
{
    return find<Task>({{Test::equal, "id", id}});
}
Result<std::vector<Task>> Rows::open_tasks() { return list<Task>({{Test::present, "due"}}); }
Result<std::vector<Task>> Rows::failed_tasks()
{
    return list<Task>({is("state", std::string(word(TaskState::failed)))}, "id DESC");
}

Result<std::optional<UsedToken>> Rows::token(AccountId const& account, std::string const& region,
                                             std::string const& action, std::string const& token)
{
    auto const found = TRY(
        noting_failure(database_.rows({sql::kToken, {account.text(), region, action, token}}, 7)));
    std::optional<UsedToken> used;
    if (found.empty())
        return used;
    auto const& row = found.front();
    std::optional<std::string> const asked[] = {account.text(), region, action, token};
    if (row_checksum("token", std::span(row).first(6)) != row[6] ||
        !std::equal(std::begin(asked), std::end(asked), row.begin()))
        return fail(Fault::corrupt, "The catalog's row of this client token is damaged");
    if (*row[4] <= *text_of(column(clock_.now()))) // the checksum says that it is a time
        return used;
    used = TRY(read_document<UsedToken>(*row[5]));
    return used;
}

} // namespace karat::catalog
