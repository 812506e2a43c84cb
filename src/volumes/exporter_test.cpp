// SPDX-License-Identifier: Apache-2.0
// Keeping karat-blk running, with a script for nbdkit's sh plugin in its place.
#include "exporter.hpp"

#include "listener.hpp"
#include "testing/host_tools.hpp"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace karat::volumes {
namespace {

class SlowExporter : public ::testing::Test {
protected:
    void SetUp() override
    {
        KARAT_REQUIRE("nbdkit", "nbdkit");
        // The first eight words are nbdkit's own; see Exporter::arguments().
        write_script("nbdkit", "exec nbdkit \"${@:1:8}\" sh \"${@:9}\"");
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
    pid_t server() { return listener_of(options_.run_directory + "/blk.sock").value_or(0); }
    void kill_server()
    {
        auto const process = Process::find(posix_env().files, server());
        ASSERT_TRUE(process.has_value());
        ASSERT_EQ(::kill(process->pid(), SIGKILL), 0);
        for (int i = 0; i < 500 && listener_of(options_.run_directory + "/blk.sock"); ++i)
            ::usleep(10000);
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
    ASSERT_TRUE(first.supervise().ok());
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
    auto const pid = server();
    kill_server();
    EXPECT_TRUE(std::filesystem::exists(exporter.socket())) << "a stale socket is left";
    ASSERT_TRUE(exporter.supervise().ok());
    EXPECT_GT(server(), 0);
    EXPECT_NE(server(), pid);
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
    EXPECT_TRUE(exporter.supervise().ok());
    EXPECT_TRUE(exporter.stop().ok());
}

} // namespace
} // namespace karat::volumes
