// SPDX-License-Identifier: Apache-2.0
// ModifyImageAttribute in every form that clients send, and DescribeImageAttribute.
#include "common.hpp"
#include "devices.hpp"
#include "handlers.hpp"

#include "karat/wire/ec2/images.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

using ModifyRequest = wire::ec2::ModifyImageAttributeRequest;

/// "Description " -> "description": some clients send blanks and other cases.
std::string plain_name(std::string const& attribute)
{
    std::string name;
    for (char const c : attribute)
        if (c != ' ')
            name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

Error bad_item(std::string const& value, char const* type)
{
    return {Fault::invalid, Noun::attribute_item,
            fmt::format("Invalid attribute item value \"{}\" for {} item type.",
                        value.substr(0, 64), type)};
}

Result<void> add_permission(wire::ec2::LaunchPermission const& permission, bool add,
                            engine::Engine::LaunchPermissionChange& change)
{
    if (permission.group && *permission.group != "all")
        return bad_item(*permission.group, "userGroup");
    if (permission.group)
        change.everyone = add;
    if (permission.user_id) {
        auto const account = AccountId::parse(*permission.user_id);
        if (!account.ok())
            return bad_item(*permission.user_id, "userId");
        (add ? change.add : change.remove).push_back(account.value());
    }
    return {};
}

/// The old form: OperationType with UserId.N and UserGroup.N.
Result<void> read_old_form(ModifyRequest const& request,
                           engine::Engine::LaunchPermissionChange& change)
{
    if (request.user_ids.empty() && request.user_groups.empty())
        return {};
    auto const operation = request.operation_type.value_or(request.launch_permission ? "" : "add");
    if (operation.empty())
        return {}; // clients send both forms at once; the new one counts
    if (operation != "add" && operation != "remove")
        return fail(Fault::invalid,
                    fmt::format("OperationType is 'add' or 'remove', not '{}'", operation));
    for (auto const& user : request.user_ids)
        TRY(add_permission({.user_id = user}, operation == "add", change));
    for (auto const& group : request.user_groups)
        TRY(add_permission({.group = group}, operation == "add", change));
    return {};
}

Result<void> check_attribute(ModifyRequest const& request)
{
    auto const attribute = plain_name(request.attribute.value_or(""));
    bool const has_value = attribute == "description" || attribute == "imdssupport";
    if (!attribute.empty() && !has_value && attribute != "launchpermission")
        return not_offered(fmt::format("Changing the Attribute {}", attribute.substr(0, 64)));
    if (request.value && !has_value)
        return Error{Fault::invalid, Noun::combination,
                     "Value goes with Attribute=description or imdsSupport only"};
    return {};
}

/// A text attribute as its own member says it, or as Value beside its name.
std::optional<std::string> text_of(ModifyRequest const& request,
                                   std::optional<wire::ec2::AttributeValue> const& member,
                                   std::string_view name)
{
    if (member)
        return member->value.value_or("");
    if (plain_name(request.attribute.value_or("")) == name)
        return request.value.value_or("");
    return std::nullopt;
}

Result<engine::Engine::LaunchPermissionChange> permissions_of(ModifyRequest const& request)
{
    engine::Engine::LaunchPermissionChange change;
    if (request.launch_permission) {
        for (auto const& permission : request.launch_permission->add)
            TRY(add_permission(permission, true, change));
        for (auto const& permission : request.launch_permission->remove)
            TRY(add_permission(permission, false, change));
    }
    TRY(read_old_form(request, change));
    return change;
}

} // namespace

Result<wire::ec2::ModifyImageAttributeResult> modify_image_attribute(Desk const& desk,
                                                                     ModifyRequest const& request)
{
    TRY(check_attribute(request));
    auto const id = TRY(ImageId::parse(request.image_id));
    auto const permissions = TRY(permissions_of(request));
    engine::Engine::ImageChange const change{
        .description = text_of(request, request.description, "description"),
        .imds_support = text_of(request, request.imds_support, "imdssupport"),
        .permissions = permissions};
    if (change.imds_support.value_or("v2.0") != "v2.0")
        return fail(Fault::invalid, "ImdsSupport can be set to v2.0 only");
    bool const nothing = !change.description && !change.imds_support && permissions.add.empty() &&
                         permissions.remove.empty() && !permissions.everyone;
    if (nothing)
        return Error{Fault::invalid, Noun::combination, "No attributes specified."};
    TRY(desk.engine.change_image(desk.caller, id, change, request.dry_run));
    return wire::ec2::ModifyImageAttributeResult{};
}

Result<wire::ec2::DescribeImageAttributeResult>
describe_image_attribute(Desk const& desk, wire::ec2::DescribeImageAttributeRequest const& request)
{
    auto const id = TRY(ImageId::parse(request.image_id));
    auto const image = TRY(desk.engine.own_image(desk.caller, id));
    auto const attribute = plain_name(request.attribute);
    wire::ec2::DescribeImageAttributeResult result;
    result.image_id = id.text();
    if (attribute == "description") {
        result.description = wire::ec2::AttributeValue{image.description};
    } else if (attribute == "launchpermission") {
        for (auto const& account : image.launch_permissions)
            result.launch_permissions.push_back({.user_id = account.text()});
        if (image.is_public)
            result.launch_permissions.push_back({.group = "all"});
    } else if (attribute == "blockdevicemapping") {
        result.block_device_mappings = wire_devices(image.devices);
    } else if (attribute == "bootmode") {
        result.boot_mode = wire::ec2::AttributeValue{image.boot_mode};
    } else if (attribute == "imdssupport") {
        result.imds_support = wire::ec2::AttributeValue{image.imds_support};
    } else if (attribute == "tpmsupport") {
        result.tpm_support = wire::ec2::AttributeValue{image.tpm_support};
    } else if (attribute == "sriovnetsupport") {
        result.sriov_net_support = wire::ec2::AttributeValue{image.sriov_net_support};
    } else if (attribute == "uefidata") { // guests begin with the firmware's own variables
        result.uefi_data = wire::ec2::AttributeValue{""};
    } else if (attribute == "lastlaunchedtime") {
        result.last_launched_time = wire::ec2::AttributeValue{""};
    } else if (attribute == "deregistrationprotection") {
        result.deregistration_protection = wire::ec2::AttributeValue{"disabled"};
    } else if (attribute == "kernel") {
        result.kernel_id = wire::ec2::AttributeValue{""};
    } else if (attribute == "ramdisk") {
        result.ramdisk_id = wire::ec2::AttributeValue{""};
    } else if (attribute != "productcodes") {
        return fail(Fault::unsupported,
                    fmt::format("The attribute {} is not offered", request.attribute));
    }
    return result;
}

} // namespace karat::api::ec2
