// SPDX-License-Identifier: Apache-2.0
#include "karat/thread.hpp"

#include <atomic>
#include <filesystem>
#include <gtest/gtest.h>
#include <new>
#include <stdexcept>
#include <system_error>

namespace karat {
namespace {

/// One of what libraries and the standard library throw.
void throw_one(int number)
{
    switch (number) {
    case 0:
        throw std::bad_alloc();
    case 1:
        throw std::length_error("too long");
    case 2:
        throw std::filesystem::filesystem_error("gone", std::error_code(2, std::system_category()));
    case 3:
        throw std::system_error(11, std::system_category());
    default:
        throw number;
    }
}

TEST(ThreadTest, GoesOnWhateverItsBodyThrows)
{
    std::atomic<int> runs = 0;
    Thread thread("test", Thread::OnThrow::go_on, [&](std::stop_token const&) {
        if (int const number = runs++; number < 5)
            throw_one(number);
    });
    thread.join();
    EXPECT_EQ(runs, 6) << "five times it threw, then it came to its end";
}

TEST(ThreadTest, EndsWhenItIsToStop)
{
    std::atomic<int> runs = 0;
    {
        Thread const thread("test", Thread::OnThrow::go_on, [&](std::stop_token const&) {
            ++runs;
            throw std::bad_alloc();
        });
        while (runs == 0)
            std::this_thread::yield();
    }
    EXPECT_LE(runs, 2);
}

TEST(ThreadDeathTest, EndsTheProcessWhereHalfOfAChangeWouldStay)
{
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_DEATH(Thread("test", Thread::OnThrow::end_process,
                        [](std::stop_token const&) { throw std::bad_alloc(); })
                     .join(),
                 "thread.threw thread=test message=std::bad_alloc");
}

TEST(ThreadTest, AProgramSaysWhatItsMainThrows)
{
    EXPECT_EQ(run_program("test", [] { return 7; }), 7);
    for (int number = 0; number < 5; ++number)
        EXPECT_EQ(run_program("test",
                              [number]() -> int {
                                  throw_one(number);
                                  return 0;
                              }),
                  1);
}

} // namespace
} // namespace karat
