// SPDX-License-Identifier: Apache-2.0
// What operators see of tasks and instances, page by page. A part of the engine's door.
#pragma once

#include "karat/nouns.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace karat::engine {

/// How a task stands, as an operator asks: does it go on, and must I do something?
enum class TaskPhase : unsigned char {
    running,  ///< A worker is at it.
    ready,    ///< Due: waits for a worker, or for its turn behind another task of the same thing.
    waiting,  ///< For its time; nothing went wrong.
    retrying, ///< Failed a few times, and is tried again by itself.
    stuck,    ///< Fails again and again, or makes no progress: a person must look.
    failed,   ///< Given up.
};
std::string_view word(TaskPhase phase);
std::optional<TaskPhase> parse_phase(std::string_view text);

struct TaskFacts {
    Task task;
    TaskPhase phase = TaskPhase::waiting;
    std::optional<Time> next_try; ///< Of one that waits.
    std::string advice;           ///< Of a stuck one: why it counts as stuck, and what to do.
};

inline constexpr std::size_t kMostOnAPage = 1'000;

struct TaskQuery {
    std::int64_t after = 0; ///< The last id of the page before; ids rise, but fall among `failed`.
    std::size_t limit = kMostOnAPage;
    std::string kind;               ///< Empty: all.
    std::optional<TaskPhase> phase; ///< Nothing: all that are not finished.
};

struct TaskPage {
    std::vector<TaskFacts> tasks;
    bool more = false; ///< There are more after the last one.
};

struct InstanceQuery {
    std::string after; ///< InstancePage::next of the page before.
    std::size_t limit = kMostOnAPage;
    std::string account; ///< A name; empty: all.
    std::string region;  ///< Empty: all.
    std::optional<InstanceState> state;
};

struct OwnedInstance {
    Instance instance;
    std::string account; ///< The owner's name.
};

struct InstancePage {
    std::vector<OwnedInstance> instances; ///< By account, region and time of launch.
    std::string next;                     ///< Empty: there are no more.
};

/// How many tasks of each phase there are.
struct TaskCounts {
    std::size_t running = 0;
    std::size_t ready = 0;
    std::size_t waiting = 0;
    std::size_t retrying = 0;
    std::size_t stuck = 0;
};

} // namespace karat::engine
