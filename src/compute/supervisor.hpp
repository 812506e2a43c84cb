// SPDX-License-Identifier: Apache-2.0
// Two threads for all machines. The watcher reads every monitor and waits for the ends of
// processes; the herald carries what they mean to the hypervisor, one after the other. They are
// two because the herald's work runs commands, whose replies the watcher must read.
#pragma once

#include "qmp.hpp"

#include "karat/compute.hpp"
#include "karat/process.hpp"
#include "karat/thread.hpp"

#include <condition_variable>
#include <deque>
#include <map>

namespace karat::compute {

enum class Notice : unsigned char {
    guest_shut_down, ///< QEMU holds the machine and waits to be ended.
    qemu_ended,
    net_ended,
    disk_stopped, ///< A write found the host's disk full a while ago, and the machine stood still.
};

/// How long a machine that met a full disk stands still before it is resumed.
constexpr std::chrono::seconds kDiskRetry{5};

class Supervisor {
public:
    /// Names one watch; never used again, so a late notice is not taken for a newer machine's.
    using Ticket = std::uint64_t;
    struct News {
        InstanceId id;
        Ticket ticket = 0;
        Notice notice = Notice::qemu_ended;
        bool operator==(News const&) const = default;
    };
    /// Runs on the herald.
    using OnNews = std::function<void(News const&)>;

    explicit Supervisor(OnNews on_news);
    ~Supervisor();
    Supervisor(Supervisor const&) = delete;
    Supervisor& operator=(Supervisor const&) = delete;

    /// No news are told, and nothing is pumped, when it returns. Watches may still be taken away.
    void stop();

    Ticket new_ticket();
    /// Pumps `qmp` until unwatch(); both must live until then.
    void watch(InstanceId const& id, Ticket ticket, Qmp& qmp, Process const& qemu);
    void watch_net(Ticket ticket, Process const& net);
    /// No pump runs when it returns.
    void unwatch(Ticket ticket);
    /// Has the news told after a while; false when the same is waiting to be told already. So a
    /// QEMU that says a thing a million times costs as much as one that says it once.
    bool post(News news, std::chrono::milliseconds delay = {});

private:
    struct Watch {
        InstanceId id;
        Qmp* qmp = nullptr;
        int qemu_pidfd = -1; ///< -1 when told already.
        int net_pidfd = -1;
        bool monitor_open = true;
    };
    struct Due {
        std::chrono::steady_clock::time_point at;
        News news;
    };
    struct Round;

    void watch_all(std::stop_token const& stop);
    void collect(Round& round);
    void look_after(Ticket ticket, Round const& round);
    void tell_all(std::stop_token const& stop);
    void wake();

    OnNews on_news_;
    Fd wake_;

    Mutex watches_mutex_; // held while pumping
    std::map<Ticket, Watch> watches_ GUARDED_BY(watches_mutex_);
    Ticket last_ticket_ GUARDED_BY(watches_mutex_) = 0;

    Mutex news_mutex_;
    std::condition_variable_any news_changed_;
    std::deque<Due> news_ GUARDED_BY(news_mutex_); // bounded: one of each kind for each watch

    Thread watcher_; // last, so that they end before what they use
    Thread herald_;
};

} // namespace karat::compute
