// SPDX-License-Identifier: Apache-2.0
// EC2's nested IpPermissions and our flat rules, both ways. Private to the room.
#pragma once

#include "karat/engine.hpp"
#include "karat/wire/ec2/groups.hpp"

#include <optional>
#include <string>
#include <vector>

namespace karat::api::ec2 {

/// The older way to say one rule: its parts beside the group's name.
struct FlatPermission {
    std::optional<std::string> ip_protocol;
    std::optional<std::int32_t> from_port;
    std::optional<std::int32_t> to_port;
    std::optional<std::string> cidr_ip;
    std::optional<std::string> source_group_name;
    std::optional<std::string> source_group_owner;
};

/// The FlatPermission of a request that has its members.
template <class Request>
FlatPermission flat_permission(Request const& request)
{
    return {.ip_protocol = request.ip_protocol,
            .from_port = request.from_port,
            .to_port = request.to_port,
            .cidr_ip = request.cidr_ip,
            .source_group_name = request.source_security_group_name,
            .source_group_owner = request.source_security_group_owner_id};
}

/// Ingress rules out of either form, source groups by id; Fault::invalid about Noun::combination
/// for both forms at once. Says nothing of ports and blocks: the engine checks those. Nor whether a
/// group that is named by id exists: a rule may be revoked after its source is gone.
Result<std::vector<SecurityGroupRule>>
ingress_rules(engine::Engine& engine, engine::Caller const& caller,
              std::vector<wire::ec2::IpPermission> const& permissions, FlatPermission const& flat);

/// Rules of one direction, with those of one protocol and port range in one permission.
std::vector<wire::ec2::IpPermission> wire_permissions(SecurityGroup const& group, bool egress);

/// "sgr-…": follows from the group and what makes a rule the same rule, so it needs no storage.
std::string rule_id(SecurityGroup const& group, SecurityGroupRule const& rule);

wire::ec2::SecurityGroupRule wire_rule(SecurityGroup const& group, SecurityGroupRule const& rule);
wire::ec2::RevokedSecurityGroupRule wire_revoked(SecurityGroup const& group,
                                                 SecurityGroupRule const& rule);

} // namespace karat::api::ec2
