// SPDX-License-Identifier: Apache-2.0
#include "clock_watch.hpp"

#include "state.hpp"

#include "karat/tasks.hpp"

#include <algorithm>

namespace karat::engine {
namespace {

constexpr std::chrono::milliseconds kNoJump{2'000};
constexpr std::chrono::milliseconds kSlowLook{100}; // the two clocks were not read at one moment
constexpr std::size_t kMostJumps = 64;

Result<void> shift_tasks(Engine::State& state, std::chrono::milliseconds by)
{
    log(Level::warn, "clock.jumped", {{"by_ms", by.count()}});
    state.at_work.shift_parked(by);
    return state.catalog().change({"worker", "ClockJumped"},
                                  [&](catalog::Change& change) -> Result<void> {
                                      catalog::PassOverDamaged const passing(change);
                                      for (auto const& task : TRY(change.open_tasks()))
                                          TRY(change.save(catalog::shifted(task, by)));
                                      return {};
                                  });
}

} // namespace

std::optional<std::chrono::milliseconds> ClockWatch::jumped(Clock& clock)
{
    Lock const guard(mutex_);
    auto const before = clock.steady();
    Look const look{clock.now(), clock.steady()};
    if (look.steady - before > kSlowLook)
        return {};
    auto const last = std::exchange(last_, look);
    if (!last)
        return {};
    auto const passed =
        std::chrono::duration_cast<std::chrono::milliseconds>(look.steady - last->steady);
    auto const by = look.wall - last->wall - passed;
    if (std::chrono::abs(by) <= kNoJump)
        return {};
    if (by.count() > 0 && forwards_.size() < kMostJumps)
        forwards_.push_back({last->wall + passed, by});
    return by;
}

Time ClockWatch::by_todays_clock(Time noted) const
{
    Lock const guard(mutex_);
    for (auto const& jump : forwards_)
        if (noted <= jump.before)
            noted += jump.by;
    return noted;
}

Result<void> follow_clock(Engine::State& state)
{
    auto const by = state.clock_watch.jumped(state.env().clock);
    return by ? shift_tasks(state, *by) : Result<void>();
}

Result<void> settle_clock(Engine::State& state)
{
    (void)state.clock_watch.jumped(state.env().clock);
    auto const open = TRY(state.catalog().read([](catalog::View& view) {
        catalog::PassOverDamaged const passing(view);
        return view.open_tasks();
    }));
    auto const last = std::ranges::max_element(open, {}, &Task::created);
    if (last == open.end() || last->created <= state.now() + kNoJump)
        return {};
    return shift_tasks(state, state.now() - last->created);
}

} // namespace karat::engine
