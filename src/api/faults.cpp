// SPDX-License-Identifier: Apache-2.0
// Codes from EC2's "Error codes" page; statuses as observed (client errors 400, see each row).
#include "faults.hpp"

#include "service.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::api {
namespace {

constexpr std::array kRows{
    FaultRow{Fault::invalid, Noun::image, {400, "InvalidAMIID.Malformed"}},
    FaultRow{Fault::invalid, Noun::snapshot, {400, "InvalidSnapshotID.Malformed"}},
    FaultRow{Fault::invalid, Noun::volume, {400, "InvalidVolumeID.Malformed"}},
    FaultRow{Fault::invalid, Noun::instance, {400, "InvalidInstanceID.Malformed"}},
    FaultRow{Fault::invalid, Noun::security_group, {400, "InvalidGroupId.Malformed"}},
    FaultRow{Fault::invalid, Noun::vpc, {400, "InvalidVpcID.Malformed"}},
    FaultRow{Fault::invalid, Noun::subnet, {400, "InvalidSubnetID.Malformed"}},
    FaultRow{Fault::invalid, Noun::network_interface, {400, "InvalidNetworkInterfaceID.Malformed"}},
    FaultRow{Fault::invalid, Noun::account, {400, "InvalidUserID.Malformed"}},
    FaultRow{Fault::invalid, Noun::image_name, {400, "InvalidAMIName.Malformed"}},
    FaultRow{Fault::invalid, Noun::key_pair, {400, "InvalidKey.Format"}},
    FaultRow{Fault::invalid, Noun::security_group_rule, {400, "InvalidParameterValue"}},
    FaultRow{Fault::invalid, Noun::block_device, {400, "InvalidBlockDeviceMapping"}},
    FaultRow{Fault::invalid, Noun::attribute_item, {400, "InvalidAMIAttributeItemValue"}},
    FaultRow{Fault::invalid, Noun::volume_type, {400, "UnknownVolumeType"}},
    FaultRow{Fault::invalid, Noun::instance_type, {400, "InvalidInstanceType"}},
    FaultRow{Fault::invalid, Noun::combination, {400, "InvalidParameterCombination"}},
    FaultRow{Fault::invalid, Noun::filter, {400, "InvalidFilter"}},
    FaultRow{Fault::invalid, Noun::page_token, {400, "InvalidPaginationToken"}},
    FaultRow{Fault::invalid, Noun::signature, {400, "IncompleteSignature"}},
    FaultRow{Fault::invalid, Noun::none, {400, "InvalidParameterValue"}},
    FaultRow{Fault::missing, Noun::encryption_key, {400, "InvalidParameterDependency"}},
    FaultRow{Fault::missing, Noun::signature, {403, "MissingAuthenticationToken"}},
    FaultRow{Fault::missing, Noun::action, {400, "MissingAction"}},
    FaultRow{Fault::missing, Noun::none, {400, "MissingParameter"}},
    FaultRow{Fault::unknown, Noun::action, {400, "InvalidAction"}},
    FaultRow{Fault::unknown, Noun::filter, {400, "InvalidParameterValue"}},
    FaultRow{Fault::unknown, Noun::none, {400, "UnknownParameter"}},
    FaultRow{Fault::not_found, Noun::image, {400, "InvalidAMIID.NotFound"}},
    FaultRow{Fault::not_found, Noun::snapshot, {400, "InvalidSnapshot.NotFound"}},
    FaultRow{Fault::not_found, Noun::volume, {400, "InvalidVolume.NotFound"}},
    FaultRow{Fault::not_found, Noun::instance, {400, "InvalidInstanceID.NotFound"}},
    FaultRow{Fault::not_found, Noun::security_group, {400, "InvalidGroup.NotFound"}},
    FaultRow{Fault::not_found, Noun::security_group_name, {400, "InvalidGroup.NotFound"}},
    FaultRow{Fault::not_found, Noun::security_group_rule, {400, "InvalidPermission.NotFound"}},
    FaultRow{Fault::not_found, Noun::vpc, {400, "InvalidVpcID.NotFound"}},
    FaultRow{Fault::not_found, Noun::subnet, {400, "InvalidSubnetID.NotFound"}},
    FaultRow{
        Fault::not_found, Noun::network_interface, {400, "InvalidNetworkInterfaceID.NotFound"}},
    FaultRow{Fault::not_found, Noun::key_pair, {400, "InvalidKeyPair.NotFound"}},
    FaultRow{Fault::not_found, Noun::key_pair_name, {400, "InvalidKeyPair.NotFound"}},
    FaultRow{Fault::not_found, Noun::zone, {400, "InvalidZone.NotFound"}},
    FaultRow{Fault::not_found, Noun::region, {400, "InvalidRegion"}},
    FaultRow{Fault::not_found, Noun::instance_type, {400, "InvalidInstanceType"}},
    FaultRow{Fault::not_found, Noun::parameter, {400, "ParameterNotFound"}},
    FaultRow{Fault::not_found, Noun::tag, {400, "InvalidID"}},
    FaultRow{
        Fault::not_found, Noun::volume_modification, {400, "InvalidVolumeModification.NotFound"}},
    FaultRow{Fault::not_found, Noun::attachment, {400, "InvalidAttachment.NotFound"}},
    FaultRow{Fault::not_found, Noun::access_key, {401, "AuthFailure"}},
    FaultRow{Fault::not_found, Noun::none, {400, "InvalidParameterValue"}},
    FaultRow{Fault::duplicate, Noun::image_name, {400, "InvalidAMIName.Duplicate"}},
    FaultRow{Fault::duplicate, Noun::key_pair_name, {400, "InvalidKeyPair.Duplicate"}},
    FaultRow{Fault::duplicate, Noun::security_group_name, {400, "InvalidGroup.Duplicate"}},
    FaultRow{Fault::duplicate, Noun::security_group_rule, {400, "InvalidPermission.Duplicate"}},
    FaultRow{Fault::duplicate, Noun::none, {400, "InvalidParameterValue"}},
    FaultRow{Fault::mismatch, Noun::volume, {400, "InvalidVolume.ZoneMismatch"}},
    FaultRow{Fault::mismatch, Noun::instance, {400, "IdempotentInstanceTerminated"}},
    FaultRow{Fault::mismatch, Noun::none, {400, "IdempotentParameterMismatch"}},
    FaultRow{Fault::wrong_state, Noun::image, {400, "InvalidAMIID.Unavailable"}},
    FaultRow{Fault::wrong_state, Noun::instance, {400, "IncorrectInstanceState"}},
    FaultRow{Fault::wrong_state, Noun::volume_modification, {400, "IncorrectModificationState"}},
    FaultRow{Fault::wrong_state, Noun::encryption_key, {400, "CustomerKeyHasBeenRevoked"}},
    FaultRow{Fault::wrong_state, Noun::none, {400, "IncorrectState"}},
    FaultRow{Fault::in_use, Noun::snapshot, {400, "InvalidSnapshot.InUse"}},
    FaultRow{Fault::in_use, Noun::device_name, {400, "InvalidDevice.InUse"}},
    FaultRow{Fault::in_use, Noun::private_ip, {400, "InvalidIPAddress.InUse"}},
    FaultRow{Fault::in_use, Noun::volume, {400, "VolumeInUse"}},
    FaultRow{Fault::in_use, Noun::none, {400, "DependencyViolation"}},
    FaultRow{Fault::denied, Noun::image, {400, "AuthFailure"}},
    FaultRow{Fault::denied, Noun::signature, {403, "SignatureDoesNotMatch"}},
    FaultRow{Fault::denied, Noun::access_key, {401, "AuthFailure"}},
    FaultRow{Fault::denied, Noun::encryption_key, {400, "CustomerKeyHasBeenRevoked"}},
    FaultRow{Fault::denied, Noun::security_group, {400, "CannotDelete"}},
    FaultRow{Fault::denied, Noun::none, {400, "OperationNotPermitted"}},
    FaultRow{Fault::dry_run, Noun::none, {412, "DryRunOperation"}},
    FaultRow{Fault::exhausted, Noun::instance, {500, "InsufficientInstanceCapacity"}},
    FaultRow{Fault::exhausted, Noun::subnet, {400, "InsufficientFreeAddressesInSubnet"}},
    FaultRow{Fault::exhausted, Noun::tag, {400, "TagLimitExceeded"}},
    FaultRow{Fault::exhausted, Noun::filter, {400, "FilterLimitExceeded"}},
    FaultRow{
        Fault::exhausted, Noun::security_group_rule, {400, "RulesPerSecurityGroupLimitExceeded"}},
    FaultRow{Fault::exhausted, Noun::request, {413, "RequestEntityTooLarge"}},
    FaultRow{Fault::exhausted, Noun::attachment, {400, "AttachmentLimitExceeded"}},
    FaultRow{Fault::exhausted, Noun::volume_modification, {400, "VolumeModificationRateExceeded"}},
    FaultRow{Fault::exhausted, Noun::none, {400, "ResourceLimitExceeded"}},
    FaultRow{Fault::unsupported, Noun::none, {400, "UnsupportedOperation"}},
    FaultRow{Fault::unavailable, Noun::none, {503, "Unavailable"}},
    FaultRow{Fault::corrupt, Noun::none, {500, "InternalError"}},
    FaultRow{Fault::full, Noun::instance, {500, "InsufficientInstanceCapacity"}},
    FaultRow{Fault::full, Noun::none, {500, "InsufficientVolumeCapacity"}},
    FaultRow{Fault::io, Noun::none, {500, "InternalError"}},
};

constexpr bool has_general_row(Fault fault)
{
    return std::any_of(kRows.begin(), kRows.end(), [&](FaultRow const& row) {
        return row.fault == fault && row.noun == Noun::none;
    });
}

constexpr bool every_fault_has_a_row()
{
    for (auto value = static_cast<unsigned char>(Fault::invalid);
         value <= static_cast<unsigned char>(Fault::io); ++value)
        if (!has_general_row(static_cast<Fault>(value)))
            return false;
    return true;
}
static_assert(every_fault_has_a_row());

} // namespace

