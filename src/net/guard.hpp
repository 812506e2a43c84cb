// SPDX-License-Identifier: Apache-2.0
// What may leave a guest. libslirp would connect to whatever address a frame names, this host's
// loopback included, and pass any port of the name server's address on to the host's resolver; so
// every frame is looked at first. Pure functions over strangers' bytes; fuzzed by fuzz/net_guard.
#pragma once

#include "addresses.hpp"
#include "host_addresses.hpp"

namespace karat::net {

/// The largest frame from the guest: an Ethernet header with a VLAN tag and 1500 bytes.
inline constexpr std::size_t kMaxFrameBytes = 1518;

enum class Verdict : unsigned char {
    drop,
    pass,     ///< For libslirp as it is.
    dhcp,     ///< For answer_dhcp().
    dns,      ///< A question to the name server: for answer_dns(), or for libslirp.
    imds,     ///< TCP to 169.254.169.254:80: for libslirp after rewrite_destination().
    imds_arp, ///< Who has 169.254.169.254: for answer_imds_arp().
};

/// `refused` are addresses that the guest must not reach besides those that nobody may.
Verdict judge(Addresses const& addresses, HostAddresses const& refused, ConstFrame frame);

/// Whether a frame that may pass begins something: a TCP connection, a datagram, a ping. The rest
/// belongs to a connection that is there.
bool begins_flow(ConstFrame frame);

/// Rewrites the address of a TCP/IPv4 frame in place, with its checksums. Only for frames that
/// judge() found to be `imds`, or that libslirp made.
void rewrite_destination(Frame frame, Ipv4 to);
void rewrite_source(Frame frame, Ipv4 to);
/// Sets the TTL of an IPv4 frame that libslirp made.
void set_hop_limit(Frame frame, std::uint8_t hop_limit);

/// Whether a frame of libslirp's is an answer of the IMDS, which the guest knows by its own name.
bool is_from(ConstFrame frame, Ipv4 source);

/// The ARP reply that 169.254.169.254 is at the router. Only for frames judged `imds_arp`.
std::array<std::uint8_t, 42> answer_imds_arp(Addresses const& addresses, ConstFrame request);

} // namespace karat::net
