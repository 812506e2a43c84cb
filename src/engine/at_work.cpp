// SPDX-License-Identifier: Apache-2.0
#include "at_work.hpp"

#include "karat/tasks.hpp"

namespace karat::engine {

AtWork::Guard::~Guard()
{
    if (all_ == nullptr)
        return;
    Lock const guard(all_->mutex_);
    all_->tasks_.erase(id_);
}

void AtWork::Guard::park(Task task, std::chrono::nanoseconds look_at)
{
    Lock const guard(all_->mutex_);
    auto& one = all_->tasks_.at(id_);
    all_->parked_[task.lane].insert({look_at, id_});
    one.task = std::move(task);
    one.look_at = look_at;
    all_ = nullptr;
}

bool AtWork::begin(Task const& task, Time now)
{
    Lock const guard(mutex_);
    auto const [found, is_new] = tasks_.try_emplace(task.id);
    if (!is_new) {
        found->second.is_lost = true;
        return false;
    }
    found->second.task = task;
    found->second.since = now;
    found->second.renewed = now;
    found->second.moved = now;
    return true;
}

std::optional<Task> AtWork::take_parked(std::optional<Lane> lane, std::chrono::nanoseconds steady,
                                        Time now)
{
    Lock const guard(mutex_);
    for (auto& [of_lane, looks] : parked_) {
        if ((lane && *lane != of_lane) || looks.empty() || looks.begin()->first > steady)
            continue;
        auto& one = tasks_.at(looks.begin()->second);
        looks.erase(looks.begin());
        one.look_at.reset();
        one.since = now;
        one.moved = now;
        return one.task;
    }
    return {};
}

std::optional<std::chrono::nanoseconds> AtWork::next_look(std::optional<Lane> lane) const
{
    Lock const guard(mutex_);
    std::optional<std::chrono::nanoseconds> first;
    for (auto const& [of_lane, looks] : parked_) {
        if ((lane && *lane != of_lane) || looks.empty())
            continue;
        auto const at = looks.begin()->first;
        first = first ? std::min(*first, at) : at;
    }
    return first;
}

std::vector<Task> AtWork::take_all_parked()
{
    Lock const guard(mutex_);
    std::vector<Task> tasks;
    for (auto const& [lane, looks] : parked_)
        for (auto const& [at, id] : looks) {
            tasks.push_back(tasks_.at(id).task);
            tasks_.erase(id);
        }
    parked_.clear();
    return tasks;
}

void AtWork::shift_parked(std::chrono::milliseconds by)
{
    Lock const guard(mutex_);
    for (auto& [id, one] : tasks_)
        if (one.look_at)
            one.task = catalog::shifted(std::move(one.task), by);
}

void AtWork::moved(Task const& task, Time now)
{
    Lock const guard(mutex_);
    auto const found = tasks_.find(task.id);
    if (found == tasks_.end())
        return;
    found->second.task.progress_percent = task.progress_percent;
    found->second.renewed = now;
    found->second.moved = now;
}

std::vector<Task> AtWork::to_renew(Time before) const
{
    Lock const guard(mutex_);
    std::vector<Task> tasks;
    for (auto const& [id, one] : tasks_)
        if (!one.is_lost && one.renewed <= before)
            tasks.push_back(one.task);
    return tasks;
}

void AtWork::renewed(std::vector<Task> const& tasks, Time now)
{
    Lock const guard(mutex_);
    for (auto const& task : tasks)
        if (auto const found = tasks_.find(task.id); found != tasks_.end())
            found->second.renewed = now;
}

void AtWork::lost(std::int64_t id)
{
    Lock const guard(mutex_);
    if (auto const found = tasks_.find(id); found != tasks_.end())
        found->second.is_lost = true;
}

bool AtWork::is_lost(std::int64_t id) const
{
    Lock const guard(mutex_);
    auto const found = tasks_.find(id);
    return found != tasks_.end() && found->second.is_lost;
}

std::map<std::int64_t, AtWork::One> AtWork::all() const
{
    Lock const guard(mutex_);
    return tasks_;
}

} // namespace karat::engine
