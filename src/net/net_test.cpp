// SPDX-License-Identifier: Apache-2.0
// The parts of karat-net that stand alone: settings, forwards, frames of a stream, console ring.
#include "forwards.hpp"
#include "frame_link.hpp"

#include "karat/console_ring.hpp"
#include "karat/memory_env.hpp"
#include "karat/net_settings.hpp"

#include <gtest/gtest.h>

namespace karat::net {
namespace {

TEST(Settings, RoundTrip)
{
    Settings const settings{.instance = "i-1",
                            .qemu_pid = 7,
                            .net_socket = "/r/net.sock",
                            .console_socket = "/r/console.sock",
                            .console_ring = "/r/console.ring",
                            .qemu_log = "/r/qemu.log",
                            .pid_file = "/r/net.pid",
                            .mac = "06:00:00:00:00:01",
                            .private_ip = "10.0.0.5",
                            .subnet_cidr = "10.0.0.0/20",
                            .public_ip = "127.0.0.9",
                            .imds_socket = "/r/imds.sock",
                            .open_ports = {{"tcp", 80, 80}, {"udp", -1, -1}},
                            .hop_limit = 2,
                            .reach = Reach::anywhere};
    EXPECT_EQ(parse_settings(to_json(settings)).value(), settings);
}

TEST(Settings, OfAnEarlierVersionKeepTheGuestFromTheHost)
{
    auto text = to_json({.hop_limit = 3, .reach = Reach::anywhere});
    for (std::string const line : {"  \"hop_limit\": 3,\n", "  \"guest_reaches_host\": true,\n"}) {
        ASSERT_NE(text.find(line), std::string::npos) << text;
        text.erase(text.find(line), line.size());
    }
    auto const settings = parse_settings(text).value();
    EXPECT_EQ(settings.hop_limit, 64);
    EXPECT_EQ(settings.reach, Reach::outside);
    EXPECT_FALSE(parse_settings(to_json({.hop_limit = 0})).ok());
    EXPECT_FALSE(parse_settings(to_json({.hop_limit = 256})).ok());
}

TEST(Settings, NameWhatIsWrong)
{
    EXPECT_EQ(parse_settings("[").error().fault, Fault::invalid);
    EXPECT_EQ(parse_settings("{}").error().message,
              "The settings of karat-net lack a fit instance");
    EXPECT_EQ(parse_settings(R"({"instance":"i","qemu_pid":"1"})").error().message,
              "The settings of karat-net lack a fit qemu_pid");
}

std::string shown(Plan const& plan)
{
    std::string text;
    for (Forward const& forward : plan.forwards)
        text +=
            (forward.transport == Transport::udp ? "u" : "") + std::to_string(forward.port) + ' ';
    for (std::string const& line : plan.left_out)
        text += "| " + line;
    return text;
}

TEST(Forwards, FollowNarrowRangesExactly)
{
    EXPECT_EQ(shown(plan_forwards({{"tcp", 22, 22}, {"tcp", 80, 82}, {"udp", 53, 53}})),
              "22 80 81 82 u53 ");
    EXPECT_EQ(shown(plan_forwards({{"tcp", 22, 22}, {"tcp", 22, 22}})), "22 ");
    EXPECT_EQ(shown(plan_forwards({{"icmp", -1, -1}})), "| icmp -1--1: not tcp or udp");
    EXPECT_EQ(shown(plan_forwards({{"tcp", 5, 4}})), "");
}

TEST(Forwards, TakeTheWellKnownPortsOfWideRanges)
{
    EXPECT_EQ(shown(plan_forwards({{"tcp", 8000, 9000}, {"tcp", 8123, 8123}})),
              "8000 8008 8080 8081 8123 8443 8888 9000 | tcp 8000-9000: only its well-known ports");
    auto const all = plan_forwards({{"tcp", -1, -1}, {"udp", 0, 65535}});
    EXPECT_TRUE(all.forwards.contains({Transport::tcp, 22}));
    EXPECT_TRUE(all.forwards.contains({Transport::udp, 53}));
    EXPECT_LE(all.forwards.size(), kMaxForwards);
}

TEST(Forwards, AreBounded)
{
    std::vector<PortRange> many;
    for (int from = 1000; from < 2000; from += 10)
        many.push_back({"tcp", from, from + 9});
    auto const plan = plan_forwards(many);
    EXPECT_EQ(plan.forwards.size(), kMaxForwards);
    EXPECT_FALSE(plan.left_out.empty());
}

std::string frames_of(std::vector<std::string> const& pieces, bool& intact)
{
    FrameReader reader;
    std::string text;
    for (std::string const& piece : pieces) {
        std::vector<std::uint8_t> const bytes(piece.begin(), piece.end());
        intact = reader
                     .feed(bytes,
                           [&](ConstFrame frame) {
                               text += '[' + std::string(frame.begin(), frame.end()) + ']';
                           })
                     .ok();
    }
    return text;
}

TEST(FrameReader, CutsAnyPiecesIntoFrames)
{
    using namespace std::string_literals;
    bool intact = true;
    EXPECT_EQ(frames_of({"\0\0\0\3abc\0\0\0\1d"s}, intact), "[abc][d]");
    EXPECT_EQ(frames_of({"\0"s, "\0\0"s, "\3a"s, "bc\0\0"s, "\0\0"s}, intact), "[abc][]");
    EXPECT_TRUE(intact);
    frames_of({"\0\1\0\1"s}, intact);
    EXPECT_FALSE(intact);
}

TEST(ConsoleRing, KeepsTheNewest)
{
    MemoryEnv memory;
    EXPECT_EQ(read_console(memory.files, "/ring", 100).value(), "");
    auto ring = ConsoleRing::open(memory.files, "/ring").value();
    ASSERT_TRUE(ring.append("hello ").ok());
    ASSERT_TRUE(ConsoleRing::open(memory.files, "/ring").value().append("world").ok());
    EXPECT_EQ(read_console(memory.files, "/ring", 100).value(), "hello world");
    EXPECT_EQ(read_console(memory.files, "/ring", 3).value(), "rld");
}

TEST(ConsoleRing, StaysSmall)
{
    MemoryEnv memory;
    auto ring = ConsoleRing::open(memory.files, "/ring").value();
    std::string all;
    for (int line = 0; line < 5000; ++line) {
        auto const text = std::string(static_cast<std::size_t>(line % 150), 'x') + "\n";
        all += text;
        ASSERT_TRUE(ring.append(text).ok());
    }
    ASSERT_TRUE(ring.append(std::string(200'000, 'y') + "end").ok());
    all += std::string(200'000, 'y') + "end";
    ASSERT_TRUE(ring.append("!").ok());
    all += '!';
    auto const kept = read_console(memory.files, "/ring", 1 << 30).value();
    EXPECT_EQ(kept.size(), kConsoleBytes);
    EXPECT_TRUE(all.ends_with(kept));
    auto const file = memory.files.open("/ring", Access::read).value();
    EXPECT_LE(file->size_bytes().value(), 16U + 128 * 1024);
}

} // namespace
} // namespace karat::net
