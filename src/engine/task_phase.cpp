// SPDX-License-Identifier: Apache-2.0
#include "task_phase.hpp"

#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::chrono::minutes kTooLongWithoutProgress{15};
constexpr std::chrono::minutes kTooLongWithoutWorker{1};
constexpr std::chrono::seconds kSoon{5}; // a poll, or a wait for another task's end

constexpr std::pair<TaskPhase, std::string_view> kWords[] = {
    {TaskPhase::running, "running"},   {TaskPhase::ready, "ready"}, {TaskPhase::waiting, "waiting"},
    {TaskPhase::retrying, "retrying"}, {TaskPhase::stuck, "stuck"}, {TaskPhase::failed, "failed"},
};

std::string minutes(std::chrono::milliseconds time)
{
    return fmt::format("{} minutes",
                       std::chrono::duration_cast<std::chrono::minutes>(time).count());
}

/// What a person does about an error that does not go away.
std::string remedy(std::string const& error)
{
    auto const says = [&](char const* words) { return error.find(words) != std::string::npos; };
    if (says("No space left") || says("disk is full"))
        return "make room (docs/operating.md, \"The disk is full\")";
    if (says("read-only since"))
        return "look at the disk, then restart karatd (docs/operating.md, \"The store is "
               "read-only\")";
    if (says("changes are refused until"))
        return "look at the disk, then restart karatd (docs/operating.md, \"The catalog refuses "
               "changes\")";
    return "mend what the error names; it is tried again by itself";
}

TaskPhase phase_of_waiting(Task const& task, Time now)
{
    if (task.failures >= kMaxFailures)
        return TaskPhase::stuck;
    if (task.failures > 0)
        return TaskPhase::retrying;
    return task.not_before > now + kSoon ? TaskPhase::waiting : TaskPhase::ready;
}

} // namespace

std::string_view word(TaskPhase phase)
{
    auto const* const found =
        std::ranges::find(kWords, phase, [](auto const& one) { return one.first; });
    return found->second;
}

std::optional<TaskPhase> parse_phase(std::string_view text)
{
    auto const* const found =
        std::ranges::find(kWords, text, [](auto const& one) { return one.second; });
    return found == std::end(kWords) ? std::nullopt : std::optional(found->first);
}

TaskPhase phase_of(Task const& task, AtWork::One const* at_work, Time now)
{
    if (task.state == TaskState::failed)
        return TaskPhase::failed;
    if (at_work != nullptr)
        return now - at_work->moved > kTooLongWithoutProgress ? TaskPhase::stuck
                                                              : TaskPhase::running;
    if (task.state != TaskState::running)
        return phase_of_waiting(task, now);
    auto const over = now - task.lease_until;
    if (over > kTooLongWithoutWorker)
        return TaskPhase::stuck;
    return over > std::chrono::milliseconds(0) ? TaskPhase::ready : TaskPhase::running;
}

TaskFacts describe(Task task, AtWork::One const* at_work, Time now)
{
    TaskFacts facts;
    facts.phase = phase_of(task, at_work, now);
    bool const is_queued = task.state == TaskState::queued && at_work == nullptr;
    if (is_queued && task.not_before > now)
        facts.next_try = task.not_before;
    if (facts.phase == TaskPhase::stuck && at_work != nullptr)
        facts.advice = fmt::format("no progress for {}: look at the log for what it waits for; "
                                   "a restart of karatd begins it again, guests run on",
                                   minutes(now - at_work->moved));
    else if (facts.phase == TaskPhase::stuck && is_queued)
        facts.advice = fmt::format("failed {} times: {}", task.failures, remedy(task.outcome));
    else if (facts.phase == TaskPhase::stuck)
        facts.advice = fmt::format("its worker was lost {} ago and no other is free: see the "
                                   "running tasks, or raise {}",
                                   minutes(now - task.lease_until),
                                   task.lane == Lane::bulk ? "bulk_workers" : "task_workers");
    facts.task = std::move(task);
    return facts;
}

} // namespace karat::engine
