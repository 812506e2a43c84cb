// SPDX-License-Identifier: Apache-2.0
#include "group_rules.hpp"

#include "common.hpp"

#include "karat/hash.hpp"
#include "karat/wire/ec2/groups.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

bool is_ipv6(std::string const& cidr) { return cidr.find(':') != std::string::npos; }

/// A protocol's name for the numbers that have one; other words stay for the engine to judge.
std::string protocol_name(std::string const& given)
{
    if (given == "6")
        return "tcp";
    if (given == "17")
        return "udp";
    if (given == "1")
        return "icmp";
    if (given == "all")
        return "-1";
    return given;
}

/// Protocol and ports of a rule that has no source yet.
Result<SecurityGroupRule> open_rule(std::optional<std::string> const& protocol,
                                    std::optional<std::int32_t> from,
                                    std::optional<std::int32_t> to)
{
    if (!protocol)
        return fail(Fault::missing, "The request must contain the parameter IpProtocol");
    SecurityGroupRule rule{.protocol = protocol_name(*protocol)};
    if (rule.protocol == "-1")
        return rule; // all traffic has no ports, whatever the request says
    if ((rule.protocol == "tcp" || rule.protocol == "udp") && (!from || !to))
        return Error{Fault::invalid, Noun::security_group_rule,
                     fmt::format("A {} rule needs both FromPort and ToPort", rule.protocol)};
    rule.from_port = from.value_or(-1);
    rule.to_port = to.value_or(-1);
    return rule;
}

Result<std::string> source_group(engine::Engine& engine, engine::Caller const& caller,
                                 wire::ec2::UserIdGroupPair const& pair)
{
    if (pair.user_id && *pair.user_id != caller.account.text())
        return not_offered("IpPermissions.Groups.UserId of another account");
    if (!pair.group_id && !pair.group_name)
        return fail(Fault::missing, "A source group needs a GroupId or a GroupName");
    if (pair.group_id && !pair.group_name && !pair.vpc_id) {
        auto const id = TRY(SecurityGroupId::parse(*pair.group_id));
        return id.text();
    }
    std::optional<SecurityGroupId> id;
    if (pair.group_id)
        id = TRY(SecurityGroupId::parse(*pair.group_id));
    auto const group = TRY(engine.security_group(caller, id, pair.group_name.value_or("")));
    bool const other_name = pair.group_name && *pair.group_name != group.name;
    if (other_name || (pair.vpc_id && *pair.vpc_id != group.vpc.text()))
        return Error{Fault::invalid, Noun::combination,
                     fmt::format("The group {} does not have the GroupName or VpcId that is given "
                                 "with it",
                                 group.id.text())};
    return group.id.text();
}

/// Each list of blocks is for one kind of address.
Result<void> check_families(wire::ec2::IpPermission const& permission)
{
    auto const malformed = [](std::string const& cidr) {
        return Error{Fault::invalid, Noun::security_group_rule,
                     fmt::format("CIDR block {} is malformed", cidr.substr(0, 64))};
    };
    for (auto const& range : permission.ip_ranges)
        if (is_ipv6(range.cidr_ip.value_or("")))
            return malformed(*range.cidr_ip);
    for (auto const& range : permission.ipv6_ranges)
        if (!is_ipv6(range.cidr_ipv6.value_or(":")))
            return malformed(*range.cidr_ipv6);
    return {};
}

Result<void> add_rules(engine::Engine& engine, engine::Caller const& caller,
                       wire::ec2::IpPermission const& permission,
                       std::vector<SecurityGroupRule>& rules)
{
    auto const open =
        TRY(open_rule(permission.ip_protocol, permission.from_port, permission.to_port));
    auto const count = rules.size();
    auto const add = [&](std::string cidr, std::string group, auto const& description) {
        auto rule = open;
        rule.cidr = std::move(cidr);
        rule.group = std::move(group);
        rule.description = description.value_or("");
        rules.push_back(std::move(rule));
    };
    TRY(check_families(permission));
    for (auto const& range : permission.ip_ranges)
        add(range.cidr_ip.value_or(""), "", range.description);
    for (auto const& range : permission.ipv6_ranges)
        add(range.cidr_ipv6.value_or(""), "", range.description);
    for (auto const& pair : permission.user_id_group_pairs) {
        auto group = TRY(source_group(engine, caller, pair));
        add("", std::move(group), pair.description);
    }
    if (rules.size() == count)
        return Error{Fault::invalid, Noun::security_group_rule,
                     "A permission needs a source: IpRanges, Ipv6Ranges or UserIdGroupPairs"};
    return {};
}

