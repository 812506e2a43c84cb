// SPDX-License-Identifier: Apache-2.0
// Regions and their zones: names that the operator chose, all open to everybody.
#include "common.hpp"
#include "handlers.hpp"

#include "zones.hpp"

#include "karat/wire/ec2/places.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

/// The endpoint is a name below localhost: callers know where they found us, and one who follows
/// the reply must not end up at Amazon.
wire::ec2::Region wire_region(std::string const& name)
{
    return {.region_name = name, .endpoint = fmt::format("ec2.{}.localhost", name)};
}

using WireRegion = wire::ec2::Region;

constexpr FilterRule<WireRegion> kRegionRules[] = {
    {"endpoint", at<&WireRegion::endpoint>},
    {"opt-in-status", at<&WireRegion::opt_in_status>},
    {"region-name", at<&WireRegion::region_name>},
};
constexpr Listing<WireRegion> kRegions{kRegionRules};

/// The group of a region's zones is the region and "-zg-1", as EC2 calls it.
wire::ec2::AvailabilityZone wire_zone(std::string const& name, std::string const& region)
{
    return {.region_name = region,
            .zone_name = name,
            .zone_id = zone_id(name),
            .group_name = region + "-zg-1",
            .network_border_group = region,
            .group_long_name = region + " 1"};
}

using Zone = wire::ec2::AvailabilityZone;

constexpr FilterRule<Zone> kZoneRules[] = {
    {"group-long-name", at<&Zone::group_long_name>},
    {"group-name", at<&Zone::group_name>},
    {"message", at<&Zone::messages, &wire::ec2::AvailabilityZoneMessage::message>},
    {"opt-in-status", at<&Zone::opt_in_status>},
    {"parent-zone-id", at<&Zone::parent_zone_id>},
    {"parent-zone-name", at<&Zone::parent_zone_name>},
    {"region-name", at<&Zone::region_name>},
    {"state", at<&Zone::state>},
    {"zone-id", at<&Zone::zone_id>},
    {"zone-name", at<&Zone::zone_name>},
    {"zone-type", at<&Zone::zone_type>},
};
constexpr Listing<Zone> kZones{kZoneRules};

bool contains(std::vector<std::string> const& list, std::string const& one)
{
    return std::find(list.begin(), list.end(), one) != list.end();
}

/// Fault::not_found for a name that is none of the known ones.
Result<void> check_names(std::vector<std::string> const& given,
                         std::vector<std::string> const& known, Noun noun)
{
    for (auto const& name : given)
        if (!contains(known, name))
            return Error{
                Fault::not_found, noun,
                fmt::format("The {} '{}' does not exist", karat::name(noun), name.substr(0, 64))};
    return {};
}

} // namespace

Result<wire::ec2::DescribeRegionsResult>
describe_regions(Desk const& desk, wire::ec2::DescribeRegionsRequest const& request)
{
    TRY(check_names(request.region_names, desk.engine.regions(), Noun::region));
    std::vector<WireRegion> all;
    for (auto const& name : desk.engine.regions())
        if (request.region_names.empty() || contains(request.region_names, name))
            all.push_back(wire_region(name));
    wire::ec2::DescribeRegionsResult result;
    result.regions = TRY(filtered(std::move(all), request.filters, kRegions));
    return result;
}

Result<wire::ec2::DescribeAvailabilityZonesResult>
describe_availability_zones(Desk const& desk,
                            wire::ec2::DescribeAvailabilityZonesRequest const& request)
{
    auto const names = desk.engine.zones(desk.caller.region);
    std::vector<std::string> ids;
    for (auto const& name : names)
        ids.push_back(zone_id(name));
    TRY(check_names(request.zone_names, names, Noun::zone));
    TRY(check_names(request.zone_ids, ids, Noun::zone));
    std::vector<Zone> all;
    for (auto const& name : names)
        if ((request.zone_names.empty() || contains(request.zone_names, name)) &&
            (request.zone_ids.empty() || contains(request.zone_ids, zone_id(name))))
            all.push_back(wire_zone(name, desk.caller.region));
    wire::ec2::DescribeAvailabilityZonesResult result;
    result.availability_zones = TRY(filtered(std::move(all), request.filters, kZones));
    return result;
}

} // namespace karat::api::ec2
