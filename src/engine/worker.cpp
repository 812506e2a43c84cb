// SPDX-License-Identifier: Apache-2.0
// The workers: each takes due tasks of its lane from the catalog and runs their steps. The catalog
// decides whose turn it is. What polls stays in memory between its looks, under its lease. What
// fails for a passing reason is tried again, more and more slowly; what fails for good is given up,
// once, by the function that its kind names.
#include "steps.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <new>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kLongestPoll{5'000}; // what waits longer waits in the catalog
constexpr std::chrono::milliseconds kLookAgain{1'000};   // at a task that is taken twice
constexpr std::chrono::milliseconds kHeartbeat{5'000};
constexpr std::chrono::milliseconds kLongestSleep{30'000};
constexpr std::chrono::milliseconds kAfterTrouble{2'000};
constexpr std::chrono::hours kForgetEvery{1};
constexpr std::chrono::hours kCheckEvery{24};
constexpr std::size_t kMostDamageLogged = 20;
constexpr std::int64_t kFinishedTasksKept = 10'000;

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

/// Twice as long each time: 0.5 s, 1 s, 2 s, …
std::chrono::milliseconds backoff(int failures)
{
    return std::chrono::milliseconds(500) * (1 << std::min(failures, 6));
}

Result<void> put_back(Engine::State& state, Task const& task, std::chrono::milliseconds delay)
{
    return commit(state, task, [&](catalog::Change& change) {
        return change.save(queued(task, state.now() + delay));
    });
}

Result<void> after_failure(Engine::State& state, TaskKind const& kind, Task task,
                           Error const& error)
{
    if (state.ending.stop_requested()) // it was told to end
        return put_back(state, task, {});
    ++task.failures;
    bool const last = !passing(error.fault) || task.failures >= kMaxFailures;
    log(last ? Level::error : Level::warn, "task.failed", error,
        {{"task", task.id},
         {"kind", task.kind},
         {"subject", task.subject},
         {"failure", task.failures},
         {"request", task.request}});
    if (last && kind.give_up != nullptr)
        return kind.give_up(state, task, error);
    task.outcome = error.message;
    return put_back(state, task, backoff(task.failures));
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

Result<void> check_lease(Engine::State& state, Task const& task)
{
    return state.catalog().read([&](catalog::View& view) { return view.check_lease(task); });
}

Result<void> after_step(Engine::State& state, AtWork::Guard& at_work, Task task, Next next)
{
    task.failures = 0;
    task.outcome.clear();
    switch (next.what) {
    case Next::What::saved:
        return {};
    case Next::What::done:
        return commit(state, task,
                      [&](catalog::Change& change) { return change.save(done(task)); });
    case Next::What::again:
        break;
    }
    if (next.delay > kLongestPoll)
        return put_back(state, task, next.delay);
    auto const look_at = state.env().clock.steady() + next.delay;
    at_work.park(std::move(task), look_at);
    return {};
}

Result<void> run(Engine::State& state, AtWork::Guard& at_work, Task task)
{
    auto const* const kind = find_task_kind(task.kind);
    if (kind == nullptr)
        return give_up_nothing(
            state, task,
            fail(Fault::unsupported, "This version of Karat does not know this kind of task"));
    auto const parsed = kind->check_arguments(task);
    if (!parsed.ok()) {
        log(Level::error, "task.failed", parsed.error(), {{"task", task.id}});
        return give_up_nothing(state, task, parsed.error());
    }
    auto const next = step(*kind, state, task);
    auto outcome = next.ok() ? after_step(state, at_work, task, next.value())
                             : after_failure(state, *kind, task, next.error());
    if (outcome.ok() || check_lease(state, task).ok())
        return outcome;
    log(Level::warn, "task.lease_lost", {{"task", task.id}, {"kind", task.kind}});
    return {}; // whoever took it goes on
}

void wake_one(Engine::State& state, Lane lane)
{
    auto& sleepers = state.sleepers[static_cast<std::size_t>(lane)];
    Lock const guard(state.mutex);
    sleepers.woken = true;
    sleepers.wake.notify_one();
}

/// Runs the step of a task that waited in memory; false when none is due.
Result<bool> run_parked(Engine::State& state, std::optional<Lane> lane)
{
    auto task = state.at_work.take_parked(lane, state.env().clock.steady(), state.now());
    if (!task)
        return false;
    AtWork::Guard at_work(state.at_work, task->id);
    wake_one(state, task->lane);
    auto const held = check_lease(state, *task);
    if (held.ok())
        TRY(run(state, at_work, std::move(*task)));
    else
        log(Level::warn, "task.lease_lost", held.error(), {{"task", task->id}});
    return true;
}

Result<bool> take_and_run(Engine::State& state, std::optional<Lane> lane)
{
    TRY(follow_clock(state));
    bool const was_parked = TRY(run_parked(state, lane));
    if (was_parked)
        return true;
    auto task = TRY(state.catalog().take_task(kHost, kLease, lane));
    if (!task)
        return false;
    wake_one(state, task->lane); // there may be more: one change can queue many tasks
    if (!state.at_work.begin(*task, state.now())) {
        TRY(put_back(state, *task, kLookAgain));
        return true;
    }
    AtWork::Guard at_work(state.at_work, task->id);
    TRY(run(state, at_work, std::move(*task)));
    return true;
}

/// When a worker of the lane may have something to do, as far as time decides.
Result<std::optional<Time>> next_due(Engine::State& state, std::optional<Lane> lane)
{
    auto due = TRY(state.catalog().next_task_due(lane));
    if (auto const look = state.at_work.next_look(lane)) {
        auto const left =
            std::chrono::ceil<std::chrono::milliseconds>(*look - state.env().clock.steady());
        due = std::min(due.value_or(Time::max()), state.now() + left);
    }
    return due;
}

/// Sleeps until a task may be due, from `least` to kLongestSleep.
void sleep_until_due(Engine::State& state, Lane lane, std::stop_token const& stop,
                     std::chrono::milliseconds least)
{
    auto wait = kLongestSleep;
    auto const due = next_due(state, lane);
    if (due.ok() && due.value())
        wait = std::clamp(*due.value() - state.now(), least, kLongestSleep);
    auto& sleepers = state.sleepers[static_cast<std::size_t>(lane)];
    Lock guard(state.mutex);
    sleepers.wake.wait_for(guard, stop, wait,
                           [&]() REQUIRES(state.mutex) { return sleepers.woken; });
    sleepers.woken = false;
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

void work(std::stop_token const& stop, Engine::State& state, Lane lane)
{
    while (!stop.stop_requested()) {
        forget_history(state);
        check_catalog(state);
        auto const worked = take_and_run(state, lane);
        if (!worked.ok())
            log(Level::error, "worker.failed", worked.error());
        if (!worked.ok()) // a catalog that takes no changes leaves its tasks due for ever
            sleep_until_due(state, lane, stop, kAfterTrouble);
        else if (!worked.value())
            sleep_until_due(state, lane, stop, std::chrono::milliseconds(1));
    }
}

void beat(std::stop_token const& stop, Engine::State& state)
{
    while (!stop.stop_requested()) {
        renew_leases(state);
        Lock guard(state.mutex);
        state.beat.wait_for(guard, stop, kHeartbeat, [] { return false; });
    }
}

void start_workers_of(Engine::State& state, Lane lane, int count)
{
    for (int i = 0; i < count; ++i)
        state.workers.emplace_back("worker", Thread::OnThrow::go_on,
                                   [&state, lane, stop = state.ending.get_token()](
                                       std::stop_token const&) { work(stop, state, lane); });
}

} // namespace

Result<Task> Engine::task(std::int64_t id)
{
    auto found = TRY(state_->catalog().read([&](catalog::View& view) { return view.task(id); }));
    if (!found)
        return Error{Fault::not_found, Noun::task, "There is no task " + std::to_string(id)};
    return std::move(*found);
}

Result<bool> Engine::work_once(std::optional<Lane> lane)
{
    renew_leases();
    return take_and_run(*state_, lane);
}

void Engine::renew_leases() { engine::renew_leases(*state_); }

Result<std::optional<Time>> Engine::next_work_due() { return next_due(*state_, {}); }

void Engine::start_workers()
{
    auto& state = *state_;
    start_workers_of(state, Lane::machines, state.parts.settings.workers);
    start_workers_of(state, Lane::bulk, state.parts.settings.bulk_workers);
    state.workers.emplace_back(
        "heartbeat", Thread::OnThrow::go_on,
        [&state, stop = state.ending.get_token()](std::stop_token const&) { beat(stop, state); });
}

void Engine::stop_workers()
{
    auto& state = *state_;
    bool const has_worked = !state.workers.empty();
    state.ending.request_stop();
    state.workers.clear(); // joins
    if (!has_worked)
        return;
    for (auto const& task : state.at_work.take_all_parked()) {
        auto const outcome = put_back(state, task, {});
        if (!outcome.ok()) // the next start releases it
            log(Level::warn, "task.not_put_back", outcome.error(), {{"task", task.id}});
    }
}

} // namespace karat::engine
