// SPDX-License-Identifier: Apache-2.0
// The default VPC and its subnets.
#include "describe.hpp"
#include "handlers.hpp"

#include "zones.hpp"

#include "karat/wire/ec2/network.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

constexpr std::int64_t kKeptAddresses = 5; // EC2 keeps the first four of a subnet and the last

/// An id of something that a VPC has exactly one of here: the same digits, another prefix.
std::string sibling_id(VpcId const& vpc, std::string_view prefix)
{
    return std::string(prefix) + vpc.text().substr(id_prefix(Noun::vpc).size());
}

std::string association_id(Vpc const& vpc) { return sibling_id(vpc.id, "vpc-cidr-assoc-"); }
std::string dhcp_options_id(Vpc const& vpc) { return sibling_id(vpc.id, "dopt-"); }

wire::ec2::Vpc wire_vpc(Vpc const& vpc)
{
    return {
        .owner_id = vpc.owner.text(),
        .cidr_block_association_set = {{.association_id = association_id(vpc),
                                        .cidr_block = vpc.cidr,
                                        .cidr_block_state =
                                            wire::ec2::VpcCidrBlockState{.state = "associated"}}},
        .is_default = vpc.is_default,
        .tags = wire_tags(vpc.tags),
        .vpc_id = vpc.id.text(),
        .cidr_block = vpc.cidr,
        .dhcp_options_id = dhcp_options_id(vpc)};
}

using WireVpc = wire::ec2::Vpc;
using VpcBlock = wire::ec2::VpcCidrBlockAssociation;
using VpcBlock6 = wire::ec2::VpcIpv6CidrBlockAssociation;
using VpcBlockState = wire::ec2::VpcCidrBlockState;

constexpr FilterRule<WireVpc> kVpcRules[] = {
    {"cidr", at<&WireVpc::cidr_block>},
    {"cidr-block", at<&WireVpc::cidr_block>},
    {"cidr-block-association.association-id",
     at<&WireVpc::cidr_block_association_set, &VpcBlock::association_id>},
    {"cidr-block-association.cidr-block",
     at<&WireVpc::cidr_block_association_set, &VpcBlock::cidr_block>},
    {"cidr-block-association.state",
     at<&WireVpc::cidr_block_association_set, &VpcBlock::cidr_block_state, &VpcBlockState::state>},
    {"dhcp-options-id", at<&WireVpc::dhcp_options_id>},
    {"ipv6-cidr-block-association.association-id",
     at<&WireVpc::ipv6_cidr_block_association_set, &VpcBlock6::association_id>},
    {"ipv6-cidr-block-association.ipv6-cidr-block",
     at<&WireVpc::ipv6_cidr_block_association_set, &VpcBlock6::ipv6_cidr_block>},
    {"ipv6-cidr-block-association.ipv6-pool",
     at<&WireVpc::ipv6_cidr_block_association_set, &VpcBlock6::ipv6_pool>},
    {"ipv6-cidr-block-association.state",
     at<&WireVpc::ipv6_cidr_block_association_set, &VpcBlock6::ipv6_cidr_block_state,
        &VpcBlockState::state>},
    {"is-default", at<&WireVpc::is_default>},
    {"owner-id", at<&WireVpc::owner_id>},
    {"state", at<&WireVpc::state>},
    {"vpc-id", at<&WireVpc::vpc_id>},
};
constexpr Listing<WireVpc> kVpcs{kVpcRules, tags_at<&WireVpc::tags>};

/// A subnet and how many of its addresses are free.
struct ShownSubnet {
    Subnet subnet;
    std::int64_t free_addresses;
};

std::int64_t addresses_of(std::string const& cidr)
{
    int bits = 32;
    auto const slash = std::min(cidr.find('/'), cidr.size() - 1);
    std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), bits);
    auto const all = std::int64_t{1} << std::clamp(32 - bits, 0, 32);
    return std::max<std::int64_t>(0, all - kKeptAddresses);
}

std::string arn_of(Subnet const& subnet)
{
    return fmt::format("arn:aws:ec2:{}:{}:subnet/{}", subnet.region, subnet.owner.text(),
                       subnet.id.text());
}

wire::ec2::Subnet wire_subnet(ShownSubnet const& shown)
{
    auto const& subnet = shown.subnet;
    return {.availability_zone_id = zone_id(subnet.zone),
            .owner_id = subnet.owner.text(),
            .tags = wire_tags(subnet.tags),
            .subnet_arn = arn_of(subnet),
            .private_dns_name_options_on_launch = wire::ec2::PrivateDnsNameOptionsOnLaunch{},
            .subnet_id = subnet.id.text(),
            .vpc_id = subnet.vpc.text(),
            .cidr_block = subnet.cidr,
            .available_ip_address_count = static_cast<std::int32_t>(shown.free_addresses),
            .availability_zone = subnet.zone,
            .default_for_az = subnet.is_default,
            .map_public_ip_on_launch = true};
}

