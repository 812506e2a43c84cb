// SPDX-License-Identifier: Apache-2.0
#include "instance_reply.hpp"

#include "zones.hpp"

#include "karat/instance_types.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

std::string public_dns_name(Instance const&) { return ""; } // no name server serves the aliases

wire::ec2::InstanceNetworkInterface wire_interface(ShownInstance const& shown)
{
    auto const& instance = shown.instance;
    auto const& nic = instance.interface;
    auto const dns = private_dns_name(nic.private_ip, instance.region);
    wire::ec2::InstanceNetworkInterfaceAssociation const association{.ip_owner_id = "amazon",
                                                                     .public_dns_name =
                                                                         public_dns_name(instance),
                                                                     .public_ip = nic.public_ip};
    wire::ec2::InstanceNetworkInterface reply;
    reply.association = association;
    reply.attachment = wire::ec2::InstanceNetworkInterfaceAttachment{
        .attach_time = instance.launched,
        .attachment_id = "eni-attach-" + nic.id.text().substr(4),
        .delete_on_termination = true,
        .device_index = 0,
        .status = "attached",
        .network_card_index = 0};
    reply.description = nic.description;
    reply.groups = wire_groups(shown);
    reply.mac_address = nic.mac;
    reply.network_interface_id = nic.id.text();
    reply.owner_id = instance.owner.text();
    reply.private_dns_name = dns;
    reply.private_ip_address = nic.private_ip;
    reply.private_ip_addresses = {{.association = association,
                                   .primary = true,
                                   .private_dns_name = dns,
                                   .private_ip_address = nic.private_ip}};
    reply.source_dest_check = true;
    reply.status = "in-use";
    reply.subnet_id = nic.subnet.text();
    reply.vpc_id = nic.vpc.text();
    reply.interface_type = "interface";
    return reply;
}

