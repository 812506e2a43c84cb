// SPDX-License-Identifier: Apache-2.0
// The worker: takes due tasks from the catalog and runs their steps. Tasks of one subject, and
// those that work on one volume, run one after the other, oldest first; what fails for a passing
// reason is tried again, more and more slowly; what fails for good is given up, once, by the
// function that its kind names.
#include "state.hpp"

#include "karat/json.hpp"
#include "karat/log.hpp"

#include <algorithm>
#include <array>
#include <new>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kLease{60'000};
constexpr std::chrono::milliseconds kExtendAfter{20'000}; // long before another would take it
constexpr std::chrono::milliseconds kTurnWait{100}; // until another task of the subject is through
constexpr std::chrono::milliseconds kLongestSleep{30'000};
constexpr std::chrono::milliseconds kAfterTrouble{2'000};
constexpr std::chrono::hours kForgetEvery{1};
constexpr std::chrono::hours kCheckEvery{24};
constexpr std::size_t kMostDamageLogged = 20;
constexpr std::int64_t kFinishedTasksKept = 10'000;

constexpr std::array kKinds{
    TaskKind{"import", step_import, give_up_import},
    TaskKind{"export", step_export, give_up_export},
    TaskKind{"launch", step_launch, give_up_launch},
    TaskKind{"stop", step_stop, give_up_nothing},
    TaskKind{"reboot", step_reboot, give_up_nothing},
    TaskKind{"terminate", step_terminate, nullptr}, // never given up: nothing may stay behind
    TaskKind{"ended", step_ended, give_up_nothing},
    TaskKind{"capture", step_capture, give_up_capture},
    TaskKind{"delete_volume", step_delete_volume, nullptr},
    TaskKind{"attach", step_attach, give_up_attach},
    TaskKind{"detach", step_detach, nullptr},
    TaskKind{"modify_volume", step_modify_volume, give_up_modify_volume},
    TaskKind{"promote", step_promote, give_up_nothing},
    TaskKind{"copy_snapshot", step_copy_snapshot, give_up_copy_snapshot},
    TaskKind{"complete_snapshot", step_complete_snapshot, give_up_complete_snapshot},
    TaskKind{"snapshot_timeout", step_snapshot_timeout, give_up_nothing},
    TaskKind{"collect", step_collect, give_up_nothing},
    TaskKind{"scrub", step_scrub, give_up_nothing},
    TaskKind{"reap", step_reap, nullptr},
};

/// Whether trying the same again may help.
bool passing(Fault fault)
{
    switch (fault) {
    case Fault::unavailable:
    case Fault::full:
    case Fault::io:
    case Fault::exhausted:
    case Fault::in_use:
        return true;
    case Fault::invalid:
    case Fault::missing:
    case Fault::unknown:
    case Fault::not_found:
    case Fault::duplicate:
    case Fault::mismatch:
    case Fault::wrong_state:
    case Fault::denied:
    case Fault::dry_run:
    case Fault::unsupported:
    case Fault::corrupt:
        return false;
    }
    return false;
}

using Names = std::set<std::string>;

/// What a task works on: its subject, and the volumes of its payload ("volume", or the keys of
/// "pairs").
Names names_of(Task const& task)
{
    Names names{task.subject};
    auto const payload = nlohmann::json::parse(task.payload, nullptr, false);
    if (!payload.is_object())
        return names;
    if (payload.contains("volume"))
        names.insert(payload.value("volume", ""));
    if (payload.contains("pairs"))
        for (auto const& [volume, snapshot] : payload.at("pairs").items())
            names.insert(volume);
    return names;
}

bool share_any(Names const& one, Names const& other)
{
    return std::ranges::any_of(one, [&](std::string const& name) { return other.contains(name); });
}

/// Marks names as being worked on while it lives; not taken when another worker is at one of them.
class Turn {
public:
    Turn(Engine::State& state, Names names)
        : state_(state)
        , names_(std::move(names))
    {
        Lock const guard(state_.mutex);
        taken_ = !share_any(names_, state_.busy);
        if (taken_)
            state_.busy.insert(names_.begin(), names_.end());
    }
    Turn(Turn const&) = delete;
    Turn& operator=(Turn const&) = delete;
    ~Turn()
    {
        Lock const guard(state_.mutex);
        if (taken_)
            for (auto const& name : names_)
                state_.busy.erase(name);
    }
    bool taken() const { return taken_; }

private:
    Engine::State& state_;
    Names names_;
    bool taken_ = false;
};

/// Whether the task is for later and was never begun: it holds nobody up.
bool is_yet_to_come(Task const& task, Time now)
{
    return task.state == TaskState::queued && task.attempts == 0 && task.not_before > now;
}

/// Whether no older task waits for one of the names.
Result<bool> is_first(Engine::State& state, Task const& task, Names const& names)
{
    auto const open = TRY(state.catalog().read([](catalog::View& view) {
        catalog::PassOverDamaged const passing(view); // a damaged task is never run
        return view.open_tasks();
    }));
    return std::none_of(open.begin(), open.end(), [&](Task const& other) {
        return other.id < task.id && !is_yet_to_come(other, state.now()) &&
               share_any(names, names_of(other));
    });
}

Result<void> put_back(Engine::State& state, Task task, std::chrono::milliseconds delay)
{
    task.state = TaskState::queued;
    task.lease_host.clear();
    task.lease_until = {};
    task.not_before = state.now() + delay;
    return state.catalog().change({"worker", "task." + task.kind},
                                  [&](catalog::Change& change) { return change.save(task); });
}

Result<void> end(Engine::State& state, Task task, TaskState outcome, std::string why)
{
    task.state = outcome;
    task.lease_host.clear();
    task.outcome = std::move(why);
    if (outcome == TaskState::done)
        task.progress_percent = 100;
    return state.catalog().change({"worker", "task." + task.kind},
                                  [&](catalog::Change& change) { return change.save(task); });
}

/// Twice as long each time: 0.5 s, 1 s, 2 s, …
std::chrono::milliseconds backoff(int failures)
{
    return std::chrono::milliseconds(500) * (1 << std::min(failures, 6));
}

Result<void> after_failure(Engine::State& state, TaskKind const& kind, Task task,
                           Error const& error)
{
    ++task.failures;
    bool const last = !passing(error.fault) || task.failures >= kMaxFailures;
    log(last ? Level::error : Level::warn, "task.failed", error,
        {{"task", task.id},
         {"kind", task.kind},
         {"subject", task.subject},
         {"failure", task.failures}});
    if (!last || kind.give_up == nullptr) {
        task.outcome = error.message;
        return put_back(state, task, backoff(task.failures));
    }
    TRY(kind.give_up(state, task, error));
    if (error.fault == Fault::full) // what the task had stored is garbage, and in the way
        TRY(state.catalog().change({"worker", "Collect"}, [&](catalog::Change& change) {
            return enqueue_collect(state, change);
        }));
    return end(state, task, TaskState::failed, error.message);
}

/// What a library throws at something that it cannot read fails the task. Want of memory passes;
/// where it would leave half of a change of the store, it has ended the process (decision 016).
Result<Next> step(TaskKind const& kind, Engine::State& state, Task& task)
{
    try {
        return kind.step(state, task);
    } catch (std::bad_alloc const&) {
        return fail(Fault::unavailable, "There was no memory for a task");
    } catch (std::exception const& problem) {
        return fail(Fault::corrupt, problem.what());
    }
}

Result<void> run(Engine::State& state, Task task)
{
    auto const* const kind = find_task_kind(task.kind);
    if (kind == nullptr)
        return end(state, task, TaskState::failed,
                   "This version of Karat does not know this kind of task");
    auto const next = step(*kind, state, task);
    if (!next.ok())
        return after_failure(state, *kind, task, next.error());
    task.failures = 0;
    task.outcome.clear();
    if (next.value().again)
        return put_back(state, task, *next.value().again);
    return end(state, task, TaskState::done, "");
}

/// Lets a sleeping worker look for a task.
void wake_one(Engine::State& state)
{
    Lock const guard(state.mutex);
    state.woken = true;
    state.wake.notify_one();
}

/// A step may take longer than a lease and report nothing meanwhile. While this process lives,
/// nobody shall take its tasks away.
void extend_leases(Engine::State& state)
{
    auto const now = state.now();
    for (auto const& task : state.at_work.to_extend(now - kExtendAfter, now)) {
        auto const extended = state.catalog().renew_task(task, kLease);
        if (!extended.ok() && extended.error().fault != Fault::wrong_state) // it has just ended
            log(Level::warn, "task.lease_lost", extended.error(), {{"task", task.id}});
    }
}

Result<bool> take_and_run(Engine::State& state)
{
    TRY(follow_clock(state));
    extend_leases(state);
    auto task = TRY(state.catalog().take_task(kHost, kLease));
    if (!task)
        return false;
    wake_one(state); // there may be more: one change can queue many tasks
    auto const names = names_of(*task);
    Turn const turn(state, names);
    bool const mine = turn.taken() ? TRY(is_first(state, *task, names)) : false;
    if (!mine) {
        TRY(put_back(state, *task, kTurnWait));
        return true;
    }
    AtWork::Guard const at_work(state.at_work, *task, state.now());
    TRY(run(state, std::move(*task)));
    return true;
}

/// Sleeps until a task may be due, from `least` to kLongestSleep.
void sleep_until_due(Engine::State& state, std::stop_token const& stop,
                     std::chrono::milliseconds least)
{
    auto wait = kLongestSleep;
    auto const due = state.catalog().next_task_due();
    if (due.ok() && due.value())
        wait = std::clamp(*due.value() - state.now(), least, kLongestSleep);
    Lock guard(state.mutex);
    state.wake.wait_for(guard, stop, wait, [&]() REQUIRES(state.mutex) { return state.woken; });
    state.woken = false;
}

/// Keeps the catalog from growing for ever, once an hour.
void forget_history(Engine::State& state)
{
    auto const now = state.now();
    {
        auto const steady = state.env().clock.steady();
        Lock const guard(state.mutex);
        if (steady < state.forget_at)
            return;
        state.forget_at = steady + kForgetEvery;
    }
    catalog::History const history{.audit_before = now - state.parts.settings.audit_for,
                                   .finished_tasks = kFinishedTasksKept};
    auto const forgotten =
        state.catalog().change({"worker", "Forget"}, [&](catalog::Change& change) {
            return change.remove_history(history);
        });
    if (!forgotten.ok())
        log(Level::warn, "history.kept", forgotten.error());
}

/// Looks for damaged rows when the daemon has started, and once a day.
void check_catalog(Engine::State& state)
{
    {
        auto const steady = state.env().clock.steady();
        Lock const guard(state.mutex);
        if (steady < state.check_at)
            return;
        state.check_at = steady + kCheckEvery;
    }
    auto const checked = state.catalog().check();
    if (!checked.ok()) {
        log(Level::warn, "catalog.not_checked", checked.error());
        return;
    }
    auto const& damage = checked.value().damage;
    for (std::size_t i = 0; i < std::min(damage.size(), kMostDamageLogged); ++i)
        log(Level::error, "catalog.damaged", {{"what", damage[i]}});
    Lock const guard(state.mutex);
    state.catalog_damage = damage.size();
}

void work(std::stop_token const& stop, Engine::State& state)
{
    while (!stop.stop_requested()) {
        forget_history(state);
        check_catalog(state);
        auto const worked = take_and_run(state);
        if (!worked.ok())
            log(Level::error, "worker.failed", worked.error());
        if (!worked.ok()) // a catalog that takes no changes leaves its tasks due for ever
            sleep_until_due(state, stop, kAfterTrouble);
        else if (!worked.value())
            sleep_until_due(state, stop, std::chrono::milliseconds(1));
    }
}

} // namespace

TaskKind const* find_task_kind(std::string_view name)
{
    auto const found = std::find_if(kKinds.begin(), kKinds.end(),
                                    [&](TaskKind const& kind) { return kind.name == name; });
    return found == kKinds.end() ? nullptr : &*found;
}

Result<void> give_up_nothing(Engine::State&, Task const&, Error const&) { return {}; }

Task new_task(Engine::State& state, std::string kind, std::string subject, std::string payload)
{
    Task task;
    task.kind = std::move(kind);
    task.subject = std::move(subject);
    task.payload = std::move(payload);
    task.created = state.now();
    task.not_before = state.now();
    return task;
}

bool report_progress(Engine::State& state, Task& task, double share)
{
    if (state.ending.stop_requested())
        return false; // the daemon ends; the task is taken up again at the next start
    auto const percent = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100);
    if (percent <= task.progress_percent)
        return true;
    task.progress_percent = percent;
    auto const renewed = state.catalog().renew_task(task, kLease);
    if (!renewed.ok())
        log(Level::warn, "task.lease_lost", renewed.error(), {{"task", task.id}});
    else
        state.at_work.moved(task, state.now());
    return renewed.ok();
}

Result<Task> Engine::task(std::int64_t id)
{
    auto found = TRY(state_->catalog().read([&](catalog::View& view) { return view.task(id); }));
    if (!found)
        return Error{Fault::not_found, Noun::task, "There is no task " + std::to_string(id)};
    return std::move(*found);
}

Result<bool> Engine::work_once() { return take_and_run(*state_); }

void Engine::start_workers()
{
    for (int i = 0; i < state_->parts.settings.workers; ++i)
        state_->workers.emplace_back("worker", Thread::OnThrow::go_on,
                                     [state = state_.get(), stop = state_->ending.get_token()](
                                         std::stop_token const&) { work(stop, *state); });
}

void Engine::stop_workers()
{
    state_->ending.request_stop();
    state_->workers.clear(); // joins
}

} // namespace karat::engine
