// SPDX-License-Identifier: Apache-2.0
// Codes from EC2's "Error codes" page; statuses as observed (client errors 400, see each row).
#include "faults.hpp"

#include "karat/api.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::api {
namespace {

struct Row {
    Fault fault;
    Noun noun; ///< none: the fault's general row, which comes last of its fault.
    int status;
    std::string_view code;
};

constexpr std::array kRows{
    Row{Fault::invalid, Noun::image, 400, "InvalidAMIID.Malformed"},
    Row{Fault::invalid, Noun::snapshot, 400, "InvalidSnapshotID.Malformed"},
    Row{Fault::invalid, Noun::volume, 400, "InvalidVolumeID.Malformed"},
    Row{Fault::invalid, Noun::instance, 400, "InvalidInstanceID.Malformed"},
    Row{Fault::invalid, Noun::security_group, 400, "InvalidGroupId.Malformed"},
    Row{Fault::invalid, Noun::vpc, 400, "InvalidVpcID.Malformed"},
    Row{Fault::invalid, Noun::subnet, 400, "InvalidSubnetID.Malformed"},
    Row{Fault::invalid, Noun::network_interface, 400, "InvalidNetworkInterfaceID.Malformed"},
    Row{Fault::invalid, Noun::account, 400, "InvalidUserID.Malformed"},
    Row{Fault::invalid, Noun::image_name, 400, "InvalidAMIName.Malformed"},
    Row{Fault::invalid, Noun::key_pair, 400, "InvalidKey.Format"},
    Row{Fault::invalid, Noun::security_group_rule, 400, "InvalidParameterValue"},
    Row{Fault::invalid, Noun::block_device, 400, "InvalidBlockDeviceMapping"},
    Row{Fault::invalid, Noun::attribute_item, 400, "InvalidAMIAttributeItemValue"},
    Row{Fault::invalid, Noun::volume_type, 400, "UnknownVolumeType"},
    Row{Fault::invalid, Noun::instance_type, 400, "InvalidInstanceType"},
    Row{Fault::invalid, Noun::combination, 400, "InvalidParameterCombination"},
    Row{Fault::invalid, Noun::filter, 400, "InvalidFilter"},
    Row{Fault::invalid, Noun::page_token, 400, "InvalidPaginationToken"},
    Row{Fault::invalid, Noun::signature, 400, "IncompleteSignature"},
    Row{Fault::invalid, Noun::none, 400, "InvalidParameterValue"},
    Row{Fault::missing, Noun::encryption_key, 400, "InvalidParameterDependency"},
    Row{Fault::missing, Noun::signature, 403, "MissingAuthenticationToken"},
    Row{Fault::missing, Noun::action, 400, "MissingAction"},
    Row{Fault::missing, Noun::none, 400, "MissingParameter"},
    Row{Fault::unknown, Noun::action, 400, "InvalidAction"},
    Row{Fault::unknown, Noun::filter, 400, "InvalidParameterValue"},
    Row{Fault::unknown, Noun::none, 400, "UnknownParameter"},
    Row{Fault::not_found, Noun::image, 400, "InvalidAMIID.NotFound"},
    Row{Fault::not_found, Noun::snapshot, 400, "InvalidSnapshot.NotFound"},
    Row{Fault::not_found, Noun::volume, 400, "InvalidVolume.NotFound"},
    Row{Fault::not_found, Noun::instance, 400, "InvalidInstanceID.NotFound"},
    Row{Fault::not_found, Noun::security_group, 400, "InvalidGroup.NotFound"},
    Row{Fault::not_found, Noun::security_group_name, 400, "InvalidGroup.NotFound"},
    Row{Fault::not_found, Noun::security_group_rule, 400, "InvalidPermission.NotFound"},
    Row{Fault::not_found, Noun::vpc, 400, "InvalidVpcID.NotFound"},
    Row{Fault::not_found, Noun::subnet, 400, "InvalidSubnetID.NotFound"},
    Row{Fault::not_found, Noun::network_interface, 400, "InvalidNetworkInterfaceID.NotFound"},
    Row{Fault::not_found, Noun::key_pair, 400, "InvalidKeyPair.NotFound"},
    Row{Fault::not_found, Noun::key_pair_name, 400, "InvalidKeyPair.NotFound"},
    Row{Fault::not_found, Noun::zone, 400, "InvalidZone.NotFound"},
    Row{Fault::not_found, Noun::region, 400, "InvalidRegion"},
    Row{Fault::not_found, Noun::instance_type, 400, "InvalidInstanceType"},
    Row{Fault::not_found, Noun::parameter, 400, "ParameterNotFound"},
    Row{Fault::not_found, Noun::tag, 400, "InvalidID"},
    Row{Fault::not_found, Noun::volume_modification, 400, "InvalidVolumeModification.NotFound"},
    Row{Fault::not_found, Noun::attachment, 400, "InvalidAttachment.NotFound"},
    Row{Fault::not_found, Noun::access_key, 401, "AuthFailure"},
    Row{Fault::not_found, Noun::none, 400, "InvalidParameterValue"},
    Row{Fault::duplicate, Noun::image_name, 400, "InvalidAMIName.Duplicate"},
    Row{Fault::duplicate, Noun::key_pair_name, 400, "InvalidKeyPair.Duplicate"},
    Row{Fault::duplicate, Noun::security_group_name, 400, "InvalidGroup.Duplicate"},
    Row{Fault::duplicate, Noun::security_group_rule, 400, "InvalidPermission.Duplicate"},
    Row{Fault::duplicate, Noun::none, 400, "InvalidParameterValue"},
    Row{Fault::mismatch, Noun::volume, 400, "InvalidVolume.ZoneMismatch"},
    Row{Fault::mismatch, Noun::instance, 400, "IdempotentInstanceTerminated"},
    Row{Fault::mismatch, Noun::none, 400, "IdempotentParameterMismatch"},
    Row{Fault::wrong_state, Noun::image, 400, "InvalidAMIID.Unavailable"},
    Row{Fault::wrong_state, Noun::instance, 400, "IncorrectInstanceState"},
    Row{Fault::wrong_state, Noun::volume_modification, 400, "IncorrectModificationState"},
    Row{Fault::wrong_state, Noun::encryption_key, 400, "CustomerKeyHasBeenRevoked"},
    Row{Fault::wrong_state, Noun::none, 400, "IncorrectState"},
    Row{Fault::in_use, Noun::snapshot, 400, "InvalidSnapshot.InUse"},
    Row{Fault::in_use, Noun::device_name, 400, "InvalidDevice.InUse"},
    Row{Fault::in_use, Noun::private_ip, 400, "InvalidIPAddress.InUse"},
    Row{Fault::in_use, Noun::volume, 400, "VolumeInUse"},
    Row{Fault::in_use, Noun::none, 400, "DependencyViolation"},
    Row{Fault::denied, Noun::image, 400, "AuthFailure"},
    Row{Fault::denied, Noun::signature, 403, "SignatureDoesNotMatch"},
    Row{Fault::denied, Noun::access_key, 401, "AuthFailure"},
    Row{Fault::denied, Noun::encryption_key, 400, "CustomerKeyHasBeenRevoked"},
    Row{Fault::denied, Noun::security_group, 400, "CannotDelete"},
    Row{Fault::denied, Noun::none, 400, "OperationNotPermitted"},
    Row{Fault::dry_run, Noun::none, 412, "DryRunOperation"},
    Row{Fault::exhausted, Noun::instance, 500, "InsufficientInstanceCapacity"},
    Row{Fault::exhausted, Noun::subnet, 400, "InsufficientFreeAddressesInSubnet"},
    Row{Fault::exhausted, Noun::tag, 400, "TagLimitExceeded"},
    Row{Fault::exhausted, Noun::filter, 400, "FilterLimitExceeded"},
    Row{Fault::exhausted, Noun::security_group_rule, 400, "RulesPerSecurityGroupLimitExceeded"},
    Row{Fault::exhausted, Noun::request, 413, "RequestEntityTooLarge"},
    Row{Fault::exhausted, Noun::attachment, 400, "AttachmentLimitExceeded"},
    Row{Fault::exhausted, Noun::volume_modification, 400, "VolumeModificationRateExceeded"},
    Row{Fault::exhausted, Noun::none, 400, "ResourceLimitExceeded"},
    Row{Fault::unsupported, Noun::none, 400, "UnsupportedOperation"},
    Row{Fault::unavailable, Noun::none, 503, "Unavailable"},
    Row{Fault::corrupt, Noun::none, 500, "InternalError"},
    Row{Fault::full, Noun::instance, 500, "InsufficientInstanceCapacity"},
    Row{Fault::full, Noun::none, 500, "InsufficientVolumeCapacity"},
    Row{Fault::io, Noun::none, 500, "InternalError"},
};

constexpr bool has_general_row(Fault fault)
{
    return std::any_of(kRows.begin(), kRows.end(), [&](Row const& row) {
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

AwsError aws_error(Error const& error)
{
    for (auto const& row : kRows)
        if (row.fault == error.fault && (row.noun == error.noun || row.noun == Noun::none))
            return {row.status, row.code};
    return {500, "InternalError"};
}

std::string print_fault_table()
{
    std::string text;
    for (auto const& row : kRows)
        text += fmt::format("{:<12} {:<20} {} {}\n", name(row.fault),
                            row.noun == Noun::none ? "*" : name(row.noun), row.status, row.code);
    text += "\n";
    for (auto const& row : kRows)
        if (row.fault == Fault::not_found && !id_prefix(row.noun).empty())
            text += fmt::format("{}: {}\n", row.code,
                                absent(row.noun, fmt::format("{}1", id_prefix(row.noun))));
    return text;
}

} // namespace karat::api