Result<std::vector<SecurityGroupRule>>
rules_of_flat(engine::Engine& engine, engine::Caller const& caller, FlatPermission const& flat)
{
    if (flat.source_group_owner && !flat.source_group_name)
        return fail(Fault::missing,
                    "The request must contain the parameter SourceSecurityGroupName");
    if (flat.source_group_owner && *flat.source_group_owner != caller.account.text())
        return not_offered("SourceSecurityGroupOwnerId of another account");
    if (flat.cidr_ip && is_ipv6(*flat.cidr_ip))
        return Error{Fault::invalid, Noun::security_group_rule,
                     fmt::format("CIDR block {} is malformed", flat.cidr_ip->substr(0, 64))};
    if (!flat.source_group_name) {
        auto rule = TRY(open_rule(flat.ip_protocol, flat.from_port, flat.to_port));
        rule.cidr = flat.cidr_ip.value_or("");
        return std::vector{rule};
    }
    if (flat.cidr_ip || flat.ip_protocol || flat.from_port || flat.to_port)
        return Error{Fault::invalid, Noun::combination,
                     "SourceSecurityGroupName does not go together with CidrIp, IpProtocol, "
                     "FromPort or ToPort"};
    auto const source = TRY(engine.security_group(caller, {}, *flat.source_group_name));
    auto const group = source.id.text();
    // As EC2: the name alone grants all of TCP, UDP and ICMP.
    return std::vector<SecurityGroupRule>{
        {.protocol = "tcp", .from_port = 0, .to_port = 65535, .group = group},
        {.protocol = "udp", .from_port = 0, .to_port = 65535, .group = group},
        {.protocol = "icmp", .group = group}};
}

void add_source(wire::ec2::IpPermission& permission, SecurityGroup const& group,
                SecurityGroupRule const& rule)
{
    std::optional<std::string> description;
    if (!rule.description.empty())
        description = rule.description;
    if (!rule.group.empty())
        permission.user_id_group_pairs.push_back(
            {.description = description, .user_id = group.owner.text(), .group_id = rule.group});
    else if (is_ipv6(rule.cidr))
        permission.ipv6_ranges.push_back({.description = description, .cidr_ipv6 = rule.cidr});
    else
        permission.ip_ranges.push_back({.description = description, .cidr_ip = rule.cidr});
}

/// The members that a rule and a revoked rule share.
template <class Reply>
Reply common_reply(SecurityGroup const& group, SecurityGroupRule const& rule)
{
    Reply reply;
    reply.security_group_rule_id = rule_id(group, rule);
    reply.group_id = group.id.text();
    reply.is_egress = rule.egress;
    reply.ip_protocol = rule.protocol;
    reply.from_port = rule.from_port;
    reply.to_port = rule.to_port;
    if (is_ipv6(rule.cidr))
        reply.cidr_ipv6 = rule.cidr;
    else if (!rule.cidr.empty())
        reply.cidr_ipv4 = rule.cidr;
    if (!rule.description.empty())
        reply.description = rule.description;
    return reply;
}

} // namespace

Result<std::vector<SecurityGroupRule>>
ingress_rules(engine::Engine& engine, engine::Caller const& caller,
              std::vector<wire::ec2::IpPermission> const& permissions, FlatPermission const& flat)
{
    bool const flat_given = flat.ip_protocol || flat.from_port || flat.to_port || flat.cidr_ip ||
                            flat.source_group_name || flat.source_group_owner;
    if (flat_given && !permissions.empty())
        return Error{Fault::invalid, Noun::combination,
                     "IpPermissions does not go together with IpProtocol, FromPort, ToPort, CidrIp "
                     "or SourceSecurityGroupName"};
    if (flat_given)
        return rules_of_flat(engine, caller, flat);
    std::vector<SecurityGroupRule> rules;
    for (auto const& permission : permissions)
        TRY(add_rules(engine, caller, permission, rules));
    return rules;
}

std::vector<wire::ec2::IpPermission> wire_permissions(SecurityGroup const& group, bool egress)
{
    std::vector<wire::ec2::IpPermission> permissions;
    for (auto const& rule : group.rules) {
        if (rule.egress != egress)
            continue;
        wire::ec2::IpPermission wanted{.ip_protocol = rule.protocol};
        if (rule.protocol != "-1") {
            wanted.from_port = rule.from_port;
            wanted.to_port = rule.to_port;
        }
        auto const same = [&](wire::ec2::IpPermission const& one) {
            return one.ip_protocol == wanted.ip_protocol && one.from_port == wanted.from_port &&
                   one.to_port == wanted.to_port;
        };
        auto found = std::find_if(permissions.begin(), permissions.end(), same);
        if (found == permissions.end())
            found = permissions.insert(permissions.end(), wanted);
        add_source(*found, group, rule);
    }
    return permissions;
}

std::string rule_id(SecurityGroup const& group, SecurityGroupRule const& rule)
{
    auto const text =
        fmt::format("{} {} {} {} {} {} {}", group.id.text(), rule.egress, rule.protocol,
                    rule.from_port, rule.to_port, rule.cidr, rule.group);
    return "sgr-" + sha256(text).text().substr(0, 17);
}

wire::ec2::SecurityGroupRule wire_rule(SecurityGroup const& group, SecurityGroupRule const& rule)
{
    auto reply = common_reply<wire::ec2::SecurityGroupRule>(group, rule);
    reply.group_owner_id = group.owner.text();
    if (!rule.group.empty())
        reply.referenced_group_info = wire::ec2::ReferencedSecurityGroup{
            .group_id = rule.group, .user_id = group.owner.text(), .vpc_id = group.vpc.text()};
    reply.security_group_rule_arn =
        fmt::format("arn:aws:ec2:{}:{}:security-group-rule/{}", group.region, group.owner.text(),
                    *reply.security_group_rule_id);
    return reply;
}

wire::ec2::RevokedSecurityGroupRule wire_revoked(SecurityGroup const& group,
                                                 SecurityGroupRule const& rule)
{
    auto reply = common_reply<wire::ec2::RevokedSecurityGroupRule>(group, rule);
    if (!rule.group.empty())
        reply.referenced_group_id = rule.group;
    return reply;
}

} // namespace karat::api::ec2
