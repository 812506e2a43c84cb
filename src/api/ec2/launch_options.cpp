// SPDX-License-Identifier: Apache-2.0
#include "launch_options.hpp"

#include "common.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

using Request = wire::ec2::RunInstancesRequest;

/// One thing that may be asked for: whether it is, and the parameter's name.
struct Asked {
    bool asked;
    std::string_view parameter;
};

Result<void> refuse(std::initializer_list<Asked> list)
{
    for (auto const& one : list)
        if (one.asked)
            return not_offered(one.parameter);
    return {};
}

template <class T>
bool other_than(std::optional<T> const& given, std::type_identity_t<T> const& usual)
{
    return given.value_or(usual) != usual;
}

Result<void> check_machine(Request const& request)
{
    auto const& credits = request.credit_specification;
    if (credits && credits->cpu_credits != "standard" && credits->cpu_credits != "unlimited")
        return fail(Fault::invalid,
                    fmt::format("Value ({}) for parameter CreditSpecification.CpuCredits is "
                                "invalid. It must be one of: standard, unlimited",
                                credits->cpu_credits.substr(0, 64)));
    return refuse({
        {request.launch_template.has_value(), "LaunchTemplate"},
        {request.instance_market_options.has_value(), "InstanceMarketOptions (Spot)"},
        {request.kernel_id.has_value(), "KernelId"},
        {request.ramdisk_id.has_value(), "RamdiskId"},
        {!request.elastic_gpu_specification.empty(), "ElasticGpuSpecification"},
        {!request.elastic_inference_accelerators.empty(), "ElasticInferenceAccelerator"},
        {request.cpu_options.has_value(), "CpuOptions"},
        {!request.license_specifications.empty(), "LicenseSpecification"},
        {request.operator_.has_value(), "Operator"},
        {request.hibernation_options && other_than(request.hibernation_options->configured, false),
         "HibernationOptions.Configured=true"},
        {request.enclave_options && other_than(request.enclave_options->enabled, false),
         "EnclaveOptions.Enabled=true"},
        {request.monitoring && !request.monitoring->metric_category_ids.empty(),
         "Monitoring.MetricCategoryId"},
        {request.metadata_options &&
             other_than(request.metadata_options->http_protocol_ipv6, "disabled"),
         "MetadataOptions.HttpProtocolIpv6=enabled"},
    });
}

Result<void> check_placement(Request const& request)
{
    if (auto const& wanted = request.capacity_reservation_specification)
        TRY(refuse({
            {wanted->capacity_reservation_target.has_value(),
             "CapacityReservationSpecification.CapacityReservationTarget"},
            {wanted->capacity_reservation_preference == "capacity-reservations-only",
             "CapacityReservationSpecification.CapacityReservationPreference="
             "capacity-reservations-only"},
        }));
    if (!request.placement)
        return {};
    auto const& placement = *request.placement;
    return refuse({
        {other_than(placement.tenancy, "default"), "Placement.Tenancy other than default"},
        {placement.affinity.has_value(), "Placement.Affinity"},
        {placement.group_name.has_value(), "Placement.GroupName"},
        {placement.group_id.has_value(), "Placement.GroupId"},
        {placement.partition_number.has_value(), "Placement.PartitionNumber"},
        {placement.host_id.has_value(), "Placement.HostId"},
        {placement.host_resource_group_arn.has_value(), "Placement.HostResourceGroupArn"},
        {placement.spread_domain.has_value(), "Placement.SpreadDomain"},
    });
}

Result<void> check_network(Request const& request)
{
    if (auto const& names = request.private_dns_name_options)
        TRY(refuse({
            {other_than(names->hostname_type, "ip-name"), "PrivateDnsNameOptions.HostnameType"},
            {other_than(names->enable_resource_name_dns_a_record, false),
             "PrivateDnsNameOptions.EnableResourceNameDnsARecord"},
            {other_than(names->enable_resource_name_dns_aaaa_record, false),
             "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord"},
        }));
    if (auto const& speed = request.network_performance_options)
        TRY(refuse({{other_than(speed->bandwidth_weighting, "default"),
                     "NetworkPerformanceOptions.BandwidthWeighting"}}));
    return refuse({
        {!request.ipv6_addresses.empty(), "Ipv6Address"},
        {other_than(request.ipv6_address_count, 0), "Ipv6AddressCount"},
        {other_than(request.enable_primary_ipv6, false), "EnablePrimaryIpv6"},
        {!request.secondary_interfaces.empty(), "SecondaryInterface"},
        {request.network_interfaces.size() > 1, "More than one NetworkInterface"},
    });
}

Result<void> check_interface(wire::ec2::InstanceNetworkInterfaceSpecification const& nic)
{
    if (other_than(nic.device_index, 0))
        return fail(Fault::invalid, "NetworkInterface.DeviceIndex of the only interface is 0");
    if (other_than(nic.network_card_index, 0))
        return fail(Fault::invalid, "NetworkInterface.NetworkCardIndex of the only card is 0");
    bool const two_addresses =
        nic.private_ip_addresses.size() + nic.private_ip_address.has_value() > 1;
    return refuse({
        {nic.network_interface_id.has_value(), "NetworkInterface.NetworkInterfaceId"},
        {other_than(nic.associate_public_ip_address, true),
         "NetworkInterface.AssociatePublicIpAddress=false"},
        {other_than(nic.delete_on_termination, true), "NetworkInterface.DeleteOnTermination=false"},
        {other_than(nic.associate_carrier_ip_address, false),
         "NetworkInterface.AssociateCarrierIpAddress"},
        {other_than(nic.interface_type, "interface"), "NetworkInterface.InterfaceType"},
        {two_addresses, "More than one of NetworkInterface.PrivateIpAddresses"},
        {other_than(nic.secondary_private_ip_address_count, 0),
         "NetworkInterface.SecondaryPrivateIpAddressCount"},
        {!nic.ipv4_prefixes.empty(), "NetworkInterface.Ipv4Prefix"},
        {other_than(nic.ipv4_prefix_count, 0), "NetworkInterface.Ipv4PrefixCount"},
        {!nic.ipv6_addresses.empty(), "NetworkInterface.Ipv6Addresses"},
        {other_than(nic.ipv6_address_count, 0), "NetworkInterface.Ipv6AddressCount"},
        {!nic.ipv6_prefixes.empty(), "NetworkInterface.Ipv6Prefix"},
        {other_than(nic.ipv6_prefix_count, 0), "NetworkInterface.Ipv6PrefixCount"},
        {other_than(nic.primary_ipv6, false), "NetworkInterface.PrimaryIpv6"},
        {nic.ena_srd_specification.has_value(), "NetworkInterface.EnaSrdSpecification"},
        {nic.connection_tracking_specification.has_value(),
         "NetworkInterface.ConnectionTrackingSpecification"},
        {nic.ena_queue_count.has_value(), "NetworkInterface.EnaQueueCount"},
    });
}

} // namespace

Result<void> refuse_what_is_not_offered(Request const& request)
{
    TRY(check_machine(request));
    TRY(check_placement(request));
    TRY(check_network(request));
    for (auto const& nic : request.network_interfaces)
        TRY(check_interface(nic));
    return {};
}

} // namespace karat::api::ec2
