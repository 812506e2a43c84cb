// SPDX-License-Identifier: Apache-2.0
#include "deadline.hpp"

#include <gtest/gtest.h>

namespace karat::daemon {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, EndsAProcessThatHangsAndSaysWhatDid)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            Deadline const deadline(
                50ms, [] { return std::vector<std::string>{"POST /v1/image-import for 9 s"}; });
            std::this_thread::sleep_for(60s);
        },
        ::testing::ExitedWithCode(1), "karatd.hangs running=.POST /v1/image-import for 9 s.");
}

TEST(Deadline, EndsAProcessEvenWhereSayingSoHangs)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            Deadline const deadline(1ms, [] {
                std::this_thread::sleep_for(60s);
                return std::vector<std::string>{};
            });
            std::this_thread::sleep_for(60s);
        },
        ::testing::KilledBySignal(SIGALRM), "");
}

TEST(Deadline, LetsGoWhoEndsInTime)
{
    Deadline const deadline(1h, [] { return std::vector<std::string>{}; });
}

} // namespace
} // namespace karat::daemon
