// SPDX-License-Identifier: Apache-2.0
// Task rows and their leases. A worker holds a task while the row is running, names its host, and
// counts as many attempts as the worker's copy: the count rises with every taking, so a worker that
// slept through its lease is found out even when the next one runs on the same host.
#include "rows.hpp"

#include "sql.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::catalog {
namespace {

Error lost(Task const& task)
{
    return {Fault::wrong_state, Noun::task,
            fmt::format("Task {} is no longer held by this worker", task.id)};
}

} // namespace

Result<void> Rows::store(Task const& task)
{
    TRY(write(task));
    has_work_ = has_work_ || task.state == TaskState::queued;
    return {};
}

Result<std::int64_t> Rows::enqueue(Task task)
{
    auto const id = TRY(noting_failure(database_.number({sql::kAddTask, {}})));
    VERIFY(id.has_value());
    task.id = *id;
    task.state = TaskState::queued;
    task.lease_host.clear();
    task.lease_until = {};
    if (task.created == Time{})
        task.created = clock_.now();
    TRY(store(task));
    touch(fmt::format("task-{}", task.id));
    return task.id;
}

/// The stored form of a task that the caller still holds.
Result<Task> Rows::held(Task const& task)
{
    auto stored = TRY(this->task(task.id));
    if (!stored)
        return Error{Fault::not_found, Noun::task, fmt::format("There is no task {}", task.id)};
    if (!due(*stored) || stored->attempts != task.attempts)
        return lost(task);
    return std::move(*stored);
}

Result<void> Rows::save(Task const& task)
{
    auto const stored = TRY(held(task));
    auto changed = task;
    if (task.state == TaskState::running) {
        if (stored.state != TaskState::running || stored.lease_host != task.lease_host)
            return lost(task);
        changed.lease_until = stored.lease_until; // only renew_task() moves it
    } else {
        changed.lease_host.clear();
        changed.lease_until = {};
    }
    TRY(store(changed));
    if (!due(changed)) // a poll or a retry is no event
        touch(fmt::format("task-{}", task.id));
    return {};
}

/// A damaged row must not keep the others waiting.
Result<std::optional<Task>> Rows::first_due()
{
    sql::Conditions const is_due{{sql::Condition::Test::at_most, "due", column(clock_.now())}};
    auto first = list<Task>(is_due, "due, id", " LIMIT 1");
    if (!first.ok() && first.error().fault == Fault::corrupt) {
        PassOverDamaged const passing(*this);
        first = list<Task>(is_due, "due, id");
    }
    if (!first.ok())
        return first.take_error();
    auto& tasks = first.value();
    return tasks.empty() ? std::optional<Task>() : std::move(tasks.front());
}

Result<std::optional<Task>> Rows::take_task(std::string const& host,
                                            std::chrono::milliseconds lease)
{
    auto const now = clock_.now();
    auto task = TRY(first_due());
    if (!task)
        return task;
    task->state = TaskState::running;
    task->lease_host = host;
    task->lease_until = now + lease;
    ++task->attempts;
    TRY(store(*task));
    return task;
}

Result<void> Rows::renew_task(Task const& task, std::chrono::milliseconds lease)
{
    auto stored = TRY(held(task));
    if (stored.state != TaskState::running || stored.lease_host != task.lease_host)
        return lost(task);
    // An expired lease that nobody took is still ours: nothing has happened behind our back.
    stored.lease_until = clock_.now() + lease;
    stored.progress_percent = task.progress_percent;
    return store(stored);
}

Result<void> Rows::release_tasks(std::string const& host)
{
    auto const tasks = TRY(list<Task>({{sql::Condition::Test::equal, "state", "running"},
                                       {sql::Condition::Test::equal, "lease_host", host}}));
    for (auto task : tasks) {
        task.state = TaskState::queued;
        task.lease_host.clear();
        task.lease_until = {};
        // Whoever ran it had reached its time already, so no later not_before keeps it waiting.
        task.not_before = std::min(task.not_before, clock_.now());
        TRY(store(task));
    }
    return {};
}

Result<std::optional<Time>> Rows::next_task_due()
{
    auto const found = TRY(noting_failure(database_.number({sql::kNextTaskDue, {}})));
    return found ? std::optional(Time(std::chrono::milliseconds(*found))) : std::nullopt;
}

} // namespace karat::catalog
