// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <array>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace karat::compute {
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

} // namespace
} // namespace karat::compute
