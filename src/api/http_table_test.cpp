// SPDX-License-Identifier: Apache-2.0
// Time-outs and bounds of a listener's connections, by a clock that is moved by hand.
#include "http_table.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::api {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kAsk = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A listener without sockets. Connections are named by numbers, in the order of opening.
class Table {
public:
    explicit Table(HttpLimits limits = {})
        : route_{.handle = {},
                 .refuse =
                     [](int status, std::string const& sentence) {
                         return HttpReply{.status = status, .body = sentence};
                     },
                 .limits = limits}
        , table_(route_)
    {
    }

    Connection& open() { return *table_.add({}, "", now_); }
    void feed(Connection& connection, std::string_view bytes)
    {
        connection.session.receive(bytes);
        table_.settle(connection, now_);
    }
    /// Handles the request that waits.
    void answer(Connection& connection, bool known, std::size_t bytes = 0)
    {
        ConnectionTable::List list;
        table_.hand_over(connection, list, now_);
        connection.session.answer({.body = std::string(bytes, 'x'), .known = known});
        table_.take_back(list, now_);
        table_.settle(connection, now_);
    }
    void read(Connection& connection, std::size_t bytes)
    {
        connection.session.sent(bytes);
        table_.settle(connection, now_);
    }
    void read_all(Connection& connection)
    {
        auto const output = connection.session.output();
        read(connection, output[0].size() + output[1].size());
    }
    /// A connection that is idle after an answered request.
    Connection& open_known()
    {
        auto& connection = open();
        feed(connection, kAsk);
        answer(connection, true);
        read_all(connection);
        return connection;
    }
    void pass(std::chrono::nanoseconds time)
    {
        now_ += time;
        table_.expire(now_);
    }
    static bool closed(Connection const& connection)
    {
        return connection.session.phase() == HttpSession::Phase::closed;
    }
    static bool refused(Connection const& connection)
    {
        return connection.session.output()[0].starts_with("HTTP/1.1 503");
    }
    ConnectionTable& table() { return table_; }
    std::chrono::nanoseconds now() const { return now_; }

private:
    HttpRoute route_;
    ConnectionTable table_;
    std::chrono::nanoseconds now_{1h};
};

TEST(HttpTable, StrangersHaveLittleTimeForTheHeadOfARequest)
{
    Table table;
    auto& silent = table.open();
    auto& slow = table.open();
    auto& known = table.open_known();
    for (int i = 0; i < 9; ++i) {
        table.pass(1s);
        table.feed(slow, kAsk.substr(static_cast<std::size_t>(i), 1));
    }
    EXPECT_FALSE(Table::closed(silent) || Table::closed(slow));
    table.pass(1s);
    EXPECT_TRUE(Table::closed(silent));
    EXPECT_TRUE(Table::closed(slow)); // bytes that trickle buy no time
    table.pass(60s);
    EXPECT_FALSE(Table::closed(known));
    table.pass(6s);
    EXPECT_TRUE(Table::closed(known));
    EXPECT_EQ(table.table().size(), 0U);
    EXPECT_FALSE(table.table().next_event(table.now()));
}

TEST(HttpTable, ABodyHasToComeOn)
{
    Table table;
    auto& slow = table.open();
    auto& steady = table.open();
    for (auto* const one : {&slow, &steady})
        table.feed(*one, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    std::string const piece(32 << 10, 'x');
    for (int i = 0; i < 12; ++i) { // 32 KiB in ten seconds are enough, 50 bytes are not
        table.pass(10s);
        table.feed(steady, piece);
        if (!Table::closed(slow))
            table.feed(slow, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    EXPECT_TRUE(Table::closed(slow));
    EXPECT_FALSE(Table::closed(steady));
}

TEST(HttpTable, AReplyHasToBeRead)
{
    Table table;
    auto& never = table.open();
    auto& slow = table.open();
    for (auto* const one : {&never, &slow}) {
        table.feed(*one, kAsk);
        table.answer(*one, true, 1 << 20);
    }
    for (int i = 0; i < 5; ++i) {
        table.pass(20s);
        table.read(slow, 64 << 10);
    }
    EXPECT_TRUE(Table::closed(never));
    EXPECT_FALSE(Table::closed(slow));
}

TEST(HttpTable, WhenFullTheLongestIdleStrangerGoesFirst)
{
    Table table({.connections = 3});
    auto& known = table.open_known();
    auto& first = table.open();
    auto& second = table.open();
    auto& third = table.open();
    EXPECT_TRUE(Table::closed(first));
    EXPECT_FALSE(Table::closed(second) || Table::closed(known));
    table.feed(third, kAsk); // at work: neither given up nor in the way
    table.open();
    EXPECT_TRUE(Table::closed(second));
    EXPECT_EQ(table.table().size(), 3U);
}

TEST(HttpTable, IdleCallersLeaveNewcomersAQuarterOfThePlaces)
{
    Table table({.connections = 8});
    auto& longest_idle = table.open_known();
    for (int i = 0; i < 7; ++i)
        table.open_known();
    auto& first = table.open();
    auto& second = table.open();
    EXPECT_TRUE(Table::closed(longest_idle));
    EXPECT_FALSE(Table::closed(first));
    table.open();
    EXPECT_TRUE(Table::closed(first));
    EXPECT_FALSE(Table::closed(second));
    EXPECT_EQ(table.table().size(), 8U);
}

TEST(HttpTable, NobodyIsGivenUpForANewcomerWhileAtWork)
{
    Table table({.connections = 1});
    table.feed(table.open(), kAsk);
    EXPECT_EQ(table.table().add({}, "", table.now()), nullptr);
}

TEST(HttpTable, MemoryOfBodiesIsBounded)
{
    Table table({.held_bytes = 4 << 20});
    std::string const most((1 << 20) - 1, 'x');
    std::vector<Connection*> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back(&table.open());
        table.feed(*all.back(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n");
        table.feed(*all.back(), most);
        EXPECT_LE(table.table().held_bytes(), 4U << 20);
    }
    EXPECT_TRUE(Table::closed(*all.front()));
    EXPECT_FALSE(Table::closed(*all.back()));
}

TEST(HttpTable, WhoComesWhenAllMemoryIsAtWorkIsToldSo)
{
    Table table({.held_bytes = 3 << 20});
    auto const ask = fmt::format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n{}",
                                 std::string(1 << 20, 'x'));
    std::vector<Connection*> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(&table.open());
        table.feed(*all.back(), ask); // whole, and so not to be given up
    }
    EXPECT_FALSE(Table::refused(*all.front()));
    EXPECT_TRUE(Table::refused(*all.back()));
}

TEST(HttpTable, ManyRequestsAreSlowedDown)
{
    Table table({.per_second = 10, .burst = 5});
    table.pass(1s);
    int handled = 0;
    auto& connection = table.open(); // costs one, too
    for (int step = 0; step < 200; ++step) {
        if (connection.session.phase() == HttpSession::Phase::waiting)
            table.feed(connection, kAsk);
        if (table.table().next_ready(table.now()) != nullptr) {
            table.answer(connection, true);
            table.read_all(connection);
            ++handled;
        }
        table.pass(10ms);
    }
    EXPECT_GE(handled, 4 + 19);
    EXPECT_LE(handled, 4 + 20);
}

TEST(HttpTable, EveryConnectionIsBuried)
{
    Table table;
    for (int i = 0; i < 100; ++i)
        table.open();
    table.pass(1h);
    table.table().bury();
    EXPECT_EQ(table.table().size(), 0U);
    EXPECT_EQ(table.table().held_bytes(), 0U);
}

} // namespace
} // namespace karat::api
