// SPDX-License-Identifier: Apache-2.0
// Network interfaces: each instance has one, and it lives as long as the instance.
#include "handlers.hpp"
#include "instance_reply.hpp"

#include "zones.hpp"

#include "karat/wire/ec2/network.hpp"

#include <algorithm>

namespace karat::api::ec2 {
namespace {

std::string dns_name(Instance const& instance)
{
    return private_dns_name(instance.interface.private_ip, instance.region);
}

wire::ec2::NetworkInterface wire_interface(Instance const& instance,
                                           std::vector<wire::ec2::GroupIdentifier> groups)
{
    auto const& nic = instance.interface;
    std::optional<wire::ec2::NetworkInterfaceAssociation> association;
    if (instance.state != InstanceState::stopped)
        association = wire::ec2::NetworkInterfaceAssociation{
            .public_dns_name = public_dns_name(nic.public_ip), .public_ip = nic.public_ip};
    wire::ec2::NetworkInterface reply;
    reply.association = association;
    reply.attachment =
        wire::ec2::NetworkInterfaceAttachment{.attach_time = whole_seconds(instance.launched),
                                              .attachment_id = attachment_id(nic),
                                              .instance_id = instance.id.text(),
                                              .instance_owner_id = instance.owner.text()};
    reply.availability_zone = instance.zone;
    reply.availability_zone_id = zone_id(instance.zone);
    reply.description = nic.description;
    reply.groups = std::move(groups);
    reply.mac_address = nic.mac;
    reply.network_interface_id = nic.id.text();
    reply.owner_id = instance.owner.text();
    reply.private_dns_name = dns_name(instance);
    reply.private_ip_address = nic.private_ip;
    reply.private_ip_addresses = {{.association = association,
                                   .private_dns_name = dns_name(instance),
                                   .private_ip_address = nic.private_ip}};
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
constexpr Listing<Eni> kNetworkInterfaces{kInterfaceRules, tags_at<&Eni::tag_set>};

} // namespace

Result<wire::ec2::DescribeNetworkInterfacesResult>
describe_network_interfaces(Desk const& desk,
                            wire::ec2::DescribeNetworkInterfacesRequest const& request)
{
    auto describe =
        TRY(Describe<Eni>::begin(desk, "DescribeNetworkInterfaces", request, kNetworkInterfaces));
    auto missing = TRY(parse_ids<NetworkInterfaceId>(request.network_interface_ids));
    bool const all = missing.empty();
    auto const groups = TRY(desk.engine.security_groups(desk.caller));
    auto const after = describe.after();
    bool is_full = false;
    TRY(desk.engine.instances(
        desk.caller, {}, [&](catalog::Ref<Instance> const& instance) -> Result<bool> {
            auto const& nic = instance->interface;
            if (instance->state == InstanceState::terminated)
                return true;
            if (!all && std::erase(missing, nic.id) == 0)
                return true;
            Place place{.number = instance.number()};
            if (!is_full && place > after)
                is_full = !TRY(describe.offer(
                    std::move(place), wire_interface(*instance, named_groups(nic.groups, groups))));
            return !is_full || !missing.empty();
        }));
    if (!missing.empty())
        return not_found(missing.front());
    wire::ec2::DescribeNetworkInterfacesResult result;
    result.network_interfaces = describe.take(result.next_token);
    return result;
}

} // namespace karat::api::ec2
