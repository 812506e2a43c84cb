// SPDX-License-Identifier: Apache-2.0
// The tasks that this process works on, since when, and which of them wait in memory for their next
// look. Private to the room.
#pragma once

#include "karat/mutex.hpp"
#include "karat/nouns.hpp"

#include <map>
#include <optional>
#include <set>
#include <vector>

namespace karat::engine {

/// Thread-safe.
class AtWork {
public:
    struct One {
        Task task;            ///< As it was taken, with the newest progress.
        Time since{};         ///< When its step began.
        Time renewed{};       ///< When its lease was last extended.
        Time moved{};         ///< When it last reported progress; at first, when its step began.
        bool is_lost = false; ///< Another worker has its lease.
        std::optional<std::chrono::nanoseconds> look_at; ///< Steady time of a parked one.
    };

    /// A step of the task runs while this lives; then nobody is at the task, unless it was parked.
    class Guard {
    public:
        /// Of a task that was taken, or that take_parked() answered.
        Guard(AtWork& all, std::int64_t id)
            : all_(&all)
            , id_(id)
        {
        }
        ~Guard();
        Guard(Guard const&) = delete;
        Guard& operator=(Guard const&) = delete;
        /// Keeps the task, under its lease, until its next look.
        void park(Task task, std::chrono::nanoseconds look_at);

    private:
        AtWork* all_; ///< Null once parked.
        std::int64_t id_;
    };

    /// False when the process still works on an earlier taking of the task, which is lost by now.
    bool begin(Task const& task, Time now);
    /// A parked task of the lane (of any, without one) whose look is due; its step begins.
    std::optional<Task> take_parked(std::optional<Lane> lane, std::chrono::nanoseconds steady,
                                    Time now);
    /// Steady time of the first look.
    std::optional<std::chrono::nanoseconds> next_look(std::optional<Lane> lane) const;
    /// Ends the waiting of all that are parked, and answers them.
    std::vector<Task> take_all_parked();
    /// Moves the times of those that are parked, as the clock was set.
    void shift_parked(std::chrono::milliseconds by);

    /// Notes progress, which extended the lease.
    void moved(Task const& task, Time now);
    /// Those whose lease was last extended before.
    std::vector<Task> to_renew(Time before) const;
    void renewed(std::vector<Task> const& tasks, Time now);
    void lost(std::int64_t id);
    bool is_lost(std::int64_t id) const;
    std::map<std::int64_t, One> all() const;

private:
    mutable Mutex mutex_;
    std::map<std::int64_t, One> tasks_ GUARDED_BY(mutex_);
    /// Parked tasks by lane and by when they are looked at.
    std::map<Lane, std::set<std::pair<std::chrono::nanoseconds, std::int64_t>>>
        parked_ GUARDED_BY(mutex_);
};

} // namespace karat::engine
