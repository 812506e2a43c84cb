// SPDX-License-Identifier: Apache-2.0
// Every filter that AWS documents for DescribeInstances, and where the reply has its values.
#include "instance_reply.hpp"

#include "karat/wire/ec2/instances.hpp"

namespace karat::api::ec2 {
namespace {

using Inst = wire::ec2::Instance;
using InstNic = wire::ec2::InstanceNetworkInterface;
using InstAddress = wire::ec2::InstancePrivateIpAddress;
using InstAssociation = wire::ec2::InstanceNetworkInterfaceAssociation;
using InstAttachment = wire::ec2::InstanceNetworkInterfaceAttachment;
using InstDevice = wire::ec2::InstanceBlockDeviceMapping;
using InstDisk = wire::ec2::EbsInstanceBlockDevice;
using InstGroup = wire::ec2::GroupIdentifier;
using InstDns = wire::ec2::PrivateDnsNameOptionsResponse;
using InstOptions = wire::ec2::InstanceMetadataOptionsResponse;
using InstPlace = wire::ec2::Placement;

template <auto... path>
constexpr auto of = at<&ListedInstance::reply, path...>;
template <auto... path>
constexpr auto of_nic = at<&ListedInstance::reply, &Inst::network_interfaces, path...>;
template <auto... path>
constexpr auto of_address = of_nic<&InstNic::private_ip_addresses, path...>;
template <auto member>
constexpr auto of_device =
    at<&ListedInstance::reply, &Inst::block_device_mappings, &InstDevice::ebs, member>;
template <auto member>
constexpr auto of_options = at<&ListedInstance::reply, &Inst::metadata_options, member>;
template <auto member>
constexpr auto of_place = at<&ListedInstance::reply, &Inst::placement, member>;
constexpr auto kNoInstance = nothing<ListedInstance>;

/// The ids and owners of interfaces' instances, which interfaces do not repeat in this reply.
template <auto value>
Values each_interface(ListedInstance const& listed)
{
    Values values;
    for (std::size_t i = 0; i < listed.reply.network_interfaces.size(); ++i)
        for (auto& one : value(listed))
            values.push_back(std::move(one));
    return values;
}

constexpr FilterRule<ListedInstance> kInstanceRules[] = {
    {"affinity", of_place<&InstPlace::affinity>},
    {"architecture", of<&Inst::architecture>},
    {"availability-zone", of_place<&InstPlace::availability_zone>},
    {"availability-zone-id", of_place<&InstPlace::availability_zone_id>},
    {"block-device-mapping.attach-time", of_device<&InstDisk::attach_time>},
    {"block-device-mapping.delete-on-termination", of_device<&InstDisk::delete_on_termination>},
    {"block-device-mapping.device-name",
     of<&Inst::block_device_mappings, &InstDevice::device_name>},
    {"block-device-mapping.status", of_device<&InstDisk::status>},
    {"block-device-mapping.volume-id", of_device<&InstDisk::volume_id>},
    {"boot-mode", of<&Inst::boot_mode>},
    {"capacity-reservation-id", kNoInstance},
    {"capacity-reservation-specification.capacity-reservation-preference", kNoInstance},
    {"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
     kNoInstance},
    {"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-"
     "group-arn",
     kNoInstance},
    {"client-token", of<&Inst::client_token>},
    {"current-instance-boot-mode", of<&Inst::current_instance_boot_mode>},
    {"dns-name", of<&Inst::public_dns_name>},
    {"ebs-optimized", of<&Inst::ebs_optimized>},
    {"ena-support", of<&Inst::ena_support>},
    {"enclave-options.enabled", of<&Inst::enclave_options, &wire::ec2::EnclaveOptions::enabled>},
    {"hibernation-options.configured",
     of<&Inst::hibernation_options, &wire::ec2::HibernationOptions::configured>},
    {"host-id", of_place<&InstPlace::host_id>},
    {"hypervisor", of<&Inst::hypervisor>},
    {"iam-instance-profile.arn",
     of<&Inst::iam_instance_profile, &wire::ec2::IamInstanceProfile::arn>},
    {"iam-instance-profile.id",
     of<&Inst::iam_instance_profile, &wire::ec2::IamInstanceProfile::id>},
    {"image-id", of<&Inst::image_id>},
    {"instance-id", of<&Inst::instance_id>},
    {"instance-lifecycle", of<&Inst::instance_lifecycle>},
    {"instance-state-code", of<&Inst::state, &wire::ec2::InstanceState::code>},
    {"instance-state-name", of<&Inst::state, &wire::ec2::InstanceState::name>},
    {"instance-type", of<&Inst::instance_type>},
    {"instance.group-id", of<&Inst::security_groups, &InstGroup::group_id>},
    {"instance.group-name", of<&Inst::security_groups, &InstGroup::group_name>},
    {"ip-address", of<&Inst::public_ip_address>},
    {"ipv6-address", of<&Inst::ipv6_address>},
    {"kernel-id", of<&Inst::kernel_id>},
    {"key-name", of<&Inst::key_name>},
    {"launch-index", of<&Inst::ami_launch_index>},
    {"launch-time", of<&Inst::launch_time>},
    {"maintenance-options.auto-recovery",
     of<&Inst::maintenance_options, &wire::ec2::InstanceMaintenanceOptions::auto_recovery>},
    {"metadata-options.http-endpoint", of_options<&InstOptions::http_endpoint>},
    {"metadata-options.http-protocol-ipv4", kNoInstance},
    {"metadata-options.http-protocol-ipv6", of_options<&InstOptions::http_protocol_ipv6>},
    {"metadata-options.http-put-response-hop-limit",
     of_options<&InstOptions::http_put_response_hop_limit>},
    {"metadata-options.http-tokens", of_options<&InstOptions::http_tokens>},
    {"metadata-options.instance-metadata-tags", of_options<&InstOptions::instance_metadata_tags>},
    {"metadata-options.state", of_options<&InstOptions::state>},
    {"monitoring-state", of<&Inst::monitoring, &wire::ec2::Monitoring::state>},
    {"network-interface.addresses.association.allocation-id", kNoInstance},
    {"network-interface.addresses.association.association-id", kNoInstance},
    {"network-interface.addresses.association.carrier-ip", kNoInstance},
    {"network-interface.addresses.association.customer-owned-ip", kNoInstance},
    {"network-interface.addresses.association.ip-owner-id",
     of_address<&InstAddress::association, &InstAssociation::ip_owner_id>},
    {"network-interface.addresses.association.public-dns-name",
     of_address<&InstAddress::association, &InstAssociation::public_dns_name>},
    {"network-interface.addresses.association.public-ip",
     of_address<&InstAddress::association, &InstAssociation::public_ip>},
    {"network-interface.addresses.primary", of_address<&InstAddress::primary>},
    {"network-interface.addresses.private-dns-name", of_address<&InstAddress::private_dns_name>},
    {"network-interface.addresses.private-ip-address",
     of_address<&InstAddress::private_ip_address>},
    {"network-interface.association.allocation-id", kNoInstance},
    {"network-interface.association.association-id", kNoInstance},
    {"network-interface.association.carrier-ip", kNoInstance},
    {"network-interface.association.customer-owned-ip", kNoInstance},
    {"network-interface.association.ip-owner-id",
     of_nic<&InstNic::association, &InstAssociation::ip_owner_id>},
    {"network-interface.association.public-dns-name",
     of_nic<&InstNic::association, &InstAssociation::public_dns_name>},
    {"network-interface.association.public-ip",
     of_nic<&InstNic::association, &InstAssociation::public_ip>},
    {"network-interface.attachment.attach-time",
     of_nic<&InstNic::attachment, &InstAttachment::attach_time>},
    {"network-interface.attachment.attachment-id",
     of_nic<&InstNic::attachment, &InstAttachment::attachment_id>},
    {"network-interface.attachment.delete-on-termination",
     of_nic<&InstNic::attachment, &InstAttachment::delete_on_termination>},
    {"network-interface.attachment.device-index",
     of_nic<&InstNic::attachment, &InstAttachment::device_index>},
    {"network-interface.attachment.instance-id", each_interface<of<&Inst::instance_id>>},
    {"network-interface.attachment.instance-owner-id", each_interface<at<&ListedInstance::owner>>},
    {"network-interface.attachment.network-card-index",
     of_nic<&InstNic::attachment, &InstAttachment::network_card_index>},
    {"network-interface.attachment.status", of_nic<&InstNic::attachment, &InstAttachment::status>},
    {"network-interface.availability-zone",
     each_interface<of_place<&InstPlace::availability_zone>>},
    {"network-interface.deny-all-igw-traffic", kNoInstance},
    {"network-interface.description", of_nic<&InstNic::description>},
    {"network-interface.group-id", of_nic<&InstNic::groups, &InstGroup::group_id>},
    {"network-interface.group-name", of_nic<&InstNic::groups, &InstGroup::group_name>},
    {"network-interface.ipv4-prefixes.ipv4-prefix", kNoInstance},
    {"network-interface.ipv6-address", kNoInstance},
    {"network-interface.ipv6-addresses.ipv6-address", kNoInstance},
    {"network-interface.ipv6-addresses.is-primary-ipv6", kNoInstance},
    {"network-interface.ipv6-native", kNoInstance},
    {"network-interface.ipv6-prefixes.ipv6-prefix", kNoInstance},
    {"network-interface.mac-address", of_nic<&InstNic::mac_address>},
    {"network-interface.network-interface-id", of_nic<&InstNic::network_interface_id>},
    {"network-interface.operator.managed", kNoInstance},
    {"network-interface.operator.principal", kNoInstance},
    {"network-interface.outpost-arn", kNoInstance},
    {"network-interface.owner-id", of_nic<&InstNic::owner_id>},
    {"network-interface.private-dns-name", of_nic<&InstNic::private_dns_name>},
    {"network-interface.private-ip-address", of_nic<&InstNic::private_ip_address>},
    {"network-interface.public-dns-name",
     of_nic<&InstNic::association, &InstAssociation::public_dns_name>},
    {"network-interface.requester-id", kNoInstance},
    {"network-interface.requester-managed", kNoInstance},
    {"network-interface.source-dest-check", of_nic<&InstNic::source_dest_check>},
    {"network-interface.status", of_nic<&InstNic::status>},
    {"network-interface.subnet-id", of_nic<&InstNic::subnet_id>},
    {"network-interface.tag-key", at<&ListedInstance::interface_tags, &wire::ec2::Tag::key>},
    {"network-interface.tag-value", at<&ListedInstance::interface_tags, &wire::ec2::Tag::value>},
    {"network-interface.vpc-id", of_nic<&InstNic::vpc_id>},
    {"network-performance-options.bandwidth-weighting",
     of<&Inst::network_performance_options,
        &wire::ec2::InstanceNetworkPerformanceOptions::bandwidth_weighting>},
    {"operator.managed", kNoInstance},
    {"operator.principal", kNoInstance},
    {"outpost-arn", kNoInstance},
    {"owner-id", at<&ListedInstance::owner>},
    {"placement-group-name", of_place<&InstPlace::group_name>},
    {"placement-partition-number", of_place<&InstPlace::partition_number>},
    {"platform", of<&Inst::platform>},
    {"platform-details", of<&Inst::platform_details>},
    {"private-dns-name", of<&Inst::private_dns_name>},
    {"private-dns-name-options.enable-resource-name-dns-a-record",
     of<&Inst::private_dns_name_options, &InstDns::enable_resource_name_dns_a_record>},
    {"private-dns-name-options.enable-resource-name-dns-aaaa-record",
     of<&Inst::private_dns_name_options, &InstDns::enable_resource_name_dns_aaaa_record>},
    {"private-dns-name-options.hostname-type",
     of<&Inst::private_dns_name_options, &InstDns::hostname_type>},
    {"private-ip-address", of<&Inst::private_ip_address>},
    {"product-code", of<&Inst::product_codes, &wire::ec2::ProductCode::product_code_id>},
    {"product-code.type", of<&Inst::product_codes, &wire::ec2::ProductCode::product_code_type>},
    {"ramdisk-id", of<&Inst::ramdisk_id>},
    {"reason", of<&Inst::state_transition_reason>},
    {"requester-id", kNoInstance},
    {"reservation-id", at<&ListedInstance::reservation>},
    {"root-device-name", of<&Inst::root_device_name>},
    {"root-device-type", of<&Inst::root_device_type>},
    {"source-dest-check", of<&Inst::source_dest_check>},
    {"spot-instance-request-id", of<&Inst::spot_instance_request_id>},
    {"state-reason-code", of<&Inst::state_reason, &wire::ec2::StateReason::code>},
    {"state-reason-message", of<&Inst::state_reason, &wire::ec2::StateReason::message>},
    {"subnet-id", of<&Inst::subnet_id>},
    {"tenancy", of_place<&InstPlace::tenancy>},
    {"tpm-support", of<&Inst::tpm_support>},
    {"usage-operation", of<&Inst::usage_operation>},
    {"usage-operation-update-time", of<&Inst::usage_operation_update_time>},
    {"virtualization-type", of<&Inst::virtualization_type>},
    {"vpc-id", of<&Inst::vpc_id>},
};

} // namespace

Listing<ListedInstance, Instance> const& instance_listing()
{
    static constexpr Listing<ListedInstance, Instance> listing{kInstanceRules,
                                                               tags_at<&Instance::tags>};
    return listing;
}

} // namespace karat::api::ec2
