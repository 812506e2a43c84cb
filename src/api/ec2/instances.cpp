// SPDX-License-Identifier: Apache-2.0
// Describing instances and changing their state.
#include "handlers.hpp"
#include "instance_reply.hpp"

#include "zones.hpp"

#include "karat/hash.hpp"
#include "karat/wire/ec2/instances.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

std::vector<wire::ec2::InstanceStateChange>
wire_changes(std::vector<engine::Transition> const& transitions)
{
    std::vector<wire::ec2::InstanceStateChange> changes;
    for (auto const& one : transitions)
        changes.push_back({.instance_id = one.instance.text(),
                           .current_state = wire_state(one.after),
                           .previous_state = wire_state(one.before)});
    return changes;
}

/// The instances that a request changes the state of: at least one.
template <class Request>
Result<std::vector<InstanceId>> named_instances(Request const& request)
{
    if (request.instance_ids.empty())
        return Error{Fault::invalid, Noun::combination, "No instances specified"};
    return parse_ids<InstanceId>(request.instance_ids);
}

/// `stalled`: since when the guest stands still for want of room on the disk.
wire::ec2::InstanceStatus wire_status(Instance const& instance, std::optional<Time> stalled)
{
    bool const running = instance.state == InstanceState::running;
    auto const since = stalled ? std::optional(whole_seconds(*stalled)) : std::nullopt;
    auto const* const word = !running ? "not-applicable" : stalled ? "impaired" : "ok";
    auto const* const reached = stalled ? "failed" : "passed";
    wire::ec2::InstanceStatusSummary summary{.status = word};
    wire::ec2::EbsStatusSummary disks{.status = word};
    if (running) {
        summary.details = {{.impaired_since = since, .name = "reachability", .status = reached}};
        disks.details = {{.impaired_since = since, .name = "reachability", .status = reached}};
    }
    return {.availability_zone = instance.zone,
            .availability_zone_id = zone_id(instance.zone),
            .instance_id = instance.id.text(),
            .instance_state = wire_state(instance.state),
            .instance_status = summary,
            .system_status = summary,
            .attached_ebs_status = disks};
}

using Status = wire::ec2::InstanceStatus;
using Event = wire::ec2::InstanceStatusEvent;
using Summary = wire::ec2::InstanceStatusSummary;
using Details = wire::ec2::InstanceStatusDetails;

constexpr FilterRule<Status> kStatusRules[] = {
    {"application-status.status", nothing<Status>},
    {"attached-ebs-status.status",
     at<&Status::attached_ebs_status, &wire::ec2::EbsStatusSummary::status>},
    {"availability-zone", at<&Status::availability_zone>},
    {"availability-zone-id", at<&Status::availability_zone_id>},
    {"event.code", at<&Status::events, &Event::code>},
    {"event.description", at<&Status::events, &Event::description>},
    {"event.instance-event-id", at<&Status::events, &Event::instance_event_id>},
    {"event.not-after", at<&Status::events, &Event::not_after>},
    {"event.not-before", at<&Status::events, &Event::not_before>},
    {"event.not-before-deadline", at<&Status::events, &Event::not_before_deadline>},
    {"instance-state-code", at<&Status::instance_state, &wire::ec2::InstanceState::code>},
    {"instance-state-name", at<&Status::instance_state, &wire::ec2::InstanceState::name>},
    {"instance-status.reachability",
     at<&Status::instance_status, &Summary::details, &Details::status>},
    {"instance-status.status", at<&Status::instance_status, &Summary::status>},
    {"operator.managed", nothing<Status>},
    {"operator.principal", nothing<Status>},
    {"system-status.reachability", at<&Status::system_status, &Summary::details, &Details::status>},
    {"system-status.status", at<&Status::system_status, &Summary::status>},
};
constexpr Listing<Status> kStatuses{kStatusRules};

} // namespace