using WireSubnet = wire::ec2::Subnet;
using SubnetBlock6 = wire::ec2::SubnetIpv6CidrBlockAssociation;
using SubnetDns = wire::ec2::PrivateDnsNameOptionsOnLaunch;

template <auto member>
constexpr auto of_dns = at<&WireSubnet::private_dns_name_options_on_launch, member>;
template <auto... path>
constexpr auto of_block6 = at<&WireSubnet::ipv6_cidr_block_association_set, path...>;

// Where EC2's reply and its documentation differ in a name, both are taken, as EC2 takes them.
constexpr FilterRule<WireSubnet> kSubnetRules[] = {
    {"availability-zone", at<&WireSubnet::availability_zone>},
    {"availability-zone-id", at<&WireSubnet::availability_zone_id>},
    {"available-ip-address-count", at<&WireSubnet::available_ip_address_count>},
    {"cidr", at<&WireSubnet::cidr_block>},
    {"cidr-block", at<&WireSubnet::cidr_block>},
    {"customer-owned-ipv4-pool", nothing<WireSubnet>},
    {"default-for-az", at<&WireSubnet::default_for_az>},
    {"enable-dns64", at<&WireSubnet::enable_dns64>},
    {"enable-lni-at-device-index", nothing<WireSubnet>},
    {"ipv6-cidr-block-association.association-id", of_block6<&SubnetBlock6::association_id>},
    {"ipv6-cidr-block-association.ipv6-cidr-block", of_block6<&SubnetBlock6::ipv6_cidr_block>},
    {"ipv6-cidr-block-association.state",
     of_block6<&SubnetBlock6::ipv6_cidr_block_state, &wire::ec2::SubnetCidrBlockState::state>},
    {"ipv6-native", at<&WireSubnet::ipv6_native>},
    {"map-customer-owned-ip-on-launch", nothing<WireSubnet>},
    {"map-public-ip-on-launch", at<&WireSubnet::map_public_ip_on_launch>},
    {"outpost-arn", nothing<WireSubnet>},
    {"owner-id", at<&WireSubnet::owner_id>},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
     of_dns<&SubnetDns::enable_resource_name_dns_a_record>},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
     of_dns<&SubnetDns::enable_resource_name_dns_aaaa_record>},
    {"private-dns-name-options-on-launch.hostname-type", of_dns<&SubnetDns::hostname_type>},
    {"state", at<&WireSubnet::state>},
    {"subnet-arn", at<&WireSubnet::subnet_arn>},
    {"subnet-id", at<&WireSubnet::subnet_id>},
    {"vpc-id", at<&WireSubnet::vpc_id>},
};
constexpr Listing<WireSubnet> kSubnets{kSubnetRules, tags_at<&WireSubnet::tags>};

/// How many addresses of each subnet instances have.
Result<std::map<SubnetId, std::int64_t>> taken_addresses(Desk const& desk)
{
    std::map<SubnetId, std::int64_t> taken;
    TRY(desk.engine.instances(desk.caller, {},
                              [&](catalog::Ref<Instance> const& one) -> Result<bool> {
                                  if (one->state != InstanceState::terminated)
                                      ++taken[one->interface.subnet];
                                  return true;
                              }));
    return taken;
}

} // namespace

Result<wire::ec2::DescribeVpcsResult> describe_vpcs(Desk const& desk,
                                                    wire::ec2::DescribeVpcsRequest const& request)
{
    auto const ids = TRY(parse_ids<VpcId>(request.vpc_ids));
    auto vpcs = TRY(desk.engine.vpcs(desk.caller));
    TRY(keep_only(vpcs, ids));
    wire::ec2::DescribeVpcsResult result;
    result.vpcs = TRY(
        page_of_records(desk, "DescribeVpcs", vpcs, request, kVpcs, wire_vpc, result.next_token));
    return result;
}

Result<wire::ec2::DescribeSubnetsResult>
describe_subnets(Desk const& desk, wire::ec2::DescribeSubnetsRequest const& request)
{
    auto const ids = TRY(parse_ids<SubnetId>(request.subnet_ids));
    auto subnets = TRY(desk.engine.subnets(desk.caller));
    TRY(keep_only(subnets, ids));
    auto taken = TRY(taken_addresses(desk));
    auto const show = [&](Subnet const& subnet) {
        return wire_subnet({subnet, addresses_of(subnet.cidr) - taken[subnet.id]});
    };
    wire::ec2::DescribeSubnetsResult result;
    result.subnets = TRY(page_of_records(desk, "DescribeSubnets", subnets, request, kSubnets, show,
                                         result.next_token));
    return result;
}

} // namespace karat::api::ec2
