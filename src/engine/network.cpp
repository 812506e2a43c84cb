// SPDX-License-Identifier: Apache-2.0
// The default VPC of an account in a region, addresses, and security groups.
#include "addresses.hpp"
#include "state.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace karat::engine {
namespace {

constexpr char const* kVpcCidr = "172.31.0.0/16"; // EC2's default VPC
constexpr std::uint32_t kFirstHost = 4;           // EC2 keeps the first four addresses of a subnet
constexpr std::uint32_t kSubnetHosts = 4096 - 1;  // a /20, less the broadcast address
// Loopback aliases for instances: 127.64.0.0/10, away from 127.0.0.1 and what distributions use.
constexpr std::uint32_t kAliasBase = (127U << 24) | (64U << 16);
constexpr std::uint32_t kAliasMask = (1U << 22) - 1;
constexpr std::size_t kMaxRules = 60; // per group, EC2's default quota

Result<std::uint32_t> network_of(Subnet const& subnet)
{
    auto const base = parse_ipv4(subnet.cidr.substr(0, subnet.cidr.find('/')));
    if (!base)
        return impossible_row(subnet.id.text(), "it has no IPv4 network");
    return *base;
}

SecurityGroup make_default_group(Engine::State& state, Caller const& caller, VpcId const& vpc)
{
    SecurityGroup group{.id = SecurityGroupId::generate(state.env().chance),
                        .owner = caller.account,
                        .region = caller.region,
                        .vpc = vpc,
                        .name = "default",
                        .description = "default VPC security group"};
    group.rules.push_back({.protocol = "-1", .group = group.id.text()});
    group.rules.push_back({.egress = true, .protocol = "-1", .cidr = "0.0.0.0/0"});
    return group;
}

Result<Network> make_network(Engine::State& state, catalog::Change& change, Caller const& caller)
{
    Vpc const vpc{.id = VpcId::generate(state.env().chance),
                  .owner = caller.account,
                  .region = caller.region,
                  .cidr = kVpcCidr};
    auto group = make_default_group(state, caller, vpc.id);
    TRY(change.save(vpc));
    TRY(change.save(group));
    Network network{.vpc = vpc, .subnets = {}, .default_group = std::move(group)};
    int third = 0;
    for (auto const* const zone : {"a", "b", "c"}) {
        network.subnets.push_back({.id = SubnetId::generate(state.env().chance),
                                   .owner = caller.account,
                                   .region = caller.region,
                                   .zone = caller.region + zone,
                                   .vpc = vpc.id,
                                   .cidr = fmt::format("172.31.{}.0/20", third)});
        TRY(change.save(network.subnets.back()));
        third += 16;
    }
    return network;
}

Result<std::optional<Network>> find_network(catalog::View& view, Caller const& caller)
{
    catalog::Scope const scope{caller.region, caller.account};
    auto vpcs = TRY(view.vpcs(scope));
    auto const vpc =
        std::find_if(vpcs.begin(), vpcs.end(), [](Vpc const& one) { return one.is_default; });
    if (vpc == vpcs.end())
        return std::optional<Network>();
    auto const groups = TRY(view.security_groups(scope));
    auto const group = std::find_if(groups.begin(), groups.end(), [&](SecurityGroup const& one) {
        return one.vpc == vpc->id && one.name == "default";
    });
    if (group == groups.end()) // made in the same transaction, and never deleted
        return impossible_row(vpc->id.text(), "it has no default security group");
    auto subnets = TRY(view.subnets(scope));
    std::sort(subnets.begin(), subnets.end(),
              [](Subnet const& a, Subnet const& b) { return a.zone < b.zone; });
    return std::optional(Network{*vpc, std::move(subnets), *group});
}

bool lives(Instance const& instance) { return instance.state != InstanceState::terminated; }

/// Changes of the catalog are serial, so what is free within one stays free until it ends.
Result<bool> is_taken(catalog::View& view, Subnet const& subnet, std::string const& address)
{
    catalog::PassOverDamaged const passing(view, subnet.owner);
    auto const found = TRY(view.list<Instance>(catalog::at_private_address(subnet.id, address)));
    return !found.empty();
}

/// Whether traffic from this host may come by the rule: its source covers the loopback addresses
/// that clients here have, or everything.
bool covers_this_host(SecurityGroupRule const& rule)
{
    auto const cidr = parse_cidr(rule.cidr); // rules of older versions may hold what is no block
    return !rule.egress && cidr.ok() && cidr.value().holds_ipv4(127U << 24 | 1);
}

Error bad_rule(std::string message)
{
    return {Fault::invalid, Noun::security_group_rule, std::move(message)};
}

Result<void> check_ports(SecurityGroupRule const& rule)
{
    bool const has_ports = rule.protocol == "tcp" || rule.protocol == "udp";
    if (!has_ports && rule.protocol != "icmp" && rule.protocol != "-1")
        return bad_rule(
            fmt::format("Invalid value '{}' for IP protocol", rule.protocol.substr(0, kQuoted)));
    if (has_ports && (rule.from_port < 0 || rule.to_port > 65535 || rule.from_port > rule.to_port))
        return bad_rule(fmt::format("Invalid port range {}-{}", rule.from_port, rule.to_port));
    auto const is_icmp = [](int number) { return number >= -1 && number <= 255; };
    if (rule.protocol == "icmp" && (!is_icmp(rule.from_port) || !is_icmp(rule.to_port)))
        return bad_rule(
            fmt::format("Invalid ICMP type or code {}, {}", rule.from_port, rule.to_port));
    return {};
}

/// The rule as it is kept: its block in the one spelling, so that another is a duplicate.
Result<SecurityGroupRule> checked_rule(SecurityGroupRule rule)
{
    TRY(check_ports(rule));
    TRY(check_group_text("rule description", rule.description));
    if (rule.cidr.empty() && rule.group.empty())
        return bad_rule("A rule needs a source: a CIDR block or a security group");
    if (!rule.cidr.empty()) {
        auto const cidr = TRY(parse_cidr(rule.cidr));
        rule.cidr = cidr.text();
    }
    return rule;
}

/// Blocks in their one spelling. Rules of older versions have theirs as they were given, be they
/// none.
void respell(std::vector<SecurityGroupRule>& rules)
{
    for (auto& rule : rules)
        if (auto const cidr = parse_cidr(rule.cidr); cidr.ok())
            rule.cidr = cidr.value().text();
}

/// After a group changed, the running instances in it get the new set of open ports.
Result<void> reopen_ports(Engine::State& state, SecurityGroup const& group)
{
    auto const instances = TRY(state.catalog().read(
        [&](catalog::View& view) { return view.instances({group.region, group.owner}); }));
    for (auto const& instance : instances) {
        auto const& groups = instance.interface.groups;
        if (instance.state != InstanceState::running ||
            std::find(groups.begin(), groups.end(), group.id) == groups.end())
            continue;
        auto const ports = TRY(
            state.catalog().read([&](catalog::View& view) { return open_ports(view, groups); }));
        auto const outcome = state.parts.hypervisor.set_open_ports(instance.id, ports);
        // A machine that ends just now needs no ports; its next start reads the rules again.
        if (!outcome.ok() && outcome.error().fault != Fault::not_found)
            return outcome.error();
    }
    return {};
}

std::string describe(SecurityGroupRule const& rule)
{
    return fmt::format("peer: {}, {}, from port: {}, to port: {}",
                       rule.cidr.empty() ? rule.group : rule.cidr, rule.protocol, rule.from_port,
                       rule.to_port);
}

bool names(std::vector<SecurityGroupRule> const& rules, SecurityGroupId const& group)
{
    return std::ranges::any_of(
        rules, [&](SecurityGroupRule const& rule) { return rule.group == group.text(); });
}

} // namespace

