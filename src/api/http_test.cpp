// SPDX-License-Identifier: Apache-2.0
#include "http.hpp"

#include "karat/fd.hpp"
#include "karat/log.hpp"

#include <array>
#include <atomic>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <new>
#include <poll.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>

namespace karat::api {
namespace {

TEST(Http, AUnixSocketIsForItsOwnerOnly)
{
    auto const path = std::filesystem::path(::testing::TempDir()) / "karat-http-test.sock";

    auto const server = HttpServer::create(posix_env().clock, {.quick = 1}).value();
    ASSERT_TRUE(server->listen_unix(path, {}, "test").ok());
    struct stat facts = {};
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

/// One request on a connection that ends with it; what is answered, all of it.
std::string ask_once(std::string const& path)
{
    auto const socket = connect_unix(path);
    if (!socket.ok())
        return "";
    std::string_view const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    (void)::send(socket.value().get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string text;
    std::array<char, 512> piece{};
    for (ssize_t got = 1; got > 0;) {
        pollfd ready{socket.value().get(), POLLIN, 0};
        got = ::poll(&ready, 1, 10'000) == 1 ? ::recv(ready.fd, piece.data(), piece.size(), 0) : 0;
        text.append(piece.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    return text;
}

TEST(Http, ConnectionsComeAndGoBesideOneAnother)
{
    auto const path = std::filesystem::path(::testing::TempDir()) / "karat-http-many.sock";
    auto const server = HttpServer::create(posix_env().clock, {.quick = 4}).value();
    HttpRoute const route{.handle = [](HttpRequest const&) { return HttpReply{.body = "done"}; },
                          .refuse =
                              [](int status, std::string const& sentence) {
                                  return HttpReply{.status = status, .body = sentence};
                              }};
    ASSERT_TRUE(server->listen_unix(path, route, "test").ok());
    std::atomic<int> answered = 0;
    {
        std::vector<std::jthread> clients;
        for (int i = 0; i < 4; ++i)
            clients.emplace_back([&] {
                for (int n = 0; n < 50; ++n)
                    answered += ask_once(path).ends_with("done") ? 1 : 0;
            });
    }
    EXPECT_EQ(answered, 200);
}

/// A server with one socket, whose handler does what the path says.
class Server {
public:
    explicit Server(HttpThreads threads = {.quick = 2, .slow = 1}, HttpLimits limits = {})
        : path_(std::filesystem::path(::testing::TempDir()) / "karat-http-server.sock")
        , server_(HttpServer::create(posix_env().clock, threads).value())
    {
        HttpRoute const route{
            .handle = [this](HttpRequest const& request) { return handle(request); },
            .refuse =
                [](int status, std::string const& sentence) {
                    return HttpReply{.status = status, .body = sentence};
                },
            .limits = limits,
            .slow = [](HttpRequest const& request) { return request.path.starts_with("/slow"); }};
        EXPECT_TRUE(server_->listen_unix(path_, route, "test").ok());
    }
    ~Server() { release(); }

    Fd connect() const { return connect_unix(path_).value(); }
    std::string ask(std::string_view path) const
    {
        auto const socket = connect();
        send(socket, fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path));
        return read_to_end(socket);
    }
    static void send(Fd const& socket, std::string_view text)
    {
        (void)::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    static std::string read_to_end(Fd const& socket);
    /// Lets "/slow/hangs" end.
    void release()
    {
        released_ = true;
        released_.notify_all();
    }
    HttpServer& server() { return *server_; }

private:
    HttpReply handle(HttpRequest const& request)
    {
        if (request.path == "/throws")
            throw std::length_error("field value too large");
        if (request.path == "/no-memory")
            throw std::bad_alloc();
        if (request.path == "/large")
            return {.body = std::string(8 << 20, 'x')};
        if (request.path == "/slow/hangs")
            released_.wait(false);
        return {.body = "done"};
    }

    std::string path_;
    std::atomic<bool> released_{false};
    std::unique_ptr<HttpServer> server_; // last: its threads use the rest
};

std::string Server::read_to_end(Fd const& socket)
{
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t got = 1; got > 0;) {
        pollfd ready{socket.get(), POLLIN, 0};
        got = ::poll(&ready, 1, 10'000) == 1 ? ::recv(ready.fd, piece.data(), piece.size(), 0) : 0;
        text.append(piece.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    return text;
}

/// Waits until it is true; a busy machine may take its time.
bool soon(std::function<bool()> const& condition)
{
    for (int i = 0; i < 1000 && !condition(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
}

TEST(Http, WhatAHandlerThrowsEndsItsRequestOnly)
{
    set_log_level(Level::error);
    Server server;
    auto const other = server.connect();
    EXPECT_TRUE(server.ask("/throws").starts_with("HTTP/1.1 503"));
    EXPECT_TRUE(server.ask("/no-memory").starts_with("HTTP/1.1 503"));
    Server::send(other, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(Server::read_to_end(other).ends_with("done"));
    set_log_level(Level::info);
}

TEST(Http, SlowRequestsKeepNobodyWaiting)
{
    Server server;
    std::vector<Fd> slow;
    for (int i = 0; i < 5; ++i) {
        slow.push_back(server.connect());
        Server::send(slow.back(), "GET /slow/hangs HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    EXPECT_TRUE(server.ask("/").ends_with("done"));
    ASSERT_TRUE(soon([&] { return server.server().running().size() == 1; }));
    EXPECT_TRUE(server.server().running().front().starts_with("GET /slow/hangs for "));
    server.release();
    for (auto const& socket : slow)
        Server::send(socket, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for (auto const& socket : slow)
        EXPECT_TRUE(Server::read_to_end(socket).ends_with("done"));
}

TEST(Http, IdleConnectionsKeepNobodyOut)
{
    Server server({.quick = 1}, {.connections = 64});
    std::vector<Fd> idle;
    for (int i = 0; i < 640; ++i)
        idle.push_back(server.connect());
    EXPECT_TRUE(server.ask("/").ends_with("done"));
    EXPECT_LE(server.server().counts().connections, 64U);
    idle.clear();
    EXPECT_TRUE(soon([&] { return server.server().counts().connections == 0; }));
}

TEST(Http, ClientsThatLeaveAreForgotten)
{
    Server server;
    for (auto const* const text :
         {"", "GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"})
        for (int i = 0; i < 20; ++i)
            Server::send(server.connect(), text);
    EXPECT_TRUE(soon([&] { return server.server().counts().connections == 0; }));
    EXPECT_EQ(server.server().counts().held_bytes, 0U);
}

TEST(Http, AReplyThatNobodyReadsIsGivenUp)
{
    Server server({.quick = 1}, {.progress_wait = std::chrono::milliseconds(50)});
    auto const socket = server.connect();
    Server::send(socket, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(soon([&] { return server.server().counts().held_bytes > 0; }));
    EXPECT_TRUE(soon([&] { return server.server().counts().connections == 0; }));
    EXPECT_EQ(server.server().counts().held_bytes, 0U);
}

/// The processor time of this process.
std::chrono::microseconds processor_time()
{
    rusage usage = {};
    ::getrusage(RUSAGE_SELF, &usage);
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

TEST(Http, WithoutDescriptorsItWaitsAndClosesWhoIsIdle)
{
    set_log_level(Level::error);
    Server server;
    auto const idle = server.connect();
    ASSERT_TRUE(soon([&] { return server.server().counts().connections == 1; }));
    rlimit before = {};
    ::getrlimit(RLIMIT_NOFILE, &before);
    std::array<Fd, 2> const others{server.connect(), server.connect()};
    ASSERT_TRUE(soon([&] { return server.server().counts().connections == 3; }));
    Fd const socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(socket.get()); // the numbers below it are all taken
    ::setrlimit(RLIMIT_NOFILE, &none);
    auto const path = std::filesystem::path(::testing::TempDir()) / "karat-http-server.sock";
    boost::asio::local::stream_protocol::endpoint const to(path.string());
    auto const began = processor_time();
    ASSERT_EQ(::connect(socket.get(), to.data(), static_cast<socklen_t>(to.size())), 0);
    Server::send(socket, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(Server::read_to_end(socket).ends_with("done")); // in the place of an idle one
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_LT(processor_time() - began, std::chrono::milliseconds(500));
    EXPECT_EQ(Server::read_to_end(idle), "");
    set_log_level(Level::info);
}

TEST(Http, StopLetsWhatRunsEnd)
{
    auto server = std::make_unique<Server>();
    auto const socket = server->connect();
    auto const idle = server->connect();
    Server::send(socket, "GET /slow/hangs HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(soon([&] { return server->server().running().size() == 1; }));
    std::jthread const ends([&] { server->server().stop(); });
    EXPECT_EQ(Server::read_to_end(idle), ""); // closed at once
    EXPECT_EQ(server->server().running().size(), 1U);
    server->release();
    EXPECT_TRUE(Server::read_to_end(socket).ends_with("done"));
}

} // namespace
} // namespace karat::api
