// SPDX-License-Identifier: Apache-2.0
#include "http_workers.hpp"

#include "karat/log.hpp"

#include <fmt/format.h>

namespace karat::api {
namespace {

/// Says what a handler threw. Where there is no memory for that, nobody is told.
void log_quietly(Connection const& connection, char const* what) noexcept
{
    try {
        log(Level::error, "http.request_failed",
            {{"request", connection.request_name.data()}, {"message", what}});
    } catch (...) {
        return;
    }
}

} // namespace

HttpWorkers::HttpWorkers(Clock& clock, HttpThreads threads, std::function<void()> wake)
    : clock_(clock)
    , wake_(std::move(wake))
    , has_slow_(threads.slow > 0)
{
    for (int i = 0; i < threads.quick; ++i)
        threads_.emplace_back("http.quick", Thread::OnThrow::go_on,
                              [this](std::stop_token const&) { work(quick_); });
    for (int i = 0; i < threads.slow; ++i)
        threads_.emplace_back("http.slow", Thread::OnThrow::go_on,
                              [this](std::stop_token const&) { work(slow_); });
}

void HttpWorkers::submit(ConnectionTable::List& ready)
{
    while (!ready.empty()) {
        auto const& connection = ready.front();
        auto const slow = connection.table.route().slow;
        bool const is_slow = has_slow_ && slow != nullptr && slow(connection.request);
        Lock const guard(mutex_);
        auto& lane = is_slow ? slow_ : quick_;
        lane.queued.splice(lane.queued.end(), ready, ready.begin());
        lane.filled.notify_one();
    }
}

ConnectionTable::List HttpWorkers::take_done()
{
    ConnectionTable::List done;
    Lock const guard(mutex_);
    done.splice(done.end(), done_);
    return done;
}

std::vector<std::string> HttpWorkers::running() const
{
    std::vector<std::string> names;
    Lock const guard(mutex_);
    for (auto const& connection : running_) {
        auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(
            clock_.steady() - connection.handled_since);
        names.push_back(
            fmt::format("{} for {} s", connection.request_name.data(), seconds.count()));
    }
    return names;
}

void HttpWorkers::stop()
{
    {
        Lock const guard(mutex_);
        ending_ = true;
        quick_.filled.notify_all();
        slow_.filled.notify_all();
    }
    threads_.clear(); // joins
}

/// Nothing but handle() can throw here, and that does not.
void HttpWorkers::work(Lane& lane)
{
    Lock guard(mutex_);
    while (true) {
        lane.filled.wait(guard, [&]() REQUIRES(mutex_) { return ending_ || !lane.queued.empty(); });
        if (lane.queued.empty())
            return;
        auto const mine = lane.queued.begin();
        running_.splice(running_.end(), lane.queued, mine);
        guard.unlock();
        handle(*mine);
        guard.lock();
        done_.splice(done_.end(), running_, mine);
        wake_();
    }
}

/// The barrier: whatever a request makes its handler throw ends that request and nothing else.
void HttpWorkers::handle(Connection& connection)
{
    try {
        auto& request = connection.request;
        connection.session.answer(connection.table.route().handle(std::move(request)));
        request = {};
        return;
    } catch (std::exception const& problem) {
        log_quietly(connection, problem.what());
    } catch (...) {
        log_quietly(connection, "unknown");
    }
    connection.session.answer_without_memory();
}

} // namespace karat::api
