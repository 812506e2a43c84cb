// SPDX-License-Identifier: Apache-2.0
// Volumes: create, delete, describe.
#include "common.hpp"
#include "handlers.hpp"

#include "zones.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

std::string yes_no(bool value) { return value ? "true" : "false"; }

template <auto read>
Values of_attachment(Volume const& volume)
{
    return volume.attachment ? Values{read(*volume.attachment)} : Values{};
}

constexpr FilterRule<Volume> kRules[] = {
    {"attachment.attach-time",
     of_attachment<[](Attachment const& a) { return format_time(a.attached); }>},
    {"attachment.delete-on-termination",
     of_attachment<[](Attachment const& a) { return yes_no(a.delete_on_termination); }>},
    {"attachment.device", of_attachment<[](Attachment const& a) { return a.device_name; }>},
    {"attachment.instance-id",
     of_attachment<[](Attachment const& a) { return a.instance.text(); }>},
    {"attachment.status",
     of_attachment<[](Attachment const& a) { return std::string(word(a.state)); }>},
    {"availability-zone", [](Volume const& v) { return Values{v.zone}; }},
    {"availability-zone-id", [](Volume const& v) { return Values{zone_id(v.zone)}; }},
    {"create-time", [](Volume const& v) { return Values{format_time(v.created)}; }},
    {"encrypted", [](Volume const&) { return Values{"false"}; }},
    {"multi-attach-enabled", [](Volume const&) { return Values{"false"}; }},
    {"size", [](Volume const& v) { return Values{std::to_string(v.size_gib)}; }},
    {"snapshot-id",
     [](Volume const& v) { return v.snapshot ? Values{v.snapshot->text()} : Values{}; }},
    {"status", [](Volume const& v) { return Values{std::string(word(v.state))}; }},
    {"volume-id", [](Volume const& v) { return Values{v.id.text()}; }},
    {"volume-type", [](Volume const& v) { return Values{v.type}; }},
};

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
    // What EC2 shows for a volume that was made without saying.
    if (volume.iops || volume.type == "gp3")
        reply.iops = volume.iops.value_or(3000);
    if (volume.throughput_mibps || volume.type == "gp3")
        reply.throughput = volume.throughput_mibps.value_or(125);
    reply.encrypted = false;
    reply.multi_attach_enabled = false;
    reply.tags = wire_tags(volume.tags);
    if (volume.attachment)
        reply.attachments = {{.delete_on_termination = volume.attachment->delete_on_termination,
                              .volume_id = volume.id.text(),
                              .instance_id = volume.attachment->instance.text(),
                              .device = volume.attachment->device_name,
                              .state = std::string(word(volume.attachment->state)),
                              .attach_time = volume.attachment->attached}};
    return reply;
}

} // namespace

Result<wire::ec2::CreateVolumeResult> create_volume(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ec2::CreateVolumeRequest const& request)
{
    if (request.encrypted.value_or(false) || request.kms_key_id)
        return fail(Fault::unsupported,
                    "Encrypted volumes are not offered yet; leave Encrypted and KmsKeyId out");
    if (request.multi_attach_enabled.value_or(false))
        return fail(Fault::unsupported, "MultiAttachEnabled is not offered");
    if (request.size && *request.size < 1)
        return fail(Fault::invalid,
                    fmt::format("The size {} GiB is not a volume size", *request.size));
    engine::CreateVolume create{.zone = request.availability_zone.value_or(caller.region + "a"),
                                .size_gib = {},
                                .snapshot = {},
                                .type = request.volume_type.value_or("gp2"),
                                .iops = request.iops,
                                .throughput_mibps = request.throughput,
                                .client_token = request.client_token.value_or("")};
    if (request.size)
        create.size_gib = static_cast<std::uint64_t>(*request.size);
    if (request.snapshot_id)
        create.snapshot = TRY(SnapshotId::parse(*request.snapshot_id));
    create.tags = TRY(tags_for(request.tag_specifications, "volume"));
    create.dry_run = request.dry_run;
    auto const volume = TRY(engine.create_volume(caller, create));
    return wire_volume(volume);
}

Result<wire::ec2::DeleteVolumeResult> delete_volume(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ec2::DeleteVolumeRequest const& request)
{
    auto const id = TRY(VolumeId::parse(request.volume_id));
    TRY(engine.delete_volume(caller, id, request.dry_run));
    return wire::ec2::DeleteVolumeResult{};
}

Result<wire::ec2::DescribeVolumesResult>
describe_volumes(engine::Engine& engine, engine::Caller const& caller,
                 wire::ec2::DescribeVolumesRequest const& request)
{
    if (!request.volume_ids.empty() && request.max_results)
        return Error{Fault::invalid, Noun::combination,
                     "The parameter volumeSet cannot be used with the parameter maxResults"};
    auto const ids = TRY(parse_ids<VolumeId>(request.volume_ids));
    auto all = TRY(engine.volumes(caller, ids));
    auto some = TRY(filtered(std::move(all), request.filters, kRules));
    wire::ec2::DescribeVolumesResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& one : page)
        result.volumes.push_back(wire_volume(one));
    return result;
}

} // namespace karat::api::ec2
