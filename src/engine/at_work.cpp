// SPDX-License-Identifier: Apache-2.0
#include "at_work.hpp"

namespace karat::engine {

AtWork::Guard::Guard(AtWork& all, Task const& task, Time now)
    : all_(all)
    , id_(task.id)
{
    Lock const guard(all_.mutex_);
    all_.tasks_[id_] = {.task = task, .since = now, .kept = now, .moved = now};
}

AtWork::Guard::~Guard()
{
    Lock const guard(all_.mutex_);
    all_.tasks_.erase(id_);
}

void AtWork::moved(Task const& task, Time now)
{
    Lock const guard(mutex_);
    auto const found = tasks_.find(task.id);
    if (found == tasks_.end())
        return;
    found->second.task.progress_percent = task.progress_percent;
    found->second.kept = now;
    found->second.moved = now;
}

std::vector<Task> AtWork::to_extend(Time before, Time now)
{
    Lock const guard(mutex_);
    std::vector<Task> tasks;
    for (auto& [id, one] : tasks_) {
        if (one.kept >= before)
            continue;
        one.kept = now;
        tasks.push_back(one.task);
    }
    return tasks;
}

std::map<std::int64_t, AtWork::One> AtWork::all() const
{
    Lock const guard(mutex_);
    return tasks_;
}

} // namespace karat::engine
