// SPDX-License-Identifier: Apache-2.0
#include "dhcp.hpp"
#include "frames_for_test.hpp"
#include "guard.hpp"

#include <gtest/gtest.h>

namespace karat::net {
namespace {

char const* word(Verdict verdict)
{
    switch (verdict) {
    case Verdict::drop:
        return "drop";
    case Verdict::pass:
        return "pass";
    case Verdict::dhcp:
        return "dhcp";
    case Verdict::dns:
        return "dns";
    case Verdict::imds:
        return "imds";
    case Verdict::imds_arp:
        return "imds_arp";
    }
    return "?";
}

std::string verdict(Packet const& packet)
{
    return word(judge(addresses(), {}, make_frame(packet)));
}

TEST(Guard, LetsTheGuestOutButNotToThisHost)
{
    EXPECT_EQ(verdict({.to = "93.184.216.34"}), "pass");
    EXPECT_EQ(verdict({.to = "10.0.0.1"}), "pass"); // replies to forwarded connections
    EXPECT_EQ(verdict({.to = "127.0.0.1"}), "drop");
    EXPECT_EQ(verdict({.to = "127.3.2.1"}), "drop");
    EXPECT_EQ(verdict({.to = "0.0.0.0"}), "drop");
    EXPECT_EQ(verdict({.to = "224.0.0.251"}), "drop");
    EXPECT_EQ(verdict({.to = "255.255.255.255"}), "drop");
    EXPECT_EQ(verdict({.to = "169.254.1.1"}), "drop");
    EXPECT_EQ(verdict({.to = "10.0.0.9"}), "drop"); // a neighbour
    EXPECT_EQ(verdict({.to = "10.0.0.3"}), "drop"); // where the IMDS is inside
}

TEST(Guard, LetsNobodyToTheHostsOwnAddresses)
{
    HostAddresses const host({{0xc0a80107, 32}, {0xcb007100, 24}}); // 192.168.1.7, 203.0.113.0/24
    auto const verdict_of = [&](Packet const& packet) {
        return std::string(word(judge(addresses(), host, make_frame(packet))));
    };
    EXPECT_EQ(verdict_of({.to = "192.168.1.7"}), "drop");
    EXPECT_EQ(verdict_of({.to = "192.168.1.7", .protocol = 17, .to_port = 53}), "drop");
    EXPECT_EQ(verdict_of({.to = "192.168.1.7", .protocol = 1}), "drop");
    EXPECT_EQ(verdict_of({.to = "203.0.113.9"}), "drop");
    EXPECT_EQ(verdict_of({.to = "192.168.1.8"}), "pass");
    EXPECT_EQ(verdict_of({.to = "203.0.114.9"}), "pass");
    EXPECT_EQ(verdict_of({.to = "10.0.0.1"}), "pass"); // the router, whatever the host is called
    EXPECT_EQ(verdict_of({.to = "169.254.169.254"}), "imds");
}

TEST(HostAddresses, AreWhatTheKernelDeliversHere)
{
    auto const host = HostAddresses::read();
    ASSERT_TRUE(host.ok()) << host.error().message;
    EXPECT_TRUE(host.value().contain(parse_ipv4("127.0.0.1").value()));
    EXPECT_TRUE(host.value().contain(parse_ipv4("127.64.3.2").value()));
    EXPECT_FALSE(host.value().contain(parse_ipv4("192.0.2.1").value()));
}

TEST(Guard, KnowsTheMetadataService)
{
    EXPECT_EQ(verdict({.to = "169.254.169.254"}), "imds");
    EXPECT_EQ(verdict({.to = "169.254.169.254", .to_port = 22}), "drop");
    EXPECT_EQ(verdict({.to = "169.254.169.254", .protocol = 17}), "drop");
    EXPECT_EQ(verdict({.to = "169.254.169.254", .fragment = 0x2000}), "drop");
}

TEST(Guard, ReachesOnlyTheNameServerBehindDotTwo)
{
    EXPECT_EQ(verdict({.to = "10.0.0.2", .protocol = 17, .to_port = 53}), "dns");
    EXPECT_EQ(verdict({.to = "10.0.0.2", .to_port = 53}), "pass");
    EXPECT_EQ(verdict({.to = "10.0.0.2", .to_port = 22}), "drop");
    EXPECT_EQ(verdict({.to = "10.0.0.2", .protocol = 17, .to_port = 53, .fragment = 1}), "drop");
}

TEST(Guard, ChecksTheSource)
{
    EXPECT_EQ(verdict({.from = "10.0.0.6", .to = "93.184.216.34"}), "drop");
    EXPECT_EQ(verdict({.from = "0.0.0.0", .to = "255.255.255.255", .protocol = 17, .to_port = 67}),
              "dhcp");
    EXPECT_EQ(verdict({.to = "10.0.0.1", .protocol = 17, .to_port = 67}), "dhcp");
}

TEST(Guard, DropsWhatLiesAboutItsLength)
{
    auto const whole = make_frame({.to = "93.184.216.34"});
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(judge(addresses(), {}, ConstFrame(whole).first(size)), Verdict::drop) << size;
    auto short_header = whole;
    short_header[14] = 0x44;
    EXPECT_EQ(judge(addresses(), {}, short_header), Verdict::drop);
    auto ipv6 = whole;
    ipv6[12] = 0x86;
    ipv6[13] = 0xdd;
    EXPECT_EQ(judge(addresses(), {}, ipv6), Verdict::drop);
    EXPECT_EQ(judge(addresses(), {}, std::vector<std::uint8_t>(kMaxFrameBytes + 1)), Verdict::drop);
}

TEST(Guard, RewritingKeepsTheChecksums)
{
    auto frame = make_frame({.to = "169.254.169.254"});
    ASSERT_TRUE(checksums_hold(frame));
    rewrite_destination(frame, addresses().inside);
    EXPECT_EQ(load32(frame, 30), addresses().inside);
    EXPECT_TRUE(checksums_hold(frame));
    rewrite_source(frame, kImds);
    EXPECT_TRUE(is_from(frame, kImds));
    EXPECT_TRUE(checksums_hold(frame));
}

TEST(Guard, SetsTheHopLimitAndKeepsTheChecksums)
{
    auto frame = make_frame({.from = "169.254.169.254", .to = "10.0.0.5"});
    for (int const hops : {64, 1, 2, 255, 1}) {
        set_hop_limit(frame, static_cast<std::uint8_t>(hops));
        EXPECT_EQ(frame[22], hops);
        EXPECT_TRUE(checksums_hold(frame)) << hops;
    }
}

TEST(Guard, AnswersForTheMetadataServiceOnTheLink)
{
    auto const who_has = [](std::string const& address) {
        std::vector<std::uint8_t> frame(42);
        store16(frame, 12, 0x0806);
        store16(frame, 20, 1);
        frame[6] = 0x06;
        store32(frame, 28, addresses().guest);
        store32(frame, 38, parse_ipv4(address).value());
        return frame;
    };
    EXPECT_EQ(judge(addresses(), {}, who_has("10.0.0.1")), Verdict::pass);
    auto const request = who_has("169.254.169.254");
    ASSERT_EQ(judge(addresses(), {}, request), Verdict::imds_arp);
    auto const reply = answer_imds_arp(addresses(), request);
    EXPECT_EQ(load16(reply, 20), 2);
    EXPECT_EQ(load32(reply, 28), kImds);
    EXPECT_EQ(load32(reply, 38), addresses().guest);
    EXPECT_TRUE(std::ranges::equal(std::span(reply).subspan(22, 6), addresses().router_mac));
}

TEST(Addresses, RefuseGuestsThatAreNoHostOfTheSubnet)
{
    Settings settings;
    settings.mac = "06:00:00:00:00:01";
    settings.subnet_cidr = "10.0.16.0/20";
    for (auto const* const good : {"10.0.16.4", "10.0.31.254"}) {
        settings.private_ip = good;
        EXPECT_TRUE(addresses_of(settings).ok()) << good;
    }
    for (auto const* const bad : {"10.0.16.3", "10.0.16.0", "10.0.31.255", "10.0.32.4", "x", ""}) {
        settings.private_ip = bad;
        EXPECT_FALSE(addresses_of(settings).ok()) << bad;
    }
    settings.private_ip = "10.0.16.4";
    for (auto const* const bad :
         {"10.0.16.0", "10.0.16.0/", "10.0.16.0/33", "/20", "10.0.16.0/4"}) {
        settings.subnet_cidr = bad;
        EXPECT_FALSE(addresses_of(settings).ok()) << bad;
    }
}

} // namespace
} // namespace karat::net
