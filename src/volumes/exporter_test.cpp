// SPDX-License-Identifier: Apache-2.0
// Keeping karat-blk running, with a script for nbdkit's sh plugin in its place.
#include "exporter.hpp"

#include "listener.hpp"
#include "testing/host_tools.hpp"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace karat::volumes {
namespace {

using namespace std::chrono_literals;

class SlowExporter : public ::testing::Test {
protected:
    void SetUp() override
    {
        KARAT_REQUIRE("nbdkit", "nbdkit");
        // The first six words are nbdkit's own; see Exporter::arguments().
        write_script("nbdkit", "exec nbdkit \"${@:1:6}\" sh \"${@:7}\"");
        write_script("plugin", "case $1 in\n"
                               "config) ;;\n"
                               "get_size) echo 1M ;;\n"
                               "pread) head -c \"$3\" /dev/zero ;;\n"
                               "*) exit 2 ;;\n"
                               "esac");
        options_.run_directory = folder_ / "run";
        options_.store_directory = folder_ / "store";
        options_.nbdkit = folder_ / "nbdkit";
        options_.plugin = folder_ / "plugin";
    }
    void write_script(char const* name, std::string_view text)
    {
        std::ofstream(folder_ / name) << "#!/bin/bash\n" << text << '\n';
        std::filesystem::permissions(folder_ / name, std::filesystem::perms::owner_all);
    }
    void TearDown() override { ASSERT_TRUE(Exporter(posix_env(), options_).stop().ok()); }

    /// The process that serves, as the socket tells; 0 if none does.
    pid_t server()
    {
        auto const found = listener_of(options_.run_directory + "/blk.sock", 1s);
        return found && found->greeted ? found->pid : 0;
    }
    void signal_server(int number)
    {
        auto const process = Process::find(posix_env().files, server());
        ASSERT_TRUE(process.has_value());
        process->signal(number);
    }
    pid_t server_after(pid_t former)
    {
        auto now = server();
        for (int i = 0; i < 1000 && (now == 0 || now == former); ++i) {
            ::usleep(10000);
            now = server();
        }
        return now;
    }

    testing::Folder folder_;
    Options options_;
};

TEST_F(SlowExporter, ServesIsFoundAgainAndEnds)
{
    Exporter first(posix_env(), options_);
    ASSERT_TRUE(first.serve().ok());
    auto const pid = server();
    EXPECT_GT(pid, 0);
    EXPECT_EQ(::getsid(pid), pid) << "it lives in a session of its own";
    ASSERT_TRUE(first.serve().ok());
    EXPECT_EQ(server(), pid);

    Exporter second(posix_env(), options_); // as after a restart of the daemon
    ASSERT_TRUE(second.serve().ok());
    EXPECT_EQ(server(), pid);
    ASSERT_TRUE(second.stop().ok());
    EXPECT_EQ(server(), 0);
    EXPECT_FALSE(std::filesystem::exists(second.socket()));
    ASSERT_TRUE(second.stop().ok());
}

TEST_F(SlowExporter, IsRestartedWhenItDied)
{
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok());
    for (int const number : {SIGKILL, SIGTERM}) {
        auto const pid = server();
        signal_server(number);
        auto const successor = server_after(pid);
        EXPECT_GT(successor, 0);
        EXPECT_NE(successor, pid);
    }
}

TEST_F(SlowExporter, IsReplacedWhenItHangs)
{
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok());
    auto const pid = server();
    signal_server(SIGSTOP); // the kernel goes on to accept connections for it
    auto const successor = server_after(pid);
    EXPECT_GT(successor, 0);
    EXPECT_NE(successor, pid);
    EXPECT_FALSE(Process::find(posix_env().files, pid).has_value());
}

TEST_F(SlowExporter, HangingOneIsReplacedAtTheStart)
{
    ASSERT_TRUE(Exporter(posix_env(), options_).serve().ok());
    auto const pid = server();
    signal_server(SIGSTOP);
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok());
    EXPECT_NE(server(), pid);
}

