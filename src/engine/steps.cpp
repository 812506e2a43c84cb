// SPDX-License-Identifier: Apache-2.0
// The kinds of task, and how their steps keep their lease.
#include "steps.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <array>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kRenewAfter{20'000}; // long before another would take it

template <class Work>
Result<void> check_arguments(Task const& task)
{
    TRY(work_of<Work>(task));
    return {};
}

template <class Work>
constexpr TaskKind kind_of(Result<Next> (*step)(Engine::State&, Task&),
                           Result<void> (*give_up)(Engine::State&, Task const&, Error const&))
{
    return {Work::kKind, check_arguments<Work>, step, give_up};
}

constexpr std::array kKinds{
    kind_of<ImportWork>(step_import, give_up_import),
    kind_of<ExportWork>(step_export, give_up_export),
    kind_of<LaunchWork>(step_launch, give_up_launch),
    kind_of<StopWork>(step_stop, nullptr),
    kind_of<RebootWork>(step_reboot, give_up_nothing),
    // Never given up, as the others without a function: nothing may stay behind.
    kind_of<TerminateWork>(step_terminate, nullptr),
    kind_of<EndedWork>(step_ended, give_up_nothing),
    kind_of<CaptureWork>(step_capture, give_up_capture),
    kind_of<DeleteVolumeWork>(step_delete_volume, nullptr),
    kind_of<AttachWork>(step_attach, give_up_attach),
    kind_of<DetachWork>(step_detach, nullptr),
    kind_of<ModifyVolumeWork>(step_modify_volume, give_up_modify_volume),
    kind_of<PromoteWork>(step_promote, give_up_nothing),
    kind_of<CopySnapshotWork>(step_copy_snapshot, give_up_copy_snapshot),
    kind_of<CompleteSnapshotWork>(step_complete_snapshot, give_up_complete_snapshot),
    kind_of<SnapshotTimeoutWork>(step_snapshot_timeout, give_up_nothing),
    kind_of<CollectWork>(step_collect, give_up_nothing),
    kind_of<ScrubWork>(step_scrub, give_up_nothing),
    kind_of<ReapWork>(step_reap, nullptr),
};

} // namespace

TaskKind const* find_task_kind(std::string_view name)
{
    auto const found = std::find_if(kKinds.begin(), kKinds.end(),
                                    [&](TaskKind const& kind) { return kind.name == name; });
    return found == kKinds.end() ? nullptr : &*found;
}

Result<void> give_up_nothing(Engine::State& state, Task const& task, Error const& error)
{
    return fail_task(state, task, error, [](catalog::Change&) { return Result<void>(); });
}

catalog::Actor worker_on(Task const& task) { return {"worker", "task." + task.kind, task.request}; }

Task done(Task task)
{
    task.state = TaskState::done;
    task.failures = 0;
    task.outcome.clear();
    task.progress_percent = 100;
    return task;
}

Task failed(Task task, Error const& error)
{
    task.state = TaskState::failed;
    task.outcome = error.message;
    return task;
}

Task queued(Task task, Time not_before)
{
    task.state = TaskState::queued;
    task.not_before = not_before;
    return task;
}

bool report_progress(Engine::State& state, Task& task, double share)
{
    // A daemon that ends leaves the task to its next start.
    if (state.ending.stop_requested() || state.at_work.is_lost(task.id))
        return false;
    auto const percent = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100);
    if (percent <= task.progress_percent)
        return true;
    task.progress_percent = percent;
    auto const renewed = state.catalog().renew_task(task, kLease);
    if (renewed.ok()) {
        state.at_work.moved(task, state.now());
        return true;
    }
    if (renewed.error().fault == Fault::wrong_state)
        state.at_work.lost(task.id);
    log(Level::warn, "task.lease_lost", renewed.error(), {{"task", task.id}});
    return false;
}

void renew_leases(Engine::State& state)
{
    auto const now = state.now();
    auto const tasks = state.at_work.to_renew(now - kRenewAfter);
    if (tasks.empty())
        return;
    auto const lost = state.catalog().renew_tasks(tasks, kLease);
    if (!lost.ok()) { // tried again at the next beat
        log(Level::warn, "tasks.leases_not_renewed", lost.error(), {{"tasks", tasks.size()}});
        return;
    }
    state.at_work.renewed(tasks, now);
    for (auto const id : lost.value()) // or it has just ended
        state.at_work.lost(id);
}

} // namespace karat::engine
