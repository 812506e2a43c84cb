// SPDX-License-Identifier: Apache-2.0
#include "admin_overview.hpp"

#include "karat/states.hpp"

#include <fmt/format.h>

namespace karat::api {
namespace {

using Json = nlohmann::json;

Json seconds_between(Time from, Time to)
{
    return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
}

Json task_json(engine::TaskFacts const& facts, Time now)
{
    auto const& task = facts.task;
    return {{"id", task.id},
            {"kind", task.kind},
            {"subject", task.subject},
            {"state", std::string(word(facts.phase))},
            {"failures", task.failures},
            {"next_try", facts.next_try ? Json(format_time(*facts.next_try)) : Json()},
            {"wait_seconds", facts.next_try ? seconds_between(now, *facts.next_try) : Json()},
            {"progress_percent", task.progress_percent},
            {"created", format_time(task.created)},
            {"age_seconds", seconds_between(task.created, now)},
            {"advice", facts.advice},
            {"last_error", task.outcome}};
}

Json instance_json(engine::OwnedInstance const& one, Time now)
{
    auto const& instance = one.instance;
    return {{"id", instance.id.text()},
            {"account", one.account},
            {"region", instance.region},
            {"state", std::string(word(instance.state))},
            {"image", instance.image.text()},
            {"type", instance.type},
            {"public_ip", instance.interface.public_ip},
            {"private_ip", instance.interface.private_ip},
            {"launched", format_time(instance.launched)},
            {"age_seconds", seconds_between(instance.launched, now)},
            {"reason", instance.state_reason.message}};
}

Error no_such_state(std::string const& given, std::string_view states)
{
    return fail(Fault::invalid, fmt::format("There is no state '{}'; there are {}", given, states));
}

} // namespace

Json task_counts_json(engine::TaskCounts const& counts)
{
    return {{"running", counts.running},
            {"ready", counts.ready},
            {"waiting", counts.waiting},
            {"retrying", counts.retrying},
            {"stuck", counts.stuck}};
}

Result<Json> list_tasks(engine::Engine& engine, Json const& request)
{
    engine::TaskQuery query;
    query.after = request.value("after", query.after);
    query.limit = request.value("limit", query.limit);
    query.kind = request.value("kind", query.kind);
    if (auto const state = request.value("state", std::string()); !state.empty()) {
        query.phase = engine::parse_phase(state);
        if (!query.phase)
            return no_such_state(state, "running, ready, waiting, retrying, stuck, failed");
    }
    auto const page = TRY(engine.tasks(query));
    Json list = Json::array();
    for (auto const& facts : page.tasks)
        list.push_back(task_json(facts, engine.now()));
    Json answer{{"tasks", list}};
    if (page.more && !page.tasks.empty())
        answer["next"] = page.tasks.back().task.id;
    return answer;
}

Result<Json> list_instances(engine::Engine& engine, Json const& request)
{
    engine::InstanceQuery query;
    query.after = request.value("after", query.after);
    query.limit = request.value("limit", query.limit);
    query.account = request.value("account", query.account);
    query.region = request.value("region", query.region);
    if (!query.region.empty())
        TRY(engine.check_region(query.region));
    if (auto const state = request.value("state", std::string()); !state.empty()) {
        auto const parsed = parse_state<InstanceState>(state);
        if (!parsed.ok())
            return no_such_state(state,
                                 "pending, running, stopping, stopped, shutting-down, terminated");
        query.state = parsed.value();
    }
    auto const page = TRY(engine.every_instance(query));
    Json list = Json::array();
    for (auto const& one : page.instances)
        list.push_back(instance_json(one, engine.now()));
    Json answer{{"instances", list}};
    if (!page.next.empty())
        answer["next"] = page.next;
    return answer;
}

} // namespace karat::api