std::vector<wire::ec2::InstanceBlockDeviceMapping> wire_devices(ShownInstance const& shown)
{
    std::vector<wire::ec2::InstanceBlockDeviceMapping> devices;
    for (auto const& volume : shown.volumes) {
        auto const& attachment = *volume.attachment;
        devices.push_back({.device_name = attachment.device_name,
                           .ebs = wire::ec2::EbsInstanceBlockDevice{
                               .attach_time = attachment.attached,
                               .delete_on_termination = attachment.delete_on_termination,
                               .status = std::string(word(attachment.state)),
                               .volume_id = volume.id.text()}});
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
    reply.security_groups = wire_groups(shown);
    reply.subnet_id = nic.subnet.text();
    reply.vpc_id = nic.vpc.text();
    reply.private_ip_address = nic.private_ip;
    reply.private_dns_name = private_dns_name(nic.private_ip, instance.region);
    reply.public_dns_name = public_dns_name(instance);
    if (instance.state != InstanceState::stopped)
        reply.public_ip_address = nic.public_ip;
    reply.source_dest_check = true;
}

void add_options(wire::ec2::Instance& reply, Instance const& instance)
{
    auto const* const type = engine::find_instance_type(instance.type);
    reply.cpu_options = wire::ec2::CpuOptions{.core_count = type == nullptr ? 1 : type->vcpus,
                                              .threads_per_core = 1};
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

using Shown = ShownInstance;

/// A filter on a member of the instance itself.
template <auto read>
Values one(Shown const& shown)
{
    return {std::string(read(shown.instance))};
}

template <auto read>
Values each_volume(Shown const& shown)
{
    Values values;
    for (auto const& volume : shown.volumes)
        values.push_back(read(volume));
    return values;
}

Values group_ids(Shown const& shown)
{
    Values values;
    for (auto const& group : shown.instance.interface.groups)
        values.push_back(group.text());
    return values;
}

Values group_names(Shown const& shown)
{
    Values values;
    for (auto const& group : wire_groups(shown))
        values.push_back(group.group_name.value_or(""));
    return values;
}

constexpr auto kState = [](Instance const& i) { return word(i.state); };
constexpr auto kPrivateIp = [](Instance const& i) { return i.interface.private_ip; };
constexpr auto kPublicIp = [](Instance const& i) { return i.interface.public_ip; };
constexpr auto kSubnet = [](Instance const& i) { return i.interface.subnet.text(); };
constexpr auto kVpc = [](Instance const& i) { return i.interface.vpc.text(); };
constexpr auto kZone = [](Instance const& i) { return i.zone; };
constexpr auto kOwner = [](Instance const& i) { return i.owner.text(); };

constexpr FilterRule<Shown> kInstanceRules[] = {
    {"architecture", one<[](Instance const& i) { return i.architecture; }>},
    {"availability-zone", one<kZone>},
    {"availability-zone-id", one<[](Instance const& i) { return zone_id(i.zone); }>},
    {"block-device-mapping.attach-time",
     each_volume<[](Volume const& v) { return format_time(v.attachment->attached); }>},
    {"block-device-mapping.delete-on-termination",
     each_volume<[](Volume const& v) { return yes_no(v.attachment->delete_on_termination); }>},
    {"block-device-mapping.device-name",
     each_volume<[](Volume const& v) { return v.attachment->device_name; }>},
    {"block-device-mapping.status",
     each_volume<[](Volume const& v) { return std::string(word(v.attachment->state)); }>},
    {"block-device-mapping.volume-id", each_volume<[](Volume const& v) { return v.id.text(); }>},
    {"boot-mode", one<[](Instance const& i) { return i.boot_mode; }>},
    {"client-token", one<[](Instance const& i) { return i.client_token; }>},
    {"dns-name", one<public_dns_name>},
    {"ebs-optimized", one<[](Instance const& i) { return yes_no(i.ebs_optimized); }>},
    {"ena-support", one<[](Instance const&) { return "true"; }>},
    {"hypervisor", one<[](Instance const&) { return "xen"; }>},
    {"image-id", one<[](Instance const& i) { return i.image.text(); }>},
    {"instance-id", one<[](Instance const& i) { return i.id.text(); }>},
    {"instance-state-code", one<[](Instance const& i) { return std::to_string(code(i.state)); }>},
    {"instance-state-name", one<kState>},
    {"instance-type", one<[](Instance const& i) { return i.type; }>},
    {"instance.group-id", group_ids},
    {"instance.group-name", group_names},
    {"ip-address", one<kPublicIp>},
    {"key-name", one<[](Instance const& i) { return i.key_name; }>},
    {"launch-index", one<[](Instance const& i) { return std::to_string(i.launch_index); }>},
    {"launch-time", one<[](Instance const& i) { return format_time(i.launched); }>},
    {"metadata-options.http-endpoint",
     one<[](Instance const& i) { return i.metadata.http_endpoint; }>},
    {"metadata-options.http-tokens", one<[](Instance const& i) { return i.metadata.http_tokens; }>},
    {"monitoring-state",
     one<[](Instance const& i) { return i.monitoring ? "enabled" : "disabled"; }>},
    {"network-interface.addresses.private-ip-address", one<kPrivateIp>},
    {"network-interface.association.public-ip", one<kPublicIp>},
    {"network-interface.availability-zone", one<kZone>},
    {"network-interface.group-id", group_ids},
    {"network-interface.group-name", group_names},
    {"network-interface.mac-address", one<[](Instance const& i) { return i.interface.mac; }>},
    {"network-interface.network-interface-id",
     one<[](Instance const& i) { return i.interface.id.text(); }>},
    {"network-interface.owner-id", one<kOwner>},
    {"network-interface.private-ip-address", one<kPrivateIp>},
    {"network-interface.subnet-id", one<kSubnet>},
    {"network-interface.vpc-id", one<kVpc>},
    {"owner-id", one<kOwner>},
    {"platform-details", one<[](Instance const&) { return "Linux/UNIX"; }>},
    {"private-dns-name",
     one<[](Instance const& i) { return private_dns_name(i.interface.private_ip, i.region); }>},
    {"private-ip-address", one<kPrivateIp>},
    {"reason", one<[](Instance const& i) { return i.transition_reason; }>},
    {"reservation-id", one<[](Instance const& i) { return i.reservation.text(); }>},
    {"root-device-name", one<[](Instance const& i) { return i.root_device_name; }>},
    {"root-device-type", one<[](Instance const&) { return "ebs"; }>},
    {"source-dest-check", one<[](Instance const&) { return "true"; }>},
    {"state-reason-code", one<[](Instance const& i) { return i.state_reason.code; }>},
    {"state-reason-message", one<[](Instance const& i) { return i.state_reason.message; }>},
    {"subnet-id", one<kSubnet>},
    {"tenancy", one<[](Instance const&) { return "default"; }>},
    {"virtualization-type", one<[](Instance const&) { return "hvm"; }>},
    {"vpc-id", one<kVpc>},
};

} // namespace

wire::ec2::InstanceState wire_state(InstanceState state)
{
    return {.code = code(state), .name = std::string(word(state))};
}

wire::ec2::InstanceMetadataOptionsResponse wire_options(MetadataOptions const& options)
{
    return {.state = "applied",
            .http_tokens = options.http_tokens,
            .http_put_response_hop_limit = options.http_put_response_hop_limit,
            .http_endpoint = options.http_endpoint,
            .http_protocol_ipv6 = "disabled",
            .instance_metadata_tags = options.instance_metadata_tags};
}

std::vector<wire::ec2::GroupIdentifier> wire_groups(ShownInstance const& shown)
{
    std::vector<wire::ec2::GroupIdentifier> groups;
    for (auto const& id : shown.instance.interface.groups)
        for (auto const& group : shown.groups)
            if (group.id == id)
                groups.push_back({.group_id = id.text(), .group_name = group.name});
    return groups;
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
    reply.launch_time = instance.launched;
    reply.architecture = instance.architecture;
    reply.block_device_mappings = wire_devices(shown);
    if (!instance.client_token.empty())
        reply.client_token = instance.client_token;
    reply.ebs_optimized = instance.ebs_optimized;
    reply.ena_support = true;
    reply.hypervisor = "xen";
    reply.root_device_name = instance.root_device_name;
    reply.root_device_type = "ebs";
    reply.tags = wire_tags(instance.tags);
    reply.virtualization_type = "hvm";
    if (!instance.boot_mode.empty())
        reply.boot_mode = instance.boot_mode;
    reply.current_instance_boot_mode = instance.boot_mode == "uefi" ? "uefi" : "legacy-bios";
    reply.platform_details = "Linux/UNIX";
    reply.usage_operation = "RunInstances";
    reply.usage_operation_update_time = instance.launched;
    add_options(reply, instance);
    add_placement(reply, shown);
    return reply;
}

Result<std::vector<ShownInstance>> show(engine::Engine& engine, engine::Caller const& caller,
                                        std::vector<Instance> instances)
{
    auto const groups = TRY(engine.security_groups(caller));
    std::vector<ShownInstance> shown;
    for (auto& instance : instances) {
        auto volumes = TRY(engine.volumes_of(instance.id));
        auto tags = instance.tags;
        shown.push_back({std::move(instance), std::move(volumes), groups, std::move(tags)});
    }
    return shown;
}

std::span<FilterRule<ShownInstance> const> instance_filters() { return kInstanceRules; }

} // namespace karat::api::ec2
