// SPDX-License-Identifier: Apache-2.0
#include "follower.hpp"

#include "karat/log.hpp"

#include <fmt/format.h>

namespace karat::catalog {
namespace {

// A second without notice, then a look. In slices, so that ending waits for one only.
constexpr std::chrono::milliseconds kSlice{100};
constexpr int kSlices = 10;
constexpr std::chrono::seconds kOldEnoughToTell{2};

} // namespace

Follower::Follower(Env env, std::unique_ptr<Database> database, Batches& batches, std::string who,
                   std::function<void()> wake)
    : env_(env)
    , database_(std::move(database))
    , batches_(batches)
    , who_(std::move(who))
    , wake_(std::move(wake))
    , looked_at_(env.clock.steady())
    , thread_("catalog.follow", Thread::OnThrow::go_on,
              [this](std::stop_token const& stop) { follow(stop); })
{
}

std::chrono::nanoseconds Follower::age() const { return env_.clock.steady() - looked_at_.load(); }

void Follower::follow(std::stop_token const& stop)
{
    bool is_listening = false;
    bool has_told = false;
    while (!stop.stop_requested()) {
        auto outcome = is_listening ? Result<void>() : database_->run_script(kListen);
        if (outcome.ok())
            outcome = look();
        is_listening = outcome.ok();
        if (outcome.ok()) {
            if (std::exchange(has_told, false))
                log(Level::info, "catalog.server_is_back");
            looked_at_ = env_.clock.steady();
            is_listening = wait(stop).ok();
            continue;
        }
        if (!has_told && age() >= kOldEnoughToTell) {
            log(Level::warn, "catalog.is_old", outcome.error());
            has_told = true;
        }
        std::this_thread::sleep_for(5 * kSlice);
    }
}

/// Until somebody else committed, or for a second.
Result<void> Follower::wait(std::stop_token const& stop)
{
    for (int slice = 0; slice < kSlices && !stop.stop_requested(); ++slice) {
        for (auto const& notice : TRY(database_->notices(kSlice)))
            if (!notice.ends_with(" " + who_))
                return {};
        if (std::exchange(looks_again_soon_, false))
            return {};
    }
    return {};
}

Result<void> Follower::look()
{
    auto const version = batches_.published()->version;
    auto const newest = TRY(newest_version(*database_));
    if (newest == version)
        return {};
    auto const news = TRY(read_news(version));
    if (news.is_empty())
        return {};
    if (!batches_.take_in(news))
        looks_again_soon_ = true;
    else if (news.has_work)
        wake_();
    return {};
}

Result<News> Follower::read_news(Version const& version)
{
    TRY(database_->begin_reading());
    auto news = news_since(*database_, version);
    TRY(database_->roll_back());
    return news;
}

} // namespace karat::catalog