/// Whoever connects meanwhile is never refused.
TEST_F(SlowExporter, IsExchangedWithoutAGap)
{
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok());
    int refused = 0;
    std::atomic<bool> enough = false;
    std::thread client([&] {
        while (!enough)
            refused += listener_of(exporter.socket(), 5s).has_value() ? 0 : 1;
    });
    for (int i = 0; i < 5; ++i) {
        auto const pid = server();
        EXPECT_TRUE(exporter.exchange().ok());
        EXPECT_NE(server(), pid);
        EXPECT_FALSE(Process::find(posix_env().files, pid).has_value());
    }
    enough = true;
    client.join();
    EXPECT_EQ(refused, 0);
    auto const named = Process::find_in(posix_env().files, options_.run_directory + "/blk.pid");
    ASSERT_TRUE(named.has_value());
    EXPECT_EQ(named->pid(), server());
}

TEST_F(SlowExporter, ServesOnWhenItsSuccessorDoesNotCome)
{
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok());
    auto const pid = server();
    write_script("nbdkit", "exit 1");
    EXPECT_FALSE(exporter.exchange().ok());
    EXPECT_EQ(server(), pid);
}

TEST_F(SlowExporter, WhatAnExchangeThatWasCutShortLeftIsEnded)
{
    ASSERT_TRUE(Exporter(posix_env(), options_).serve().ok());
    auto const successor = server();
    // As if the daemon had ended before the successor took the socket.
    std::filesystem::rename(options_.run_directory + "/nbd/blk.sock",
                            options_.run_directory + "/nbd/blk.next.sock");
    std::filesystem::remove(options_.run_directory + "/blk.pid");
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok());
    EXPECT_NE(server(), successor);
    EXPECT_FALSE(Process::find(posix_env().files, successor).has_value());
    // As if it had ended after that, with the predecessor still there.
    auto const predecessor = server();
    std::filesystem::remove(options_.run_directory + "/nbd/blk.sock");
    ASSERT_TRUE(Exporter(posix_env(), options_).serve().ok());
    EXPECT_NE(server(), predecessor);
    EXPECT_FALSE(Process::find(posix_env().files, predecessor).has_value());
}

TEST_F(SlowExporter, IsFoundWithoutItsPidFile)
{
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok());
    auto const pid = server();
    std::filesystem::remove(options_.run_directory + "/blk.pid");
    ASSERT_TRUE(Exporter(posix_env(), options_).serve().ok());
    EXPECT_EQ(server(), pid);
}

TEST_F(SlowExporter, DoesNotTakeAnotherProcessForItsOwn)
{
    std::filesystem::create_directories(options_.run_directory);
    std::ofstream(options_.run_directory + "/blk.pid") << ::getpid() << '\n';
    Exporter exporter(posix_env(), options_);
    ASSERT_TRUE(exporter.serve().ok()); // and this process still lives
    EXPECT_GT(server(), 0);
}

TEST_F(SlowExporter, InheritsNothing)
{
    auto const leak = ::open("/dev/zero", O_RDONLY); // without O_CLOEXEC
    ASSERT_GE(leak, 0);
    ASSERT_TRUE(Exporter(posix_env(), options_).serve().ok());
    auto const fds = testing::run(fmt::format("ls -l /proc/{}/fd", server())).output;
    EXPECT_EQ(fds.find("/dev/zero"), std::string::npos) << fds;
    ::close(leak);
}

TEST_F(SlowExporter, SaysWhatIsWrong)
{
    options_.nbdkit = "no-such-nbdkit";
    EXPECT_EQ(Exporter(posix_env(), options_).serve().error().message,
              "Snapshots cannot be served: no-such-nbdkit is not installed; run 'apt-get install "
              "nbdkit'");
    options_.nbdkit = "nbdkit";
    options_.plugin = folder_ / "karat-blk.so";
    auto const failed = Exporter(posix_env(), options_).serve();
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().fault, Fault::unavailable);
    EXPECT_NE(failed.error().message.find("karat-blk.so"), std::string::npos)
        << failed.error().message;
    EXPECT_NE(failed.error().message.find("nbdkit ended at once and said"), std::string::npos)
        << failed.error().message;
    options_.run_directory = folder_ / std::string(120, 'x');
    auto const too_long = Exporter(posix_env(), options_).serve();
    ASSERT_FALSE(too_long.ok());
    EXPECT_NE(too_long.error().message.find("too long for a socket (107 bytes at most)"),
              std::string::npos)
        << too_long.error().message;
}

TEST(Exporter, ServesNothingWithoutAPlugin)
{
    Exporter exporter(posix_env(), Options{});
    EXPECT_TRUE(exporter.serve().ok());
    EXPECT_TRUE(exporter.exchange().ok());
    EXPECT_TRUE(exporter.stop().ok());
}

} // namespace
} // namespace karat::volumes
