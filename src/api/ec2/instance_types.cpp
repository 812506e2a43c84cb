// SPDX-License-Identifier: Apache-2.0
// Instance types: names and sizes from the engine, the rest what holds for every type here.
#include "describe.hpp"
#include "handlers.hpp"
#include "zones.hpp"

#include "karat/instance_types.hpp"
#include "karat/wire/ec2/instance_types.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

constexpr std::int32_t kInterfaces = 1;      // one per instance for now
constexpr std::int32_t kEbsAttachments = 28; // EC2's number for the smaller Nitro types
constexpr char const* kNetworkPerformance = "Up to 5 Gigabit";

wire::ec2::NetworkInfo network_info()
{
    return {.network_performance = kNetworkPerformance,
            .maximum_network_interfaces = kInterfaces,
            .maximum_network_cards = 1,
            .default_network_card_index = 0,
            .network_cards = {{.network_card_index = 0,
                               .network_performance = kNetworkPerformance,
                               .maximum_network_interfaces = kInterfaces}},
            .ipv4_addresses_per_interface = 1,
            .ipv6_addresses_per_interface = 0,
            .ipv6_supported = false,
            .ena_support = "supported",
            .efa_supported = false,
            .encryption_in_transit_supported = false};
}

wire::ec2::VCpuInfo vcpu_info(engine::InstanceType const& type)
{
    wire::ec2::VCpuInfo info{.default_vcpus = type.vcpus,
                             .default_cores = type.cores(),
                             .default_threads_per_core = type.threads_per_core,
                             .valid_cores = {type.cores()},
                             .valid_threads_per_core = {1}};
    if (type.threads_per_core > 1)
        info.valid_threads_per_core.push_back(type.threads_per_core);
    return info;
}

wire::ec2::InstanceTypeInfo wire_type(engine::InstanceType const& type)
{
    wire::ec2::InstanceTypeInfo reply;
    reply.instance_type = std::string(type.name);
    reply.current_generation = type.current_generation;
    reply.supported_usage_classes = {"on-demand"};
    reply.supported_root_device_types = {"ebs"};
    reply.supported_virtualization_types = {"hvm"};
    reply.processor_info = wire::ec2::ProcessorInfo{.supported_architectures = {"x86_64"}};
    reply.vcpu_info = vcpu_info(type);
    reply.memory_info =
        wire::ec2::MemoryInfo{.size_in_mib = static_cast<std::int64_t>(type.memory_mib)};
    reply.ebs_info = wire::ec2::EbsInfo{.maximum_ebs_attachments = kEbsAttachments};
    reply.network_info = network_info();
    reply.placement_group_info = wire::ec2::PlacementGroupInfo{}; // clients read it unasked
    reply.burstable_performance_supported = type.burstable;
    reply.supported_boot_modes = {"legacy-bios", "uefi"};
    return reply;
}

using Type = wire::ec2::InstanceTypeInfo;
using TypeEbs = wire::ec2::EbsInfo;
using TypeEbsSpeed = wire::ec2::EbsOptimizedInfo;
using TypeNetwork = wire::ec2::NetworkInfo;
using TypeProcessor = wire::ec2::ProcessorInfo;
using TypeStorage = wire::ec2::InstanceStorageInfo;
using TypeVcpu = wire::ec2::VCpuInfo;

template <auto member>
constexpr auto of_ebs = at<&Type::ebs_info, member>;
template <auto member>
constexpr auto of_ebs_speed = at<&Type::ebs_info, &TypeEbs::ebs_optimized_info, member>;
template <auto member>
constexpr auto of_network = at<&Type::network_info, member>;
template <auto member>
constexpr auto of_processor = at<&Type::processor_info, member>;
template <auto... path>
constexpr auto of_storage = at<&Type::instance_storage_info, path...>;
template <auto member>
constexpr auto of_vcpu = at<&Type::vcpu_info, member>;

