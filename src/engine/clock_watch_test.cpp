// SPDX-License-Identifier: Apache-2.0
#include "clock_watch.hpp"

#include <gtest/gtest.h>

namespace karat::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Two clocks that are moved one by one.
class TwoClocks final : public Clock {
public:
    Time now() override { return wall; }
    std::chrono::nanoseconds steady() override { return passed; }
    void pass(milliseconds by)
    {
        wall += by;
        passed += by;
    }
    Time wall{hours(24 * 365 * 50)};
    std::chrono::nanoseconds passed{seconds(1)};
};

TEST(ClockWatch, TellsJumpsAndNothingElse)
{
    TwoClocks clock;
    ClockWatch watch;
    EXPECT_FALSE(watch.jumped(clock)); // there is nothing to compare with
    clock.pass(hours(24));
    EXPECT_FALSE(watch.jumped(clock));
    clock.pass(seconds(30));
    clock.wall += milliseconds(15); // slewed
    EXPECT_FALSE(watch.jumped(clock));
    clock.pass(seconds(5));
    clock.wall += hours(24);
    EXPECT_EQ(watch.jumped(clock), milliseconds(hours(24)));
    EXPECT_FALSE(watch.jumped(clock)); // told once
    clock.wall -= hours(30);
    EXPECT_EQ(watch.jumped(clock), milliseconds(-hours(30)));
    EXPECT_FALSE(watch.jumped(clock));
}

TEST(ClockWatch, MovesWhatWasNotedBeforeAJumpForwards)
{
    TwoClocks clock;
    ClockWatch watch;
    EXPECT_FALSE(watch.jumped(clock));
    auto const before = clock.wall;
    clock.pass(seconds(10));
    clock.wall += hours(24);
    EXPECT_TRUE(watch.jumped(clock));
    EXPECT_EQ(watch.by_todays_clock(before), before + hours(24));
    EXPECT_EQ(watch.by_todays_clock(clock.wall), clock.wall);
}

} // namespace
} // namespace karat::engine