Result<Network> default_network(Engine::State& state, catalog::Change& change, Caller const& caller)
{
    if (auto network = TRY(find_network(change, caller)))
        return std::move(*network);
    return make_network(state, change, caller);
}

Result<Network> default_network(Engine::State& state, Caller const& caller)
{
    auto found =
        TRY(state.catalog().read([&](catalog::View& view) { return find_network(view, caller); }));
    if (found)
        return std::move(*found);
    return change_for(state, caller, "CreateDefaultVpc", [&](catalog::Change& change) {
        return default_network(state, change, caller);
    });
}

Result<SecurityGroup> find_own_group(catalog::View& view, Caller const& caller,
                                     SecurityGroupId const& id)
{
    auto group = TRY(view.security_group(id));
    if (!group || group->owner != caller.account || group->region != caller.region)
        return not_found(id);
    return std::move(*group);
}

Result<std::string> wanted_private_ip(catalog::View& view, Subnet const& subnet,
                                      std::string const& asked)
{
    auto const address = parse_ipv4(asked);
    if (!address)
        return fail(Fault::invalid,
                    fmt::format("Value ({}) for parameter privateIpAddress is invalid. Invalid "
                                "IPv4 address",
                                asked.substr(0, kQuoted)));
    auto const base = TRY(network_of(subnet));
    if (*address < base || *address - base > kSubnetHosts)
        return fail(Fault::invalid,
                    fmt::format("Address {} does not fall within the subnet's address range {}",
                                asked, subnet.cidr));
    auto const host = *address - base;
    if (host < kFirstHost || host == kSubnetHosts)
        return fail(Fault::invalid,
                    fmt::format("Address {} is in subnet's reserved address range", asked));
    bool const taken = TRY(is_taken(view, subnet, dotted(*address)));
    if (taken)
        return Error{Fault::in_use, Noun::private_ip, fmt::format("Address {} is in use.", asked)};
    return dotted(*address);
}