AwsError aws_error(std::span<FaultRow const> own, Error const& error)
{
    auto const fits = [&](FaultRow const& row) {
        return row.fault == error.fault && (row.noun == error.noun || row.noun == Noun::none);
    };
    if (auto const row = std::ranges::find_if(own, fits); row != own.end())
        return row->error;
    if (auto const* const row = std::ranges::find_if(kRows, fits); row != kRows.end())
        return row->error;
    return {500, "InternalError"};
}

std::string print_rows(std::span<FaultRow const> rows)
{
    std::string text;
    for (auto const& [fault, noun, error] : rows)
        text += fmt::format("{:<12} {:<20} {} {}{}{}\n", name(fault),
                            noun == Noun::none ? "*" : name(noun), error.status, error.code,
                            error.reason.empty() ? "" : " ", error.reason);
    return text;
}

std::string print_fault_table()
{
    auto text = print_rows(kRows) + "\n";
    for (auto const& row : kRows)
        if (row.fault == Fault::not_found && !id_prefix(row.noun).empty())
            text += fmt::format("{}: {}\n", row.error.code,
                                absent(row.noun, fmt::format("{}1", id_prefix(row.noun))));
    for (auto const* const service : {&ssm::kService, &sts::kService})
        text += fmt::format("\n{}\n{}", service->name, print_rows(service->faults));
    return text;
}

} // namespace karat::api
