// SPDX-License-Identifier: Apache-2.0
// Task rows and their leases. A worker holds a task while the row is running, names its host, and
// counts as many attempts as the worker's copy: the count rises with every taking, so a worker that
// slept through its lease is found out even when the next one runs on the same host.
#include "documents.hpp"
#include "edits.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::catalog {
namespace {

Error lost(Task const& task)
{
    return {Fault::wrong_state, Noun::task,
            fmt::format("Task {} is no longer held by this worker", task.id)};
}

/// The stored form of a task that the caller still holds.
Result<Task> held(View const& view, Task const& task)
{
    auto const stored = TRY(view.find<Task>(task.id));
    if (!stored)
        return Error{Fault::not_found, Noun::task, fmt::format("There is no task {}", task.id)};
    if (!due(*stored) || stored->attempts != task.attempts)
        return lost(task);
    return *stored;
}

/// The same, while it runs under the caller's lease. One that expired and that nobody took is
/// still the caller's: nothing has happened behind its back.
Result<Task> held_running(View const& view, Task const& task)
{
    auto stored = TRY(held(view, task));
    if (stored.state != TaskState::running || stored.lease_host != task.lease_host)
        return lost(task);
    return stored;
}

Task const& task_in(StoredRef const& record)
{
    return static_cast<Stored<Task> const&>(*record).thing;
}

Group const* tasks_on(State const& state, std::string const& resource)
{
    auto const& table = table_of<Task>();
    return state.table<Task>().groups.find(key_of(table, table.index("on"), {resource}).hash);
}

/// Whether the task is for later and was never begun: it holds nobody up.
bool is_yet_to_come(Task const& task, Time now)
{
    return task.state == TaskState::queued && task.attempts == 0 && task.not_before > now;
}

bool holds_up(Task const& other, Task const& task, Time now)
{
    if (other.id == task.id)
        return false;
    return other.state == TaskState::running || (other.id < task.id && !is_yet_to_come(other, now));
}

/// Whether a queued task must wait for another one that shares a resource with it. One that runs
/// has its resources already.
bool must_wait(State const& state, Task const& task, Time now)
{
    if (task.state == TaskState::running)
        return false;
    for (auto const& resource : task.on) {
        auto const* const others = tasks_on(state, resource);
        if (others == nullptr)
            continue;
        for (Cursor at(*others, 0); at.record() != nullptr; at.move_past((*at.record())->number))
            if (holds_up(task_in(*at.record()), task, now))
                return true;
    }
    return false;
}

/// The tasks of a lane that are open, in the order in which they are due.
template <class Visit>
void walk_lane(State const& state, Lane lane, Visit visit)
{
    auto const& table = table_of<Task>();
    auto const& tasks = state.table<Task>().ordered;
    auto const key = key_text(table, table.index("lane"), {std::string(word(lane)), ""});
    for (auto at = tasks.lower_bound(key); at != tasks.end() && at->first.starts_with(key); ++at)
        if (!visit(task_in(at->second)))
            return;
}

/// What can be taken next: due now, or later if nothing else happens.
Task const* first_in_lane(State const& state, Time now, Lane lane)
{
    Task const* first = nullptr;
    walk_lane(state, lane, [&](Task const& task) {
        if (*due(task) <= now && must_wait(state, task, now))
            return true;
        first = &task;
        return false;
    });
    return first;
}

Task const* first_of(State const& state, Time now, std::optional<Lane> wanted)
{
    Task const* first = nullptr;
    for (auto const lane : kLanes) {
        auto const* const found =
            !wanted || *wanted == lane ? first_in_lane(state, now, lane) : nullptr;
        bool const is_earlier = found && (!first || std::pair(*due(*found), found->id) <
                                                        std::pair(*due(*first), first->id));
        if (is_earlier)
            first = found;
    }
    return first;
}

} // namespace

Result<void> store_task(Edits& edits, Task const& task)
{
    TRY(put(edits, task));
    edits.has_work = edits.has_work || task.state == TaskState::queued;
    if (!due(task)) // those that waited for it may go on
        for (auto const& resource : task.on)
            edits.has_work = edits.has_work || tasks_on(edits.next, resource) != nullptr;
    return {};
}

Result<void> View::check_lease(Task const& task) const
{
    TRY(held_running(*this, task));
    return {};
}

Result<void> Change::save(Task const& task)
{
    auto const stored = TRY(held(*this, task));
    auto changed = task;
    if (task.state == TaskState::running) {
        if (stored.state != TaskState::running || stored.lease_host != task.lease_host)
            return lost(task);
        changed.lease_until = stored.lease_until; // only renew_task() moves it
    } else {
        changed.lease_host.clear();
        changed.lease_until = {};
    }
    TRY(store_task(edits_, changed));
    if (!due(changed)) // a poll or a retry is no event
        edits_.touched.insert(fmt::format("task-{}", task.id));
    return {};
}

Task const* next_task(State const& state, Time now, std::optional<Lane> lane)
{
    auto const* const first = first_of(state, now, lane);
    return first != nullptr && *due(*first) <= now ? first : nullptr;
}

Result<std::optional<Task>> take_task(Edits& edits, Clock& clock, std::string const& host,
                                      std::chrono::milliseconds lease, std::optional<Lane> lane)
{
    auto const now = clock.now();
    auto const* const found = next_task(edits.next, now, lane);
    if (found == nullptr)
        return std::optional<Task>();
    auto task = *found;
    task.state = TaskState::running;
    task.lease_host = host;
    task.lease_until = now + lease;
    ++task.attempts;
    TRY(store_task(edits, task));
    return std::optional(std::move(task));
}

Result<void> renew_task(Edits& edits, Clock& clock, Task const& task,
                        std::chrono::milliseconds lease)
{
    auto stored = TRY(held_running(View(edits.next, clock), task));
    stored.lease_until = clock.now() + lease;
    stored.progress_percent = task.progress_percent;
    return store_task(edits, stored);
}

Result<void> release_tasks(Edits& edits, Clock& clock, std::string const& host)
{
    for (auto const& open : TRY(View(edits.next, clock).list<Task>(open_tasks()))) {
        if (open->state != TaskState::running || open->lease_host != host)
            continue;
        auto task = *open;
        task.state = TaskState::queued;
        task.lease_host.clear();
        task.lease_until = {};
        // Whoever ran it had reached its time already, so no later not_before keeps it waiting.
        task.not_before = std::min(task.not_before, clock.now());
        TRY(store_task(edits, task));
    }
    return {};
}

std::optional<Time> next_task_due(State const& state, Time now, std::optional<Lane> lane)
{
    auto const* const first = first_of(state, now, lane);
    return first != nullptr ? due(*first) : std::nullopt;
}

} // namespace karat::catalog
