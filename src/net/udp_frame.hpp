// SPDX-License-Identifier: Apache-2.0
// A datagram to the guest, with all its headers.
#pragma once

#include "addresses.hpp"

#include <vector>

namespace karat::net {

inline constexpr Ipv4 kEverybody = 0xffffffff; ///< Then the frame is a broadcast, too.

struct Way {
    Ipv4 from = 0;
    Ipv4 to = 0;
    std::uint16_t from_port = 0;
    std::uint16_t to_port = 0;
};

/// Puts Ethernet, IPv4 and UDP headers (without the optional UDP checksum) before a message of at
/// most 1400 bytes.
std::vector<std::uint8_t> udp_frame(Addresses const& addresses, Way const& way, ConstFrame message);

/// The message of a UDP frame that judge() has let through.
ConstFrame udp_message(ConstFrame frame);

} // namespace karat::net