constexpr FilterRule<Type> kTypeRules[] = {
    {"auto-recovery-supported", at<&Type::auto_recovery_supported>},
    {"bare-metal", at<&Type::bare_metal>},
    {"burstable-performance-supported", at<&Type::burstable_performance_supported>},
    {"current-generation", at<&Type::current_generation>},
    {"dedicated-hosts-supported", at<&Type::dedicated_hosts_supported>},
    {"ebs-info.attachment-limit-type", of_ebs<&TypeEbs::attachment_limit_type>},
    {"ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
     of_ebs_speed<&TypeEbsSpeed::baseline_bandwidth_in_mbps>},
    {"ebs-info.ebs-optimized-info.baseline-iops", of_ebs_speed<&TypeEbsSpeed::baseline_iops>},
    {"ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
     of_ebs_speed<&TypeEbsSpeed::baseline_throughput_in_mbps>},
    {"ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
     of_ebs_speed<&TypeEbsSpeed::maximum_bandwidth_in_mbps>},
    {"ebs-info.ebs-optimized-info.maximum-iops", of_ebs_speed<&TypeEbsSpeed::maximum_iops>},
    {"ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
     of_ebs_speed<&TypeEbsSpeed::maximum_throughput_in_mbps>},
    {"ebs-info.ebs-optimized-support", of_ebs<&TypeEbs::ebs_optimized_support>},
    {"ebs-info.encryption-support", of_ebs<&TypeEbs::encryption_support>},
    {"ebs-info.maximum-ebs-attachments", of_ebs<&TypeEbs::maximum_ebs_attachments>},
    {"ebs-info.nvme-support", of_ebs<&TypeEbs::nvme_support>},
    {"free-tier-eligible", at<&Type::free_tier_eligible>},
    {"hibernation-supported", at<&Type::hibernation_supported>},
    {"hypervisor", at<&Type::hypervisor>},
    {"instance-storage-info.disk.count",
     of_storage<&TypeStorage::disks, &wire::ec2::DiskInfo::count>},
    {"instance-storage-info.disk.size-in-gb",
     of_storage<&TypeStorage::disks, &wire::ec2::DiskInfo::size_in_gb>},
    {"instance-storage-info.disk.type",
     of_storage<&TypeStorage::disks, &wire::ec2::DiskInfo::type>},
    {"instance-storage-info.encryption-support", of_storage<&TypeStorage::encryption_support>},
    {"instance-storage-info.nvme-support", of_storage<&TypeStorage::nvme_support>},
    {"instance-storage-info.total-size-in-gb", of_storage<&TypeStorage::total_size_in_gb>},
    {"instance-storage-supported", at<&Type::instance_storage_supported>},
    {"instance-type", at<&Type::instance_type>},
    {"memory-info.size-in-mib", at<&Type::memory_info, &wire::ec2::MemoryInfo::size_in_mib>},
    {"network-info.bandwidth-weightings", nothing<Type>},
    {"network-info.efa-info.maximum-efa-interfaces", nothing<Type>},
    {"network-info.efa-supported", of_network<&TypeNetwork::efa_supported>},
    {"network-info.ena-support", of_network<&TypeNetwork::ena_support>},
    {"network-info.encryption-in-transit-supported",
     of_network<&TypeNetwork::encryption_in_transit_supported>},
    {"network-info.flexible-ena-queues-support", nothing<Type>},
    {"network-info.ipv4-addresses-per-interface",
     of_network<&TypeNetwork::ipv4_addresses_per_interface>},
    {"network-info.ipv6-addresses-per-interface",
     of_network<&TypeNetwork::ipv6_addresses_per_interface>},
    {"network-info.ipv6-supported", of_network<&TypeNetwork::ipv6_supported>},
    {"network-info.maximum-network-cards", of_network<&TypeNetwork::maximum_network_cards>},
    {"network-info.maximum-network-interfaces",
     of_network<&TypeNetwork::maximum_network_interfaces>},
    {"network-info.network-performance", of_network<&TypeNetwork::network_performance>},
    {"nitro-enclaves-support", at<&Type::nitro_enclaves_support>},
    {"nitro-tpm-info.supported-versions",
     at<&Type::nitro_tpm_info, &wire::ec2::NitroTpmInfo::supported_versions>},
    {"nitro-tpm-support", at<&Type::nitro_tpm_support>},
    {"processor-info.supported-architecture",
     of_processor<&TypeProcessor::supported_architectures>},
    {"processor-info.supported-features", of_processor<&TypeProcessor::supported_features>},
    {"processor-info.sustained-clock-speed-in-ghz",
     of_processor<&TypeProcessor::sustained_clock_speed_in_ghz>},
    {"reboot-migration-support", at<&Type::reboot_migration_support>},
    {"supported-boot-mode", at<&Type::supported_boot_modes>},
    {"supported-root-device-type", at<&Type::supported_root_device_types>},
    {"supported-usage-class", at<&Type::supported_usage_classes>},
    {"supported-virtualization-type", at<&Type::supported_virtualization_types>},
    {"vcpu-info.default-cores", of_vcpu<&TypeVcpu::default_cores>},
    {"vcpu-info.default-threads-per-core", of_vcpu<&TypeVcpu::default_threads_per_core>},
    {"vcpu-info.default-vcpus", of_vcpu<&TypeVcpu::default_vcpus>},
    {"vcpu-info.valid-cores", of_vcpu<&TypeVcpu::valid_cores>},
    {"vcpu-info.valid-threads-per-core", of_vcpu<&TypeVcpu::valid_threads_per_core>},
};
constexpr Listing<Type> kTypes{kTypeRules};

