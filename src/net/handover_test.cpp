// SPDX-License-Identifier: Apache-2.0
// What a karat-net gives to its successor, over a real socket.
#include "handover.hpp"
#include "unix_listener.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace karat::net {
namespace {

class HandoverTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = std::filesystem::temp_directory_path() / "karat-net-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string socket() const { return folder_ + "/handover.sock"; }

    std::string folder_;
};

FrameBytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST_F(HandoverTest, GivesConnectionsAndWhatIsInThem)
{
    auto const listener = listen_unix(socket(), 1);
    ASSERT_TRUE(listener.ok());
    std::array<int, 2> link{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, link.data()), 0);
    Fd const far(link[1]);
    std::thread former([&] {
        Handover given;
        given.link = Fd(link[0]);
        given.begun = bytes_of("half a frame");
        given.unsent = FrameBytes(1 << 20, 7); // more than a socket holds
        given.held = {bytes_of("one"), {}, bytes_of("three")};
        pollfd connected = {listener.value().get(), POLLIN, 0}; // accept() does not wait here
        EXPECT_EQ(::poll(&connected, 1, 10'000), 1);
        Fd const successor(::accept(listener.value().get(), nullptr, nullptr));
        EXPECT_TRUE(hand_over(successor, given).ok());
    });
    auto taken = take_over(socket());
    former.join();
    ASSERT_TRUE(taken.ok()) << taken.error().message;
    ASSERT_TRUE(taken.value().has_value());
    auto& handover = *taken.value();
    EXPECT_EQ(handover.begun, bytes_of("half a frame"));
    EXPECT_EQ(handover.unsent, FrameBytes(1 << 20, 7));
    EXPECT_EQ(handover.held, (std::vector<FrameBytes>{bytes_of("one"), {}, bytes_of("three")}));
    EXPECT_FALSE(handover.console.open());
    ASSERT_EQ(::send(handover.link.get(), "x", 1, 0), 1);
    char got = 0;
    EXPECT_EQ(::recv(far.get(), &got, 1, 0), 1);
    EXPECT_EQ(got, 'x');
}

TEST_F(HandoverTest, NothingWhereNobodyWasBefore)
{
    auto const taken = take_over(socket());
    ASSERT_TRUE(taken.ok());
    EXPECT_FALSE(taken.value().has_value());
    listen_unix(socket(), 1).value().reset(); // what a dead one leaves
    auto const dead = take_over(socket());
    ASSERT_TRUE(dead.ok());
    EXPECT_FALSE(dead.value().has_value());
}

TEST_F(HandoverTest, IsRefusedInAnotherForm)
{
    auto const listener = listen_unix(socket(), 1);
    ASSERT_TRUE(listener.ok());
    for (std::string_view const said : {"", "\x02\0\0\0\0\0", "\x01\x01\0\0\0\0"}) {
        std::thread former([&] {
            Fd const successor(::accept(listener.value().get(), nullptr, nullptr));
            ::send(successor.get(), said.data(), said.empty() ? 0 : 6, MSG_NOSIGNAL);
        });
        auto const taken = take_over(socket());
        former.join();
        ASSERT_FALSE(taken.ok());
        EXPECT_EQ(taken.error().fault, Fault::unavailable);
    }
}

TEST(HandoverPieces, AreCheckedForTheirLengths)
{
    Handover given;
    given.begun = {1, 2, 3};
    given.held = {{4}};
    auto const whole = write_pieces(given);
    Handover read;
    ASSERT_TRUE(read_pieces(whole, read).ok());
    EXPECT_EQ(read.held, given.held);
    std::size_t refused = 0;
    for (std::size_t size = 0; size < whole.size(); ++size)
        refused += read_pieces(ConstFrame(whole).first(size), read).ok() ? 0 : 1;
    EXPECT_EQ(refused, whole.size() - 1); // all but the one that ends before the held frame
    given.held.assign(kMaxHeldFrames + 1, {});
    EXPECT_FALSE(read_pieces(write_pieces(given), read).ok());
}

} // namespace
} // namespace karat::net
