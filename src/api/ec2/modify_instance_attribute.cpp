// SPDX-License-Identifier: Apache-2.0
// ModifyInstanceAttribute, in the form of a member for each attribute and in the older one of
// Attribute and Value. One call changes one attribute.
#include "common.hpp"
#include "handlers.hpp"

#include "karat/hash.hpp"
#include "karat/wire/ec2/instances.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

using AttributeRequest = wire::ec2::ModifyInstanceAttributeRequest;
using engine::InstanceChange;

Error bad_value(std::string_view attribute, std::string const& value)
{
    return fail(Fault::invalid, fmt::format("Value ({}) for attribute {} is invalid.",
                                            value.substr(0, 64), attribute));
}

/// "true" or "false", as the older form has it.
Result<bool> read_boolean(std::string const& attribute, std::string const& value)
{
    if (value != "true" && value != "false")
        return bad_value(attribute, value);
    return value == "true";
}

Result<std::string> read_behavior(std::string const& value)
{
    if (value != "stop" && value != "terminate")
        return bad_value("instanceInitiatedShutdownBehavior", value);
    return value;
}

Result<std::string> read_user_data(std::string const& base64)
{
    auto const bytes = from_base64(base64);
    if (!bytes.ok())
        return fail(Fault::invalid, "The value of userData is not valid base64");
    return std::string(as_text(bytes.value()));
}

/// What has only one state here: interfaces check source and destination, and are ENA.
Result<void> check_fixed(std::string_view attribute, bool value)
{
    return value ? Result<void>() : not_offered(fmt::format("{}=false", attribute));
}

Result<void> read_old_form(std::string const& attribute, std::string const& value,
                           InstanceChange& change)
{
    if (attribute == "disableApiTermination")
        change.disable_api_termination = TRY(read_boolean(attribute, value));
    else if (attribute == "disableApiStop")
        change.disable_api_stop = TRY(read_boolean(attribute, value));
    else if (attribute == "ebsOptimized")
        change.ebs_optimized = TRY(read_boolean(attribute, value));
    else if (attribute == "instanceInitiatedShutdownBehavior")
        change.shutdown_behavior = TRY(read_behavior(value));
    else if (attribute == "instanceType")
        change.type = value;
    else if (attribute == "userData")
        change.user_data = TRY(read_user_data(value));
    else if (attribute == "blockDeviceMapping")
        return {}; // some clients name what the mappings say already
    else if (attribute == "sourceDestCheck" || attribute == "enaSupport")
        return check_fixed(attribute, TRY(read_boolean(attribute, value)));
    else
        return not_offered(fmt::format("Changing the Attribute {}", attribute));
    return {};
}

Result<void> read_devices(AttributeRequest const& request, InstanceChange& change)
{
    for (auto const& mapping : request.block_device_mappings) {
        if (!mapping.device_name)
            return fail(Fault::missing,
                        "The request must contain the parameter BlockDeviceMapping.DeviceName");
        if (!mapping.ebs || !mapping.ebs->delete_on_termination)
            return fail(Fault::missing, "The request must contain the parameter "
                                        "BlockDeviceMapping.Ebs.DeleteOnTermination");
        InstanceChange::Device device{.device_name = *mapping.device_name,
                                      .delete_on_termination = *mapping.ebs->delete_on_termination};
        if (mapping.ebs->volume_id)
            device.volume = TRY(VolumeId::parse(*mapping.ebs->volume_id));
        change.devices.push_back(std::move(device));
    }
    return {};
}

Result<void> read_values(AttributeRequest const& request, InstanceChange& change)
{
    if (request.disable_api_termination)
        change.disable_api_termination = request.disable_api_termination->value;
    if (request.disable_api_stop)
        change.disable_api_stop = request.disable_api_stop->value;
    if (request.ebs_optimized)
        change.ebs_optimized = request.ebs_optimized->value;
    if (request.instance_type)
        change.type = request.instance_type->value.value_or("");
    if (request.user_data)
        change.user_data = request.user_data->value.value_or("");
    if (auto const& behavior = request.instance_initiated_shutdown_behavior)
        change.shutdown_behavior = TRY(read_behavior(behavior->value.value_or("")));
    change.groups = TRY(parse_ids<SecurityGroupId>(request.groups));
    return read_devices(request, change);
}

Result<void> check_fixed(AttributeRequest const& request)
{
    if (request.source_dest_check)
        TRY(check_fixed("SourceDestCheck", request.source_dest_check->value.value_or(true)));
    if (request.ena_support)
        TRY(check_fixed("EnaSupport", request.ena_support->value.value_or(true)));
    return {};
}

std::size_t count_attributes(AttributeRequest const& request)
{
    std::size_t const given[] = {
        request.attribute.value_or("blockDeviceMapping") != "blockDeviceMapping",
        request.disable_api_termination.has_value(),
        request.disable_api_stop.has_value(),
        request.ebs_optimized.has_value(),
        request.instance_type.has_value(),
        request.user_data.has_value(),
        request.instance_initiated_shutdown_behavior.has_value(),
        request.kernel.has_value(),
        request.ramdisk.has_value(),
        request.sriov_net_support.has_value(),
        request.source_dest_check.has_value(),
        request.ena_support.has_value(),
        request.enclave_options.has_value(),
        !request.groups.empty(),
        !request.block_device_mappings.empty(),
    };
    std::size_t count = 0;
    for (auto const one : given)
        count += one;
    return count;
}

} // namespace

Result<wire::ec2::ModifyInstanceAttributeResult>
modify_instance_attribute(Desk const& desk, AttributeRequest const& request)
{
    auto const count = count_attributes(request);
    if (count == 0)
        return Error{Fault::invalid, Noun::combination, "No attributes specified."};
    if (count > 1)
        return Error{Fault::invalid, Noun::combination,
                     "Fields for multiple attribute types specified; one call changes one"};
    if (request.value && !request.attribute)
        return fail(Fault::missing, "The request must contain the parameter Attribute");
    TRY(check_fixed(request));
    auto const id = TRY(InstanceId::parse(request.instance_id));
    InstanceChange change;
    TRY(read_values(request, change));
    if (request.attribute)
        TRY(read_old_form(*request.attribute, request.value.value_or(""), change));
    change.dry_run = request.dry_run;
    TRY(desk.engine.change_instance(desk.caller, id, change));
    return wire::ec2::ModifyInstanceAttributeResult{};
}

} // namespace karat::api::ec2
