// SPDX-License-Identifier: Apache-2.0
// Snapshots: create, delete, describe. Who may use them: snapshot_sharing.cpp.
#include "describe.hpp"
#include "handlers.hpp"

#include "karat/wire/ec2/snapshots.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

using Snap = wire::ec2::Snapshot;

constexpr FilterRule<Snap> kSnapshotRules[] = {
    {"description", at<&Snap::description>},   {"encrypted", at<&Snap::encrypted>},
    {"owner-alias", at<&Snap::owner_alias>},   {"owner-id", at<&Snap::owner_id>},
    {"progress", at<&Snap::progress>},         {"snapshot-id", at<&Snap::snapshot_id>},
    {"start-time", at<&Snap::start_time>},     {"status", at<&Snap::state>},
    {"storage-tier", at<&Snap::storage_tier>}, {"transfer-type", at<&Snap::transfer_type>},
    {"volume-id", at<&Snap::volume_id>},       {"volume-size", at<&Snap::volume_size>},
};
constexpr Listing<Snap, Snapshot> kSnapshots{kSnapshotRules, tags_at<&Snapshot::tags>};

wire::ec2::Snapshot wire_snapshot(Snapshot const& snapshot)
{
    wire::ec2::Snapshot reply;
    reply.snapshot_id = snapshot.id.text();
    reply.volume_id = snapshot.volume;
    reply.state = std::string(word(snapshot.state));
    if (!snapshot.state_message.empty())
        reply.state_message = snapshot.state_message;
    reply.start_time = snapshot.started;
    reply.completion_time = snapshot.completed;
    reply.progress = fmt::format("{}%", snapshot.progress_percent);
    reply.owner_id = snapshot.owner.text();
    reply.description = snapshot.description;
    reply.volume_size = static_cast<std::int32_t>(snapshot.size_gib);
    if (snapshot.completed)
        reply.full_snapshot_size_in_bytes = static_cast<std::int64_t>(snapshot.full_size_bytes);
    reply.encrypted = !snapshot.kms_key.empty();
    if (!snapshot.kms_key.empty())
        reply.kms_key_id = snapshot.kms_key;
    reply.tags = wire_tags(snapshot.tags);
    return reply;
}

wire::ec2::SnapshotInfo wire_info(Snapshot const& snapshot)
{
    wire::ec2::SnapshotInfo info;
    info.description = snapshot.description;
    info.tags = wire_tags(snapshot.tags);
    info.encrypted = !snapshot.kms_key.empty();
    info.volume_id = snapshot.volume;
    info.state = std::string(word(snapshot.state));
    info.volume_size = static_cast<std::int32_t>(snapshot.size_gib);
    info.start_time = snapshot.started;
    info.progress = fmt::format("{}%", snapshot.progress_percent);
    info.owner_id = snapshot.owner.text();
    info.snapshot_id = snapshot.id.text();
    return info;
}

} // namespace

Result<wire::ec2::CreateSnapshotResult>
create_snapshot(Desk const& desk, wire::ec2::CreateSnapshotRequest const& request)
{
    auto const id = TRY(VolumeId::parse(request.volume_id));
    auto const tags = TRY(tags_for(request.tag_specifications, "snapshot"));
    auto const snapshot = TRY(desk.engine.create_snapshot(
        desk.caller, id, request.description.value_or(""), tags, request.dry_run));
    return wire_snapshot(snapshot);
}

Result<wire::ec2::CreateSnapshotsResult>
create_snapshots(Desk const& desk, wire::ec2::CreateSnapshotsRequest const& request)
{
    auto const& which = *request.instance_specification; // required
    auto const instance = TRY(InstanceId::parse(which.instance_id));
    auto const exclude = TRY(parse_ids<VolumeId>(which.exclude_data_volume_ids));
    engine::CreateSnapshots create{.instance = instance,
                                   .exclude_boot_volume = which.exclude_boot_volume.value_or(false),
                                   .exclude = exclude,
                                   .description = request.description.value_or(""),
                                   .copy_volume_tags = request.copy_tags_from_source.has_value()};
    create.tags = TRY(tags_for(request.tag_specifications, "snapshot"));
    create.dry_run = request.dry_run;
    auto const made = TRY(desk.engine.create_snapshots(desk.caller, create));
    wire::ec2::CreateSnapshotsResult result;
    for (auto const& one : made)
        result.snapshots.push_back(wire_info(one));
    return result;
}

Result<wire::ec2::DeleteSnapshotResult>
delete_snapshot(Desk const& desk, wire::ec2::DeleteSnapshotRequest const& request)
{
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    TRY(desk.engine.delete_snapshot(desk.caller, id, request.dry_run));
    return wire::ec2::DeleteSnapshotResult{};
}

Result<wire::ec2::DescribeSnapshotsResult>
describe_snapshots(Desk const& desk, wire::ec2::DescribeSnapshotsRequest const& request)
{
    TRY(no_pages_with_ids("snapshotSet", request.snapshot_ids, request.max_results));
    auto describe =
        TRY((Describe<Snap, Snapshot>::begin(desk, "DescribeSnapshots", request, kSnapshots)));
    auto const ids = TRY(parse_ids<SnapshotId>(request.snapshot_ids));
    engine::SnapshotSelection const selection{.ids = ids,
                                              .owners = request.owner_ids,
                                              .restorable_by = request.restorable_by_user_ids,
                                              .narrowing = describe.narrowing()};
    TRY(desk.engine.snapshots(desk.caller, selection, [&](catalog::Ref<Snapshot> const& snapshot) {
        return describe.offer({.number = snapshot.number()}, *snapshot,
                              [&] { return wire_snapshot(*snapshot); });
    }));
    wire::ec2::DescribeSnapshotsResult result;
    result.snapshots = describe.take(result.next_token);
    return result;
}

} // namespace karat::api::ec2
