// SPDX-License-Identifier: Apache-2.0
// Where things are in Ethernet, ARP, IPv4 and UDP (RFC 826, 791, 768), as offsets into a frame.
#pragma once

#include <cstddef>
#include <cstdint>

namespace karat::net::packet {

inline constexpr std::size_t kEthernetBytes = 14;
inline constexpr std::size_t kEtherSource = 6;
inline constexpr std::size_t kEtherType = 12;
inline constexpr std::uint16_t kTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kTypeArp = 0x0806;

inline constexpr std::size_t kArpBytes = 42; // with the Ethernet header
inline constexpr std::size_t kArpOperation = 20;
inline constexpr std::size_t kArpSenderMac = 22;
inline constexpr std::size_t kArpSenderIp = 28;
inline constexpr std::size_t kArpTargetMac = 32;
inline constexpr std::size_t kArpTargetIp = 38;

inline constexpr std::size_t kIp = 14;
inline constexpr std::size_t kIpMinBytes = 20;
inline constexpr std::size_t kIpLength = 16;
inline constexpr std::size_t kIpFragment = 20;
inline constexpr std::size_t kIpTtl = 22;
inline constexpr std::size_t kIpProtocol = 23;
inline constexpr std::size_t kIpChecksum = 24;
inline constexpr std::size_t kIpSource = 26;
inline constexpr std::size_t kIpDestination = 30;
inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;

inline constexpr std::size_t kTcpMinBytes = 20;
inline constexpr std::size_t kTcpFlags = 13; // from the start of the TCP header
inline constexpr std::size_t kTcpChecksum = 16;
inline constexpr std::size_t kUdpBytes = 8;

} // namespace karat::net::packet
