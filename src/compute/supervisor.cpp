// SPDX-License-Identifier: Apache-2.0
#include "supervisor.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <exception>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace karat::compute {
namespace {

constexpr int kLongestSleepMs = 60'000;
constexpr std::chrono::seconds kRetry{2};

/// Both threads of a supervisor serve all guests, so what one guest's QEMU says must not end them.
/// Returns whether `work` came to its end.
template <class Work>
bool survives(InstanceId const& id, Work const& work)
{
    try {
        work();
        return true;
    } catch (std::exception const& problem) {
        log(Level::error, "compute.not_understood",
            {{"instance", id.text()}, {"message", problem.what()}});
        return false;
    }
}

} // namespace

/// One round of the watcher: what it polls, and the watch each entry is of.
struct Supervisor::Round {
    std::vector<pollfd> polls;
    std::vector<Ticket> tickets; ///< Of polls[1], polls[2], …; three entries a watch.

    bool ready(Ticket ticket, int fd) const
    {
        for (std::size_t i = 0; i < tickets.size(); ++i)
            if (tickets[i] == ticket && polls[i + 1].fd == fd && polls[i + 1].revents != 0)
                return fd >= 0;
        return false;
    }
};

Supervisor::Supervisor(OnNews on_news)
    : on_news_(std::move(on_news))
    , wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    , watcher_("watcher", Thread::OnThrow::go_on,
               [this](std::stop_token const& stop) { watch_all(stop); })
    , herald_("herald", Thread::OnThrow::go_on,
              [this](std::stop_token const& stop) { tell_all(stop); })
{
    VERIFY(wake_.open());
}

Supervisor::~Supervisor() { stop(); }

void Supervisor::stop()
{
    if (!herald_.joinable())
        return;
    herald_.request_stop();
    herald_.join(); // while the watcher still reads the replies that it may wait for
    watcher_.request_stop();
    wake();
    watcher_.join();
}

Supervisor::Ticket Supervisor::new_ticket()
{
    Lock const lock(watches_mutex_);
    return ++last_ticket_;
}

void Supervisor::watch(InstanceId const& id, Ticket ticket, Qmp& qmp, Process const& qemu)
{
    {
        Lock const lock(watches_mutex_);
        watches_.emplace(ticket, Watch{id, &qmp, qemu.pidfd()});
    }
    wake();
}

void Supervisor::watch_net(Ticket ticket, Process const& net)
{
    {
        Lock const lock(watches_mutex_);
        if (auto const found = watches_.find(ticket); found != watches_.end())
            found->second.net_pidfd = net.pidfd();
    }
    wake();
}

void Supervisor::unwatch(Ticket ticket)
{
    Lock const lock(watches_mutex_);
    watches_.erase(ticket);
}

bool Supervisor::post(News news, std::chrono::milliseconds delay)
{
    Lock const lock(news_mutex_);
    if (std::ranges::any_of(news_, [&](Due const& due) { return due.news == news; }))
        return false;
    auto const at = std::chrono::steady_clock::now() + delay;
    auto const later = std::ranges::find_if(news_, [&](Due const& due) { return due.at > at; });
    news_.insert(later, Due{at, std::move(news)});
    news_changed_.notify_all();
    return true;
}

void Supervisor::wake()
{
    ::eventfd_write(wake_.get(), 1); // cannot fail but by being awake already
}

void Supervisor::watch_all(std::stop_token const& stop)
{
    while (!stop.stop_requested()) {
        Round round;
        collect(round);
        if (::poll(round.polls.data(), round.polls.size(), kLongestSleepMs) <= 0)
            continue;
        eventfd_t woken = 0;
        ::eventfd_read(wake_.get(), &woken);
        for (std::size_t i = 0; i < round.tickets.size(); i += 3)
            look_after(round.tickets[i], round);
    }
}

void Supervisor::collect(Round& round)
{
    Lock const lock(watches_mutex_);
    round.polls.push_back({wake_.get(), POLLIN, 0});
    for (auto const& [ticket, watch] : watches_) {
        for (int const fd :
             {watch.monitor_open ? watch.qmp->fd() : -1, watch.qemu_pidfd, watch.net_pidfd}) {
            round.polls.push_back({fd, POLLIN, 0});
            round.tickets.push_back(ticket);
        }
    }
}

void Supervisor::look_after(Ticket ticket, Round const& round)
{
    Lock const lock(watches_mutex_);
    auto const found = watches_.find(ticket);
    if (found == watches_.end())
        return;
    auto& watch = found->second;
    if (watch.monitor_open && round.ready(ticket, watch.qmp->fd())) {
        bool const understood = survives(watch.id, [&] { watch.monitor_open = watch.qmp->pump(); });
        if (!understood) {
            watch.qmp->close();
            watch.monitor_open = false;
        }
    }
    if (round.ready(ticket, watch.qemu_pidfd)) {
        watch.qemu_pidfd = -1;
        post({watch.id, ticket, Notice::qemu_ended});
    }
    if (round.ready(ticket, watch.net_pidfd)) {
        watch.net_pidfd = -1;
        post({watch.id, ticket, Notice::net_ended});
    }
}

void Supervisor::tell_all(std::stop_token const& stop)
{
    Lock lock(news_mutex_);
    while (!stop.stop_requested()) {
        auto const now = std::chrono::steady_clock::now();
        if (news_.empty() || news_.front().at > now) {
            auto const until =
                news_.empty() ? now + std::chrono::milliseconds(kLongestSleepMs) : news_.front().at;
            news_changed_.wait_until(lock, stop, until, [&]() REQUIRES(news_mutex_) {
                return !news_.empty() && news_.front().at < until;
            });
            continue;
        }
        auto const news = std::move(news_.front().news);
        news_.pop_front();
        lock.unlock();
        if (!survives(news.id, [&] { on_news_(news); }))
            post(news, kRetry); // an end that nobody hears of would leave the machine for ever
        lock.lock();
    }
}

} // namespace karat::compute
