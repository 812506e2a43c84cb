// SPDX-License-Identifier: Apache-2.0
#include "udp_frame.hpp"

#include "packet.hpp"

#include <algorithm>

namespace karat::net {
namespace {

using namespace packet;

std::uint16_t ip_checksum(ConstFrame header)
{
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < header.size(); at += 2)
        sum += load16(header, at);
    while (sum >> 16)
        sum = (sum & 0xffffU) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

} // namespace

std::vector<std::uint8_t> udp_frame(Addresses const& addresses, Way const& way, ConstFrame message)
{
    constexpr std::size_t headers = kIp + kIpMinBytes + kUdpBytes;
    std::vector<std::uint8_t> frame(headers + message.size());
    if (way.to == kEverybody)
        std::fill_n(frame.begin(), 6, std::uint8_t{0xff});
    else
        std::ranges::copy(addresses.guest_mac, frame.begin());
    std::ranges::copy(addresses.router_mac, frame.begin() + kEtherSource);
    store16(frame, kEtherType, kTypeIpv4);
    frame[kIp] = 0x45;
    store16(frame, kIpLength, static_cast<std::uint16_t>(headers - kIp + message.size()));
    frame[kIpTtl] = 64;
    frame[kIpProtocol] = kProtocolUdp;
    store32(frame, kIpSource, way.from);
    store32(frame, kIpDestination, way.to);
    store16(frame, kIpChecksum, ip_checksum(ConstFrame(frame).subspan(kIp, kIpMinBytes)));
    store16(frame, kIp + kIpMinBytes, way.from_port);
    store16(frame, kIp + kIpMinBytes + 2, way.to_port);
    store16(frame, kIp + kIpMinBytes + 4, static_cast<std::uint16_t>(kUdpBytes + message.size()));
    std::ranges::copy(message, frame.begin() + headers);
    return frame;
}

ConstFrame udp_message(ConstFrame frame)
{
    auto const header = (frame[kIp] & 0x0fU) * std::size_t{4};
    auto const total = load16(frame, kIpLength);
    return frame.subspan(kIp + header + kUdpBytes, total - header - kUdpBytes);
}

} // namespace karat::net
