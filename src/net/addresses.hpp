// SPDX-License-Identifier: Apache-2.0
// The addresses of one guest's network, and bytes in network order.
#pragma once

#include "karat/net_settings.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace karat::net {

using Mac = std::array<std::uint8_t, 6>;
using Frame = std::span<std::uint8_t>;
using ConstFrame = std::span<std::uint8_t const>;

/// IPv4 addresses as numbers, 10.0.0.1 being 0x0a000001.
using Ipv4 = std::uint32_t;

inline constexpr Ipv4 kImds = 0xa9fea9fe; // 169.254.169.254

struct Addresses {
    Ipv4 network = 0;
    Ipv4 mask = 0;
    Ipv4 router = 0; ///< .1, as EC2's
    Ipv4 dns = 0;    ///< .2, as EC2's
    Ipv4 inside = 0; ///< .3, which EC2 reserves: where libslirp believes the IMDS to be
    Ipv4 guest = 0;
    Mac guest_mac{};
    std::string domain{}; ///< Of the hosts' names, in lower case; empty: they have none.
    Mac router_mac{};     ///< 52:55 and the router's address: libslirp's rule
    bool in_subnet(Ipv4 address) const { return (address & mask) == network; }
};

/// Fault::invalid when a text is malformed or the guest is not a host of its subnet.
Result<Addresses> addresses_of(Settings const& settings);

/// The name of an address as EC2 forms it, without its domain: "ip-10-0-0-5".
std::string host_name_of(Ipv4 ip);
Result<Ipv4> parse_ipv4(std::string_view text);
Result<Mac> parse_mac(std::string_view text);

inline std::uint16_t load16(ConstFrame frame, std::size_t at)
{
    return static_cast<std::uint16_t>(frame[at] << 8 | frame[at + 1]);
}
inline std::uint32_t load32(ConstFrame frame, std::size_t at)
{
    return std::uint32_t{load16(frame, at)} << 16 | load16(frame, at + 2);
}
inline void store16(Frame frame, std::size_t at, std::uint16_t value)
{
    frame[at] = static_cast<std::uint8_t>(value >> 8);
    frame[at + 1] = static_cast<std::uint8_t>(value);
}
inline void store32(Frame frame, std::size_t at, std::uint32_t value)
{
    store16(frame, at, static_cast<std::uint16_t>(value >> 16));
    store16(frame, at + 2, static_cast<std::uint16_t>(value));
}

} // namespace karat::net
