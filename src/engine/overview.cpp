// SPDX-License-Identifier: Apache-2.0
// What operators see: tasks, instances and the state of the whole.
#include "state.hpp"
#include "task_phase.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace karat::engine {
namespace {

constexpr std::size_t kMostStuckShown = 20;
constexpr std::size_t kMostErrorBytes = 300; // of a task's error in a sentence

Result<std::vector<TaskFacts>> described(Engine::State& state, std::vector<Task> tasks)
{
    auto const at_work = state.at_work.all();
    std::vector<TaskFacts> all;
    all.reserve(tasks.size());
    for (auto& task : tasks) {
        auto const found = at_work.find(task.id);
        auto const* const one = found == at_work.end() ? nullptr : &found->second;
        all.push_back(describe(std::move(task), one, state.now()));
    }
    return all;
}

void count(TaskCounts& counts, TaskPhase phase)
{
    switch (phase) {
    case TaskPhase::running:
        ++counts.running;
        break;
    case TaskPhase::ready:
        ++counts.ready;
        break;
    case TaskPhase::waiting:
        ++counts.waiting;
        break;
    case TaskPhase::retrying:
        ++counts.retrying;
        break;
    case TaskPhase::stuck:
        ++counts.stuck;
        break;
    case TaskPhase::failed:
        break;
    }
}

/// Counts the open tasks, and describes those that are stuck, without copying the others.
Result<std::vector<TaskFacts>> count_tasks(Engine::State& state, TaskCounts& counts)
{
    auto const at_work = state.at_work.all();
    auto const now = state.now();
    auto const open = TRY(state.catalog().read([](catalog::View& view) {
        catalog::PassOverDamaged const passing(view); // the check of the catalog names them
        return view.list<Task>(catalog::open_tasks());
    }));
    std::vector<TaskFacts> stuck;
    for (auto const& task : open) {
        auto const found = at_work.find(task->id);
        auto const* const one = found == at_work.end() ? nullptr : &found->second;
        auto const phase = phase_of(*task, one, now);
        count(counts, phase);
        if (phase == TaskPhase::stuck)
            stuck.push_back(describe(*task, one, now));
    }
    std::ranges::sort(stuck, {}, [](TaskFacts const& facts) { return facts.task.id; });
    return stuck;
}

Result<std::vector<TaskFacts>> all_tasks(Engine::State& state, bool failed)
{
    auto tasks = TRY(state.catalog().read([&](catalog::View& view) {
        catalog::PassOverDamaged const passing(view); // the check of the catalog names them
        return failed ? view.failed_tasks() : view.open_tasks();
    }));
    return described(state, std::move(tasks));
}

/// The first line of a text, or what of it fits.
std::string shortened(std::string text)
{
    text.resize(std::min(text.find('\n'), text.size()));
    if (text.size() > kMostErrorBytes) {
        auto end = kMostErrorBytes;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
            --end; // not within a character
        text.resize(end);
        text += "…";
    }
    return text;
}

std::string stuck_sentence(TaskFacts const& facts)
{
    auto const& task = facts.task;
    auto text =
        fmt::format("Task {} ({} {}) is stuck, {}", task.id, task.kind, task.subject, facts.advice);
    if (!task.outcome.empty())
        text += fmt::format(". Its last error: {}", shortened(task.outcome));
    return text;
}

std::vector<std::string> problems_of_tasks(std::vector<TaskFacts> const& stuck)
{
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < std::min(stuck.size(), kMostStuckShown); ++i)
        problems.push_back(stuck_sentence(stuck[i]));
    if (stuck.size() > kMostStuckShown)
        problems.push_back(fmt::format("{} more tasks are stuck; see karat tasks --state stuck",
                                       stuck.size() - kMostStuckShown));
    return problems;
}

