// SPDX-License-Identifier: Apache-2.0
// Which host ports are forwarded for the ports that security groups open. Each forwarded port is a
// listening socket, so "all traffic" cannot be taken literally: see plan_forwards().
#pragma once

#include "karat/net_settings.hpp"

#include <compare>
#include <set>
#include <string>
#include <vector>

namespace karat::net {

enum class Transport : unsigned char { tcp, udp };

struct Forward {
    Transport transport = Transport::tcp;
    int port = 0;
    auto operator<=>(Forward const&) const = default;
};

struct Plan {
    std::set<Forward> forwards;
    std::vector<std::string> left_out; ///< For the log: what of the open ports is not forwarded.
};

/// The most sockets that one guest listens with.
inline constexpr std::size_t kMaxForwards = 64;
/// Wider ranges get only their well-known ports.
inline constexpr int kWideRange = 32;

/// Ranges of up to kWideRange ports are forwarded port by port, wider ones at the well-known ports
/// that they contain, all of them until kMaxForwards.
Plan plan_forwards(std::vector<PortRange> const& open_ports);

} // namespace karat::net
