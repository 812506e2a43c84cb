// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"
#include "group_rules.hpp"
#include "handlers.hpp"

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

enum class Way { in, out };

/// A filter on the rules of one direction: `read` gives a value, or nothing for rules without one.
template <Way way, auto read>
Values rules(SecurityGroup const& group)
{
    Values values;
    for (auto const& rule : group.rules)
        if (rule.egress == (way == Way::out))
            if (std::optional<std::string> value = read(group, rule))
                values.push_back(std::move(*value));
    return values;
}

using Read = std::optional<std::string>;
constexpr auto kRuleCidr = [](SecurityGroup const&, SecurityGroupRule const& rule) -> Read {
    if (rule.cidr.empty() || rule.cidr.find(':') != std::string::npos)
        return {};
    return rule.cidr;
};
constexpr auto kCidr6 = [](SecurityGroup const&, SecurityGroupRule const& rule) -> Read {
    if (rule.cidr.find(':') == std::string::npos)
        return {};
    return rule.cidr;
};
constexpr auto kFrom = [](SecurityGroup const&, SecurityGroupRule const& rule) -> Read {
    return rule.protocol == "-1" ? Read() : Read(std::to_string(rule.from_port));
};
constexpr auto kTo = [](SecurityGroup const&, SecurityGroupRule const& rule) -> Read {
    return rule.protocol == "-1" ? Read() : Read(std::to_string(rule.to_port));
};
constexpr auto kSource = [](SecurityGroup const&, SecurityGroupRule const& rule) -> Read {
    return rule.group.empty() ? Read() : Read(rule.group);
};
constexpr auto kSourceOwner = [](SecurityGroup const& group,
                                 SecurityGroupRule const& rule) -> Read {
    return rule.group.empty() ? Read() : Read(group.owner.text());
};
constexpr auto kProtocol = [](SecurityGroup const&, SecurityGroupRule const& rule) -> Read {
    return rule.protocol;
};
// Rules name their source by id, and there are no prefix lists.
constexpr auto kNone = [](SecurityGroup const&, SecurityGroupRule const&) -> Read { return {}; };

