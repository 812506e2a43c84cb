// SPDX-License-Identifier: Apache-2.0
#include "dhcp.hpp"

#include "frames_for_test.hpp"

#include <gtest/gtest.h>

namespace karat::net {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kMessage = 42; // after Ethernet, IP and UDP

Octets request(Octets const& options, std::string const& client_ip = "0.0.0.0")
{
    Octets message(240);
    message[0] = 1;
    message[1] = 1;
    message[2] = 6;
    store32(message, 4, 0xcafe);
    store32(message, 12, parse_ipv4(client_ip).value());
    auto const mac = addresses().guest_mac;
    std::ranges::copy(mac, message.begin() + 28);
    store32(message, 236, 0x63825363);
    message.insert(message.end(), options.begin(), options.end());
    message.push_back(255);
    return make_frame({.from = client_ip,
                       .to = "255.255.255.255",
                       .protocol = 17,
                       .to_port = 67,
                       .payload = message});
}

/// The value of an option of a reply, in hexadecimal.
std::string option(Octets const& frame, int code)
{
    for (std::size_t at = kMessage + 240; at < frame.size() && frame[at] != 255;
         at += std::size_t{2} + frame[at + 1]) {
        if (frame[at] != code)
            continue;
        auto const value = std::span(frame).subspan(at + 2, frame[at + 1]);
        return {value.begin(), value.end()};
    }
    return "(none)";
}

std::string octets(std::initializer_list<int> values) { return {values.begin(), values.end()}; }

TEST(Dhcp, OffersTheOneLease)
{
    auto const reply = answer_dhcp(addresses(), request({53, 1, 1, 50, 4, 10, 0, 0, 9})).value();
    EXPECT_TRUE(checksums_hold(reply));
    EXPECT_EQ(load32(reply, kMessage + 4), 0xcafeU);
    EXPECT_EQ(load32(reply, kMessage + 16), addresses().guest);
    EXPECT_EQ(option(reply, 53), octets({2}));
    EXPECT_EQ(option(reply, 1), octets({255, 255, 255, 0}));
    EXPECT_EQ(option(reply, 3), octets({10, 0, 0, 1}));
    EXPECT_EQ(option(reply, 6), octets({10, 0, 0, 2}));
    EXPECT_EQ(option(reply, 26), octets({5, 220}));
    EXPECT_EQ(option(reply, 51), octets({0, 1, 0x51, 0x80}));
    EXPECT_EQ(option(reply, 12), "ip-10-0-0-5");
    EXPECT_EQ(option(reply, 15), "ec2.internal");
}

TEST(Dhcp, RefusesTheAddressThatAnImageWasCapturedWith)
{
    auto const mine = answer_dhcp(addresses(), request({53, 1, 3, 50, 4, 10, 0, 0, 5})).value();
    EXPECT_EQ(option(mine, 53), octets({5}));
    auto const old = answer_dhcp(addresses(), request({53, 1, 3, 50, 4, 10, 0, 0, 9})).value();
    EXPECT_EQ(option(old, 53), octets({6}));
    EXPECT_EQ(load32(old, 30), 0xffffffffU);
    EXPECT_EQ(load32(old, kMessage + 16), 0U);
    auto const renewed = answer_dhcp(addresses(), request({53, 1, 3}, "10.0.0.5")).value();
    EXPECT_EQ(option(renewed, 53), octets({5}));
}

TEST(Dhcp, IsSilentToWhatIsNotForIt)
{
    EXPECT_FALSE(answer_dhcp(addresses(), request({53, 1, 7})));                      // release
    EXPECT_FALSE(answer_dhcp(addresses(), request({53, 1, 3, 54, 4, 10, 0, 0, 77}))); // another's
    EXPECT_FALSE(answer_dhcp(addresses(), request({})));
    EXPECT_FALSE(answer_dhcp(addresses(), request({53, 200, 1}))); // option beyond the end
    auto stranger = request({53, 1, 1});
    stranger[kMessage + 28] ^= 1;
    EXPECT_FALSE(answer_dhcp(addresses(), stranger));
}

} // namespace
} // namespace karat::net
