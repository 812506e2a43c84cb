// SPDX-License-Identifier: Apache-2.0
#include "documents.hpp"
#include "work_members.hpp"

#include "karat/tasks.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

struct ShiftTimes {
    std::chrono::milliseconds by;
    void operator()(char const*, Time& time) const
    {
        if (time != Time{})
            time += by;
    }
    void operator()(char const*, auto&) const {}
};

} // namespace

template <class Work>
Result<void> set_work(Task& task, Work const& work)
{
    auto payload = TRY(write_document(work));
    auto claim = claim_of(work);
    task.kind = Work::kKind;
    task.payload = std::move(payload);
    task.subject = std::move(claim.subject);
    task.on = std::move(claim.on);
    task.keeps = std::move(claim.keeps);
    task.lane = claim.lane;
    return {};
}

template <class Work>
Result<Task> task_for(Work const& work)
{
    Task task;
    TRY(set_work(task, work));
    return task;
}

template <class Work>
Result<Work> work_of(Task const& task)
{
    auto work = read_document<Work>(task.payload);
    if (task.kind != Work::kKind || !work.ok())
        return Error{Fault::corrupt, Noun::task,
                     fmt::format("The arguments of task {} ({} {}) do not parse{}", task.id,
                                 task.kind, task.subject,
                                 work.ok() ? "" : ": " + work.error().message)};
    return work;
}

Task shifted(Task task, std::chrono::milliseconds by)
{
    task.created += by;
    task.not_before += by;
    (void)any_work([&]<class Work>() {
        if (task.kind != Work::kKind)
            return false;
        auto work = work_of<Work>(task); // what does not parse fails when it runs
        if (!work.ok())
            return true;
        ShiftTimes shift{by};
        members(shift, work.value());
        auto payload = write_document(work.value());
        if (payload.ok())
            task.payload = std::move(payload).value();
        return true;
    });
    return task;
}

#define WORK(Thing)                                                                                \
    template Result<Task> task_for(Thing const&);                                                  \
    template Result<Thing> work_of(Task const&);                                                   \
    template Result<void> set_work(Task&, Thing const&)

KARAT_EACH_WORK(WORK);

#undef WORK

} // namespace karat::catalog
