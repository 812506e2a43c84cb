// SPDX-License-Identifier: Apache-2.0
// CopySnapshot, and the attribute createVolumePermission: who may make volumes of a snapshot.
#include "common.hpp"
#include "handlers.hpp"

#include "karat/wire/ec2/snapshots.hpp"

#include <algorithm>

namespace karat::api::ec2 {
namespace {

constexpr std::string_view kPermission = "createVolumePermission";
constexpr std::size_t kMaxChanges = 500;

using Permissions = std::vector<wire::ec2::CreateVolumePermission>;

Result<void> read_accounts(std::vector<std::string> const& texts, std::vector<AccountId>& into)
{
    for (auto const& text : texts)
        into.push_back(TRY(AccountId::parse(text)));
    return {};
}

Result<void> read_group(std::string const& group, bool adds, engine::VolumePermissionChange& change)
{
    if (group != "all")
        return fail(Fault::invalid, "The group '" + group + "' is not one: there is 'all'");
    change.everyone = adds;
    return {};
}

Result<void> read_permissions(Permissions const& list, bool adds,
                              engine::VolumePermissionChange& change)
{
    for (auto const& one : list) {
        if (one.user_id)
            TRY(read_accounts({*one.user_id}, adds ? change.add : change.remove));
        if (one.group)
            TRY(read_group(*one.group, adds, change));
        if (!one.user_id && !one.group)
            return fail(Fault::missing, "A createVolumePermission needs a UserId or a Group");
    }
    return {};
}

/// The older form: OperationType with UserId.N and UserGroup.N.
Result<void> read_operation(wire::ec2::ModifySnapshotAttributeRequest const& request,
                            engine::VolumePermissionChange& change)
{
    if (request.user_ids.empty() && request.group_names.empty())
        return {};
    if (!request.operation_type)
        return fail(Fault::missing, "The request must contain the parameter OperationType");
    bool const adds = *request.operation_type == "add";
    TRY(read_accounts(request.user_ids, adds ? change.add : change.remove));
    for (auto const& group : request.group_names)
        TRY(read_group(group, adds, change));
    return {};
}

Result<engine::VolumePermissionChange>
read_change(wire::ec2::ModifySnapshotAttributeRequest const& request)
{
    engine::VolumePermissionChange change;
    if (request.create_volume_permission) {
        auto const& asked = *request.create_volume_permission;
        if (!asked.add.empty() && !asked.remove.empty())
            return Error{Fault::invalid, Noun::combination,
                         "Add and Remove do not go together in one request"};
        TRY(read_permissions(asked.add, true, change));
        TRY(read_permissions(asked.remove, false, change));
    }
    // Some clients send both forms of the same change.
    if (change.add.empty() && change.remove.empty() && !change.everyone)
        TRY(read_operation(request, change));
    if (change.add.empty() && change.remove.empty() && !change.everyone)
        return fail(Fault::missing, "The request must contain createVolumePermission");
    if (change.add.size() + change.remove.size() > kMaxChanges)
        return fail(Fault::exhausted, "A request changes at most 500 permissions");
    return change;
}

} // namespace

Result<wire::ec2::CopySnapshotResult> copy_snapshot(Desk const& desk,
                                                    wire::ec2::CopySnapshotRequest const& request)
{
    // Who signs for one region cannot mean another; old clients send it for their presigned URL.
    if (request.destination_region && *request.destination_region != desk.caller.region)
        return fail(Fault::invalid, "Invalid value for 'DestinationRegion': the request goes to " +
                                        desk.caller.region + ", not to " +
                                        *request.destination_region);
    auto const duration = request.completion_duration_minutes;
    if (duration && (*duration < 15 || *duration > 2880 || *duration % 15 != 0))
        return fail(Fault::invalid, "CompletionDurationMinutes is a multiple of 15 up to 2880");
    auto const source = TRY(SnapshotId::parse(request.source_snapshot_id));
    engine::CopySnapshot copy{.source = source,
                              .source_region = request.source_region,
                              .description = request.description.value_or(""),
                              .encryption = {request.encrypted, request.kms_key_id.value_or("")}};
    copy.tags = TRY(tags_for(request.tag_specifications, "snapshot"));
    copy.dry_run = request.dry_run;
    auto const made = TRY(desk.engine.copy_snapshot(desk.caller, copy));
    wire::ec2::CopySnapshotResult result;
    result.snapshot_id = made.id.text();
    result.tags = wire_tags(made.tags);
    return result;
}

Result<wire::ec2::ModifySnapshotAttributeResult>
modify_snapshot_attribute(Desk const& desk,
                          wire::ec2::ModifySnapshotAttributeRequest const& request)
{
    if (request.attribute && *request.attribute != kPermission)
        return fail(Fault::unsupported,
                    "The only Attribute of a snapshot to change is createVolumePermission");
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    auto const change = TRY(read_change(request));
    TRY(desk.engine.change_volume_permissions(desk.caller, id, change, request.dry_run));
    return wire::ec2::ModifySnapshotAttributeResult{};
}

Result<wire::ec2::ResetSnapshotAttributeResult>
reset_snapshot_attribute(Desk const& desk, wire::ec2::ResetSnapshotAttributeRequest const& request)
{
    if (request.attribute != kPermission)
        return fail(Fault::unsupported,
                    "The only Attribute of a snapshot to reset is createVolumePermission");
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    engine::VolumePermissionChange change;
    change.reset = true;
    TRY(desk.engine.change_volume_permissions(desk.caller, id, change, request.dry_run));
    return wire::ec2::ResetSnapshotAttributeResult{};
}

Result<wire::ec2::DescribeSnapshotAttributeResult>
describe_snapshot_attribute(Desk const& desk,
                            wire::ec2::DescribeSnapshotAttributeRequest const& request)
{
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    auto const snapshot = TRY(desk.engine.own_snapshot(desk.caller, id));
    wire::ec2::DescribeSnapshotAttributeResult result;
    result.snapshot_id = id.text();
    if (request.attribute != kPermission)
        return result;
    if (snapshot.is_public)
        result.create_volume_permissions.push_back({.group = "all"});
    for (auto const& account : snapshot.volume_permissions)
        result.create_volume_permissions.push_back({.user_id = account.text()});
    return result;
}

} // namespace karat::api::ec2
