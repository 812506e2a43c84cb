// SPDX-License-Identifier: Apache-2.0
#include "http.hpp"

#include "karat/fd.hpp"

#include <array>
#include <filesystem>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>

namespace karat::api {
namespace {

TEST(Http, AUnixSocketIsForItsOwnerOnly)
{
    auto const path = std::filesystem::path(::testing::TempDir()) / "karat-http-test.sock";
    auto const server = HttpServer::create(1);
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
    auto const server = HttpServer::create(4);
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

} // namespace
} // namespace karat::api
