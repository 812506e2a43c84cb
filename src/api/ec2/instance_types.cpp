// SPDX-License-Identifier: Apache-2.0
// Instance types: names and sizes from the engine, the rest what holds for every type here.
#include "common.hpp"
#include "handlers.hpp"

#include "karat/instance_types.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

constexpr std::int32_t kInterfaces = 1;      // one per instance for now
constexpr std::int32_t kEbsAttachments = 28; // EC2's number for the smaller Nitro types
constexpr char const* kNetworkPerformance = "Up to 5 Gigabit";

struct ShownType {
    engine::InstanceType type;
    Tags tags; ///< None, but filters look for them.
};

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

/// A guest sees one thread a core, so cores and vCPUs are the same number.
wire::ec2::VCpuInfo vcpu_info(engine::InstanceType const& type)
{
    return {.default_vcpus = type.vcpus,
            .default_cores = type.vcpus,
            .default_threads_per_core = 1,
            .valid_cores = {type.vcpus},
            .valid_threads_per_core = {1}};
}

wire::ec2::InstanceTypeInfo wire_type(ShownType const& shown)
{
    auto const& type = shown.type;
    wire::ec2::InstanceTypeInfo reply;
    reply.instance_type = std::string(type.name);
    reply.current_generation = type.current_generation;
    reply.free_tier_eligible = false;
    reply.supported_usage_classes = {"on-demand"};
    reply.supported_root_device_types = {"ebs"};
    reply.supported_virtualization_types = {"hvm"};
    reply.bare_metal = false;
    reply.hypervisor = "nitro";
    reply.processor_info = wire::ec2::ProcessorInfo{.supported_architectures = {"x86_64"}};
    reply.vcpu_info = vcpu_info(type);
    reply.memory_info =
        wire::ec2::MemoryInfo{.size_in_mib = static_cast<std::int64_t>(type.memory_mib)};
    reply.instance_storage_supported = false;
    reply.ebs_info = wire::ec2::EbsInfo{.ebs_optimized_support = "default",
                                        .encryption_support = "supported",
                                        .nvme_support = "unsupported",
                                        .maximum_ebs_attachments = kEbsAttachments,
                                        .attachment_limit_type = "shared"};
    reply.network_info = network_info();
    reply.hibernation_supported = false;
    reply.burstable_performance_supported = type.burstable;
    reply.dedicated_hosts_supported = false;
    reply.auto_recovery_supported = false;
    reply.supported_boot_modes = {"legacy-bios", "uefi"};
    reply.nitro_enclaves_support = "unsupported";
    reply.nitro_tpm_support = "unsupported";
    reply.reboot_migration_support = "unsupported";
    reply.supported_in_region = true;
    return reply;
}

/// A filter on a word that is the same for every type.
template <auto word>
Values all(ShownType const&)
{
    return {word()};
}

Values no(ShownType const&) { return {"false"}; }
Values nothing(ShownType const&) { return {}; }
Values vcpus(ShownType const& shown) { return {std::to_string(shown.type.vcpus)}; }

constexpr auto kUnsupported = [] { return "unsupported"; };
constexpr auto kOne = [] { return "1"; };

constexpr FilterRule<ShownType> kTypeRules[] = {
    {"auto-recovery-supported", no},
    {"bare-metal", no},
    {"burstable-performance-supported",
     [](ShownType const& shown) { return Values{yes_no(shown.type.burstable)}; }},
    {"current-generation",
     [](ShownType const& shown) { return Values{yes_no(shown.type.current_generation)}; }},
    {"dedicated-hosts-supported", no},
    {"ebs-info.attachment-limit-type", all<[] { return "shared"; }>},
    {"ebs-info.ebs-optimized-support", all<[] { return "default"; }>},
    {"ebs-info.encryption-support", all<[] { return "supported"; }>},
    {"ebs-info.maximum-ebs-attachments", all<[] { return std::to_string(kEbsAttachments); }>},
    {"ebs-info.nvme-support", all<kUnsupported>},
    {"free-tier-eligible", no},
    {"hibernation-supported", no},
    {"hypervisor", all<[] { return "nitro"; }>},
    {"instance-storage-info.disk.count", nothing},
    {"instance-storage-info.disk.size-in-gb", nothing},
    {"instance-storage-info.disk.type", nothing},
    {"instance-storage-info.encryption-support", nothing},
    {"instance-storage-info.nvme-support", nothing},
    {"instance-storage-info.total-size-in-gb", nothing},
    {"instance-storage-supported", no},
    {"instance-type", [](ShownType const& shown) { return Values{std::string(shown.type.name)}; }},
    {"memory-info.size-in-mib",
     [](ShownType const& shown) { return Values{std::to_string(shown.type.memory_mib)}; }},
    {"network-info.efa-info.maximum-efa-interfaces", nothing},
    {"network-info.efa-supported", no},
    {"network-info.ena-support", all<[] { return "supported"; }>},
    {"network-info.encryption-in-transit-supported", no},
    {"network-info.ipv4-addresses-per-interface", all<kOne>},
    {"network-info.ipv6-addresses-per-interface", all<[] { return "0"; }>},
    {"network-info.ipv6-supported", no},
    {"network-info.maximum-network-cards", all<kOne>},
    {"network-info.maximum-network-interfaces", all<kOne>},
    {"network-info.network-performance", all<[] { return kNetworkPerformance; }>},
    {"nitro-enclaves-support", all<kUnsupported>},
    {"nitro-tpm-info.supported-versions", nothing},
    {"nitro-tpm-support", all<kUnsupported>},
    {"processor-info.supported-architecture", all<[] { return "x86_64"; }>},
    {"processor-info.supported-features", nothing},
    {"processor-info.sustained-clock-speed-in-ghz", nothing},
    {"reboot-migration-support", all<kUnsupported>},
    {"supported-boot-mode", [](ShownType const&) { return Values{"legacy-bios", "uefi"}; }},
    {"supported-root-device-type", all<[] { return "ebs"; }>},
    {"supported-usage-class", all<[] { return "on-demand"; }>},
    {"supported-virtualization-type", all<[] { return "hvm"; }>},
    {"vcpu-info.default-cores", vcpus},
    {"vcpu-info.default-threads-per-core", all<kOne>},
    {"vcpu-info.default-vcpus", vcpus},
    {"vcpu-info.valid-cores", vcpus},
    {"vcpu-info.valid-threads-per-core", all<kOne>},
};

/// Names may have wildcards here ("c5*"); one without must be known.
Result<std::vector<ShownType>> selected_types(std::vector<std::string> const& names)
{
    for (auto const& name : names)
        if (name.find_first_of("*?") == std::string::npos &&
            engine::find_instance_type(name) == nullptr)
            return Error{Fault::not_found, Noun::instance_type,
                         fmt::format("The instance type '{}' does not exist", name.substr(0, 64))};
    std::vector<ShownType> types;
    for (auto const& type : engine::instance_types())
        if (names.empty() || std::any_of(names.begin(), names.end(), [&](std::string const& name) {
                return glob_matches(name, type.name);
            }))
            types.push_back({type, {}});
    return types;
}

} // namespace

Result<wire::ec2::DescribeInstanceTypesResult>
describe_instance_types(engine::Engine&, engine::Caller const&,
                        wire::ec2::DescribeInstanceTypesRequest const& request)
{
    auto types = TRY(selected_types(request.instance_types));
    auto some = TRY(filtered(std::move(types), request.filters, kTypeRules));
    wire::ec2::DescribeInstanceTypesResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& shown : page)
        result.instance_types.push_back(wire_type(shown));
    return result;
}

} // namespace karat::api::ec2
