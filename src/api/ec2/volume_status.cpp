// SPDX-License-Identifier: Apache-2.0
// How volumes are: DescribeVolumeStatus, DescribeVolumeAttribute.
#include "common.hpp"
#include "handlers.hpp"
#include "zones.hpp"

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

template <auto member>
Values of_event(Volume const& volume)
{
    return volume.event ? Values{(*volume.event).*member} : Values{};
}

constexpr FilterRule<Volume> kStatusRules[] = {
    {"action.code", [](Volume const&) { return Values{}; }},
    {"action.description", [](Volume const&) { return Values{}; }},
    {"action.event-id", [](Volume const&) { return Values{}; }},
    {"availability-zone", [](Volume const& v) { return Values{v.zone}; }},
    {"availability-zone-id", [](Volume const& v) { return Values{zone_id(v.zone)}; }},
    {"event.description", of_event<&VolumeEvent::description>},
    {"event.event-id", of_event<&VolumeEvent::id>},
    {"event.event-type", of_event<&VolumeEvent::type>},
    {"volume-status.details-name",
     [](Volume const&) { return Values{"io-enabled", "io-performance"}; }},
    {"volume-status.details-status",
     [](Volume const&) { return Values{"passed", "not-applicable"}; }},
    {"volume-status.status", [](Volume const& v) { return Values{health(v)}; }},
};

wire::ec2::VolumeStatusEvent wire_event(VolumeEvent const& event)
{
    wire::ec2::VolumeStatusEvent reply{.description = event.description,
                                       .event_id = event.id,
                                       .event_type = event.type,
                                       .not_before = event.at};
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

} // namespace

Result<wire::ec2::DescribeVolumeStatusResult>
describe_volume_status(engine::Engine& engine, engine::Caller const& caller,
                       wire::ec2::DescribeVolumeStatusRequest const& request)
{
    TRY(no_pages_with_ids("volumeSet", request.volume_ids, request.max_results));
    auto const ids = TRY(parse_ids<VolumeId>(request.volume_ids));
    auto all = TRY(engine.volumes(caller, ids));
    auto some = TRY(filtered(std::move(all), request.filters, kStatusRules));
    wire::ec2::DescribeVolumeStatusResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& one : page)
        result.volume_statuses.push_back(wire_status(one));
    return result;
}

Result<wire::ec2::DescribeVolumeAttributeResult>
describe_volume_attribute(engine::Engine& engine, engine::Caller const& caller,
                          wire::ec2::DescribeVolumeAttributeRequest const& request)
{
    auto const id = TRY(VolumeId::parse(request.volume_id));
    TRY(engine.volumes(caller, {id}));
    wire::ec2::DescribeVolumeAttributeResult result;
    result.volume_id = id.text();
    if (request.attribute == "autoEnableIO")
        result.auto_enable_io = wire::ec2::AttributeBooleanValue{false};
    return result;
}

} // namespace karat::api::ec2
