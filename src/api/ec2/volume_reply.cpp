// SPDX-License-Identifier: Apache-2.0
#include "volume_reply.hpp"

#include "common.hpp"
#include "zones.hpp"

#include "karat/wire/ec2/volumes.hpp"

#include <algorithm>

namespace karat::api::ec2 {
namespace {

constexpr int kGp3Iops = 3000;
constexpr int kGp3Throughput = 125;

} // namespace

VolumeShape shown_shape(VolumeShape shape)
{
    if (shape.type == "gp3") {
        shape.iops = shape.iops.value_or(kGp3Iops);
        shape.throughput_mibps = shape.throughput_mibps.value_or(kGp3Throughput);
    }
    if (shape.type == "gp2") // three for each GiB
        shape.iops = static_cast<int>(std::clamp<std::uint64_t>(shape.size_gib * 3, 100, 16'000));
    return shape;
}

wire::ec2::VolumeAttachment wire_attachment(Volume const& volume)
{
    auto const& attachment = *volume.attachment;
    return {.delete_on_termination = attachment.delete_on_termination,
            .volume_id = volume.id.text(),
            .instance_id = attachment.instance.text(),
            .device = attachment.device_name,
            .state = std::string(word(attachment.state)),
            .attach_time = whole_seconds(attachment.attached)};
}

wire::ec2::Volume wire_volume(Volume const& volume)
{
    wire::ec2::Volume reply;
    reply.volume_id = volume.id.text();
    reply.size = static_cast<std::int32_t>(volume.size_gib);
    reply.snapshot_id = volume.snapshot ? volume.snapshot->text() : "";
    reply.availability_zone = volume.zone;
    reply.availability_zone_id = zone_id(volume.zone);
    reply.state = std::string(word(volume.state));
    reply.create_time = volume.created;
    reply.volume_type = volume.type;
    auto const shape =
        shown_shape({volume.size_gib, volume.type, volume.iops, volume.throughput_mibps});
    reply.iops = shape.iops;
    reply.throughput = shape.throughput_mibps;
    reply.encrypted = !volume.kms_key.empty();
    if (!volume.kms_key.empty())
        reply.kms_key_id = volume.kms_key;
    reply.tags = wire_tags(volume.tags);
    if (volume.source)
        reply.source_volume_id = volume.source->text();
    if (volume.attachment)
        reply.attachments = {wire_attachment(volume)};
    return reply;
}

wire::ec2::VolumeModification wire_modification(Volume const& volume)
{
    auto const& change = *volume.modification;
    auto const original = shown_shape(change.original);
    auto const target = shown_shape(change.target);
    wire::ec2::VolumeModification reply;
    reply.volume_id = volume.id.text();
    reply.modification_state = std::string(word(change.state));
    if (!change.message.empty())
        reply.status_message = change.message;
    reply.target_size = static_cast<std::int32_t>(target.size_gib);
    reply.target_iops = target.iops;
    reply.target_volume_type = target.type;
    reply.target_throughput = target.throughput_mibps;
    reply.original_size = static_cast<std::int32_t>(original.size_gib);
    reply.original_iops = original.iops;
    reply.original_volume_type = original.type;
    reply.original_throughput = original.throughput_mibps;
    reply.progress = change.state == ModificationState::completed ? 100 : 0;
    reply.start_time = change.started;
    reply.end_time = change.ended;
    return reply;
}

} // namespace karat::api::ec2
