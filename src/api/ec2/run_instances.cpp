// SPDX-License-Identifier: Apache-2.0
// RunInstances: the widest request of the API. What asks for something that is not here is refused
// by name; what only restates a default is taken.
#include "devices.hpp"
#include "handlers.hpp"
#include "instance_reply.hpp"

#include "karat/hash.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

using Request = wire::ec2::RunInstancesRequest;

Error not_offered(std::string_view parameter)
{
    return fail(Fault::unsupported, fmt::format("{} is not offered here; leave it out", parameter));
}

Result<void> refuse_what_is_missing(Request const& request)
{
    if (request.launch_template)
        return not_offered("LaunchTemplate");
    if (request.instance_market_options)
        return not_offered("InstanceMarketOptions (Spot)");
    if (request.kernel_id || request.ramdisk_id)
        return not_offered("KernelId or RamdiskId");
    if (!request.ipv6_addresses.empty() || request.ipv6_address_count.value_or(0) > 0)
        return not_offered("IPv6");
    if (!request.secondary_interfaces.empty() || request.network_interfaces.size() > 1)
        return not_offered("More than one network interface");
    if (request.hibernation_options && request.hibernation_options->configured.value_or(false))
        return not_offered("HibernationOptions.Configured=true");
    if (request.enclave_options && request.enclave_options->enabled.value_or(false))
        return not_offered("EnclaveOptions.Enabled=true");
    if (request.placement) {
        auto const& placement = *request.placement;
        if (placement.tenancy && *placement.tenancy != "default")
            return not_offered("Placement.Tenancy other than default");
        if (placement.host_id || placement.group_name || placement.group_id ||
            placement.host_resource_group_arn)
            return not_offered("Placement on a host or in a group");
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
        if (nic.network_interface_id)
            return not_offered("NetworkInterface.NetworkInterfaceId");
        if (nic.device_index.value_or(0) != 0)
            return fail(Fault::invalid, "The first network interface has device index 0");
        subnet = nic.subnet_id;
        groups = nic.groups;
        if (nic.private_ip_address)
            run.private_ip = nic.private_ip_address;
    }
    if (subnet)
        run.subnet = TRY(SubnetId::parse(*subnet));
    run.groups = TRY(parse_ids<SecurityGroupId>(groups));
    run.group_names = request.security_groups;
    if (request.placement)
        run.zone = request.placement->availability_zone;
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
    if (request.iam_instance_profile)
        run.iam_instance_profile = request.iam_instance_profile->arn.value_or(
            request.iam_instance_profile->name.value_or(""));
    return {};
}

/// Equal for two requests that ask for the same; the token itself is not part of it. Made from the
/// reply-shaped text of what was understood, so the order of parameters does not matter.
std::string fingerprint(engine::RunInstances const& run)
{
    std::string text = fmt::format(
        "{}|{}|{}|{}|{}|{}|{}|{}", run.min_count, run.max_count, run.image, run.type, run.key_name,
        run.zone.value_or(""), run.subnet ? run.subnet->text() : "", run.private_ip.value_or(""));
    for (auto const& group : run.groups)
        text += "|" + group.text();
    for (auto const& group : run.group_names)
        text += "|" + group;
    for (auto const& device : run.devices)
        text += fmt::format("|{},{},{},{},{},{}", device.device_name,
                            device.snapshot ? device.snapshot->text() : "",
                            device.size_gib.value_or(0), device.volume_type.value_or(""),
                            device.no_device, device.delete_on_termination.value_or(true));
    for (auto const& [key, value] : run.instance_tags)
        text += fmt::format("|{}={}", key, value);
    for (auto const& [key, value] : run.volume_tags)
        text += fmt::format("|disk:{}={}", key, value);
    text += fmt::format("|{}|{}|{}|{}|{}|{}", run.shutdown_behavior.value_or(""),
                        run.disable_api_termination, run.disable_api_stop, run.ebs_optimized,
                        run.monitoring, run.iam_instance_profile);
    text += fmt::format("|{}|{}|{}|{}", run.http_tokens.value_or(""),
                        run.http_endpoint.value_or(""), run.http_put_response_hop_limit.value_or(0),
                        run.instance_metadata_tags.value_or(""));
    return sha256(text + "|" + run.user_data).text();
}

} // namespace

Result<wire::ec2::RunInstancesResult>
run_instances(engine::Engine& engine, engine::Caller const& caller, Request const& request)
{
    TRY(refuse_what_is_missing(request));
    engine::RunInstances run{.min_count = request.min_count,
                             .max_count = request.max_count,
                             .image = request.image_id.value_or(""),
                             .type = request.instance_type.value_or(""),
                             .key_name = request.key_name.value_or("")};
    run.user_data = request.user_data.value_or("");
    TRY(read_network(request, run));
    TRY(read_options(request, run));
    run.devices = TRY(device_requests(request.block_device_mappings));
    run.instance_tags = TRY(tags_for(request.tag_specifications, "instance"));
    run.volume_tags = TRY(tags_for(request.tag_specifications, "volume"));
    run.client_token = request.client_token.value_or("");
    run.fingerprint = fingerprint(run);
    run.dry_run = request.dry_run;

    auto instances = TRY(engine.run_instances(caller, run));
    auto const shown = TRY(show(engine, caller, std::move(instances)));
    wire::ec2::RunInstancesResult result;
    result.owner_id = caller.account.text();
    for (auto const& one : shown) {
        result.reservation_id = one.instance.reservation.text();
        result.instances.push_back(wire_instance(one));
    }
    return result;
}

} // namespace karat::api::ec2
