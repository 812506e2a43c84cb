// SPDX-License-Identifier: Apache-2.0
// Volumes that come to and leave instances, and change.
#include "common.hpp"
#include "handlers.hpp"
#include "volume_reply.hpp"

namespace karat::api::ec2 {
namespace {

using Modified = wire::ec2::VolumeModification;

constexpr FilterRule<Modified> kModifiedRules[] = {
    {"modification-state", at<&Modified::modification_state>},
    {"original-iops", at<&Modified::original_iops>},
    {"original-multi-attach-enabled", at<&Modified::original_multi_attach_enabled>},
    {"original-size", at<&Modified::original_size>},
    {"original-throughput", at<&Modified::original_throughput>},
    {"original-volume-type", at<&Modified::original_volume_type>},
    {"start-time", at<&Modified::start_time>},
    {"target-iops", at<&Modified::target_iops>},
    {"target-multi-attach-enabled", at<&Modified::target_multi_attach_enabled>},
    {"target-size", at<&Modified::target_size>},
    {"target-throughput", at<&Modified::target_throughput>},
    {"target-volume-type", at<&Modified::target_volume_type>},
    {"volume-id", at<&Modified::volume_id>},
};
constexpr Listing<Modified> kModifications{kModifiedRules, at<&Modified::volume_id>};

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
    auto const found = TRY(engine.volumes(caller, ids));
    for (auto const& one : found)
        if (!ids.empty() && !one.modification)
            return Error{Fault::not_found, Noun::volume_modification,
                         "Modification for volume '" + one.id.text() + "' does not exist."};
    std::vector<Modified> all;
    for (auto const& one : found)
        if (one.modification)
            all.push_back(wire_modification(one));
    wire::ec2::DescribeVolumesModificationsResult result;
    result.volumes_modifications =
        TRY(page_of(std::move(all), request, kModifications, result.next_token));
    return result;
}

} // namespace karat::api::ec2
