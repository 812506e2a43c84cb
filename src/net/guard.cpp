// SPDX-License-Identifier: Apache-2.0
#include "guard.hpp"

#include "packet.hpp"

#include <algorithm>

namespace karat::net {
namespace {

using namespace packet;

constexpr std::uint16_t kPortDns = 53;
constexpr std::uint16_t kPortDhcpServer = 67;
constexpr std::uint16_t kPortTftp = 69;
constexpr std::uint16_t kPortHttp = 80;
constexpr Ipv4 kBroadcast = 0xffffffff;

/// What matters of an IPv4 frame once its lengths are known to be true.
struct Ip {
    std::uint8_t protocol = 0;
    Ipv4 source = 0;
    Ipv4 destination = 0;
    bool fragment = false;
    bool has_ports = false; ///< TCP or UDP, whole header there.
    std::uint16_t to_port = 0;
};

std::size_t header_bytes(ConstFrame frame) { return (frame[kIp] & 0x0fU) * 4U; }

std::size_t transport_bytes(std::uint8_t protocol)
{
    if (protocol == kProtocolTcp)
        return kTcpMinBytes;
    return protocol == kProtocolUdp ? kUdpBytes : 0;
}

std::optional<Ip> parse_ip(ConstFrame frame)
{
    if (frame.size() < kIp + kIpMinBytes || frame[kIp] >> 4 != 4)
        return std::nullopt;
    auto const header = header_bytes(frame);
    auto const total = load16(frame, kIpLength);
    if (header < kIpMinBytes || total < header || kIp + total > frame.size())
        return std::nullopt;
    Ip ip;
    ip.protocol = frame[kIpProtocol];
    ip.source = load32(frame, kIpSource);
    ip.destination = load32(frame, kIpDestination);
    ip.fragment = (load16(frame, kIpFragment) & 0x3fffU) != 0; // more to come, or not the first
    auto const transport = transport_bytes(ip.protocol);
    ip.has_ports = !ip.fragment && transport != 0 && total >= header + transport;
    if (ip.has_ports)
        ip.to_port = load16(frame, kIp + header + 2);
    return ip;
}

bool is_udp_to(Ip const& ip, std::uint16_t port)
{
    return ip.has_ports && ip.protocol == kProtocolUdp && ip.to_port == port;
}

bool is_tcp_to(Ip const& ip, std::uint16_t port)
{
    return ip.has_ports && ip.protocol == kProtocolTcp && ip.to_port == port;
}

/// Addresses that mean something on this host or on its link, never a far machine.
bool is_special(Ipv4 address)
{
    auto const first = address >> 24;
    bool const link_local = address >> 16 == 0xa9fe;
    return first == 0 || first == 127 || first >= 224 || link_local;
}

Verdict judge_subnet(Addresses const& addresses, Ip const& ip)
{
    if (ip.destination == addresses.dns && is_udp_to(ip, kPortDns))
        return Verdict::dns;
    if (ip.destination == addresses.dns)
        return is_tcp_to(ip, kPortDns) ? Verdict::pass : Verdict::drop;
    // The router answers pings, and replies to forwarded connections go to it. Neighbours are not
    // reachable: libslirp would look for them on the host's networks.
    bool const tftp = is_udp_to(ip, kPortTftp) || is_udp_to(ip, kPortDhcpServer);
    return ip.destination == addresses.router && !tftp ? Verdict::pass : Verdict::drop;
}

Verdict judge_ip(Addresses const& addresses, HostAddresses const& refused, ConstFrame frame)
{
    auto const ip = parse_ip(frame);
    if (!ip)
        return Verdict::drop;
    if (is_udp_to(*ip, kPortDhcpServer) &&
        (ip->destination == kBroadcast || ip->destination == addresses.router))
        return Verdict::dhcp;
    if (ip->source != addresses.guest) // EC2's source check
        return Verdict::drop;
    if (ip->destination == kImds)
        return is_tcp_to(*ip, kPortHttp) ? Verdict::imds : Verdict::drop;
    if (addresses.in_subnet(ip->destination))
        return judge_subnet(addresses, *ip);
    bool const barred = is_special(ip->destination) || refused.contain(ip->destination);
    return barred ? Verdict::drop : Verdict::pass;
}

Verdict judge_arp(ConstFrame frame)
{
    if (frame.size() < kArpBytes)
        return Verdict::drop;
    bool const request = load16(frame, kArpOperation) == 1;
    return request && load32(frame, kArpTargetIp) == kImds ? Verdict::imds_arp : Verdict::pass;
}

std::uint16_t fold(std::uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffffU) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

/// RFC 1624: the checksum after a 32-bit word under it changed.
void update_checksum(Frame frame, std::size_t at, Ipv4 from, Ipv4 to)
{
    auto const flip = [](std::uint32_t half) { return ~half & 0xffffU; };
    auto const sum = flip(load16(frame, at)) + flip(from >> 16) + flip(from & 0xffffU) +
                     (to >> 16) + (to & 0xffffU);
    store16(frame, at, static_cast<std::uint16_t>(~fold(sum)));
}

void rewrite(Frame frame, std::size_t at, Ipv4 to)
{
    auto const from = load32(frame, at);
    store32(frame, at, to);
    update_checksum(frame, kIpChecksum, from, to);
    auto const tcp = kIp + header_bytes(frame);
    bool const first = (load16(frame, kIpFragment) & 0x1fffU) == 0;
    if (frame[kIpProtocol] == kProtocolTcp && first && tcp + kTcpMinBytes <= frame.size())
        update_checksum(frame, tcp + kTcpChecksum, from, to);
}

} // namespace

Verdict judge(Addresses const& addresses, HostAddresses const& refused, ConstFrame frame)
{
    if (frame.size() < kEthernetBytes || frame.size() > kMaxFrameBytes)
        return Verdict::drop;
    auto const type = load16(frame, kEtherType);
    if (type == kTypeArp)
        return judge_arp(frame);
    return type == kTypeIpv4 ? judge_ip(addresses, refused, frame) : Verdict::drop;
}

bool begins_flow(ConstFrame frame)
{
    auto const ip = parse_ip(frame);
    if (!ip)
        return false;
    if (ip->protocol != kProtocolTcp || !ip->has_ports)
        return ip->protocol == kProtocolUdp || ip->protocol == kProtocolIcmp;
    constexpr unsigned kSyn = 0x02;
    constexpr unsigned kAck = 0x10;
    return (frame[kIp + header_bytes(frame) + kTcpFlags] & (kSyn | kAck)) == kSyn;
}

void rewrite_destination(Frame frame, Ipv4 to) { rewrite(frame, kIpDestination, to); }

void rewrite_source(Frame frame, Ipv4 to) { rewrite(frame, kIpSource, to); }

void set_hop_limit(Frame frame, std::uint8_t hop_limit)
{
    auto const before = load16(frame, kIpTtl); // with the protocol: a checksum counts 16-bit words
    frame[kIpTtl] = hop_limit;
    update_checksum(frame, kIpChecksum, before, load16(frame, kIpTtl));
}

bool is_from(ConstFrame frame, Ipv4 source)
{
    return frame.size() >= kIp + kIpMinBytes && load16(frame, kEtherType) == kTypeIpv4 &&
           load32(frame, kIpSource) == source;
}

std::array<std::uint8_t, kArpBytes> answer_imds_arp(Addresses const& addresses, ConstFrame request)
{
    std::array<std::uint8_t, kArpBytes> reply{};
    std::ranges::copy(request.subspan(kEtherSource, 6), reply.begin());
    std::ranges::copy(addresses.router_mac, reply.begin() + kEtherSource);
    std::ranges::copy(request.subspan(kEtherType, 8), reply.begin() + kEtherType);
    store16(reply, kArpOperation, 2);
    std::ranges::copy(addresses.router_mac, reply.begin() + kArpSenderMac);
    store32(reply, kArpSenderIp, kImds);
    std::ranges::copy(request.subspan(kArpSenderMac, 10), reply.begin() + kArpTargetMac);
    return reply;
}

} // namespace karat::net
