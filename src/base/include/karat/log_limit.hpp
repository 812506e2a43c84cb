// SPDX-License-Identifier: Apache-2.0
// How many lines an event may have in the log: a burst, and so many a second after that. So whoever
// makes us log, over and over, does not fill the disk. What was left out is counted, and said in a
// line log.left_out before the event's next one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace karat {

struct LogRate {
    double per_second;
    double burst;
};

/// Not thread-safe. `now` is a steady clock's.
class LogLimit {
public:
    explicit LogLimit(LogRate rate)
        : rate_(rate)
        , left_(rate.burst)
    {
    }

    /// How many lines were left out since the last one; nothing when this one is left out, too.
    std::optional<std::uint64_t> admit(std::chrono::nanoseconds now);

private:
    LogRate rate_;
    double left_; ///< Lines that may come now.
    std::chrono::nanoseconds seen_{};
    std::uint64_t left_out_ = 0;
};

/// Bounds the lines of an event; others than these may have 20 a second after a burst of 10,000.
/// Thread-safe.
void set_log_rate(std::string_view event, LogRate rate);

} // namespace karat
