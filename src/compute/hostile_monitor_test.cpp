// SPDX-License-Identifier: Apache-2.0
// A monitor whose QEMU somebody has taken over: it says what it likes, when it likes, or nothing.
// What it costs is bounded, and the monitors of other machines are served meanwhile.
#include "machine_events.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

namespace karat::compute {
namespace {

using namespace std::chrono_literals;

InstanceId const kHostile = InstanceId::parse("i-0123456789abcdef0").value();
InstanceId const kOther = InstanceId::parse("i-0123456789abcdef1").value();

/// A monitor, and the end that plays QEMU.
struct Monitor {
    Monitor(Supervisor& supervisor, InstanceId const& id, Process const& qemu)
        : supervisor_(supervisor)
        , ticket(supervisor.new_ticket())
    {
        std::array<int, 2> ends{};
        VERIFY(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        peer = Fd(ends[1]);
        qmp = std::make_unique<Qmp>(Fd(ends[0]),
                                    event_handler(supervisor, {.id = id, .ticket = ticket}));
        supervisor.watch(id, ticket, *qmp, qemu);
    }
    ~Monitor() { supervisor_.unwatch(ticket); }

    /// False when the other end has closed.
    bool say(std::string_view text) const
    {
        while (!text.empty()) {
            auto const put = ::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (put <= 0)
                return false;
            text.remove_prefix(static_cast<std::size_t>(put));
        }
        return true;
    }
    /// The next command, as it was sent; empty when the connection is over.
    std::string hear() const
    {
        std::string line;
        for (char c = 0; ::recv(peer.get(), &c, 1, 0) == 1 && c != '\n';)
            line += c;
        return line;
    }
    /// Answers each command with an empty object.
    void serve() const
    {
        for (auto line = hear(); !line.empty(); line = hear()) {
            auto const id = Json::parse(line).at("id").get<int>();
            say("{\"return\": {}, \"id\": " + std::to_string(id) + "}\n");
        }
    }

    Supervisor& supervisor_;
    Supervisor::Ticket const ticket;
    Fd peer;
    std::unique_ptr<Qmp> qmp;
};

class HostileMonitor : public testing::Test {
protected:
    HostileMonitor()
        : qemu_(Process::spawn({.program = "sleep", .arguments = {"60"}, .error_log = "/dev/null"})
                    .value())
    {
    }
    ~HostileMonitor() override
    {
        hostile_.peer.reset();
        other_.peer.reset();
        supervisor_.stop();
        EXPECT_TRUE(qemu_.end(0ms).ok());
    }

    /// The outcome of a command while the peer does something to it.
    template <class Peer>
    Result<Json> during(Peer peer, std::chrono::milliseconds patience = 10s)
    {
        std::jthread const other(peer);
        return hostile_.qmp->run("query-status", Json::object(), patience);
    }
    /// The other machine's monitor answers, and at once.
    void expect_others_served()
    {
        std::jthread const peer([this] { other_.serve(); });
        for (int i = 0; i < 20; ++i)
            EXPECT_TRUE(other_.qmp->run("query-status", Json::object(), 3s).ok());
        ::shutdown(other_.peer.get(), SHUT_RDWR);
    }

