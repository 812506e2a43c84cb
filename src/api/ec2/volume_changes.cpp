// SPDX-License-Identifier: Apache-2.0
// Volumes that come to and leave instances, and change.
#include "common.hpp"
#include "handlers.hpp"
#include "volume_reply.hpp"

namespace karat::api::ec2 {
namespace {

std::string number(std::optional<int> const& value) { return value ? std::to_string(*value) : ""; }

template <auto read>
Values of_change(Volume const& volume)
{
    return {read(*volume.modification)};
}

using Change = VolumeModification;
constexpr FilterRule<Volume> kChangeRules[] = {
    {"volume-id", [](Volume const& v) { return Values{v.id.text()}; }},
    {"modification-state", of_change<[](Change const& c) { return std::string(word(c.state)); }>},
    {"target-size", of_change<[](Change const& c) { return std::to_string(c.target.size_gib); }>},
    {"target-iops", of_change<[](Change const& c) { return number(c.target.iops); }>},
    {"target-volume-type", of_change<[](Change const& c) { return c.target.type; }>},
    {"target-throughput",
     of_change<[](Change const& c) { return number(c.target.throughput_mibps); }>},
    {"target-multi-attach-enabled", [](Volume const&) { return Values{"false"}; }},
    {"original-size",
     of_change<[](Change const& c) { return std::to_string(c.original.size_gib); }>},
    {"original-iops", of_change<[](Change const& c) { return number(c.original.iops); }>},
    {"original-volume-type", of_change<[](Change const& c) { return c.original.type; }>},
    {"original-throughput",
     of_change<[](Change const& c) { return number(c.original.throughput_mibps); }>},
    {"original-multi-attach-enabled", [](Volume const&) { return Values{"false"}; }},
    {"start-time", of_change<[](Change const& c) { return format_time(c.started); }>},
};

} // namespace

Result<wire::ec2::AttachVolumeResult> attach_volume(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ec2::AttachVolumeRequest const& request)
{
    if (request.ebs_card_index.value_or(0) != 0)
        return not_offered("EbsCardIndex");
    auto const volume_id = TRY(VolumeId::parse(request.volume_id));
    auto const instance = TRY(InstanceId::parse(request.instance_id));
    auto const volume = TRY(engine.attach_volume(caller, {.volume = volume_id,
                                                          .instance = instance,
                                                          .device_name = request.device,
                                                          .dry_run = request.dry_run}));
    return wire_attachment(volume);
}

Result<wire::ec2::DetachVolumeResult> detach_volume(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ec2::DetachVolumeRequest const& request)
{
    auto const volume_id = TRY(VolumeId::parse(request.volume_id));
    engine::DetachVolume detach{.volume = volume_id,
                                .instance = {},
                                .device_name = request.device,
                                .force = request.force.value_or(false),
                                .dry_run = request.dry_run};
    if (request.instance_id)
        detach.instance = TRY(InstanceId::parse(*request.instance_id));
    auto const volume = TRY(engine.detach_volume(caller, detach));
    return wire_attachment(volume);
}

Result<wire::ec2::ModifyVolumeResult> modify_volume(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ec2::ModifyVolumeRequest const& request)
{
    if (request.multi_attach_enabled.value_or(false))
        return not_offered("MultiAttachEnabled");
    auto const id = TRY(VolumeId::parse(request.volume_id));
    auto const shape = TRY(shape_request(request));
    auto const volume = TRY(engine.modify_volume(caller, id, shape, request.dry_run));
    return wire::ec2::ModifyVolumeResult{.volume_modification = wire_modification(volume)};
}

Result<wire::ec2::DescribeVolumesModificationsResult>
describe_volumes_modifications(engine::Engine& engine, engine::Caller const& caller,
                               wire::ec2::DescribeVolumesModificationsRequest const& request)
{
    auto const ids = TRY(parse_ids<VolumeId>(request.volume_ids));
    auto all = TRY(engine.volumes(caller, ids));
    for (auto const& one : all)
        if (!ids.empty() && !one.modification)
            return Error{Fault::not_found, Noun::volume_modification,
                         "Modification for volume '" + one.id.text() + "' does not exist."};
    std::erase_if(all, [](Volume const& one) { return !one.modification; });
    auto some = TRY(filtered(std::move(all), request.filters, kChangeRules));
    wire::ec2::DescribeVolumesModificationsResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& one : page)
        result.volumes_modifications.push_back(wire_modification(one));
    return result;
}

} // namespace karat::api::ec2
