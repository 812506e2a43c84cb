// SPDX-License-Identifier: Apache-2.0
// HTTP as the rest of this room sees it: a request, a reply, and a server that turns one into the
// other. Boost.Beast stays behind http.cpp. Private to the room.
#pragma once

#include "karat/result.hpp"

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
};

struct HttpReply {
    int status = 200;
    std::string content_type = "text/plain";
    std::string body;
    Headers headers;
};

struct HttpLimits {
    std::size_t body_bytes = 1 << 20;
    std::size_t header_bytes = 64 << 10;
    std::size_t connections = 1024; ///< More are closed at once.
    int idle_seconds = 75;
};

/// Called on a worker thread, several at once, with a request that it may take apart. Must not
/// throw.
using HttpHandler = std::function<HttpReply(HttpRequest&&)>;
/// Makes the reply to a request that was not read: too large, or not HTTP.
using BadRequest = std::function<HttpReply(int status, std::string const& sentence)>;

struct HttpRoute {
    HttpHandler handle;
    BadRequest refuse;
    HttpLimits limits;
};

/// Listens on any number of sockets. Thread-safe. Its destructor closes them all, lets running
/// handlers end, and joins.
class HttpServer {
public:
    static std::unique_ptr<HttpServer> create(int workers);
    virtual ~HttpServer() = default;

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
};

} // namespace karat::api
