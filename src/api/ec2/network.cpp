// SPDX-License-Identifier: Apache-2.0
// The default VPC and its subnets.
#include "common.hpp"
#include "handlers.hpp"

#include "zones.hpp"

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
        .instance_tenancy = "default",
        .cidr_block_association_set = {{.association_id = association_id(vpc),
                                        .cidr_block = vpc.cidr,
                                        .cidr_block_state =
                                            wire::ec2::VpcCidrBlockState{.state = "associated"}}},
        .is_default = vpc.is_default,
        .tags = wire_tags(vpc.tags),
        .vpc_id = vpc.id.text(),
        .state = "available",
        .cidr_block = vpc.cidr,
        .dhcp_options_id = dhcp_options_id(vpc)};
}

constexpr FilterRule<Vpc> kVpcRules[] = {
    {"cidr", [](Vpc const& vpc) { return Values{vpc.cidr}; }},
    {"cidr-block", [](Vpc const& vpc) { return Values{vpc.cidr}; }},
    {"cidr-block-association.association-id",
     [](Vpc const& vpc) { return Values{association_id(vpc)}; }},
    {"cidr-block-association.cidr-block", [](Vpc const& vpc) { return Values{vpc.cidr}; }},
    {"cidr-block-association.state", [](Vpc const&) { return Values{"associated"}; }},
    {"dhcp-options-id", [](Vpc const& vpc) { return Values{dhcp_options_id(vpc)}; }},
    {"ipv6-cidr-block-association.association-id", [](Vpc const&) { return Values(); }},
    {"ipv6-cidr-block-association.ipv6-cidr-block", [](Vpc const&) { return Values(); }},
    {"ipv6-cidr-block-association.ipv6-pool", [](Vpc const&) { return Values(); }},
    {"ipv6-cidr-block-association.state", [](Vpc const&) { return Values(); }},
    {"is-default", [](Vpc const& vpc) { return Values{yes_no(vpc.is_default)}; }},
    {"owner-id", [](Vpc const& vpc) { return Values{vpc.owner.text()}; }},
    {"state", [](Vpc const&) { return Values{"available"}; }},
    {"vpc-id", [](Vpc const& vpc) { return Values{vpc.id.text()}; }},
};

/// A subnet and how many of its addresses are free.
struct ShownSubnet {
    Subnet subnet;
    std::int64_t free_addresses;
    Tags tags;
};

std::int64_t addresses_of(std::string const& cidr)
{
    int bits = 32;
    auto const slash = cidr.find('/');
    VERIFY(slash != std::string::npos); // subnets are ours, not a caller's
    std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), bits);
    return (std::int64_t{1} << (32 - bits)) - kKeptAddresses;
}

std::string arn_of(Subnet const& subnet)
{
    return fmt::format("arn:aws:ec2:{}:{}:subnet/{}", subnet.region, subnet.owner.text(),
                       subnet.id.text());
}

wire::ec2::Subnet wire_subnet(ShownSubnet const& shown)
{
    auto const& subnet = shown.subnet;
    return {
        .availability_zone_id = zone_id(subnet.zone),
        .owner_id = subnet.owner.text(),
        .assign_ipv6_address_on_creation = false,
        .tags = wire_tags(subnet.tags),
        .subnet_arn = arn_of(subnet),
        .enable_dns64 = false,
        .ipv6_native = false,
        .private_dns_name_options_on_launch =
            wire::ec2::PrivateDnsNameOptionsOnLaunch{.hostname_type = "ip-name",
                                                     .enable_resource_name_dns_a_record = false,
                                                     .enable_resource_name_dns_aaaa_record = false},
        .subnet_id = subnet.id.text(),
        .state = "available",
        .vpc_id = subnet.vpc.text(),
        .cidr_block = subnet.cidr,
        .available_ip_address_count = static_cast<std::int32_t>(shown.free_addresses),
        .availability_zone = subnet.zone,
        .default_for_az = subnet.is_default,
        .map_public_ip_on_launch = true};
}

template <auto read>
Values one(ShownSubnet const& shown)
{
    return {std::string(read(shown.subnet))};
}