Result<std::string> free_private_ip(catalog::View& view, Subnet const& subnet,
                                    std::uint32_t& from_host)
{
    auto const base = TRY(network_of(subnet));
    for (from_host = std::max(from_host, kFirstHost); from_host < kSubnetHosts; ++from_host) {
        auto address = dotted(base + from_host);
        bool const taken = TRY(is_taken(view, subnet, address));
        if (!taken)
            return address;
    }
    return Error{Fault::exhausted, Noun::subnet,
                 fmt::format("The subnet {} has no free address", subnet.id.text())};
}

Result<std::string> free_public_ip(Engine::State& state, catalog::View& view)
{
    catalog::PassOverDamaged const passing(view);
    for (int attempt = 0; attempt < 1000; ++attempt) {
        std::array<std::byte, 4> bytes{};
        state.env().chance.fill(bytes);
        std::uint32_t word = 0;
        for (auto const b : bytes)
            word = word << 8 | std::to_integer<std::uint32_t>(b);
        auto const last = word & 255;
        auto address = dotted(kAliasBase + (word & kAliasMask));
        if (last == 0 || last == 255)
            continue;
        auto const holders = TRY(view.list<Instance>(catalog::at_public_address(address)));
        if (holders.empty())
            return address;
    }
    return fail(Fault::exhausted, "No loopback address is free for another instance");
}

Result<std::vector<compute::OpenPorts>> open_ports(catalog::View& view,
                                                   std::vector<SecurityGroupId> const& groups)
{
    std::vector<compute::OpenPorts> ports;
    auto const add = [&](std::string const& protocol, SecurityGroupRule const& rule) {
        compute::OpenPorts const open{protocol, rule.protocol == "-1" ? 0 : rule.from_port,
                                      rule.protocol == "-1" ? 65535 : rule.to_port};
        if (std::find(ports.begin(), ports.end(), open) == ports.end())
            ports.push_back(open);
    };
    for (auto const& id : groups) {
        auto const group = TRY(view.security_group(id));
        if (!group)
            continue;
        for (auto const& rule : group->rules) {
            if (!covers_this_host(rule))
                continue;
            for (auto const* const protocol : {"tcp", "udp"})
                if (rule.protocol == protocol || rule.protocol == "-1")
                    add(protocol, rule);
        }
    }
    return ports;
}

template <class Thing>
Result<catalog::Refs<Thing>> network_things(Engine::State& state, Caller const& caller)
{
    TRY(default_network(state, caller));
    return state.catalog().read([&](catalog::View& view) {
        return view.list<Thing>(catalog::within({caller.region, caller.account}));
    });
}

Result<catalog::Refs<Vpc>> Engine::vpcs(Caller const& caller)
{
    return network_things<Vpc>(*state_, caller);
}

Result<catalog::Refs<Subnet>> Engine::subnets(Caller const& caller)
{
    return network_things<Subnet>(*state_, caller);
}

Result<catalog::Refs<SecurityGroup>> Engine::security_groups(Caller const& caller)
{
    return network_things<SecurityGroup>(*state_, caller);
}

Result<SecurityGroup> Engine::security_group(Caller const& caller,
                                             std::optional<SecurityGroupId> const& id,
                                             std::string const& name)
{
    auto const all = TRY(security_groups(caller));
    for (auto const& group : all)
        if (id ? group->id == *id : group->name == name)
            return *group;
    if (id)
        return not_found(*id);
    return Error{Fault::not_found, Noun::security_group_name,
                 fmt::format("The security group '{}' does not exist in default VPC", name)};
}

