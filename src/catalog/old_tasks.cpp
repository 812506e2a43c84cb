// SPDX-License-Identifier: Apache-2.0
#include "old_tasks.hpp"

#include "documents.hpp"
#include "work_members.hpp"

#include "karat/json.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kTimeoutOf = "timeout of ";
/// Times were milliseconds since 1970.
constexpr char const* kTimes[] = {"until", "since"};

bool is_of_instance(std::string const& subject)
{
    return subject.starts_with(id_prefix(Noun::instance));
}

/// Says in the arguments what only the subject said.
void name_subject(Json& arguments, Task const& task)
{
    auto const& subject = task.subject;
    if (subject.starts_with(kTimeoutOf))
        arguments["snapshot"] = subject.substr(kTimeoutOf.size());
    else if (is_of_instance(subject))
        arguments["instance"] = subject;
    else if (subject.starts_with(id_prefix(Noun::volume)))
        arguments["volume"] = subject;
    else if (subject.starts_with(id_prefix(Noun::snapshot)))
        arguments["snapshot"] = subject;
}

void write_times_as_text(Json& arguments)
{
    for (auto const* const name : kTimes)
        if (arguments.contains(name) && arguments.at(name).is_number_integer())
            arguments[name] = format_time(
                Time(std::chrono::milliseconds(arguments.at(name).get<std::int64_t>())));
}

/// Pairs were an object, a volume's id to its snapshot's.
void list_pairs(Json& arguments)
{
    if (!arguments.contains("pairs") || !arguments.at("pairs").is_object())
        return;
    auto pairs = Json::array();
    for (auto const& [volume, snapshot] : arguments.at("pairs").items())
        pairs.push_back(Json{{"volume", volume}, {"snapshot", snapshot}});
    arguments["pairs"] = std::move(pairs);
}

} // namespace

Task from_old_form(Task task)
{
    task.on = {task.subject};
    auto arguments = Json::parse(task.payload, nullptr, false);
    if (!arguments.is_object())
        return task;
    name_subject(arguments, task);
    write_times_as_text(arguments);
    list_pairs(arguments);
    (void)any_work([&]<class Work>() {
        if (task.kind != Work::kKind)
            return false;
        auto const work = read_document<Work>(arguments.dump());
        auto changed = task;
        if (work.ok() && set_work(changed, work.value()).ok())
            task = std::move(changed);
        return true;
    });
    return task;
}

} // namespace karat::catalog
