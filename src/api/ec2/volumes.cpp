// SPDX-License-Identifier: Apache-2.0
// Volumes: create, copy, delete, describe.
#include "describe.hpp"
#include "handlers.hpp"

#include "volume_reply.hpp"
#include "zones.hpp"

#include "karat/wire/ec2/volumes.hpp"

namespace karat::api::ec2 {
namespace {

using Vol = wire::ec2::Volume;
using VolAttachment = wire::ec2::VolumeAttachment;

constexpr FilterRule<Vol> kVolumeRules[] = {
    {"attachment.attach-time", at<&Vol::attachments, &VolAttachment::attach_time>},
    {"attachment.delete-on-termination",
     at<&Vol::attachments, &VolAttachment::delete_on_termination>},
    {"attachment.device", at<&Vol::attachments, &VolAttachment::device>},
    {"attachment.instance-id", at<&Vol::attachments, &VolAttachment::instance_id>},
    {"attachment.status", at<&Vol::attachments, &VolAttachment::state>},
    {"availability-zone", at<&Vol::availability_zone>},
    {"availability-zone-id", at<&Vol::availability_zone_id>},
    {"create-time", at<&Vol::create_time>},
    {"encrypted", at<&Vol::encrypted>},
    {"fast-restored", at<&Vol::fast_restored>},
    {"multi-attach-enabled", at<&Vol::multi_attach_enabled>},
    {"operator.managed", nothing<Vol>},
    {"operator.principal", nothing<Vol>},
    {"size", at<&Vol::size>},
    {"snapshot-id", at<&Vol::snapshot_id>},
    {"status", at<&Vol::state>},
    {"volume-id", at<&Vol::volume_id>},
    {"volume-type", at<&Vol::volume_type>},
};
constexpr Listing<Vol, Volume> kVolumes{kVolumeRules, tags_at<&Volume::tags>};

Result<std::string> zone_of(engine::Engine& engine, engine::Caller const& caller,
                            wire::ec2::CreateVolumeRequest const& request)
{
    auto const& zone = request.availability_zone;
    if (!request.availability_zone_id && !zone)
        return fail(Fault::missing, "The request must contain the parameter AvailabilityZone");
    if (!request.availability_zone_id)
        return *zone;
    auto named = zone_of_id(engine.zones(caller.region), *request.availability_zone_id);
    if (zone && *zone != named)
        return Error{Fault::invalid, Noun::combination,
                     "AvailabilityZone and AvailabilityZoneId name two zones"};
    return named;
}

template <class Request>
engine::EncryptionRequest encryption_request(Request const& request)
{
    return {request.encrypted, request.kms_key_id.value_or("")};
}

} // namespace

Result<wire::ec2::CreateVolumeResult> create_volume(Desk const& desk,
                                                    wire::ec2::CreateVolumeRequest const& request)
{
    auto const shape = TRY(shape_request(request));
    auto const zone = TRY(zone_of(desk.engine, desk.caller, request));
    engine::CreateVolume create{.zone = zone,
                                .size_gib = shape.size_gib,
                                .snapshot = {},
                                .type = shape.type.value_or("gp2"),
                                .iops = shape.iops,
                                .throughput_mibps = shape.throughput_mibps,
                                .client_token = request.client_token.value_or("")};
    if (request.snapshot_id)
        create.snapshot = TRY(SnapshotId::parse(*request.snapshot_id));
    create.encryption = encryption_request(request);
    create.tags = TRY(tags_for(request.tag_specifications, "volume"));
    create.fingerprint = fingerprint(request);
    create.dry_run = request.dry_run;
    auto const volume = TRY(desk.engine.create_volume(desk.caller, create));
    return wire_volume(volume);
}

Result<wire::ec2::CopyVolumesResult> copy_volumes(Desk const& desk,
                                                  wire::ec2::CopyVolumesRequest const& request)
{
    auto const source = TRY(VolumeId::parse(request.source_volume_id));
    auto const shape = TRY(shape_request(request));
    engine::CopyVolume copy{
        .source = source, .shape = shape, .client_token = request.client_token.value_or("")};
    copy.encryption = encryption_request(request);
    copy.tags = TRY(tags_for(request.tag_specifications, "volume"));
    copy.fingerprint = fingerprint(request);
    copy.dry_run = request.dry_run;
    auto const volume = TRY(desk.engine.copy_volume(desk.caller, copy));
    return wire::ec2::CopyVolumesResult{.volumes = {wire_volume(volume)}};
}

Result<wire::ec2::DeleteVolumeResult> delete_volume(Desk const& desk,
                                                    wire::ec2::DeleteVolumeRequest const& request)
{
    auto const id = TRY(VolumeId::parse(request.volume_id));
    TRY(desk.engine.delete_volume(desk.caller, id, request.dry_run));
    return wire::ec2::DeleteVolumeResult{};
}

Result<wire::ec2::DescribeVolumesResult>
describe_volumes(Desk const& desk, wire::ec2::DescribeVolumesRequest const& request)
{
    TRY(no_pages_with_ids("volumeSet", request.volume_ids, request.max_results));
    auto describe = TRY((Describe<Vol, Volume>::begin(desk, "DescribeVolumes", request, kVolumes)));
    auto const ids = TRY(parse_ids<VolumeId>(request.volume_ids));
    TRY(desk.engine.volumes(desk.caller, {ids, describe.narrowing()},
                            [&](catalog::Ref<Volume> const& volume) {
                                return describe.offer({.number = volume.number()}, *volume,
                                                      [&] { return wire_volume(*volume); });
                            }));
    wire::ec2::DescribeVolumesResult result;
    result.volumes = describe.take(result.next_token);
    return result;
}

} // namespace karat::api::ec2