    Process qemu_;
    std::atomic<int> told_hostile_ = 0;
    std::atomic<int> told_other_ = 0;
    Supervisor supervisor_{[this](Supervisor::News const& news) {
        ++(news.id == kHostile ? told_hostile_ : told_other_);
        std::this_thread::sleep_for(5ms); // as work on a machine takes
    }};
    Monitor hostile_{supervisor_, kHostile, qemu_};
    Monitor other_{supervisor_, kOther, qemu_};
};

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_F(HostileMonitor, SaysGarbageBeforeItAnswers)
{
    auto const answer = during([this] {
        hostile_.hear();
        for (std::string const line :
             {"", "null", "7", "[]", "{", "\xff\xfe", "{\"id\": \"1\"}", "{\"id\": -1}",
              "{\"id\": 1e300}", "{\"id\": 2, \"return\": 1}", "{\"return\": 1}", "{\"event\": 5}",
              "{\"event\": \"SHUTDOWN\"}", "{\"event\": \"SHUTDOWN\", \"data\": 7}",
              "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": \"yes\"}}",
              "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"action\": []}}"})
            hostile_.say(line + '\n');
        hostile_.say("{\"id\": 1, \"return\": {\"status\": \"running\"}}\n");
    });
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer.value().value("status", ""), "running");
    EXPECT_EQ(told_hostile_, 0);
}

TEST_F(HostileMonitor, NestsAMillionLevelsDeep)
{
    auto const deep = nested(1'000'000);
    auto const answer = during([&] {
        hostile_.say("{\"event\": \"SHUTDOWN\", \"data\": " + deep + "}\n");
        hostile_.say("{\"id\": 1, \"return\": " + deep + "}\n");
        hostile_.say("{\"id\": 1, \"error\": {\"desc\": " + nested(20) + "}}\n");
    });
    EXPECT_EQ(answer.error().message, "QEMU refuses query-status: ");
}

TEST_F(HostileMonitor, SendsALineWithoutEnd)
{
    auto const answer = during([this] {
        std::string const piece(1 << 20, 'x');
        for (int i = 0; i < 64 && hostile_.say(piece); ++i)
            ;
    });
    EXPECT_EQ(answer.error().message, "QEMU went away during query-status");
    EXPECT_FALSE(hostile_.qmp->run("quit").ok()) << "at once";
    expect_others_served();
}

TEST_F(HostileMonitor, AnswersSomethingElseOrNothing)
{
    auto const answer = during(
        [this] { hostile_.say("{\"id\": 99, \"return\": 1}\n{\"id\": 0, \"return\": 1}\n"); },
        200ms);
    EXPECT_EQ(answer.error().message, "QEMU does not answer query-status");
    // What comes too late is not taken for the next command's answer.
    auto const next = during([this] {
        hostile_.hear(); // the one that nobody answered
        hostile_.hear();
        hostile_.say("{\"id\": 1, \"return\": \"late\"}\n{\"id\": 2, \"return\": \"right\"}\n");
    });
    EXPECT_EQ(next.value(), "right");
    auto const gone = during([this] { ::shutdown(hostile_.peer.get(), SHUT_RDWR); });
    EXPECT_EQ(gone.error().message, "QEMU went away during query-status");
}

TEST_F(HostileMonitor, DoesNotReadWhatItIsSent)
{
    Json const much = {{"text", std::string(4 << 20, 'x')}};
    auto const sent = hostile_.qmp->run("blockdev-add", much, 200ms);
    EXPECT_EQ(sent.error().message, "QEMU's monitor does not take commands");
    EXPECT_EQ(hostile_.qmp->run("quit").error().message, "QEMU went away during quit");
    expect_others_served();
}

TEST_F(HostileMonitor, FloodsWithEvents)
{
    std::string const shutdown = "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\n";
    std::string const stop = "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"action\": \"stop\"}}\n";
    std::string flood;
    for (int i = 0; i < 500; ++i)
        flood += shutdown + stop;
    std::atomic<bool> ended = false;
    std::jthread const peer([&] {
        while (!ended && hostile_.say(flood))
            ;
    });
    expect_others_served();
    other_.supervisor_.post({.id = kOther, .ticket = other_.ticket, .notice = Notice::net_ended});
    for (int i = 0; i < 2000 && told_other_ == 0; ++i)
        std::this_thread::sleep_for(5ms);
    EXPECT_EQ(told_other_, 1) << "others' news wait for one of the flood at most";
    ended = true;
    ::shutdown(hostile_.peer.get(), SHUT_RDWR);
    EXPECT_GT(told_hostile_, 0);
    EXPECT_FALSE(supervisor_.post(
        {.id = kHostile, .ticket = hostile_.ticket, .notice = Notice::disk_stopped}))
        << "one waits, of all those";
}

} // namespace
} // namespace karat::compute