Result<wire::ec2::DescribeInstancesResult>
describe_instances(Desk const& desk, wire::ec2::DescribeInstancesRequest const& request)
{
    TRY(no_pages_with_ids("instancesSet", request.instance_ids, request.max_results));
    auto describe = TRY((Describe<ListedInstance, Instance>::begin(desk, "DescribeInstances",
                                                                   request, instance_listing())));
    auto const ids = TRY(parse_ids<InstanceId>(request.instance_ids));
    auto const groups = TRY(desk.engine.security_groups(desk.caller));
    TRY(desk.engine.instances(
        desk.caller, {ids, describe.narrowing()}, [&](catalog::Ref<Instance> const& instance) {
            return describe.offer(
                {.number = instance.number()}, *instance, [&]() -> Result<ListedInstance> {
                    auto const shown = TRY(show(desk.engine, groups, *instance));
                    return ListedInstance{.reply = wire_instance(shown),
                                          .reservation = instance->reservation.text(),
                                          .owner = instance->owner.text(),
                                          .interface_tags = wire_tags(instance->interface.tags)};
                });
        }));
    wire::ec2::DescribeInstancesResult result;
    auto page = describe.take(result.next_token);
    for (auto& one : page) {
        if (result.reservations.empty() ||
            result.reservations.back().reservation_id != one.reservation)
            result.reservations.push_back(
                {.reservation_id = one.reservation, .owner_id = one.owner});
        result.reservations.back().instances.push_back(std::move(one.reply));
    }
    return result;
}

Result<wire::ec2::DescribeInstanceStatusResult>
describe_instance_status(Desk const& desk, wire::ec2::DescribeInstanceStatusRequest const& request)
{
    TRY(no_pages_with_ids("instancesSet", request.instance_ids, request.max_results));
    auto describe =
        TRY(Describe<Status>::begin(desk, "DescribeInstanceStatus", request, kStatuses));
    auto const ids = TRY(parse_ids<InstanceId>(request.instance_ids));
    auto const waiting = desk.engine.waiting_for_room();
    bool const all = request.include_all_instances.value_or(false);
    TRY(desk.engine.instances(
        desk.caller, {ids, describe.narrowing()},
        [&](catalog::Ref<Instance> const& instance) -> Result<bool> {
            if (instance->state != InstanceState::running && !all)
                return true;
            auto const stall = waiting.find(instance->id);
            auto const since = stall == waiting.end() ? std::nullopt : std::optional(stall->second);
            return describe.offer({.number = instance.number()}, wire_status(*instance, since));
        }));
    wire::ec2::DescribeInstanceStatusResult result;
    result.instance_statuses = describe.take(result.next_token);
    return result;
}

Result<wire::ec2::StartInstancesResult>
start_instances(Desk const& desk, wire::ec2::StartInstancesRequest const& request)
{
    auto const ids = TRY(named_instances(request));
    auto const transitions = TRY(desk.engine.start_instances(desk.caller, ids, request.dry_run));
    return wire::ec2::StartInstancesResult{.starting_instances = wire_changes(transitions)};
}

Result<wire::ec2::StopInstancesResult>
stop_instances(Desk const& desk, wire::ec2::StopInstancesRequest const& request)
{
    auto const ids = TRY(named_instances(request));
    bool const force = request.force.value_or(false) || request.skip_os_shutdown.value_or(false);
    auto const transitions =
        TRY(desk.engine.stop_instances(desk.caller, ids, {.force = force}, request.dry_run));
    return wire::ec2::StopInstancesResult{.stopping_instances = wire_changes(transitions)};
}

Result<wire::ec2::RebootInstancesResult>
reboot_instances(Desk const& desk, wire::ec2::RebootInstancesRequest const& request)
{
    auto const ids = TRY(named_instances(request));
    TRY(desk.engine.reboot_instances(desk.caller, ids, request.dry_run));
    return wire::ec2::RebootInstancesResult{};
}

Result<wire::ec2::TerminateInstancesResult>
terminate_instances(Desk const& desk, wire::ec2::TerminateInstancesRequest const& request)
{
    auto const ids = TRY(named_instances(request));
    bool const force = request.force.value_or(false) || request.skip_os_shutdown.value_or(false);
    auto const transitions =
        TRY(desk.engine.terminate_instances(desk.caller, ids, {.force = force}, request.dry_run));
    return wire::ec2::TerminateInstancesResult{.terminating_instances = wire_changes(transitions)};
}

Result<wire::ec2::GetConsoleOutputResult>
get_console_output(Desk const& desk, wire::ec2::GetConsoleOutputRequest const& request)
{
    auto const id = TRY(InstanceId::parse(request.instance_id));
    auto const output = TRY(desk.engine.console_output(desk.caller, id));
    return wire::ec2::GetConsoleOutputResult{
        .instance_id = id.text(), .timestamp = whole_seconds(desk.engine.now()), .output = output};
}

} // namespace karat::api::ec2
