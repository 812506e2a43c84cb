// SPDX-License-Identifier: Apache-2.0
#include "describe.hpp"
#include "group_rules.hpp"
#include "handlers.hpp"

#include "karat/wire/ec2/groups.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

std::string arn_of(SecurityGroup const& group)
{
    return fmt::format("arn:aws:ec2:{}:{}:security-group/{}", group.region, group.owner.text(),
                       group.id.text());
}

wire::ec2::SecurityGroup wire_group(SecurityGroup const& group)
{
    return {.group_id = group.id.text(),
            .ip_permissions_egress = wire_permissions(group, true),
            .tags = wire_tags(group.tags),
            .vpc_id = group.vpc.text(),
            .security_group_arn = arn_of(group),
            .owner_id = group.owner.text(),
            .group_name = group.name,
            .description = group.description,
            .ip_permissions = wire_permissions(group, false)};
}

using WireGroup = wire::ec2::SecurityGroup;
using Permission = wire::ec2::IpPermission;
using PermissionPair = wire::ec2::UserIdGroupPair;

template <auto... path>
constexpr auto of_out = at<&WireGroup::ip_permissions_egress, path...>;
template <auto... path>
constexpr auto of_in = at<&WireGroup::ip_permissions, path...>;

constexpr FilterRule<WireGroup> kGroupRules[] = {
    {"description", at<&WireGroup::description>},
    {"egress.ip-permission.cidr", of_out<&Permission::ip_ranges, &wire::ec2::IpRange::cidr_ip>},
    {"egress.ip-permission.from-port", of_out<&Permission::from_port>},
    {"egress.ip-permission.group-id",
     of_out<&Permission::user_id_group_pairs, &PermissionPair::group_id>},
    {"egress.ip-permission.group-name",
     of_out<&Permission::user_id_group_pairs, &PermissionPair::group_name>},
    {"egress.ip-permission.ipv6-cidr",
     of_out<&Permission::ipv6_ranges, &wire::ec2::Ipv6Range::cidr_ipv6>},
    {"egress.ip-permission.prefix-list-id",
     of_out<&Permission::prefix_list_ids, &wire::ec2::PrefixListId::prefix_list_id>},
    {"egress.ip-permission.protocol", of_out<&Permission::ip_protocol>},
    {"egress.ip-permission.to-port", of_out<&Permission::to_port>},
    {"egress.ip-permission.user-id",
     of_out<&Permission::user_id_group_pairs, &PermissionPair::user_id>},
    {"group-id", at<&WireGroup::group_id>},
    {"group-name", at<&WireGroup::group_name>},
    {"ip-permission.cidr", of_in<&Permission::ip_ranges, &wire::ec2::IpRange::cidr_ip>},
    {"ip-permission.from-port", of_in<&Permission::from_port>},
    {"ip-permission.group-id", of_in<&Permission::user_id_group_pairs, &PermissionPair::group_id>},
    {"ip-permission.group-name",
     of_in<&Permission::user_id_group_pairs, &PermissionPair::group_name>},
    {"ip-permission.ipv6-cidr", of_in<&Permission::ipv6_ranges, &wire::ec2::Ipv6Range::cidr_ipv6>},
    {"ip-permission.prefix-list-id",
     of_in<&Permission::prefix_list_ids, &wire::ec2::PrefixListId::prefix_list_id>},
    {"ip-permission.protocol", of_in<&Permission::ip_protocol>},
    {"ip-permission.to-port", of_in<&Permission::to_port>},
    {"ip-permission.user-id", of_in<&Permission::user_id_group_pairs, &PermissionPair::user_id>},
    {"owner-id", at<&WireGroup::owner_id>},
    {"vpc-id", at<&WireGroup::vpc_id>},
};
constexpr Listing<WireGroup> kGroups{kGroupRules, tags_at<&WireGroup::tags>};

/// The group that a request names by id or, older, by name.
template <class Request>
Result<SecurityGroup> named_group(engine::Engine& engine, engine::Caller const& caller,
                                  Request const& request)
{
    if (!request.group_id && !request.group_name)
        return fail(Fault::missing, "The request must contain the parameter GroupId or GroupName");
    std::optional<SecurityGroupId> id;
    if (request.group_id)
        id = TRY(SecurityGroupId::parse(*request.group_id));
    return engine.security_group(caller, id, request.group_name.value_or(""));
}

/// Groups by id and by name: all must exist; all groups when neither is given.
Result<catalog::Refs<SecurityGroup>>
selected_groups(Desk const& desk, wire::ec2::DescribeSecurityGroupsRequest const& request)
{
    auto groups = TRY(desk.engine.security_groups(desk.caller));
    if (request.group_ids.empty() && request.group_names.empty())
        return groups;
    auto wanted = TRY(parse_ids<SecurityGroupId>(request.group_ids));
    for (auto const& id : wanted)
        TRY(desk.engine.security_group(desk.caller, id, ""));
    for (auto const& name : request.group_names) {
        auto const group = TRY(desk.engine.security_group(desk.caller, {}, name));
        wanted.push_back(group.id);
    }
    std::erase_if(groups, [&](catalog::Ref<SecurityGroup> const& group) {
        return std::ranges::find(wanted, group->id) == wanted.end();
    });
    return groups;
}

