// SPDX-License-Identifier: Apache-2.0
// HTTP as the rest of this room sees it: a request, a reply, and a server that turns one into the
// other. Private to the room. How it is built, from the inside out: http_reader (bytes to a
// request), http_session (one connection, no sockets), http_table (a listener's connections: their
// time-outs and bounds), http_workers (threads that run handlers), http (sockets and the loop).
#pragma once

#include "karat/env.hpp"
#include "karat/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace karat::api {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;
    std::string path;  ///< Up to '?', as sent.
    std::string query; ///< After '?', as sent.
    Headers headers;   ///< In order, as sent.
    std::string body;
    std::string peer; ///< "127.0.0.1", or empty on a unix socket.

    /// The value of a header, by its name in any case; empty when absent.
    std::string_view header(std::string_view name) const;
    /// How many headers of that name there are, empty ones too.
    std::size_t header_count(std::string_view name) const;
};

struct HttpReply {
    int status = 200;
    std::string content_type = "text/plain";
    std::string body;
    Headers headers;
    /// The caller proved who they are: the connection may stay idle for long.
    bool known = false;
};

/// Bounds of one listener. What they hold against is in docs/reliability.md.
struct HttpLimits {
    std::size_t body_bytes = 1 << 20;
    std::size_t header_bytes = 64 << 10;
    std::size_t headers = 100;
    /// When there are more, the one that has been idle for longest is closed, those first on which
    /// nobody proved who they are, unless these are less than a quarter.
    std::size_t connections = 1024;
    /// All requests and replies in memory together.
    std::size_t held_bytes = 256 << 20;
    /// For the head of a request, on a connection on which nobody proved who they are.
    std::chrono::milliseconds stranger_wait{10'000};
    std::chrono::milliseconds idle_wait{75'000};
    /// For each 64 KiB of a request or of a reply.
    std::chrono::milliseconds progress_wait{30'000};
    /// For the client to read why it was refused, and to stop sending.
    std::chrono::milliseconds drain_wait{5'000};
    /// Requests and new connections together; more wait. 0: as many as come.
    unsigned per_second = 0;
    unsigned burst = 0;
};

/// Called on a worker thread, several at once, with a request that it may take apart. What it
/// throws ends this request only.
using HttpHandler = std::function<HttpReply(HttpRequest&&)>;
/// Makes the reply to a request that was not read: too large, or not HTTP.
using BadRequest = std::function<HttpReply(int status, std::string const& sentence)>;

struct HttpRoute {
    HttpHandler handle;
    BadRequest refuse;
    HttpLimits limits;
    /// Whether a request may take long: those have threads of their own. Null: none may.
    bool (*slow)(HttpRequest const&) = nullptr;
};

struct HttpThreads {
    int quick = 1;
    int slow = 0; ///< For what HttpRoute::slow says.
};

/// What a server holds at the moment.
struct HttpCounts {
    std::size_t connections = 0;
    std::size_t held_bytes = 0;
};

/// Listens on any number of sockets. Thread-safe. Neither a client nor a want of memory ends one of
/// its threads: the connection that it happened on ends.
class HttpServer {
public:
    /// `clock` outlives it. Fault::io when the system gives no threads or descriptors.
    static Result<std::unique_ptr<HttpServer>> create(Clock& clock, HttpThreads threads);
    virtual ~HttpServer() = default; ///< stop()s.

    /// Closes all sockets, after running handlers have ended and their replies are out; clients
    /// that do not read theirs are given some seconds. Returns when all threads have ended.
    virtual void stop() = 0;

    /// Port 0 takes a free one. Returns the port. Fault::unavailable when it is taken.
    virtual Result<std::uint16_t> listen_tcp(std::string const& address, std::uint16_t port,
                                             HttpRoute route) = 0;
    /// Replaces a socket file that a crash left, and the listener of the same name if there is one.
    /// The file is open to its owner only.
    virtual Result<void> listen_unix(std::string const& path, HttpRoute route,
                                     std::string const& name) = 0;
    /// Closes that listener, its connections too, and removes the file. Success also if there is
    /// none.
    virtual void close_unix(std::string const& name) = 0;

    virtual HttpCounts counts() const = 0;
    /// "POST /v1/store-check for 12 s" of every handler that runs.
    virtual std::vector<std::string> running() const = 0;
};

} // namespace karat::api
