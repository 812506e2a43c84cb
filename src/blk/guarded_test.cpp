// SPDX-License-Identifier: Apache-2.0
#include "guarded.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace karat::blk {
namespace {

std::string reported;
void report(char const* what) noexcept { reported = what; }

int answer(void*, int number)
{
    if (number == 1)
        throw std::bad_alloc();
    if (number == 2)
        throw std::length_error("a map is too long");
    if (number == 3)
        throw number;
    return number;
}
void* open_one(int number) { return number == 0 ? &reported : throw std::runtime_error("no"); }
void close_one(void*) { throw std::runtime_error("while closing"); }

TEST(Guarded, ThrowingIsAFailureOfThatCall)
{
    constexpr auto call = Guarded<answer, report>::call;
    EXPECT_EQ(call(nullptr, 7), 7);
    EXPECT_EQ(call(nullptr, 1), -1);
    EXPECT_EQ(reported, "std::bad_alloc");
    EXPECT_EQ(call(nullptr, 2), -1);
    EXPECT_EQ(reported, "a map is too long");
    EXPECT_EQ(call(nullptr, 3), -1);
    EXPECT_EQ(reported, "unknown");
    constexpr auto open = Guarded<open_one, report>::call;
    EXPECT_EQ(open(0), &reported);
    EXPECT_EQ(open(1), nullptr);
    constexpr auto close = Guarded<close_one, report>::call;
    close(nullptr);
    EXPECT_EQ(reported, "while closing");
}

TEST(Guarded, ReadsWaitForMemory)
{
    int calls = 0;
    auto const read = [&] { return ++calls < 4 ? throw std::bad_alloc() : calls; };
    EXPECT_EQ(patiently(read, std::chrono::milliseconds(0), 10), 4);
    calls = 0;
    EXPECT_THROW(patiently(read, std::chrono::milliseconds(0), 3), std::bad_alloc);
    EXPECT_EQ(calls, 3);
}

} // namespace
} // namespace karat::blk
