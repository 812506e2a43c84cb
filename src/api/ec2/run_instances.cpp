// SPDX-License-Identifier: Apache-2.0
// RunInstances: the widest request of the API. What asks for something that is not here is refused
// by name; what only restates a default is taken.
#include "common.hpp"
#include "devices.hpp"
#include "handlers.hpp"
#include "instance_reply.hpp"
#include "zones.hpp"

#include "karat/wire/ec2/instances.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

using Request = wire::ec2::RunInstancesRequest;

using Interface = wire::ec2::InstanceNetworkInterfaceSpecification;

/// An instance has one interface with one address, at the first place of its only card.
Result<void> check_interfaces(std::vector<Interface> const& interfaces)
{
    if (interfaces.size() > 1)
        return not_offered("More than one NetworkInterface");
    for (auto const& nic : interfaces) {
        if (nic.device_index.value_or(0) != 0)
            return fail(Fault::invalid, "NetworkInterface.DeviceIndex of the only interface is 0");
        if (nic.network_card_index.value_or(0) != 0)
            return fail(Fault::invalid, "NetworkInterface.NetworkCardIndex of the only card is 0");
        if (nic.private_ip_addresses.size() + nic.private_ip_address.has_value() > 1)
            return not_offered("More than one of NetworkInterface.PrivateIpAddresses");
    }
    return {};
}

/// The subnet, groups and address come from the request itself or from its one interface, not both.
Result<void> read_network(Request const& request, engine::RunInstances& run)
{
    auto subnet = request.subnet_id;
    auto groups = request.security_group_ids;
    run.private_ip = request.private_ip_address;
    if (!request.network_interfaces.empty()) {
        auto const& nic = request.network_interfaces.front();
        if (subnet || !groups.empty() || !request.security_groups.empty())
            return Error{
                Fault::invalid, Noun::combination,
                "Network interfaces and an instance-level subnet ID or security groups may not be "
                "specified on the same request"};
        subnet = nic.subnet_id;
        groups = nic.groups;
        auto address = nic.private_ip_address;
        if (!nic.private_ip_addresses.empty())
            address = nic.private_ip_addresses.front().private_ip_address;
        if (address && run.private_ip)
            return Error{Fault::invalid, Noun::combination,
                         "Network interfaces and an instance-level private IP address may not be "
                         "specified on the same request"};
        if (address)
            run.private_ip = address;
        run.interface_description = nic.description.value_or("");
    }
    if (subnet)
        run.subnet = TRY(SubnetId::parse(*subnet));
    run.groups = TRY(parse_ids<SecurityGroupId>(groups));
    run.group_names = request.security_groups;
    return {};
}

Result<void> read_zone(engine::Engine& engine, engine::Caller const& caller, Request const& request,
                       engine::RunInstances& run)
{
    if (!request.placement)
        return {};
    auto const& placement = *request.placement;
    run.zone = placement.availability_zone;
    if (!placement.availability_zone_id)
        return {};
    auto const zone = zone_of_id(engine.zones(caller.region), *placement.availability_zone_id);
    if (run.zone && *run.zone != zone)
        return Error{Fault::invalid, Noun::combination,
                     "Placement.AvailabilityZone and Placement.AvailabilityZoneId name two zones"};
    run.zone = zone;
    return {};
}

Result<void> read_options(Request const& request, engine::RunInstances& run)
{
    if (request.metadata_options) {
        auto const& options = *request.metadata_options;
        run.http_tokens = options.http_tokens;
        run.http_endpoint = options.http_endpoint;
        run.http_put_response_hop_limit = options.http_put_response_hop_limit;
        run.instance_metadata_tags = options.instance_metadata_tags;
        auto const hops = options.http_put_response_hop_limit.value_or(1);
        if (hops < 1 || hops > 64)
            return fail(
                Fault::invalid,
                fmt::format("MetadataOptions.HttpPutResponseHopLimit is 1 to 64, not {}", hops));
    }
    run.shutdown_behavior = request.instance_initiated_shutdown_behavior;
    run.disable_api_termination = request.disable_api_termination.value_or(false);
    run.disable_api_stop = request.disable_api_stop.value_or(false);
    run.ebs_optimized = request.ebs_optimized.value_or(false);
    run.monitoring = request.monitoring && request.monitoring->enabled;
    if (request.maintenance_options)
        run.auto_recovery = request.maintenance_options->auto_recovery;
    // There is no IAM, and so no profile that could be named.
    if (auto const& profile = request.iam_instance_profile)
        return fail(Fault::invalid,
                    fmt::format("Value ({}) for parameter iamInstanceProfile.{} is invalid. "
                                "Invalid IAM Instance Profile {}",
                                profile->arn ? *profile->arn : profile->name.value_or(""),
                                profile->arn ? "arn" : "name", profile->arn ? "ARN" : "name"));
    return {};
}

} // namespace

Result<wire::ec2::RunInstancesResult> run_instances(Desk const& desk, Request const& request)
{
    TRY(check_interfaces(request.network_interfaces));
    engine::RunInstances run{.min_count = request.min_count,
                             .max_count = request.max_count,
                             .image = request.image_id.value_or(""),
                             .type = request.instance_type.value_or(""),
                             .key_name = request.key_name.value_or("")};
    run.user_data = request.user_data.value_or("");
    TRY(read_network(request, run));
    TRY(read_zone(desk.engine, desk.caller, request, run));
    TRY(read_options(request, run));
    run.devices = TRY(device_requests(request.block_device_mappings));
    auto tags =
        TRY(tag_sets(request.tag_specifications, {"instance", "volume", "network-interface"}));
    run.instance_tags = std::move(tags.at("instance"));
    run.volume_tags = std::move(tags.at("volume"));
    run.interface_tags = std::move(tags.at("network-interface"));
    run.client_token = request.client_token.value_or("");
    run.fingerprint = fingerprint(request);
    run.dry_run = request.dry_run;

    auto const instances = TRY(desk.engine.run_instances(desk.caller, run));
    auto const groups = TRY(desk.engine.security_groups(desk.caller));
    wire::ec2::RunInstancesResult result;
    result.owner_id = desk.caller.account.text();
    for (auto const& instance : instances) {
        auto const shown = TRY(show(desk.engine, groups, instance));
        result.reservation_id = instance.reservation.text();
        result.instances.push_back(wire_instance(shown));
    }
    return result;
}

} // namespace karat::api::ec2
