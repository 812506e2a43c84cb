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

wire::ec2::NetworkInterface wire_interface(ShownInterface const& shown)
{
    auto const& instance = shown.instance;
    auto const& nic = instance.interface;
    std::optional<wire::ec2::NetworkInterfaceAssociation> association;
    if (instance.state != InstanceState::stopped)
        association = wire::ec2::NetworkInterfaceAssociation{.ip_owner_id = "amazon",
                                                             .public_dns_name =
                                                                 public_dns_name(nic.public_ip),
                                                             .public_ip = nic.public_ip};
    wire::ec2::NetworkInterface reply;
    reply.association = association;
    reply.attachment =
        wire::ec2::NetworkInterfaceAttachment{.attach_time = whole_seconds(instance.launched),
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

using Eni = wire::ec2::NetworkInterface;
using EniAddress = wire::ec2::NetworkInterfacePrivateIpAddress;
using EniAssociation = wire::ec2::NetworkInterfaceAssociation;
using EniAttachment = wire::ec2::NetworkInterfaceAttachment;

template <auto member>
constexpr auto of_association = at<&Eni::association, member>;
template <auto member>
constexpr auto of_attachment = at<&Eni::attachment, member>;
template <auto... path>
constexpr auto of_addresses = at<&Eni::private_ip_addresses, path...>;

constexpr FilterRule<Eni> kInterfaceRules[] = {
    {"addresses.association.ip-owner-id",
     of_addresses<&EniAddress::association, &EniAssociation::ip_owner_id>},
    {"addresses.association.owner-id",
     of_addresses<&EniAddress::association, &EniAssociation::ip_owner_id>},
    {"addresses.association.public-ip",
     of_addresses<&EniAddress::association, &EniAssociation::public_ip>},
    {"addresses.primary", of_addresses<&EniAddress::primary>},
    {"addresses.private-ip-address", of_addresses<&EniAddress::private_ip_address>},
    {"association.allocation-id", of_association<&EniAssociation::allocation_id>},
    {"association.association-id", of_association<&EniAssociation::association_id>},
    {"association.ip-owner-id", of_association<&EniAssociation::ip_owner_id>},
    {"association.public-dns-name", of_association<&EniAssociation::public_dns_name>},
    {"association.public-ip", of_association<&EniAssociation::public_ip>},
    {"attachment.attach-time", of_attachment<&EniAttachment::attach_time>},
    {"attachment.attachment-id", of_attachment<&EniAttachment::attachment_id>},
    {"attachment.delete-on-termination", of_attachment<&EniAttachment::delete_on_termination>},
    {"attachment.device-index", of_attachment<&EniAttachment::device_index>},
    {"attachment.instance-id", of_attachment<&EniAttachment::instance_id>},
    {"attachment.instance-owner-id", of_attachment<&EniAttachment::instance_owner_id>},
    {"attachment.network-card-index", of_attachment<&EniAttachment::network_card_index>},
    {"attachment.status", of_attachment<&EniAttachment::status>},
    {"availability-zone", at<&Eni::availability_zone>},
    {"availability-zone-id", at<&Eni::availability_zone_id>},
    {"description", at<&Eni::description>},
    {"group-id", at<&Eni::groups, &wire::ec2::GroupIdentifier::group_id>},
    {"group-name", at<&Eni::groups, &wire::ec2::GroupIdentifier::group_name>},
    {"interface-type", at<&Eni::interface_type>},
    {"ipv6-addresses.ipv6-address", nothing<Eni>},
    {"mac-address", at<&Eni::mac_address>},
    {"network-interface-id", at<&Eni::network_interface_id>},
    {"operator.managed", nothing<Eni>},
    {"operator.principal", nothing<Eni>},
    {"owner-id", at<&Eni::owner_id>},
    {"private-dns-name", at<&Eni::private_dns_name>},
    {"private-ip-address", at<&Eni::private_ip_address>},
    {"requester-id", at<&Eni::requester_id>},
    {"requester-managed", at<&Eni::requester_managed>},
    {"source-dest-check", at<&Eni::source_dest_check>},
    {"status", at<&Eni::status>},
    {"subnet-id", at<&Eni::subnet_id>},
    {"vpc-id", at<&Eni::vpc_id>},
};
constexpr Listing<Eni> kInterfaces{kInterfaceRules, at<&Eni::network_interface_id>,
                                   tags_at<&Eni::tag_set>};

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
                             .groups = named_groups(instance.interface.groups, groups)});
    return shown;
}

} // namespace

Result<wire::ec2::DescribeNetworkInterfacesResult>
describe_network_interfaces(engine::Engine& engine, engine::Caller const& caller,
                            wire::ec2::DescribeNetworkInterfacesRequest const& request)
{
    auto const ids = TRY(parse_ids<NetworkInterfaceId>(request.network_interface_ids));
    auto shown = TRY(interfaces(engine, caller));
    TRY(keep_only(shown, ids));
    std::vector<Eni> all;
    for (auto const& one : shown)
        all.push_back(wire_interface(one));
    wire::ec2::DescribeNetworkInterfacesResult result;
    result.network_interfaces =
        TRY(page_of(std::move(all), request, kInterfaces, result.next_token));
    return result;
}

} // namespace karat::api::ec2
