// SPDX-License-Identifier: Apache-2.0
// What the steps of tasks share: queueing work, and committing what a step did under its lease.
// Private to the room.
#pragma once

#include "state.hpp"

#include "karat/tasks.hpp"

namespace karat::engine {

using catalog::set_work;
using catalog::work_of;

/// What a step of a task came to.
struct Next {
    enum class What : unsigned char {
        done,  ///< There is nothing more to do: the worker ends the task.
        saved, ///< The step has ended the task, or queued it anew, in a change of its own.
        again, ///< The step is called again after a while.
    };
    What what = What::done;
    std::chrono::milliseconds delay{};
};
inline Next finished() { return {}; }
inline Next saved() { return {Next::What::saved}; }
inline Next again_after(std::chrono::milliseconds delay) { return {Next::What::again, delay}; }

/// Queues work that is due after `delay`; returns the task's id.
template <class Work>
Result<std::int64_t> enqueue(Engine::State& state, catalog::Change& change, Work const& work,
                             std::chrono::milliseconds delay = {})
{
    auto task = TRY(catalog::task_for(work));
    task.created = state.now();
    task.not_before = state.now() + delay;
    return change.enqueue(std::move(task));
}

catalog::Actor worker_on(Task const& task);
/// The task when it is over.
Task done(Task task);
Task failed(Task task, Error const& error);
/// The task when it waits in the queue again.
Task queued(Task task, Time not_before);

/// Commits what a step does on its way. After a lost lease nothing is committed, and the answer is
/// Fault::wrong_state.
template <class Work>
auto commit(Engine::State& state, Task const& task, Work&& work)
    -> std::invoke_result_t<Work, catalog::Change&>
{
    return state.catalog().change(
        worker_on(task),
        [&](catalog::Change& change) -> std::invoke_result_t<Work, catalog::Change&> {
            TRY(change.check_lease(task));
            return work(change);
        });
}

/// Commits what a step did and, in the same change, that its task is done; as commit().
template <class Work>
Result<Next> finish(Engine::State& state, Task const& task, Work&& work)
{
    TRY(commit(state, task, [&](catalog::Change& change) -> Result<void> {
        TRY(work(change));
        return change.save(done(task));
    }));
    return saved();
}

/// Commits what giving up does and, in the same change, that the task has failed; as commit().
template <class Work>
Result<void> fail_task(Engine::State& state, Task const& task, Error const& error, Work&& work)
{
    return commit(state, task, [&](catalog::Change& change) -> Result<void> {
        TRY(work(change));
        if (error.fault == Fault::full) // what the task had stored is garbage, and in the way
            TRY(enqueue_collect(state, change));
        return change.save(failed(task, error));
    });
}

/// Tells the task something new that a repeat after a crash must know; as commit().
template <class Work>
Result<void> note(Engine::State& state, Task& task, Work const& work)
{
    TRY(set_work(task, work));
    return commit(state, task, [&](catalog::Change& change) { return change.save(task); });
}

/// Ends a stage of a task that goes on with other claims, and perhaps in another lane: the row
/// keeps its place in line. As commit().
template <class Work, class Effect>
Result<Next> move_on(Engine::State& state, Task task, Work const& work, Effect&& effect)
{
    TRY(set_work(task, work));
    task.failures = 0;
    task.outcome.clear();
    TRY(commit(state, task, [&](catalog::Change& change) -> Result<void> {
        TRY(effect(change));
        return change.save(queued(task, state.now()));
    }));
    return saved();
}

/// Reports a task's progress; false when the lease was lost or the engine stops.
bool report_progress(Engine::State& state, Task& task, double share);

/// Extends the leases of all tasks that this process works on, if that is due.
void renew_leases(Engine::State& state);

/// Kinds of task: each has a step, and what to do when it fails for good, which ends with
/// fail_task(). Both are called only for a task whose arguments parse.
struct TaskKind {
    std::string_view name;
    Result<void> (*check_arguments)(Task const&);
    Result<Next> (*step)(Engine::State&, Task&);
    Result<void> (*give_up)(Engine::State&, Task const&, Error const&);
};
TaskKind const* find_task_kind(std::string_view name);

// The steps, each beside its verb.
Result<Next> step_import(Engine::State&, Task&);
Result<void> give_up_import(Engine::State&, Task const&, Error const&);
Result<Next> step_export(Engine::State&, Task&);
Result<void> give_up_export(Engine::State&, Task const&, Error const&);
Result<Next> step_launch(Engine::State&, Task&);
Result<void> give_up_launch(Engine::State&, Task const&, Error const&);
Result<Next> step_stop(Engine::State&, Task&);
Result<Next> step_reboot(Engine::State&, Task&);
Result<Next> step_terminate(Engine::State&, Task&);
Result<Next> step_ended(Engine::State&, Task&);
Result<Next> step_capture(Engine::State&, Task&);
Result<void> give_up_capture(Engine::State&, Task const&, Error const&);
Result<Next> step_delete_volume(Engine::State&, Task&);
Result<Next> step_attach(Engine::State&, Task&);
Result<void> give_up_attach(Engine::State&, Task const&, Error const&);
Result<Next> step_detach(Engine::State&, Task&);
Result<Next> step_modify_volume(Engine::State&, Task&);
Result<void> give_up_modify_volume(Engine::State&, Task const&, Error const&);
Result<Next> step_promote(Engine::State&, Task&);
Result<Next> step_copy_snapshot(Engine::State&, Task&);
Result<void> give_up_copy_snapshot(Engine::State&, Task const&, Error const&);
Result<Next> step_complete_snapshot(Engine::State&, Task&);
Result<void> give_up_complete_snapshot(Engine::State&, Task const&, Error const&);
Result<Next> step_snapshot_timeout(Engine::State&, Task&);
Result<Next> step_collect(Engine::State&, Task&);
Result<Next> step_scrub(Engine::State&, Task&);
Result<Next> step_reap(Engine::State&, Task&);
Result<void> give_up_nothing(Engine::State&, Task const&, Error const&);

} // namespace karat::engine