/// A sentence for each thing of the host that an operator must look at.
std::vector<std::string> problems_of_host(Engine::State& state, Status const& status)
{
    std::vector<std::string> problems;
    auto const& store = status.store;
    if (store.is_short_of_room())
        problems.push_back(fmt::format(
            "New data is refused: {} MiB are free on the store's disk, and keep_free_mib keeps {} "
            "MiB. Make room (docs/operating.md, \"The disk is full\")",
            *store.free_bytes >> 20, store.kept_free_bytes >> 20));
    if (store.read_only)
        problems.emplace_back("The store is read-only since a sync failed. Look at the disk, then "
                              "restart karatd (docs/operating.md, \"The store is read-only\")");
    if (store.halted)
        problems.emplace_back("The store stopped deleting (docs/operating.md, \"The store stopped "
                              "deleting\")");
    if (status.catalog_damage > 0)
        problems.push_back(fmt::format("The last check of the catalog found {} damaged rows: run "
                                       "karat catalog check",
                                       status.catalog_damage));
    if (auto const waiting = state.parts.hypervisor.stalls(); !waiting.empty())
        problems.push_back(fmt::format("{} guests stand still, as their writes find no room on the "
                                       "disk; they go on by themselves when there is room",
                                       waiting.size()));
    if (auto const keys = state.parts.keys.list(); !keys.ok())
        problems.push_back(keys.error().message);
    return problems;
}

/// The order of the list of instances, in a form that the next page can begin after.
std::string place_of(OwnedInstance const& one)
{
    auto const& instance = one.instance;
    return fmt::format("{} {} {} {}", one.account, instance.region, format_time(instance.launched),
                       instance.id.text());
}

Result<std::vector<OwnedInstance>> chosen_instances(catalog::View& view, InstanceQuery const& query)
{
    std::optional<Account> only;
    if (!query.account.empty()) {
        only = TRY(view.account_by_name(query.account));
        if (!only)
            return Error{Fault::not_found, Noun::account,
                         fmt::format("There is no account named '{}'", query.account)};
    }
    catalog::PassOverDamaged const passing(view);
    auto found = TRY(view.instances({query.region, only ? std::optional(only->id) : std::nullopt}));
    std::map<AccountId, std::string> names;
    for (auto const& account : TRY(view.accounts()))
        names[account.id] = account.name;
    std::vector<OwnedInstance> chosen;
    for (auto& instance : found) {
        if (query.state && instance.state != *query.state)
            continue;
        auto name = names[instance.owner];
        chosen.push_back({std::move(instance), std::move(name)});
    }
    return chosen;
}

} // namespace

Result<TaskPage> Engine::tasks(TaskQuery const& query)
{
    bool const failed = query.phase == TaskPhase::failed;
    auto all = TRY(all_tasks(*state_, failed));
    TaskPage page;
    auto const limit = std::min(query.limit, kMostOnAPage);
    for (auto& facts : all) {
        bool const past = query.after == 0 ||
                          (failed ? facts.task.id < query.after : facts.task.id > query.after);
        if (!past || (query.phase && facts.phase != *query.phase) ||
            (!query.kind.empty() && facts.task.kind != query.kind))
            continue;
        page.more = page.tasks.size() == limit;
        if (page.more)
            break;
        page.tasks.push_back(std::move(facts));
    }
    return page;
}

Result<InstancePage> Engine::every_instance(InstanceQuery const& query)
{
    auto all = TRY(
        state_->catalog().read([&](catalog::View& view) { return chosen_instances(view, query); }));
    std::ranges::sort(all, {}, place_of);
    InstancePage page;
    auto const limit = std::min(query.limit, kMostOnAPage);
    for (auto& one : all) {
        if (place_of(one) <= query.after)
            continue;
        if (page.instances.size() == limit) {
            page.next = place_of(page.instances.back());
            break;
        }
        page.instances.push_back(std::move(one));
    }
    return page;
}

Result<Status> Engine::status()
{
    Status status;
    auto const kind = state_->parts.hypervisor.kind();
    status.accelerator = kind.accelerator;
    status.accelerator_reason = kind.reason;
    status.isolated = state_->parts.settings.isolated;
    status.not_isolated = state_->parts.settings.not_isolated;
    std::ranges::move(state_->parts.hypervisor.not_isolated(),
                      std::back_inserter(status.not_isolated));
    status.store = TRY(state_->parts.store.stats());
    auto const machines = TRY(state_->parts.hypervisor.running());
    status.instances = machines.size();
    auto const stuck = TRY(count_tasks(*state_, status.tasks));
    {
        Lock const guard(state_->mutex);
        status.catalog_damage = state_->catalog_damage;
    }
    status.problems = problems_of_host(*state_, status);
    std::ranges::move(problems_of_tasks(stuck), std::back_inserter(status.problems));
    return status;
}

} // namespace karat::engine
