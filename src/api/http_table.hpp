// SPDX-License-Identifier: Apache-2.0
// The connections of one listener: what time each has left, how many there may be, and how much
// memory their requests and replies may hold. Still no sockets: the loop asks, tests ask too. All
// calls of one thread, the loop's; a connection that a worker has is out of the table's lists.
//
// Each list is in the order in which its connections came to it, and each has one time-out, so the
// overdue ones and the one to give up first are always at the front. Moving between lists is a
// splice: it cannot fail.
#pragma once

#include "http_session.hpp"

#include "karat/fd.hpp"

#include <array>
#include <list>
#include <optional>

namespace karat::api {

class ConnectionTable;

/// What epoll hands back: the loop looks at `kind` to know what it is.
struct Polled {
    enum class Kind : unsigned char { wake, listener, connection };
    Kind kind;
};

struct Connection : Polled {
    Connection(ConnectionTable& the_table, HttpRoute const& route, Fd the_fd, std::string the_peer);

    HttpSession session;
    Fd fd;
    std::string peer;
    ConnectionTable& table;
    /// Of a request that a worker has; the name is for the log.
    HttpRequest request;
    std::array<char, 96> request_name{};
    std::chrono::nanoseconds handled_since{};

private:
    friend class ConnectionTable;
    std::list<Connection>::iterator self_;
    unsigned char place_ = 0;
    std::chrono::nanoseconds since_{}; ///< In this place, or of the last progress there.
    std::uint64_t moved_at_since_ = 0; ///< moved_bytes() then.
    std::size_t counted_bytes_ = 0;    ///< Of held_bytes_ of the table.
};

class ConnectionTable {
public:
    using List = std::list<Connection>;

    /// `route` outlives it.
    explicit ConnectionTable(HttpRoute const& route);

    HttpRoute const& route() const { return route_; }
    /// A connection in the phase waiting; closes another one when there are too many. Null when
    /// none could be closed: then `fd` is. May throw std::bad_alloc: then `fd` is closed too.
    Connection* add(Fd fd, std::string peer, std::chrono::nanoseconds now);
    /// Files the connection by its session's phase; call it after everything done to the session.
    /// Closes others where memory is short, or answers that it is.
    void settle(Connection& connection, std::chrono::nanoseconds now);
    /// The connection that has been ready for longest, if the rate allows one to be handled now.
    Connection* next_ready(std::chrono::nanoseconds now);
    /// Moves the connection to `to`, which a worker's queue is; its phase becomes handling.
    void hand_over(Connection& connection, List& to, std::chrono::nanoseconds now);
    /// Whether a worker has it: nobody else may look at its session.
    static bool is_handled(Connection const& connection) { return connection.place_ == handling; }
    /// Takes back the first of `from`, in the phase writing; settle() it then.
    Connection& take_back(List& from, std::chrono::nanoseconds now);

    /// Whether one more may be accepted now, by the rate.
    bool may_accept(std::chrono::nanoseconds now) { return has_token(now); }
    /// Closes what is overdue, but not more than `most` connections: next_event() is then now.
    void expire(std::chrono::nanoseconds now, std::size_t most = SIZE_MAX);
    /// How long until expire() or next_ready() may have something new to say; nothing when nothing
    /// waits.
    std::optional<std::chrono::nanoseconds> next_event(std::chrono::nanoseconds now) const;
    /// Closes connections that are idle, the longest idle first.
    void close_idle(std::size_t how_many);
    /// Closes all that no worker has; with `politely` not those that are being written to.
    void close_all(bool politely);
    /// Frees what was closed. Not while an event may name one of them.
    void bury();

    std::size_t size() const { return size_; }
    std::size_t held_bytes() const { return held_bytes_; }

private:
    /// Where a connection is; the first ones are given up first.
    enum Place : unsigned char {
        stranger, ///< Waits for the head of a request of nobody known.
        draining,
        idle,               ///< Known, between requests.
        stranger_receiving, ///< A body of nobody known.
        writing,
        receiving, ///< Known, in a request.
        ready,
        handling, ///< In no list of ours.
        closed,
        kPlaces,
    };

    Place place_of(Connection const& connection) const;
    std::chrono::nanoseconds time_out(unsigned place) const;
    void move(Connection& connection, Place place, std::chrono::nanoseconds now);
    void drop(Connection& connection);
    void count_bytes(Connection& connection, std::size_t bytes);
    bool drop_first(unsigned first_place, unsigned last_place, Connection const* keep);
    bool make_place();
    bool make_room(Connection const& keep);
    bool has_token(std::chrono::nanoseconds now);

    HttpRoute const& route_;
    std::array<List, kPlaces> lists_;
    std::size_t size_ = 0; ///< Not the closed ones.
    std::size_t held_bytes_ = 0;
    double tokens_ = 0; ///< How many requests and connections the rate allows now.
    std::chrono::nanoseconds refilled_{};
};

} // namespace karat::api
