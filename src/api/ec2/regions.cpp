// SPDX-License-Identifier: Apache-2.0
// Regions and their zones: names that the operator chose, all open to everybody.
#include "common.hpp"
#include "handlers.hpp"

#include "zones.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

struct ShownRegion {
    std::string name;
    Tags tags; ///< None, but filters look for them.
};

/// A name below localhost: callers know where they found us, and one who follows the reply must
/// not end up at Amazon.
std::string endpoint(ShownRegion const& region)
{
    return fmt::format("ec2.{}.localhost", region.name);
}

constexpr FilterRule<ShownRegion> kRegionRules[] = {
    {"endpoint", [](ShownRegion const& region) { return Values{endpoint(region)}; }},
    {"opt-in-status", [](ShownRegion const&) { return Values{"opt-in-not-required"}; }},
    {"region-name", [](ShownRegion const& region) { return Values{region.name}; }},
};

struct ShownZone {
    std::string name;
    std::string region;
    Tags tags; ///< None, but filters look for them.
};

/// The group of a region's zones: the region and "-zg-1", as EC2 calls it.
std::string group_name(ShownZone const& zone) { return zone.region + "-zg-1"; }

constexpr FilterRule<ShownZone> kZoneRules[] = {
    {"group-long-name", [](ShownZone const& zone) { return Values{zone.region + " 1"}; }},
    {"group-name", [](ShownZone const& zone) { return Values{group_name(zone)}; }},
    {"message", [](ShownZone const&) { return Values(); }},
    {"opt-in-status", [](ShownZone const&) { return Values{"opt-in-not-required"}; }},
    {"parent-zone-id", [](ShownZone const&) { return Values(); }},
    {"parent-zone-name", [](ShownZone const&) { return Values(); }},
    {"region-name", [](ShownZone const& zone) { return Values{zone.region}; }},
    {"state", [](ShownZone const&) { return Values{"available"}; }},
    {"zone-id", [](ShownZone const& zone) { return Values{zone_id(zone.name)}; }},
    {"zone-name", [](ShownZone const& zone) { return Values{zone.name}; }},
    {"zone-type", [](ShownZone const&) { return Values{"availability-zone"}; }},
};

wire::ec2::AvailabilityZone wire_zone(ShownZone const& zone)
{
    return {.opt_in_status = "opt-in-not-required",
            .region_name = zone.region,
            .zone_name = zone.name,
            .zone_id = zone_id(zone.name),
            .group_name = group_name(zone),
            .network_border_group = zone.region,
            .zone_type = "availability-zone",
            .group_long_name = zone.region + " 1",
            .state = "available"};
}

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
describe_regions(engine::Engine& engine, engine::Caller const&,
                 wire::ec2::DescribeRegionsRequest const& request)
{
    TRY(check_names(request.region_names, engine.regions(), Noun::region));
    std::vector<ShownRegion> all;
    for (auto const& name : engine.regions())
        if (request.region_names.empty() || contains(request.region_names, name))
            all.push_back({name, {}});
    auto const some = TRY(filtered(std::move(all), request.filters, kRegionRules));
    wire::ec2::DescribeRegionsResult result;
    for (auto const& region : some)
        result.regions.push_back({.opt_in_status = "opt-in-not-required",
                                  .region_name = region.name,
                                  .endpoint = endpoint(region)});
    return result;
}

Result<wire::ec2::DescribeAvailabilityZonesResult>
describe_availability_zones(engine::Engine& engine, engine::Caller const& caller,
                            wire::ec2::DescribeAvailabilityZonesRequest const& request)
{
    auto const names = engine.zones(caller.region);
    std::vector<std::string> ids;
    for (auto const& name : names)
        ids.push_back(zone_id(name));
    TRY(check_names(request.zone_names, names, Noun::zone));
    TRY(check_names(request.zone_ids, ids, Noun::zone));
    std::vector<ShownZone> all;
    for (auto const& name : names)
        if ((request.zone_names.empty() || contains(request.zone_names, name)) &&
            (request.zone_ids.empty() || contains(request.zone_ids, zone_id(name))))
            all.push_back({name, caller.region, {}});
    auto const some = TRY(filtered(std::move(all), request.filters, kZoneRules));
    wire::ec2::DescribeAvailabilityZonesResult result;
    for (auto const& zone : some)
        result.availability_zones.push_back(wire_zone(zone));
    return result;
}

} // namespace karat::api::ec2
