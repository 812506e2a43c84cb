// SPDX-License-Identifier: Apache-2.0
// The relay of requests for metadata: what it reads of HTTP, and with a daemon that comes and goes.
#include "relay.hpp"
#include "unix_listener.hpp"

#include "karat/memory_env.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace karat::net {
namespace {

constexpr std::string_view kGet =
    "GET /latest HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n";
constexpr std::string_view kReply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(OneRequest, EndsWhereItsHeadAndBodySay)
{
    EXPECT_EQ(read_request(kGet).forwarded,
              "GET /latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for (std::size_t size = 0; size < kGet.size(); ++size)
        EXPECT_EQ(read_request(kGet.substr(0, size)).reading, Reading::incomplete) << size;
    EXPECT_EQ(read_request("PUT / HTTP/1.1\r\ncontent-length:3 \r\n\r\nab").reading,
              Reading::incomplete);
    EXPECT_EQ(read_request("PUT / HTTP/1.1\r\ncontent-length:3 \r\n\r\nabcGET /").forwarded,
              "PUT / HTTP/1.1\r\ncontent-length:3 \r\nConnection: close\r\n\r\nabc");
    EXPECT_TRUE(read_request("HEAD / HTTP/1.1\r\n\r\n").head_only);
}

TEST(OneRequest, RefusesWhatHasNoCertainEnd)
{
    auto const reading = [](std::string const& fields) {
        return read_request("PUT / HTTP/1.1\r\n" + fields + "\r\n").reading;
    };
    EXPECT_EQ(reading("Transfer-Encoding: chunked\r\n"), Reading::refused);
    EXPECT_EQ(reading("transfer-encoding : xchunked\r\n"), Reading::refused);
    EXPECT_EQ(reading("Content-Length: 1\r\nContent-Length: 2\r\n"), Reading::refused);
    EXPECT_EQ(reading("Content-Length: -1\r\n"), Reading::refused);
    EXPECT_EQ(reading("Content-Length: 18446744073709551616\r\n"), Reading::refused);
    EXPECT_EQ(reading("Content-Length: 4097\r\n"), Reading::refused);
    EXPECT_EQ(reading("X: " + std::string(kMaxHeadBytes, 'y') + "\r\n"), Reading::refused);
    EXPECT_EQ(read_request(std::string(kMaxHeadBytes + 1, 'y')).reading, Reading::refused);
}

TEST(OneReply, EndsWhereItsLengthSays)
{
    EXPECT_EQ(read_reply(kReply, false, false), Reading::complete);
    EXPECT_EQ(read_reply(kReply.substr(0, kReply.size() - 1), false, true), Reading::incomplete);
    EXPECT_EQ(read_reply(kReply.substr(0, kReply.size() - 1), true, false), Reading::complete);
    EXPECT_EQ(read_reply("HTTP/1.1 200 OK\r\n\r\nhel", false, false), Reading::incomplete);
    EXPECT_EQ(read_reply("HTTP/1.1 200 OK\r\n\r\nhel", false, true), Reading::complete);
    EXPECT_EQ(read_reply(std::string(kMaxReplyBytes + 1, 'y'), false, false), Reading::refused);
}

class RelayTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = std::filesystem::temp_directory_path() / "karat-net-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        relay_ = Relay::listen(env_.env(), folder_ + "/relay", folder_ + "/daemon").value();
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    Fd daemon() { return listen_unix(folder_ + "/daemon", 8).value(); }
    Fd guest(std::string_view says)
    {
        auto fd = connect_unix(folder_ + "/relay").value();
        EXPECT_EQ(::send(fd.get(), says.data(), says.size(), 0), static_cast<ssize_t>(says.size()));
        turn();
        return fd;
    }
    /// Lets the relay do all that can be done now.
    void turn()
    {
        for (int i = 0; i < 10; ++i) {
            std::vector<pollfd> polled;
            relay_->before_poll(polled);
            ::poll(polled.data(), polled.size(), 0);
            relay_->after_poll(polled);
        }
    }
    void after(std::chrono::milliseconds time)
    {
        env_.clock.advance(time);
        turn();
    }
    static Fd accept(Fd const& listener)
    {
        return Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
    }
    /// What has come; "(end)" behind it if the other end closed, or did so with bytes unread.
    static std::string hear(Fd const& fd)
    {
        std::string text;
        std::array<char, 4096> piece{};
        for (;;) {
            auto const got = ::recv(fd.get(), piece.data(), piece.size(), MSG_DONTWAIT);
            if (got <= 0)
                return text + (got == 0 || errno != EAGAIN ? "(end)" : "");
            text.append(piece.data(), static_cast<std::size_t>(got));
        }
    }
    static void say(Fd const& fd, std::string_view text)
    {
        ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }

    MemoryEnv env_;
    std::string folder_;
    std::unique_ptr<Relay> relay_;
};

TEST_F(RelayTest, CarriesOneRequestAndItsReply)
{
    auto const listener = daemon();
    auto const client = guest(kGet.substr(0, 10));
    EXPECT_FALSE(accept(listener).open()) << "half a request is not asked";
    say(client, kGet.substr(10));
    turn();
    auto const asked = accept(listener);
    EXPECT_EQ(hear(asked), "GET /latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    say(asked, kReply.substr(0, 30));
    turn();
    EXPECT_EQ(hear(client), "") << "half a reply is not given";
    say(asked, kReply.substr(30));
    turn();
    EXPECT_EQ(hear(client), std::string(kReply) + "(end)");
}

TEST_F(RelayTest, AsksAgainUntilTheDaemonHasAnsweredInFull)
{
    auto const client = guest(kGet); // nobody is there
    after(std::chrono::milliseconds(500));
    auto listener = daemon();
    after(std::chrono::milliseconds(500));
    auto asked = accept(listener);
    ASSERT_TRUE(asked.open());
    say(asked, kReply.substr(0, kReply.size() - 1));
    turn();
    asked.reset(); // it is killed before the last byte
    listener.reset();
    after(std::chrono::milliseconds(500));
    EXPECT_EQ(hear(client), "");
    listener = daemon();
    after(std::chrono::milliseconds(500));
    asked = accept(listener);
    say(asked, kReply);
    turn();
    EXPECT_EQ(hear(client), std::string(kReply) + "(end)");
}

TEST_F(RelayTest, GivesUpAfterAWhile)
{
    auto const client = guest(kGet);
    for (int i = 0; i < 11; ++i)
        after(std::chrono::seconds(1));
    EXPECT_TRUE(hear(client).starts_with("HTTP/1.1 503 "));
    auto const silent = guest("GET / HT");
    after(std::chrono::seconds(11));
    EXPECT_EQ(hear(silent), "(end)");
}

TEST_F(RelayTest, AnswersByItselfWhatItRefuses)
{
    auto const client = guest("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    EXPECT_TRUE(hear(client).starts_with("HTTP/1.1 400 "));
}

/// nc closes its sending side right after the request.
TEST_F(RelayTest, AnswersAGuestThatSaysNoMore)
{
    auto const listener = daemon();
    auto const client = guest(kGet);
    ::shutdown(client.get(), SHUT_WR);
    turn();
    auto const asked = accept(listener);
    say(asked, kReply);
    turn();
    EXPECT_EQ(hear(client), std::string(kReply) + "(end)");
}

TEST_F(RelayTest, HoldsABoundedNumberOfConnections)
{
    std::vector<Fd> clients;
    for (std::size_t i = 0; i < 2 * Relay::kMaxConnections; ++i)
        clients.push_back(guest("GET"));
    std::size_t closed = 0;
    for (auto const& client : clients)
        closed += hear(client) == "(end)" ? 1 : 0;
    EXPECT_EQ(closed, Relay::kMaxConnections);
    after(std::chrono::seconds(11)); // and they do not hold their places for ever
    auto const listener = daemon();
    auto const client = guest(kGet);
    EXPECT_TRUE(accept(listener).open());
}

} // namespace
} // namespace karat::net
