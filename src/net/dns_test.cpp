// SPDX-License-Identifier: Apache-2.0
#include "dns.hpp"

#include "frames_for_test.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::net {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kDnsMessage = 42; // after Ethernet, IP and UDP

/// A question for the record `type` of `name`: id 7, recursion wanted, one more record announced.
Octets question(std::string_view name, std::uint8_t type)
{
    Octets message{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    while (!name.empty()) {
        auto const label = name.substr(0, name.find('.'));
        message.push_back(static_cast<std::uint8_t>(label.size()));
        message.insert(message.end(), label.begin(), label.end());
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    for (int const byte : {0, 0, int{type}, 0, 1})
        message.push_back(static_cast<std::uint8_t>(byte));
    return message;
}

Octets asked(Octets const& message)
{
    return make_frame({.to = "10.0.0.2", .protocol = 17, .to_port = 53, .payload = message});
}

/// What comes back: "(host)" when the host's name server is asked, else the code and the record.
std::string answer(Octets const& message)
{
    auto const reply = answer_dns(addresses(), asked(message));
    if (!reply)
        return "(host)";
    EXPECT_TRUE(checksums_hold(*reply));
    EXPECT_EQ(load32(*reply, 26), addresses().dns);
    EXPECT_EQ(load32(*reply, 30), addresses().guest);
    EXPECT_EQ(load32(*reply, 34), 53U << 16 | 1234U);
    EXPECT_EQ(load16(*reply, 16) + 14U, reply->size());
    auto const got = ConstFrame(*reply).subspan(kDnsMessage);
    EXPECT_EQ(load16(got, 0), 7);
    EXPECT_EQ(load16(got, 2) & 0xfff0, 0x8580);
    EXPECT_EQ(load32(got, 8), 0U);
    auto text = fmt::format("code {}", load16(got, 2) & 0xfU);
    if (load16(got, 6) == 0)
        return text;
    auto const record = got.subspan(message.size());
    EXPECT_EQ(load16(record, 0), 0xc00c);
    EXPECT_EQ(load16(record, 10) + 12U, record.size());
    text += fmt::format(" type {}:", load16(record, 2));
    for (auto const byte : record.subspan(12))
        text += byte >= 'a' && byte <= 'z' ? std::string(1, static_cast<char>(byte))
                                           : fmt::format(" {} ", byte);
    return text;
}

TEST(Dns, ResolvesTheNamesOfItsSubnet)
{
    EXPECT_EQ(answer(question("ip-10-0-0-5.ec2.internal", 1)), "code 0 type 1: 10  0  0  5 ");
    EXPECT_EQ(answer(question("IP-10-0-0-9.EC2.Internal", 1)), "code 0 type 1: 10  0  0  9 ");
    EXPECT_EQ(answer(question("ip-10-0-0-5.ec2.internal", 28)), "code 0"); // no IPv6, but a name
    EXPECT_EQ(answer(question("ec2.internal", 1)), "code 0");
    EXPECT_EQ(answer(question("ip-10-0-1-5.ec2.internal", 1)), "code 3");
    EXPECT_EQ(answer(question("ip-10-0-0-05.ec2.internal", 1)), "code 3");
    EXPECT_EQ(answer(question("ip-10.0.0.5.ec2.internal", 1)), "code 3");
    EXPECT_EQ(answer(question("web.ec2.internal", 1)), "code 3");
}

TEST(Dns, ResolvesAddressesBack)
{
    auto const name = answer(question("5.0.0.10.in-addr.arpa", 12));
    EXPECT_TRUE(name.starts_with("code 0 type 12: 11 ip 45 ")) << name;
    EXPECT_TRUE(name.ends_with(" 3 ec 50  8 internal 0 ")) << name;
    EXPECT_EQ(answer(question("5.0.0.10.in-addr.arpa", 1)), "code 0");
    EXPECT_EQ(answer(question("5.1.0.10.in-addr.arpa", 12)), "(host)");
    EXPECT_EQ(answer(question("0.10.in-addr.arpa", 12)), "(host)");
}

TEST(Dns, LeavesOtherQuestionsToTheHost)
{
    EXPECT_EQ(answer(question("debian.org", 1)), "(host)");
    EXPECT_EQ(answer(question("xec2.internal", 1)), "(host)");
    EXPECT_EQ(answer(question("", 2)), "(host)");
    auto other = question("ec2.internal", 1);
    other.back() = 3; // another class
    EXPECT_EQ(answer(other), "(host)");
    other = question("ec2.internal", 1);
    other[2] = 0x80; // a reply
    EXPECT_EQ(answer(other), "(host)");
    other[2] = 0x10; // another operation
    EXPECT_EQ(answer(other), "(host)");
    other = question("ec2.internal", 1);
    other[5] = 2; // two questions
    EXPECT_EQ(answer(other), "(host)");
    auto unnamed = addresses();
    unnamed.domain.clear();
    EXPECT_FALSE(answer_dns(unnamed, asked(question("ip-10-0-0-5.ec2.internal", 1))));
}

TEST(Dns, CutQuestionsAreNotRead)
{
    auto const whole = question("ip-10-0-0-5.ec2.internal", 1);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(answer({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
                  "(host)");
    auto endless = whole;
    endless[12] = 0xc0; // a pointer, to itself
    endless[13] = 12;
    EXPECT_EQ(answer(endless), "(host)");
    EXPECT_EQ(answer(Octets(12)), "(host)");
}

} // namespace
} // namespace karat::net
