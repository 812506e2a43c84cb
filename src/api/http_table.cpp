// SPDX-License-Identifier: Apache-2.0
#include "http_table.hpp"

#include <algorithm>

namespace karat::api {
namespace {

constexpr std::uint64_t kProgressBytes = 64 << 10;
constexpr std::string_view kNoRoom =
    "The service holds as much of requests in memory as it may; try again later";

} // namespace

Connection::Connection(ConnectionTable& the_table, HttpRoute const& route, Fd the_fd,
                       std::string the_peer)
    : Polled{Kind::connection}
    , session(route)
    , fd(std::move(the_fd))
    , peer(std::move(the_peer))
    , table(the_table)
{
}

ConnectionTable::ConnectionTable(HttpRoute const& route)
    : route_(route)
    , tokens_(route.limits.burst)
{
}

Connection* ConnectionTable::add(Fd fd, std::string peer, std::chrono::nanoseconds now)
{
    if (size_ >= route_.limits.connections && !make_place())
        return nullptr;
    auto& list = lists_[stranger];
    auto& connection = list.emplace_back(*this, route_, std::move(fd), std::move(peer));
    connection.self_ = std::prev(list.end());
    connection.place_ = stranger;
    connection.since_ = now;
    tokens_ -= 1;
    ++size_;
    return &connection;
}

ConnectionTable::Place ConnectionTable::place_of(Connection const& connection) const
{
    auto const& session = connection.session;
    switch (session.phase()) {
    case HttpSession::Phase::waiting:
        return !session.known() ? stranger : session.begun() ? receiving : idle;
    case HttpSession::Phase::receiving:
        return session.known() ? receiving : stranger_receiving;
    case HttpSession::Phase::ready:
        return ready;
    case HttpSession::Phase::handling:
        return handling;
    case HttpSession::Phase::writing:
        return writing;
    case HttpSession::Phase::draining:
        return draining;
    case HttpSession::Phase::closed:
        return closed;
    }
    return closed;
}

std::chrono::nanoseconds ConnectionTable::time_out(unsigned place) const
{
    switch (static_cast<Place>(place)) {
    case stranger:
        return route_.limits.stranger_wait;
    case idle:
        return route_.limits.idle_wait;
    case draining:
        return route_.limits.drain_wait;
    case stranger_receiving:
    case receiving:
    case writing:
        return route_.limits.progress_wait;
    case ready:
    case handling:
    case closed:
    case kPlaces:
        break;
    }
    return std::chrono::nanoseconds::max();
}

void ConnectionTable::move(Connection& connection, Place place, std::chrono::nanoseconds now)
{
    auto& to = lists_[place];
    to.splice(to.end(), lists_[connection.place_], connection.self_);
    connection.place_ = place;
    connection.since_ = now;
    connection.moved_at_since_ = connection.session.moved_bytes();
}

void ConnectionTable::count_bytes(Connection& connection, std::size_t bytes)
{
    held_bytes_ += bytes - connection.counted_bytes_;
    connection.counted_bytes_ = bytes;
}

void ConnectionTable::drop(Connection& connection)
{
    connection.session.close();
    connection.fd.reset();
    count_bytes(connection, 0);
    move(connection, closed, {});
    --size_;
}

/// Closes the oldest connection in the first of these places that has one other than `keep`.
bool ConnectionTable::drop_first(unsigned first_place, unsigned last_place, Connection const* keep)
{
    for (auto place = first_place; place <= last_place; ++place) {
        auto& list = lists_[place];
        auto at = list.begin();
        if (at != list.end() && &*at == keep)
            ++at;
        if (at == list.end())
            continue;
        drop(*at);
        return true;
    }
    return false;
}

/// Gives up one for a newcomer. A quarter of the places is for strangers: else newcomers would give
/// up each other, before they said who they are, while callers' idle connections have all the rest.
bool ConnectionTable::make_place()
{
    auto const strangers = lists_[stranger].size() + lists_[stranger_receiving].size();
    if (strangers < route_.limits.connections / 4 && drop_first(draining, idle, nullptr))
        return true;
    return drop_first(stranger, stranger_receiving, nullptr);
}

/// Gives up who holds memory: those that nobody knows first, then who is slowest.
bool ConnectionTable::make_room(Connection const& keep)
{
    return drop_first(stranger_receiving, stranger_receiving, &keep) ||
           drop_first(stranger, stranger, &keep) || drop_first(writing, receiving, &keep);
}

void ConnectionTable::settle(Connection& connection, std::chrono::nanoseconds now)
{
    if (connection.place_ == closed)
        return;
    count_bytes(connection, connection.session.held_bytes());
    auto const& limits = route_.limits;
    while (held_bytes_ > limits.held_bytes && make_room(connection)) {
    }
    auto const phase = connection.session.phase();
    if (held_bytes_ > limits.held_bytes &&
        (phase == HttpSession::Phase::receiving || phase == HttpSession::Phase::ready)) {
        connection.session.refuse(503, std::string(kNoRoom));
        count_bytes(connection, connection.session.held_bytes());
    }
    auto const place = place_of(connection);
    if (place == closed)
        return drop(connection);
    bool const moves =
        place != stranger &&
        connection.session.moved_bytes() - connection.moved_at_since_ >= kProgressBytes;
    if (place != connection.place_ || moves)
        move(connection, place, now);
}

bool ConnectionTable::has_token(std::chrono::nanoseconds now)
{
    auto const& limits = route_.limits;
    if (limits.per_second == 0)
        return true;
    auto const seconds = std::chrono::duration<double>(now - refilled_).count();
    tokens_ = std::min<double>(limits.burst, tokens_ + seconds * limits.per_second);
    refilled_ = now;
    return tokens_ >= 1;
}

Connection* ConnectionTable::next_ready(std::chrono::nanoseconds now)
{
    return lists_[ready].empty() || !has_token(now) ? nullptr : &lists_[ready].front();
}

void ConnectionTable::hand_over(Connection& connection, List& to, std::chrono::nanoseconds now)
{
    connection.request = connection.session.take_request();
    connection.request.peer = connection.peer;
    auto const& request = connection.request;
    auto& name = connection.request_name;
    auto* at = std::copy_n(request.method.data(), std::min<std::size_t>(request.method.size(), 16),
                           name.data());
    *at++ = ' ';
    at = std::copy_n(request.path.data(), std::min<std::size_t>(request.path.size(), 64), at);
    *at = '\0';
    connection.handled_since = now;
    to.splice(to.end(), lists_[connection.place_], connection.self_);
    connection.place_ = handling;
    tokens_ -= 1;
}

Connection& ConnectionTable::take_back(List& from, std::chrono::nanoseconds now)
{
    auto& connection = from.front();
    auto& list = lists_[writing];
    list.splice(list.end(), from, from.begin());
    connection.place_ = writing;
    connection.since_ = now;
    connection.moved_at_since_ = connection.session.moved_bytes();
    return connection;
}

void ConnectionTable::expire(std::chrono::nanoseconds now, std::size_t most)
{
    for (unsigned place = 0; place < ready; ++place) {
        auto& list = lists_[place];
        for (; most > 0 && !list.empty() && now - list.front().since_ >= time_out(place); --most)
            drop(list.front());
    }
}

std::optional<std::chrono::nanoseconds>
ConnectionTable::next_event(std::chrono::nanoseconds now) const
{
    std::optional<std::chrono::nanoseconds> next;
    auto const at = [&](std::chrono::nanoseconds wait) {
        wait = std::max(wait, std::chrono::nanoseconds(0));
        next = next ? std::min(*next, wait) : wait;
    };
    for (unsigned place = 0; place < ready; ++place)
        if (!lists_[place].empty())
            at(lists_[place].front().since_ + time_out(place) - now);
    if (!lists_[ready].empty())
        at(std::chrono::milliseconds(10));
    return next;
}

void ConnectionTable::close_idle(std::size_t how_many)
{
    while (how_many-- > 0 && drop_first(stranger, idle, nullptr)) {
    }
}

void ConnectionTable::close_all(bool politely)
{
    for (unsigned place = 0; place < handling; ++place)
        while (!lists_[place].empty() && !(politely && place == writing))
            drop(lists_[place].front());
}

void ConnectionTable::bury() { lists_[closed].clear(); }

} // namespace karat::api
