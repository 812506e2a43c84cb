// SPDX-License-Identifier: Apache-2.0
// The tasks that workers of this process are at, and since when. Private to the room.
#pragma once

#include "karat/mutex.hpp"
#include "karat/nouns.hpp"

#include <map>
#include <optional>
#include <vector>

namespace karat::engine {

/// Thread-safe.
class AtWork {
public:
    struct One {
        Task task;    ///< As it was taken, with the newest progress.
        Time since{}; ///< When its step began.
        Time kept{};  ///< When its lease was last extended.
        Time moved{}; ///< When it last reported progress; at first, when its step began.
    };

    /// A task is at work while this lives.
    class Guard {
    public:
        Guard(AtWork& all, Task const& task, Time now);
        ~Guard();
        Guard(Guard const&) = delete;
        Guard& operator=(Guard const&) = delete;

    private:
        AtWork& all_;
        std::int64_t id_;
    };

    /// Notes progress, which extended the lease.
    void moved(Task const& task, Time now);
    /// Those whose lease was not extended since `before`; counts them as extended now.
    std::vector<Task> to_extend(Time before, Time now);
    std::map<std::int64_t, One> all() const;

private:
    mutable Mutex mutex_;
    std::map<std::int64_t, One> tasks_ GUARDED_BY(mutex_);
};

} // namespace karat::engine