Values no(ShownSubnet const&) { return {"false"}; }
Values nothing(ShownSubnet const&) { return {}; }

constexpr auto kSubnetZone = [](Subnet const& subnet) { return subnet.zone; };
constexpr auto kSubnetZoneId = [](Subnet const& subnet) { return zone_id(subnet.zone); };
constexpr auto kSubnetCidr = [](Subnet const& subnet) { return subnet.cidr; };
constexpr auto kSubnetDefault = [](Subnet const& subnet) { return yes_no(subnet.is_default); };

// Where EC2's reply and its documentation differ in a name, both are taken, as EC2 takes them.
constexpr FilterRule<ShownSubnet> kSubnetRules[] = {
    {"availability-zone", one<kSubnetZone>},
    {"availability-zone-id", one<kSubnetZoneId>},
    {"available-ip-address-count",
     [](ShownSubnet const& shown) { return Values{std::to_string(shown.free_addresses)}; }},
    {"cidr", one<kSubnetCidr>},
    {"cidr-block", one<kSubnetCidr>},
    {"customer-owned-ipv4-pool", nothing},
    {"default-for-az", one<kSubnetDefault>},
    {"enable-dns64", no},
    {"enable-lni-at-device-index", nothing},
    {"ipv6-cidr-block-association.association-id", nothing},
    {"ipv6-cidr-block-association.ipv6-cidr-block", nothing},
    {"ipv6-cidr-block-association.state", nothing},
    {"ipv6-native", no},
    {"map-customer-owned-ip-on-launch", no},
    {"map-public-ip-on-launch", [](ShownSubnet const&) { return Values{"true"}; }},
    {"outpost-arn", nothing},
    {"owner-id", one<[](Subnet const& subnet) { return subnet.owner.text(); }>},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-a-record", no},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", no},
    {"private-dns-name-options-on-launch.hostname-type",
     one<[](Subnet const&) { return "ip-name"; }>},
    {"state", one<[](Subnet const&) { return "available"; }>},
    {"subnet-arn", one<arn_of>},
    {"subnet-id", one<[](Subnet const& subnet) { return subnet.id.text(); }>},
    {"vpc-id", one<[](Subnet const& subnet) { return subnet.vpc.text(); }>},
};

Result<std::vector<ShownSubnet>> shown_subnets(engine::Engine& engine, engine::Caller const& caller,
                                               std::vector<Subnet> const& subnets)
{
    auto const instances = TRY(engine.instances(caller, {}));
    std::vector<ShownSubnet> shown;
    for (auto const& subnet : subnets) {
        auto const taken =
            std::count_if(instances.begin(), instances.end(), [&](Instance const& instance) {
                return instance.state != InstanceState::terminated &&
                       instance.interface.subnet == subnet.id;
            });
        shown.push_back({subnet, addresses_of(subnet.cidr) - taken, subnet.tags});
    }
    return shown;
}

} // namespace

Result<wire::ec2::DescribeVpcsResult> describe_vpcs(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ec2::DescribeVpcsRequest const& request)
{
    auto const ids = TRY(parse_ids<VpcId>(request.vpc_ids));
    auto all = TRY(engine.vpcs(caller));
    TRY(keep_only(all, ids));
    auto some = TRY(filtered(std::move(all), request.filters, kVpcRules));
    wire::ec2::DescribeVpcsResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& vpc : page)
        result.vpcs.push_back(wire_vpc(vpc));
    return result;
}

Result<wire::ec2::DescribeSubnetsResult>
describe_subnets(engine::Engine& engine, engine::Caller const& caller,
                 wire::ec2::DescribeSubnetsRequest const& request)
{
    auto const ids = TRY(parse_ids<SubnetId>(request.subnet_ids));
    auto subnets = TRY(engine.subnets(caller));
    TRY(keep_only(subnets, ids));
    auto all = TRY(shown_subnets(engine, caller, subnets));
    auto some = TRY(filtered(std::move(all), request.filters, kSubnetRules));
    wire::ec2::DescribeSubnetsResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& shown : page)
        result.subnets.push_back(wire_subnet(shown));
    return result;
}

} // namespace karat::api::ec2
