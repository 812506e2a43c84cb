// SPDX-License-Identifier: Apache-2.0
#include "instance_reply.hpp"

#include "zones.hpp"

#include "karat/instance_types.hpp"
#include "karat/wire/ec2/instances.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

bool has_public_ip(Instance const& instance) { return instance.state != InstanceState::stopped; }

wire::ec2::InstanceNetworkInterface wire_interface(ShownInstance const& shown)
{
    auto const& instance = shown.instance;
    auto const& nic = instance.interface;
    auto const dns = private_dns_name(nic.private_ip, instance.region);
    std::optional<wire::ec2::InstanceNetworkInterfaceAssociation> association;
    if (has_public_ip(instance))
        association = wire::ec2::InstanceNetworkInterfaceAssociation{
            .public_dns_name = public_dns_name(nic.public_ip), .public_ip = nic.public_ip};
    wire::ec2::InstanceNetworkInterface reply;
    reply.association = association;
    reply.attachment = wire::ec2::InstanceNetworkInterfaceAttachment{
        .attach_time = whole_seconds(instance.launched), .attachment_id = attachment_id(nic)};
    reply.description = nic.description;
    reply.groups = shown.groups;
    reply.mac_address = nic.mac;
    reply.network_interface_id = nic.id.text();
    reply.owner_id = instance.owner.text();
    reply.private_dns_name = dns;
    reply.private_ip_address = nic.private_ip;
    reply.private_ip_addresses = {{.association = association,
                                   .private_dns_name = dns,
                                   .private_ip_address = nic.private_ip}};
    reply.subnet_id = nic.subnet.text();
    reply.vpc_id = nic.vpc.text();
    return reply;
}

std::vector<wire::ec2::InstanceBlockDeviceMapping> wire_devices(ShownInstance const& shown)
{
    std::vector<wire::ec2::InstanceBlockDeviceMapping> devices;
    for (auto const& volume : shown.volumes) {
        auto const& attachment = *volume->attachment;
        devices.push_back({.device_name = attachment.device_name,
                           .ebs = wire::ec2::EbsInstanceBlockDevice{
                               .attach_time = whole_seconds(attachment.attached),
                               .delete_on_termination = attachment.delete_on_termination,
                               .status = std::string(word(attachment.state)),
                               .volume_id = volume->id.text()}});
    }
    return devices;
}

/// What stays true while an instance lives but is gone when it is terminated.
void add_placement(wire::ec2::Instance& reply, ShownInstance const& shown)
{
    auto const& instance = shown.instance;
    if (instance.state == InstanceState::terminated) {
        reply.private_dns_name = "";
        reply.public_dns_name = "";
        return;
    }
    auto const& nic = instance.interface;
    reply.network_interfaces = {wire_interface(shown)};
    reply.security_groups = shown.groups;
    reply.subnet_id = nic.subnet.text();
    reply.vpc_id = nic.vpc.text();
    reply.private_ip_address = nic.private_ip;
    reply.private_dns_name = private_dns_name(nic.private_ip, instance.region);
    reply.public_dns_name = "";
    if (has_public_ip(instance)) {
        reply.public_ip_address = nic.public_ip;
        reply.public_dns_name = public_dns_name(nic.public_ip);
    }
    reply.source_dest_check = true;
}

void add_options(wire::ec2::Instance& reply, Instance const& instance)
{
    auto const* const type = engine::find_instance_type(instance.type);
    reply.cpu_options =
        wire::ec2::CpuOptions{.core_count = type == nullptr ? 1 : type->cores(),
                              .threads_per_core = type == nullptr ? 1 : type->threads_per_core};
    reply.hibernation_options = wire::ec2::HibernationOptions{.configured = false};
    reply.enclave_options = wire::ec2::EnclaveOptions{.enabled = false};
    reply.maintenance_options =
        wire::ec2::InstanceMaintenanceOptions{.auto_recovery = instance.auto_recovery};
    reply.metadata_options = wire_options(instance.metadata);
    reply.monitoring = wire::ec2::Monitoring{.state = instance.monitoring ? "enabled" : "disabled"};
    reply.placement = wire::ec2::Placement{.availability_zone_id = zone_id(instance.zone),
                                           .group_name = "",
                                           .tenancy = "default",
                                           .availability_zone = instance.zone};
}

} // namespace

wire::ec2::InstanceState wire_state(InstanceState state)
{
    return {.code = code(state), .name = std::string(word(state))};
}

wire::ec2::InstanceMetadataOptionsResponse wire_options(MetadataOptions const& options)
{
    return {.http_tokens = options.http_tokens,
            .http_put_response_hop_limit = options.http_put_response_hop_limit,
            .http_endpoint = options.http_endpoint,
            .instance_metadata_tags = options.instance_metadata_tags};
}

wire::ec2::Instance wire_instance(ShownInstance const& shown)
{
    auto const& instance = shown.instance;
    wire::ec2::Instance reply;
    reply.instance_id = instance.id.text();
    reply.image_id = instance.image.text();
    reply.state = wire_state(instance.state);
    reply.state_transition_reason = instance.transition_reason;
    if (!instance.state_reason.code.empty())
        reply.state_reason =
            wire::ec2::StateReason{instance.state_reason.code, instance.state_reason.message};
    if (!instance.key_name.empty())
        reply.key_name = instance.key_name;
    reply.ami_launch_index = instance.launch_index;
    reply.instance_type = instance.type;
    reply.launch_time = whole_seconds(instance.launched);
    reply.architecture = instance.architecture;
    reply.block_device_mappings = wire_devices(shown);
    if (!instance.client_token.empty())
        reply.client_token = instance.client_token;
    reply.ebs_optimized = instance.ebs_optimized;
    reply.root_device_name = instance.root_device_name;
    reply.tags = wire_tags(instance.tags);
    if (!instance.boot_mode.empty())
        reply.boot_mode = instance.boot_mode;
    reply.current_instance_boot_mode = instance.boot_mode == "uefi" ? "uefi" : "legacy-bios";
    reply.usage_operation_update_time = whole_seconds(instance.launched);
    add_options(reply, instance);
    add_placement(reply, shown);
    return reply;
}

std::string attachment_id(NetworkInterface const& nic)
{
    return "eni-attach-" + nic.id.text().substr(id_prefix(Noun::network_interface).size());
}

std::vector<wire::ec2::GroupIdentifier> named_groups(std::vector<SecurityGroupId> const& ids,
                                                     catalog::Refs<SecurityGroup> const& groups)
{
    std::vector<wire::ec2::GroupIdentifier> named;
    for (auto const& id : ids)
        for (auto const& group : groups)
            if (group->id == id)
                named.push_back({.group_id = id.text(), .group_name = group->name});
    return named;
}

Result<ShownInstance> show(engine::Engine& engine, catalog::Refs<SecurityGroup> const& groups,
                           Instance const& instance)
{
    auto volumes = TRY(engine.volumes_of(instance.id));
    return ShownInstance{instance, std::move(volumes),
                         named_groups(instance.interface.groups, groups)};
}

} // namespace karat::api::ec2
