// SPDX-License-Identifier: Apache-2.0
// Volumes that come to and leave instances, and change.
#include "describe.hpp"
#include "handlers.hpp"
#include "volume_reply.hpp"

#include "karat/wire/ec2/volumes.hpp"

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
constexpr Listing<Modified> kModifications{kModifiedRules};

} // namespace

Result<wire::ec2::AttachVolumeResult> attach_volume(Desk const& desk,
                                                    wire::ec2::AttachVolumeRequest const& request)
{
    auto const volume_id = TRY(VolumeId::parse(request.volume_id));
    auto const instance = TRY(InstanceId::parse(request.instance_id));
    auto const volume = TRY(desk.engine.attach_volume(desk.caller, {.volume = volume_id,
                                                                    .instance = instance,
                                                                    .device_name = request.device,
                                                                    .dry_run = request.dry_run}));
    return wire_attachment(volume);
}

Result<wire::ec2::DetachVolumeResult> detach_volume(Desk const& desk,
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
    auto const volume = TRY(desk.engine.detach_volume(desk.caller, detach));
    return wire_attachment(volume);
}

Result<wire::ec2::ModifyVolumeResult> modify_volume(Desk const& desk,
                                                    wire::ec2::ModifyVolumeRequest const& request)
{
    auto const id = TRY(VolumeId::parse(request.volume_id));
    auto const shape = TRY(shape_request(request));
    auto const volume = TRY(desk.engine.modify_volume(desk.caller, id, shape, request.dry_run));
    return wire::ec2::ModifyVolumeResult{.volume_modification = wire_modification(volume)};
}

Result<wire::ec2::DescribeVolumesModificationsResult>
describe_volumes_modifications(Desk const& desk,
                               wire::ec2::DescribeVolumesModificationsRequest const& request)
{
    auto describe = TRY(
        Describe<Modified>::begin(desk, "DescribeVolumesModifications", request, kModifications));
    auto const ids = TRY(parse_ids<VolumeId>(request.volume_ids));
    TRY(desk.engine.volumes(
        desk.caller, {ids, describe.narrowing()},
        [&](catalog::Ref<Volume> const& volume) -> Result<bool> {
            if (volume->modification)
                return describe.offer({.number = volume.number()}, wire_modification(*volume));
            if (ids.empty())
                return true;
            return Error{Fault::not_found, Noun::volume_modification,
                         "Modification for volume '" + volume->id.text() + "' does not exist."};
        }));
    wire::ec2::DescribeVolumesModificationsResult result;
    result.volumes_modifications = describe.take(result.next_token);
    return result;
}

} // namespace karat::api::ec2
