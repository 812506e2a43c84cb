// SPDX-License-Identifier: Apache-2.0
// How volumes are: DescribeVolumeStatus, DescribeVolumeAttribute.
#include "describe.hpp"
#include "handlers.hpp"
#include "zones.hpp"

#include "karat/wire/ec2/volumes.hpp"

namespace karat::api::ec2 {
namespace {

/// EC2's word for what a volume's state says of its health.
std::string health(Volume const& volume)
{
    switch (volume.state) {
    case VolumeState::creating:
        return "insufficient-data";
    case VolumeState::error:
        return "impaired";
    case VolumeState::available:
    case VolumeState::in_use:
    case VolumeState::deleting:
    case VolumeState::deleted:
        return "ok";
    }
    return "ok";
}

wire::ec2::VolumeStatusEvent wire_event(VolumeEvent const& event)
{
    wire::ec2::VolumeStatusEvent reply{.description = event.description,
                                       .event_id = event.id,
                                       .event_type = event.type,
                                       .not_before = whole_seconds(event.at)};
    if (event.instance)
        reply.instance_id = event.instance->text();
    return reply;
}

wire::ec2::VolumeStatusItem wire_status(Volume const& volume)
{
    wire::ec2::VolumeStatusItem item;
    item.availability_zone = volume.zone;
    item.availability_zone_id = zone_id(volume.zone);
    item.volume_id = volume.id.text();
    wire::ec2::VolumeStatusInfo info;
    info.status = health(volume);
    bool const impaired = volume.state == VolumeState::error;
    info.details = {{.name = "io-enabled", .status = impaired ? "failed" : "passed"},
                    {.name = "io-performance", .status = "not-applicable"}};
    item.volume_status = std::move(info);
    if (volume.attachment)
        item.attachment_statuses = {{.io_performance = "not-applicable",
                                     .instance_id = volume.attachment->instance.text()}};
    if (volume.event)
        item.events = {wire_event(*volume.event)};
    return item;
}

using Item = wire::ec2::VolumeStatusItem;
using ItemAction = wire::ec2::VolumeStatusAction;
using ItemAttachment = wire::ec2::VolumeStatusAttachmentStatus;
using ItemEvent = wire::ec2::VolumeStatusEvent;
using ItemInfo = wire::ec2::VolumeStatusInfo;
using ItemDetails = wire::ec2::VolumeStatusDetails;

constexpr FilterRule<Item> kItemRules[] = {
    {"action.code", at<&Item::actions, &ItemAction::code>},
    {"action.description", at<&Item::actions, &ItemAction::description>},
    {"action.event-id", at<&Item::actions, &ItemAction::event_id>},
    {"attachment-status.instance-id", at<&Item::attachment_statuses, &ItemAttachment::instance_id>},
    {"attachment-status.io-performance",
     at<&Item::attachment_statuses, &ItemAttachment::io_performance>},
    {"availability-zone", at<&Item::availability_zone>},
    {"availability-zone-id", at<&Item::availability_zone_id>},
    {"event.description", at<&Item::events, &ItemEvent::description>},
    {"event.event-id", at<&Item::events, &ItemEvent::event_id>},
    {"event.event-type", at<&Item::events, &ItemEvent::event_type>},
    {"event.not-after", at<&Item::events, &ItemEvent::not_after>},
    {"event.not-before", at<&Item::events, &ItemEvent::not_before>},
    {"volume-status.details-name",
     at<&Item::volume_status, &ItemInfo::details, &ItemDetails::name>},
    {"volume-status.details-status",
     at<&Item::volume_status, &ItemInfo::details, &ItemDetails::status>},
    {"volume-status.status", at<&Item::volume_status, &ItemInfo::status>},
};
constexpr Listing<Item> kItems{kItemRules};

} // namespace

Result<wire::ec2::DescribeVolumeStatusResult>
describe_volume_status(Desk const& desk, wire::ec2::DescribeVolumeStatusRequest const& request)
{
    TRY(no_pages_with_ids("volumeSet", request.volume_ids, request.max_results));
    auto describe = TRY(Describe<Item>::begin(desk, "DescribeVolumeStatus", request, kItems));
    auto const ids = TRY(parse_ids<VolumeId>(request.volume_ids));
    TRY(desk.engine.volumes(
        desk.caller, {ids, describe.narrowing()}, [&](catalog::Ref<Volume> const& volume) {
            return describe.offer({.number = volume.number()}, wire_status(*volume));
        }));
    wire::ec2::DescribeVolumeStatusResult result;
    result.volume_statuses = describe.take(result.next_token);
    return result;
}

Result<wire::ec2::DescribeVolumeAttributeResult>
describe_volume_attribute(Desk const& desk,
                          wire::ec2::DescribeVolumeAttributeRequest const& request)
{
    auto const id = TRY(VolumeId::parse(request.volume_id));
    TRY(desk.engine.own_volume(desk.caller, id));
    wire::ec2::DescribeVolumeAttributeResult result;
    result.volume_id = id.text();
    if (request.attribute == "autoEnableIO")
        result.auto_enable_io = wire::ec2::AttributeBooleanValue{false};
    return result;
}

} // namespace karat::api::ec2