/// The rules of a group by their ids; Fault::not_found for an id of none of them.
Result<void> add_by_id(SecurityGroup const& group, std::vector<std::string> const& rule_ids,
                       std::vector<SecurityGroupRule>& rules)
{
    for (auto const& id : rule_ids) {
        auto const found =
            std::find_if(group.rules.begin(), group.rules.end(), [&](SecurityGroupRule const& one) {
                return !one.egress && rule_id(group, one) == id;
            });
        if (found == group.rules.end())
            return Error{Fault::not_found, Noun::security_group_rule,
                         fmt::format("The security group {} has no ingress rule {}",
                                     group.id.text(), id.substr(0, 64))};
        rules.push_back(*found);
    }
    return {};
}

Error no_rules()
{
    return fail(Fault::missing, "The request must contain the parameter IpPermissions");
}

} // namespace

Result<wire::ec2::CreateSecurityGroupResult>
create_security_group(Desk const& desk, wire::ec2::CreateSecurityGroupRequest const& request)
{
    std::optional<VpcId> vpc;
    if (request.vpc_id)
        vpc = TRY(VpcId::parse(*request.vpc_id));
    auto tags = TRY(tags_for(request.tag_specifications, "security-group"));
    auto const group =
        TRY(desk.engine.create_security_group(desk.caller, {.name = request.group_name,
                                                            .description = request.description,
                                                            .vpc = vpc,
                                                            .tags = std::move(tags),
                                                            .dry_run = request.dry_run}));
    return wire::ec2::CreateSecurityGroupResult{.group_id = group.id.text(),
                                                .tags = wire_tags(group.tags),
                                                .security_group_arn = arn_of(group)};
}

Result<wire::ec2::DeleteSecurityGroupResult>
delete_security_group(Desk const& desk, wire::ec2::DeleteSecurityGroupRequest const& request)
{
    auto const group = TRY(named_group(desk.engine, desk.caller, request));
    TRY(desk.engine.delete_security_group(desk.caller, group.id, "", request.dry_run));
    return wire::ec2::DeleteSecurityGroupResult{.group_id = group.id.text()};
}

Result<wire::ec2::DescribeSecurityGroupsResult>
describe_security_groups(Desk const& desk, wire::ec2::DescribeSecurityGroupsRequest const& request)
{
    auto const groups = TRY(selected_groups(desk, request));
    wire::ec2::DescribeSecurityGroupsResult result;
    result.security_groups = TRY(page_of_records(desk, "DescribeSecurityGroups", groups, request,
                                                 kGroups, wire_group, result.next_token));
    return result;
}

Result<wire::ec2::AuthorizeSecurityGroupIngressResult>
authorize_security_group_ingress(Desk const& desk,
                                 wire::ec2::AuthorizeSecurityGroupIngressRequest const& request)
{
    auto const tags = TRY(tags_for(request.tag_specifications, "security-group-rule"));
    if (!tags.empty())
        return not_offered("TagSpecification (tags of security group rules)");
    auto const group = TRY(named_group(desk.engine, desk.caller, request));
    auto const asked = TRY(
        ingress_rules(desk.engine, desk.caller, request.ip_permissions, flat_permission(request)));
    if (asked.empty())
        return no_rules();
    for (auto const& rule : asked) {
        if (rule.group.empty())
            continue;
        auto const source = TRY(SecurityGroupId::parse(rule.group));
        TRY(desk.engine.security_group(desk.caller, source, ""));
    }
    auto const rules = TRY(desk.engine.authorize(desk.caller, group.id, asked, request.dry_run));
    wire::ec2::AuthorizeSecurityGroupIngressResult result;
    for (auto const& rule : rules)
        result.security_group_rules.push_back(wire_rule(group, rule));
    return result;
}

Result<wire::ec2::RevokeSecurityGroupIngressResult>
revoke_security_group_ingress(Desk const& desk,
                              wire::ec2::RevokeSecurityGroupIngressRequest const& request)
{
    auto const group = TRY(named_group(desk.engine, desk.caller, request));
    auto asked = TRY(
        ingress_rules(desk.engine, desk.caller, request.ip_permissions, flat_permission(request)));
    TRY(add_by_id(group, request.security_group_rule_ids, asked));
    if (asked.empty())
        return no_rules();
    auto const rules = TRY(desk.engine.revoke(desk.caller, group.id, asked, request.dry_run));
    wire::ec2::RevokeSecurityGroupIngressResult result;
    for (auto const& rule : rules)
        result.revoked_security_group_rules.push_back(wire_revoked(group, rule));
    return result;
}

} // namespace karat::api::ec2
