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

} // namespace

Result<void> store_task(Edits& edits, Task const& task)
{
    TRY(put(edits, task));
    edits.has_work = edits.has_work || task.state == TaskState::queued;
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

Result<std::optional<Task>> take_task(Edits& edits, Clock& clock, std::string const& host,
                                      std::chrono::milliseconds lease)
{
    auto const now = clock.now();
    auto query = open_tasks();
    query.limit = 1;
    View view(edits.next, clock);
    PassOverDamaged const passing(view); // a damaged row must not keep the others waiting
    auto const first = TRY(view.list<Task>(query));
    if (first.empty() || *due(*first.front()) > now)
        return std::optional<Task>();
    auto task = *first.front();
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
    auto stored = TRY(held(View(edits.next, clock), task));
    if (stored.state != TaskState::running || stored.lease_host != task.lease_host)
        return lost(task);
    // An expired lease that nobody took is still ours: nothing has happened behind our back.
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

std::optional<Time> next_task_due(State const& state)
{
    auto const& table = table_of<Task>();
    auto const& tasks = state.table<Task>().ordered;
    auto const key = key_text(table, table.index("due"), {});
    auto const first = tasks.lower_bound(key);
    if (first == tasks.end() || !first->first.starts_with(key))
        return std::nullopt;
    return due(static_cast<Stored<Task> const&>(*first->second).thing);
}

} // namespace karat::catalog
