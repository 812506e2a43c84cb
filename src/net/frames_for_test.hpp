// SPDX-License-Identifier: Apache-2.0
// Frames of a guest at 10.0.0.5 in 10.0.0.0/24, for tests.
#pragma once

#include "addresses.hpp"

#include <string>
#include <vector>

namespace karat::net {

inline Addresses addresses()
{
    Settings settings;
    settings.mac = "06:01:02:03:04:05";
    settings.private_ip = "10.0.0.5";
    settings.subnet_cidr = "10.0.0.0/24";
    settings.domain = "ec2.internal";
    return addresses_of(settings).value();
}

struct Packet {
    std::string from = "10.0.0.5";
    std::string to = {};
    std::uint8_t protocol = 6;
    std::uint16_t to_port = 80;
    std::uint16_t fragment = 0;
    std::vector<std::uint8_t> payload = {};
};

/// The ones' complement sum of a stretch, from `sum`; 0xffff over a correct one.
inline std::uint32_t add_up(ConstFrame bytes, std::uint32_t sum)
{
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 2)
        sum += load16(bytes, at);
    if (bytes.size() % 2 == 1)
        sum += std::uint32_t{bytes.back()} << 8;
    while (sum >> 16)
        sum = (sum & 0xffffU) + (sum >> 16);
    return sum;
}

inline std::uint32_t transport_sum(ConstFrame frame)
{
    auto const segment = frame.subspan(34);
    auto const pseudo = add_up(frame.subspan(26, 8), frame[23]);
    return add_up(segment, pseudo + static_cast<std::uint32_t>(segment.size()));
}

inline bool checksums_hold(ConstFrame frame)
{
    bool const ip = add_up(frame.subspan(14, 20), 0) == 0xffff;
    return ip && (frame[23] != 6 || transport_sum(frame) == 0xffff);
}

inline std::vector<std::uint8_t> make_frame(Packet const& packet)
{
    std::size_t const transport = packet.protocol == 17 ? 8 : 20;
    std::vector<std::uint8_t> frame(34 + transport);
    frame.insert(frame.end(), packet.payload.begin(), packet.payload.end());
    store16(frame, 12, 0x0800);
    frame[14] = 0x45;
    store16(frame, 16, static_cast<std::uint16_t>(frame.size() - 14));
    store16(frame, 20, packet.fragment);
    frame[23] = packet.protocol;
    store32(frame, 26, parse_ipv4(packet.from).value());
    store32(frame, 30, parse_ipv4(packet.to).value());
    store16(frame, 34, 1234);
    store16(frame, 36, packet.to_port);
    auto const header = ConstFrame(frame).subspan(14, 20);
    store16(frame, 24, static_cast<std::uint16_t>(~add_up(header, 0)));
    if (packet.protocol == 6)
        store16(frame, 50, static_cast<std::uint16_t>(~transport_sum(frame)));
    return frame;
}

} // namespace karat::net