Result<SecurityGroup> Engine::create_security_group(Caller const& caller,
                                                    NewSecurityGroup const& request)
{
    TRY(check_tags(request.tags));
    if (request.name.empty() || request.name.starts_with("sg-"))
        return Error{
            Fault::invalid, Noun::security_group_name,
            "A security group's name has 1 to 255 characters and does not begin with 'sg-'"};
    TRY(check_group_text("group name", request.name));
    if (request.description.empty())
        return fail(Fault::missing, "The request must contain the parameter GroupDescription");
    TRY(check_group_text("group description", request.description));
    return change_for(*state_, caller, "CreateSecurityGroup",
                      [&](catalog::Change& change) -> Result<SecurityGroup> {
                          auto const network = TRY(default_network(*state_, change, caller));
                          if (request.vpc && *request.vpc != network.vpc.id)
                              return not_found(*request.vpc);
                          SecurityGroup group{.id = SecurityGroupId::generate(state_->env().chance),
                                              .owner = caller.account,
                                              .region = caller.region,
                                              .vpc = network.vpc.id,
                                              .name = request.name,
                                              .description = request.description};
                          group.rules.push_back(
                              {.egress = true, .protocol = "-1", .cidr = "0.0.0.0/0"});
                          group.tags = request.tags;
                          TRY(rehearse(request.dry_run));
                          TRY(change.save(group));
                          return group;
                      });
}

Result<void> Engine::delete_security_group(Caller const& caller,
                                           std::optional<SecurityGroupId> const& id,
                                           std::string const& name, bool dry_run)
{
    auto const group = TRY(security_group(caller, id, name));
    return change_for(
        *state_, caller, "DeleteSecurityGroup", [&](catalog::Change& change) -> Result<void> {
            if (group.name == "default")
                return Error{Fault::denied, Noun::security_group,
                             fmt::format("The default security group {} cannot be deleted",
                                         group.id.text())};
            auto const instances = TRY(change.instances({caller.region, caller.account}));
            for (auto const& instance : instances) {
                auto const& used = instance.interface.groups;
                if (lives(instance) && std::find(used.begin(), used.end(), group.id) != used.end())
                    return Error{Fault::in_use, Noun::security_group,
                                 fmt::format("resource {} has a dependent object: {}",
                                             group.id.text(), instance.id.text())};
            }
            auto const groups = TRY(change.security_groups({caller.region, caller.account}));
            for (auto const& other : groups)
                if (other.id != group.id && names(other.rules, group.id))
                    return Error{Fault::in_use, Noun::security_group,
                                 fmt::format("resource {} has a dependent object: {}",
                                             group.id.text(), other.id.text())};
            TRY(rehearse(dry_run));
            return change.remove(group.id);
        });
}

Result<std::vector<SecurityGroupRule>>
Engine::authorize(Caller const& caller, SecurityGroupId const& id,
                  std::vector<SecurityGroupRule> const& asked, bool dry_run)
{
    std::vector<SecurityGroupRule> rules;
    for (auto const& rule : asked)
        rules.push_back(TRY(checked_rule(rule)));
    auto const group = TRY(change_for(
        *state_, caller, "AuthorizeSecurityGroup",
        [&](catalog::Change& change) -> Result<SecurityGroup> {
            auto changed = TRY(find_own_group(change, caller, id));
            respell(changed.rules);
            for (auto const& rule : rules) {
                bool const there =
                    std::any_of(changed.rules.begin(), changed.rules.end(),
                                [&](SecurityGroupRule const& one) { return one.same(rule); });
                if (there)
                    return Error{
                        Fault::duplicate, Noun::security_group_rule,
                        fmt::format("the specified rule \"{}\" already exists", describe(rule))};
                changed.rules.push_back(rule);
            }
            if (changed.rules.size() > kMaxRules)
                return Error{Fault::exhausted, Noun::security_group_rule,
                             fmt::format("A security group has at most {} rules", kMaxRules)};
            TRY(rehearse(dry_run));
            TRY(change.save(changed));
            return changed;
        }));
    TRY(reopen_ports(*state_, group));
    return rules;
}

Result<std::vector<SecurityGroupRule>> Engine::revoke(Caller const& caller,
                                                      SecurityGroupId const& id,
                                                      std::vector<SecurityGroupRule> const& asked,
                                                      bool dry_run)
{
    auto rules = asked;
    respell(rules);
    auto const group = TRY(change_for(
        *state_, caller, "RevokeSecurityGroup",
        [&](catalog::Change& change) -> Result<SecurityGroup> {
            auto changed = TRY(find_own_group(change, caller, id));
            respell(changed.rules);
            for (auto const& rule : rules) {
                auto const removed = std::erase_if(
                    changed.rules, [&](SecurityGroupRule const& one) { return one.same(rule); });
                if (removed > 0)
                    continue;
                TRY(checked_rule(rule));
                return Error{
                    Fault::not_found, Noun::security_group_rule,
                    fmt::format("The specified rule does not exist in this security group: {}",
                                describe(rule))};
            }
            TRY(rehearse(dry_run));
            TRY(change.save(changed));
            return changed;
        }));
    TRY(reopen_ports(*state_, group));
    return rules;
}

} // namespace karat::engine