/// Names may have wildcards here ("c5*"); one without must be known.
Result<std::vector<Type>> selected_types(std::vector<std::string> const& names)
{
    std::vector<std::string> unknown;
    for (auto const& name : names)
        if (name.find_first_of("*?") == std::string::npos &&
            engine::find_instance_type(name) == nullptr)
            unknown.push_back(name.substr(0, 64));
    if (!unknown.empty())
        return Error{Fault::not_found, Noun::instance_type,
                     fmt::format("The following supplied instance types do not exist: [{}]",
                                 fmt::join(unknown, ", "))};
    std::vector<Type> types;
    for (auto const& type : engine::instance_types())
        if (names.empty() || std::any_of(names.begin(), names.end(), [&](std::string const& name) {
                return glob_matches(name, type.name);
            }))
            types.push_back(wire_type(type));
    return types;
}

using Offering = wire::ec2::InstanceTypeOffering;

constexpr FilterRule<Offering> kOfferingRules[] = {
    {"instance-type", at<&Offering::instance_type>},
    {"location", at<&Offering::location>},
};
constexpr Listing<Offering> kOfferings{kOfferingRules};

/// Every type is offered everywhere.
std::vector<Offering> offerings(std::string const& type, std::vector<std::string> const& places)
{
    std::vector<Offering> all;
    for (auto const& place : places)
        for (auto const& offered : engine::instance_types())
            all.push_back({.instance_type = std::string(offered.name),
                           .location_type = type,
                           .location = place});
    return all;
}

} // namespace

Result<wire::ec2::DescribeInstanceTypeOfferingsResult>
describe_instance_type_offerings(Desk const& desk,
                                 wire::ec2::DescribeInstanceTypeOfferingsRequest const& request)
{
    auto const type = request.location_type.value_or("region");
    std::vector<std::string> places{desk.caller.region};
    if (type != "region")
        places = desk.engine.zones(desk.caller.region);
    if (type == "availability-zone-id")
        std::ranges::transform(places, places.begin(), zone_id);
    wire::ec2::DescribeInstanceTypeOfferingsResult result;
    result.instance_type_offerings =
        TRY(page_of(desk, "DescribeInstanceTypeOfferings", offerings(type, places), request,
                    kOfferings, result.next_token));
    return result;
}

Result<wire::ec2::DescribeInstanceTypesResult>
describe_instance_types(Desk const& desk, wire::ec2::DescribeInstanceTypesRequest const& request)
{
    auto const types = TRY(selected_types(request.instance_types));
    wire::ec2::DescribeInstanceTypesResult result;
    result.instance_types =
        TRY(page_of(desk, "DescribeInstanceTypes", types, request, kTypes, result.next_token));
    return result;
}

} // namespace karat::api::ec2
