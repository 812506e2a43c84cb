// SPDX-License-Identifier: Apache-2.0
// Network interfaces: each instance has one, and it lives as long as the instance.
#include "common.hpp"
#include "handlers.hpp"

#include "zones.hpp"

#include <algorithm>

namespace karat::api::ec2 {
namespace {

/// An interface, whose it is, and its groups with their names.
struct ShownInterface {
    NetworkInterfaceId id;
    Instance instance;
    std::vector<wire::ec2::GroupIdentifier> groups;
    Tags tags;
};

std::string attachment_id(Instance const& instance)
{
    auto const& id = instance.interface.id.text();
    return "eni-attach-" + id.substr(id_prefix(Noun::network_interface).size());
}

std::string dns_name(Instance const& instance)
{
    return private_dns_name(instance.interface.private_ip, instance.region);
}

bool has_public_ip(Instance const& instance) { return instance.state != InstanceState::stopped; }

wire::ec2::NetworkInterface wire_interface(ShownInterface const& shown)
{
    auto const& instance = shown.instance;
    auto const& nic = instance.interface;
    std::optional<wire::ec2::NetworkInterfaceAssociation> association;
    if (has_public_ip(instance))
        association = wire::ec2::NetworkInterfaceAssociation{
            .ip_owner_id = "amazon", .public_dns_name = "", .public_ip = nic.public_ip};
    wire::ec2::NetworkInterface reply;
    reply.association = association;
    reply.attachment =
        wire::ec2::NetworkInterfaceAttachment{.attach_time = instance.launched,
                                              .attachment_id = attachment_id(instance),
                                              .delete_on_termination = true,
                                              .device_index = 0,
                                              .network_card_index = 0,
                                              .instance_id = instance.id.text(),
                                              .instance_owner_id = instance.owner.text(),
                                              .status = "attached"};
    reply.availability_zone = instance.zone;
    reply.availability_zone_id = zone_id(instance.zone);
    reply.description = nic.description;
    reply.groups = shown.groups;
    reply.interface_type = "interface";
    reply.mac_address = nic.mac;
    reply.network_interface_id = nic.id.text();
    reply.owner_id = instance.owner.text();
    reply.private_dns_name = dns_name(instance);
    reply.private_ip_address = nic.private_ip;
    reply.private_ip_addresses = {{.association = association,
                                   .primary = true,
                                   .private_dns_name = dns_name(instance),
                                   .private_ip_address = nic.private_ip}};
    reply.requester_managed = false;
    reply.source_dest_check = true;
    reply.status = "in-use";
    reply.subnet_id = nic.subnet.text();
    reply.tag_set = wire_tags(nic.tags);
    reply.vpc_id = nic.vpc.text();
    return reply;
}

template <auto read>
Values one(ShownInterface const& shown)
{
    return {std::string(read(shown.instance))};
}

template <auto member>
Values each_group(ShownInterface const& shown)
{
    Values values;
    for (auto const& group : shown.groups)
        values.push_back((group.*member).value_or(""));
    return values;
}

Values public_ip(ShownInterface const& shown)
{
    if (!has_public_ip(shown.instance))
        return {};
    return {shown.instance.interface.public_ip};
}

Values ip_owner(ShownInterface const& shown)
{
    if (!has_public_ip(shown.instance))
        return {};
    return {"amazon"};
}

constexpr auto kInterfaceIp = [](Instance const& i) { return i.interface.private_ip; };
constexpr auto kInterfaceOwner = [](Instance const& i) { return i.owner.text(); };
constexpr auto kTrue = [](Instance const&) { return "true"; };
constexpr auto kFalse = [](Instance const&) { return "false"; };
constexpr auto kZero = [](Instance const&) { return "0"; };

constexpr FilterRule<ShownInterface> kInterfaceRules[] = {
    {"addresses.association.ip-owner-id", ip_owner},
    {"addresses.association.public-ip", public_ip},
    {"addresses.primary", one<kTrue>},
    {"addresses.private-ip-address", one<kInterfaceIp>},
    {"association.ip-owner-id", ip_owner},
    {"association.public-ip", public_ip},
    {"attachment.attach-time", one<[](Instance const& i) { return format_time(i.launched); }>},
    {"attachment.attachment-id", one<attachment_id>},
    {"attachment.delete-on-termination", one<kTrue>},
    {"attachment.device-index", one<kZero>},
    {"attachment.instance-id", one<[](Instance const& i) { return i.id.text(); }>},
    {"attachment.instance-owner-id", one<kInterfaceOwner>},
    {"attachment.network-card-index", one<kZero>},
    {"attachment.status", one<[](Instance const&) { return "attached"; }>},
    {"availability-zone", one<[](Instance const& i) { return i.zone; }>},
    {"availability-zone-id", one<[](Instance const& i) { return zone_id(i.zone); }>},
    {"description", one<[](Instance const&) { return ""; }>},
    {"group-id", each_group<&wire::ec2::GroupIdentifier::group_id>},
    {"group-name", each_group<&wire::ec2::GroupIdentifier::group_name>},
    {"interface-type", one<[](Instance const&) { return "interface"; }>},
    {"mac-address", one<[](Instance const& i) { return i.interface.mac; }>},
    {"network-interface-id", one<[](Instance const& i) { return i.interface.id.text(); }>},
    {"owner-id", one<kInterfaceOwner>},
    {"private-dns-name", one<dns_name>},
    {"private-ip-address", one<kInterfaceIp>},
    {"requester-id", [](ShownInterface const&) { return Values(); }},
    {"requester-managed", one<kFalse>},
    {"source-dest-check", one<kTrue>},
    {"status", one<[](Instance const&) { return "in-use"; }>},
    {"subnet-id", one<[](Instance const& i) { return i.interface.subnet.text(); }>},
    {"vpc-id", one<[](Instance const& i) { return i.interface.vpc.text(); }>},
};

std::vector<wire::ec2::GroupIdentifier> named_groups(std::vector<SecurityGroupId> const& ids,
                                                     std::vector<SecurityGroup> const& groups)
{
    std::vector<wire::ec2::GroupIdentifier> named;
    for (auto const& id : ids)
        for (auto const& group : groups)
            if (group.id == id)
                named.push_back({.group_id = id.text(), .group_name = group.name});
    return named;
}

Result<std::vector<ShownInterface>> interfaces(engine::Engine& engine, engine::Caller const& caller)
{
    auto const instances = TRY(engine.instances(caller, {}));
    auto const groups = TRY(engine.security_groups(caller));
    std::vector<ShownInterface> shown;
    for (auto const& instance : instances)
        if (instance.state != InstanceState::terminated)
            shown.push_back({.id = instance.interface.id,
                             .instance = instance,
                             .groups = named_groups(instance.interface.groups, groups),
                             .tags = {}});
    return shown;
}

} // namespace

Result<wire::ec2::DescribeNetworkInterfacesResult>
describe_network_interfaces(engine::Engine& engine, engine::Caller const& caller,
                            wire::ec2::DescribeNetworkInterfacesRequest const& request)
{
    auto const ids = TRY(parse_ids<NetworkInterfaceId>(request.network_interface_ids));
    auto all = TRY(interfaces(engine, caller));
    TRY(keep_only(all, ids));
    auto some = TRY(filtered(std::move(all), request.filters, kInterfaceRules));
    wire::ec2::DescribeNetworkInterfacesResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& shown : page)
        result.network_interfaces.push_back(wire_interface(shown));
    return result;
}

} // namespace karat::api::ec2
