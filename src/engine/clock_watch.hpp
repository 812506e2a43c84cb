// SPDX-License-Identifier: Apache-2.0
// Somebody sets the host's clock, or it was suspended. Times in rows of tasks are meant as "so long
// from then": what waits must neither hang for a day nor come a day early, so they move along.
#pragma once

#include "karat/env.hpp"
#include "karat/mutex.hpp"

#include <optional>
#include <vector>

namespace karat::engine {

/// Compares the clock that people set with the one that nobody can. Thread-safe.
class ClockWatch {
public:
    /// How far the clock was set since the last call, forwards or back; nothing when it was not.
    /// What it gains or loses by being slewed is no jump.
    std::optional<std::chrono::milliseconds> jumped(Clock& clock);
    /// What a time that was noted is by the clock of now, as far as it was set forwards since.
    Time by_todays_clock(Time noted) const;

private:
    struct Look {
        Time wall;
        std::chrono::nanoseconds steady{};
    };
    struct Jump {
        Time before;
        std::chrono::milliseconds by{};
    };
    mutable Mutex mutex_;
    std::optional<Look> last_ GUARDED_BY(mutex_);
    std::vector<Jump> forwards_ GUARDED_BY(mutex_);
};

} // namespace karat::engine