constexpr FilterRule<SecurityGroup> kGroupRules[] = {
    {"description", [](SecurityGroup const& group) { return Values{group.description}; }},
    {"egress.ip-permission.cidr", rules<Way::out, kRuleCidr>},
    {"egress.ip-permission.from-port", rules<Way::out, kFrom>},
    {"egress.ip-permission.group-id", rules<Way::out, kSource>},
    {"egress.ip-permission.group-name", rules<Way::out, kNone>},
    {"egress.ip-permission.ipv6-cidr", rules<Way::out, kCidr6>},
    {"egress.ip-permission.prefix-list-id", rules<Way::out, kNone>},
    {"egress.ip-permission.protocol", rules<Way::out, kProtocol>},
    {"egress.ip-permission.to-port", rules<Way::out, kTo>},
    {"egress.ip-permission.user-id", rules<Way::out, kSourceOwner>},
    {"group-id", [](SecurityGroup const& group) { return Values{group.id.text()}; }},
    {"group-name", [](SecurityGroup const& group) { return Values{group.name}; }},
    {"ip-permission.cidr", rules<Way::in, kRuleCidr>},
    {"ip-permission.from-port", rules<Way::in, kFrom>},
    {"ip-permission.group-id", rules<Way::in, kSource>},
    {"ip-permission.group-name", rules<Way::in, kNone>},
    {"ip-permission.ipv6-cidr", rules<Way::in, kCidr6>},
    {"ip-permission.prefix-list-id", rules<Way::in, kNone>},
    {"ip-permission.protocol", rules<Way::in, kProtocol>},
    {"ip-permission.to-port", rules<Way::in, kTo>},
    {"ip-permission.user-id", rules<Way::in, kSourceOwner>},
    {"owner-id", [](SecurityGroup const& group) { return Values{group.owner.text()}; }},
    {"vpc-id", [](SecurityGroup const& group) { return Values{group.vpc.text()}; }},
};

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
Result<std::vector<SecurityGroup>>
selected_groups(engine::Engine& engine, engine::Caller const& caller,
                wire::ec2::DescribeSecurityGroupsRequest const& request)
{
    auto groups = TRY(engine.security_groups(caller));
    if (request.group_ids.empty() && request.group_names.empty())
        return groups;
    auto const ids = TRY(parse_ids<SecurityGroupId>(request.group_ids));
    std::vector<SecurityGroupId> wanted;
    for (auto const& id : ids) {
        auto const group = TRY(engine.security_group(caller, id, ""));
        wanted.push_back(group.id);
    }
    for (auto const& name : request.group_names) {
        auto const group = TRY(engine.security_group(caller, {}, name));
        wanted.push_back(group.id);
    }
    std::erase_if(groups, [&](SecurityGroup const& group) {
        return std::find(wanted.begin(), wanted.end(), group.id) == wanted.end();
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
create_security_group(engine::Engine& engine, engine::Caller const& caller,
                      wire::ec2::CreateSecurityGroupRequest const& request)
{
    std::optional<VpcId> vpc;
    if (request.vpc_id)
        vpc = TRY(VpcId::parse(*request.vpc_id));
    auto tags = TRY(tags_for(request.tag_specifications, "security-group"));
    auto const group = TRY(engine.create_security_group(caller, {.name = request.group_name,
                                                                 .description = request.description,
                                                                 .vpc = vpc,
                                                                 .tags = std::move(tags),
                                                                 .dry_run = request.dry_run}));
    return wire::ec2::CreateSecurityGroupResult{.group_id = group.id.text(),
                                                .tags = wire_tags(group.tags),
                                                .security_group_arn = arn_of(group)};
}

Result<wire::ec2::DeleteSecurityGroupResult>
delete_security_group(engine::Engine& engine, engine::Caller const& caller,
                      wire::ec2::DeleteSecurityGroupRequest const& request)
{
    auto const group = TRY(named_group(engine, caller, request));
    TRY(engine.delete_security_group(caller, group.id, "", request.dry_run));
    return wire::ec2::DeleteSecurityGroupResult{.group_id = group.id.text()};
}

Result<wire::ec2::DescribeSecurityGroupsResult>
describe_security_groups(engine::Engine& engine, engine::Caller const& caller,
                         wire::ec2::DescribeSecurityGroupsRequest const& request)
{
    auto all = TRY(selected_groups(engine, caller, request));
    auto some = TRY(filtered(std::move(all), request.filters, kGroupRules));
    wire::ec2::DescribeSecurityGroupsResult result;
    auto const page = TRY(page_of(std::move(some), page_request(request), result.next_token));
    for (auto const& group : page)
        result.security_groups.push_back(wire_group(group));
    return result;
}

Result<wire::ec2::AuthorizeSecurityGroupIngressResult>
authorize_security_group_ingress(engine::Engine& engine, engine::Caller const& caller,
                                 wire::ec2::AuthorizeSecurityGroupIngressRequest const& request)
{
    auto const tags = TRY(tags_for(request.tag_specifications, "security-group-rule"));
    if (!tags.empty())
        return not_offered("TagSpecification (tags of security group rules)");
    auto const group = TRY(named_group(engine, caller, request));
    auto const asked =
        TRY(ingress_rules(engine, caller, request.ip_permissions, flat_permission(request)));
    if (asked.empty())
        return no_rules();
    for (auto const& rule : asked) {
        if (rule.group.empty())
            continue;
        auto const source = TRY(SecurityGroupId::parse(rule.group));
        TRY(engine.security_group(caller, source, ""));
    }
    auto const rules = TRY(engine.authorize(caller, group.id, asked, request.dry_run));
    wire::ec2::AuthorizeSecurityGroupIngressResult result;
    for (auto const& rule : rules)
        result.security_group_rules.push_back(wire_rule(group, rule));
    return result;
}

Result<wire::ec2::RevokeSecurityGroupIngressResult>
revoke_security_group_ingress(engine::Engine& engine, engine::Caller const& caller,
                              wire::ec2::RevokeSecurityGroupIngressRequest const& request)
{
    auto const group = TRY(named_group(engine, caller, request));
    auto asked =
        TRY(ingress_rules(engine, caller, request.ip_permissions, flat_permission(request)));
    TRY(add_by_id(group, request.security_group_rule_ids, asked));
    if (asked.empty())
        return no_rules();
    auto const rules = TRY(engine.revoke(caller, group.id, asked, request.dry_run));
    wire::ec2::RevokeSecurityGroupIngressResult result;
    for (auto const& rule : rules)
        result.revoked_security_group_rules.push_back(wire_revoked(group, rule));
    return result;
}

} // namespace karat::api::ec2
