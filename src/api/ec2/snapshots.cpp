// SPDX-License-Identifier: Apache-2.0
// Snapshots: create, delete, describe.
#include "common.hpp"
#include "handlers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

constexpr FilterRule<Snapshot> kRules[] = {
    {"description", [](Snapshot const& s) { return Values{s.description}; }},
    {"encrypted", [](Snapshot const&) { return Values{"false"}; }},
    {"owner-alias", [](Snapshot const&) { return Values{}; }},
    {"owner-id", [](Snapshot const& s) { return Values{s.owner.text()}; }},
    {"progress", [](Snapshot const& s) { return Values{fmt::format("{}%", s.progress_percent)}; }},
    {"snapshot-id", [](Snapshot const& s) { return Values{s.id.text()}; }},
    {"start-time", [](Snapshot const& s) { return Values{format_time(s.started)}; }},
    {"status", [](Snapshot const& s) { return Values{std::string(word(s.state))}; }},
    {"storage-tier", [](Snapshot const&) { return Values{"standard"}; }},
    {"volume-id", [](Snapshot const& s) { return Values{s.volume}; }},
    {"volume-size", [](Snapshot const& s) { return Values{std::to_string(s.size_gib)}; }},
};

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
    reply.encrypted = false;
    reply.storage_tier = "standard";
    reply.tags = wire_tags(snapshot.tags);
    return reply;
}

bool owned_by_any(Snapshot const& snapshot, engine::Caller const& caller,
                  std::vector<std::string> const& owners)
{
    return owners.empty() ||
           std::any_of(owners.begin(), owners.end(), [&](std::string const& owner) {
               return owner == snapshot.owner.text() ||
                      (owner == "self" && snapshot.owner == caller.account);
           });
}

} // namespace

Result<wire::ec2::CreateSnapshotResult>
create_snapshot(engine::Engine& engine, engine::Caller const& caller,
                wire::ec2::CreateSnapshotRequest const& request)
{
    auto const id = TRY(VolumeId::parse(request.volume_id));
    auto const tags = TRY(tags_for(request.tag_specifications, "snapshot"));
    auto const snapshot = TRY(engine.create_snapshot(caller, id, request.description.value_or(""),
                                                     tags, request.dry_run));
    return wire_snapshot(snapshot);
}

Result<wire::ec2::DeleteSnapshotResult>
delete_snapshot(engine::Engine& engine, engine::Caller const& caller,
                wire::ec2::DeleteSnapshotRequest const& request)
{
    auto const id = TRY(SnapshotId::parse(request.snapshot_id));
    TRY(engine.delete_snapshot(caller, id, request.dry_run));
    return wire::ec2::DeleteSnapshotResult{};
}

Result<wire::ec2::DescribeSnapshotsResult>
describe_snapshots(engine::Engine& engine, engine::Caller const& caller,
                   wire::ec2::DescribeSnapshotsRequest const& request)
{
    if (!request.snapshot_ids.empty() && request.max_results)
        return Error{Fault::invalid, Noun::combination,
                     "The parameter snapshotSet cannot be used with the parameter maxResults"};
    auto const ids = TRY(parse_ids<SnapshotId>(request.snapshot_ids));
    auto all = TRY(engine.snapshots(caller, ids));
    std::erase_if(
        all, [&](Snapshot const& one) { return !owned_by_any(one, caller, request.owner_ids); });
    auto some = TRY(filtered(std::move(all), request.filters, kRules));
    wire::ec2::DescribeSnapshotsResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& one : page)
        result.snapshots.push_back(wire_snapshot(one));
    return result;
}

} // namespace karat::api::ec2
