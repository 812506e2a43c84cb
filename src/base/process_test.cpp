// SPDX-License-Identifier: Apache-2.0
#include "karat/process.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace karat {
namespace {

/// What a program started by us writes to its standard output.
std::string output_of(std::string program, std::vector<std::string> arguments)
{
    std::array<int, 2> ends = {};
    EXPECT_EQ(::pipe(ends.data()), 0); // without O_CLOEXEC, as a careless library would
    Fd const ours(ends[0]);
    Fd theirs(ends[1]);
    auto const process = Process::spawn({.program = std::move(program),
                                         .arguments = std::move(arguments),
                                         .directory = "/",
                                         .error_log = "/dev/null",
                                         .standard_output = theirs.get()});
    EXPECT_TRUE(process.ok());
    theirs.reset();
    std::string text;
    std::array<char, 512> piece{};
    for (ssize_t got = 1; got > 0;) {
        got = ::read(ours.get(), piece.data(), piece.size());
        text.append(piece.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    EXPECT_TRUE(process.value().wait(std::chrono::seconds(10)));
    return text;
}

TEST(Process, InheritsNothingButItsStandardStreams)
{
    // The shell's own glob needs a descriptor to read the folder: 3 is that one.
    EXPECT_EQ(output_of("sh", {"-c", "echo /proc/$$/fd/*"}).find("fd/4"), std::string::npos);
}

TEST(Process, IsNotFoundWhenThereIsNoSuchProgram)
{
    auto const process = Process::spawn(
        {.program = "karat-no-such-program", .directory = "/", .error_log = "/dev/null"});
    EXPECT_EQ(process.error().fault, Fault::not_found);
}

TEST(Process, IgnoresNoSignalThatWeIgnore)
{
    auto const before = std::signal(SIGPIPE, SIG_IGN);
    auto const ignored = output_of("grep", {"SigIgn", "/proc/self/status"});
    std::signal(SIGPIPE, before);
    auto const mask = std::stoull(ignored.substr(ignored.find('\t') + 1), nullptr, 16);
    EXPECT_EQ(mask >> (SIGPIPE - 1) & 1, 0U) << ignored;
}

/// A program that sleeps, and a pid file that names it.
class Sleeper : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
        std::ofstream(pid_file_ = folder_ + "/pid") << process_.pid() << '\n';
        // The kernel lets spawn() return a moment before the new program's words can be read.
        for (int tries = 0; tries < 10000 && !found("1000"); ++tries)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    void TearDown() override
    {
        EXPECT_TRUE(process_.end(std::chrono::seconds(5)).ok());
        ::unlink(pid_file_.c_str());
        ::rmdir(folder_.c_str());
    }
    std::optional<Process> found(std::string_view argument)
    {
        return Process::find(posix_env().files, pid_file_, argument);
    }

    std::string folder_ = "/tmp/karat-process-XXXXXX";
    std::string pid_file_;
    Process process_ =
        Process::spawn(
            {.program = "sleep", .arguments = {"1000", "2000"}, .error_log = "/dev/null"})
            .value();
};

TEST_F(Sleeper, IsFoundByItsPidFileAndAWholeArgument)
{
    for (auto const* const argument : {"1000", "2000"}) {
        auto const one = found(argument);
        ASSERT_TRUE(one.has_value()) << argument;
        EXPECT_EQ(one->pid(), process_.pid());
    }
    EXPECT_FALSE(found("100"));
    std::ofstream(pid_file_) << "no number\n";
    EXPECT_FALSE(found("1000"));
    std::ofstream(pid_file_) << "0\n";
    EXPECT_FALSE(found("1000"));
}

TEST_F(Sleeper, IsFoundAmongAllWithoutItsPidFile)
{
    auto const unique = "of " + folder_;
    auto const other = Process::spawn({.program = "sh",
                                       .arguments = {"-c", "sleep 1000", "sh", unique},
                                       .error_log = "/dev/null"})
                           .value();
    std::optional<Process> one;
    for (int tries = 0; tries < 1000 && !one; ++tries)
        one = Process::search(posix_env().files, unique);
    ASSERT_TRUE(one.has_value());
    EXPECT_EQ(one->pid(), other.pid());
    EXPECT_TRUE(other.end(std::chrono::seconds(0)).ok());
    EXPECT_FALSE(Process::search(posix_env().files, unique));
}

TEST_F(Sleeper, IsNotMistakenForSomebodyElsesWithItsNumberAndItsWord)
{
    std::array<int, 2> ends = {};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Fd const ours(ends[0]);
    Fd theirs(ends[1]);
    auto const shell = Process::spawn({.program = "sh",
                                       .arguments = {"-c", "sleep 1000 & echo $!; wait"},
                                       .error_log = "/dev/null",
                                       .standard_output = theirs.get()})
                           .value();
    std::array<char, 16> number = {};
    ASSERT_GT(::read(ours.get(), number.data(), number.size() - 1), 0);
    std::ofstream(pid_file_) << number.data();
    std::optional<Process> other;
    for (int tries = 0; tries < 1000 && !other; ++tries) // amid exec it has no command line
        other = Process::find_in(posix_env().files, pid_file_);
    ASSERT_TRUE(other.has_value());
    EXPECT_FALSE(found("1000")) << "it leads no session: spawn() did not start it";
    EXPECT_TRUE(other->alive());
    EXPECT_TRUE(other->end(std::chrono::seconds(0)).ok());
    EXPECT_TRUE(shell.end(std::chrono::seconds(0)).ok());
}

TEST_F(Sleeper, IsGoneOnceItHasEnded)
{
    EXPECT_TRUE(process_.alive());
    process_.signal(SIGTERM);
    EXPECT_FALSE(found("1000") && !found("1000")->wait(std::chrono::seconds(10)));
    EXPECT_TRUE(process_.wait(std::chrono::seconds(10)));
    EXPECT_FALSE(found("1000"));
    EXPECT_FALSE(Process::find(posix_env().files, process_.pid()));
}

TEST(Process, IsKilledWhenItDoesNotListen)
{
    std::array<int, 2> ends = {};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Fd const ours(ends[0]);
    Fd theirs(ends[1]);
    auto const process =
        Process::spawn({.program = "sh",
                        .arguments = {"-c", "trap '' TERM; echo; while :; do sleep 1; done"},
                        .error_log = "/dev/null",
                        .standard_output = theirs.get()});
    ASSERT_TRUE(process.ok());
    char said = 0;
    ASSERT_EQ(::read(ours.get(), &said, 1), 1); // it is deaf from now on
    EXPECT_TRUE(process.value().end(std::chrono::milliseconds(50)).ok());
    EXPECT_EQ(process.value().ending(), "signal 9");
}

} // namespace
} // namespace karat
