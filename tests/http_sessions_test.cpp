// SPDX-License-Identifier: Apache-2.0
// Hostile sessions over real sockets, the same at every door; the golden shows what comes back.
// After each, a plain request on the same connection shows whether the session went on, and how
// many requests the bytes before were taken for.
#include "golden.hpp"
#include "http_doors.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <thread>

namespace karat::testing {
namespace {

using namespace std::string_literals; // some hold a NUL

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: karat\r\n";
constexpr std::string_view kPost = "POST / HTTP/1.1\r\nHost: karat\r\n";

enum class Then : unsigned char {
    asks,    ///< Sends kLastRequest on the same connection.
    is_mute, ///< Sends nothing more, and says so.
};

struct Session {
    std::string name;
    std::string bytes;
    Then then = Then::asks;
};

std::string get(std::string_view headers) { return fmt::format("{}{}\r\n", kGet, headers); }
std::string post(std::string_view headers, std::string_view body)
{
    return fmt::format("{}{}\r\n{}", kPost, headers, body);
}
std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }
std::string many(std::string_view text, int count)
{
    std::string out;
    for (int i = 0; i < count; ++i)
        out += text;
    return out;
}

std::vector<Session> bodies()
{
    std::string const y(66'000, 'y');
    return {
        {"a trailer of 66,000 bytes", chunked("0\r\nX: " + y + "\r\n\r\n")},
        {"a trailer without an end", chunked("0\r\nX: " + y)},
        {"a small trailer", chunked("0\r\nX: y\r\n\r\n")},
        {"a trailer that is Content-Length", chunked("0\r\nContent-Length: 9\r\n\r\n")},
        {"chunks", chunked("3\r\nabc\r\n3;a=b\r\ndef\r\n0\r\n\r\n")},
        {"a chunk extension of 66,000 bytes", chunked("3;" + y + "\r\nabc\r\n0\r\n\r\n")},
        {"a chunk extension without an end", chunked("3;" + y)},
        {"a chunk size that overflows", chunked("fffffffffffffffff\r\n")},
        {"a chunk size below zero", chunked("-3\r\nabc\r\n0\r\n\r\n")},
        {"a chunk size in C", chunked("0x3\r\nabc\r\n0\r\n\r\n")},
        {"a chunk size of nothing", chunked("\r\nabc\r\n0\r\n\r\n")},
        {"a chunk longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n")},
        {"a chunk line ending in a line feed", chunked("3\nabc\n0\n\n" + many("0", 300))},
        {"a NUL in a chunk extension", chunked("3;a\0b\r\nabc\r\n0\r\n\r\n"s)},
        {"300,000 chunks of a byte", chunked(many("1\r\nx\r\n", 300'000) + "0\r\n\r\n")},
        {"chunks of 2 MiB", chunked("200000\r\n" + std::string(2 << 20, 'x') + "\r\n0\r\n\r\n")},
        {"a coding that is not chunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
        {"two codings", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
        {"chunked twice",
         post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"chunked, then identity",
         post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n")},
        {"no coding", post("Transfer-Encoding:\r\n", "0\r\n\r\n")},
        {"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {"a length and a coding",
         post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"a coding and a length",
         post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")},
        {"two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "xy")},
        {"a length twice", post("Content-Length: 1\r\nContent-Length: 1\r\n", "x")},
        {"a list of lengths", post("Content-Length: 1, 1\r\n", "x")},
        {"a length with a sign", post("Content-Length: +1\r\n", "x")},
        {"a length below zero", post("Content-Length: -1\r\n", "x")},
        {"a length that overflows", post("Content-Length: 18446744073709551617\r\n", "x")},
        {"a length of 1 GiB", post("Content-Length: 1073741824\r\n", "x")},
        {"2 MiB, all sent", post("Content-Length: 2097152\r\n", std::string(2 << 20, 'x'))},
        {"an expectation that is met by refusing",
         post("Content-Length: 1073741824\r\nExpect: 100-continue\r\n", "")},
        {"an expectation", post("Content-Length: 1\r\nExpect: 100-continue\r\n", "") + "x"},
        {"another expectation", post("Content-Length: 1\r\nExpect: 200-ok\r\n", "x")},
        {"a length after blanks", post("Content-Length:  \t1 \r\n", "x")},
        {"a length of 66 zeros and a one",
         post("Content-Length: " + std::string(66, '0') + "1\r\n", "x")},
        {"a length of nothing", post("Content-Length:\r\n", "")},
        {"a length that Connection names",
         post("Connection: content-length\r\nContent-Length: 1\r\n", "x")},
        {"a body of GET", get("Content-Length: 5\r\n") + "GET /"},
        {"a chunk size of 66 zeros and a three",
         chunked(std::string(66, '0') + "3\r\nabc\r\n0\r\n\r\n")},
        {"chunk sizes that overflow together",
         chunked("3\r\nabc\r\nffffffffffffffff\r\nabc\r\n0\r\n\r\n")},
        {"an expectation without a body", get("Expect: 100-continue\r\n")},
        {"a body that ends early", post("Content-Length: 5\r\n", "x"), Then::is_mute},
        {"chunks that end early", chunked("5\r\nx"), Then::is_mute},
    };
}

std::vector<Session> heads()
{
    std::string const y(66'000, 'y');
    return {
        {"nothing", "", Then::is_mute},
        {"an empty line before the request", "\r\n" + get("")},
        {"two empty lines before the request", "\r\n\r\n" + get("")},
        {"half a request line", "GET / HT", Then::is_mute},
        {"half a head", std::string(kGet), Then::is_mute},
        {"a whole request, then no more", get(""), Then::is_mute},
        {"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s},
        {"an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {"HTTP/0.9", "GET /\r\n\r\n"},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: karat\r\n\r\n"},
        {"HTTP/3", "GET / HTTP/3\r\nHost: karat\r\n\r\n"},
        {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"},
        {"noise", "\x00\xff\x80{}\r\n\r\n"s},
        {"a request line of 66,000 bytes", "GET /" + y + " HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"a request line without an end", "GET /" + y},
        {"a header of 66,000 bytes", get("X: " + y + "\r\n")},
        {"a header name of 66,000 bytes", get(y + ": x\r\n")},
        {"10,000 headers", get(many("A: b\r\n", 10'000))},
        {"a header that goes on in another line", get("X: a\r\n b\r\n")},
        {"a line that ends in a line feed", "GET / HTTP/1.1\nHost: karat\r\n\r\n"},
        {"line feeds only", "GET / HTTP/1.1\nHost: karat\n\n" + many("\n", 70'000)},
        {"a carriage return in a header", get("X: a\rb\r\n")},
        {"a NUL in a header", get("X: a\0b\r\n"s)},
        {"a NUL in the path", "GET /\0 HTTP/1.1\r\nHost: karat\r\n\r\n"s},
        {"a blank before a colon", get("Content-Length : 5\r\n")},
        {"a header without a colon", get("Content-Length 5\r\n")},
        {"a header without a name", get(": x\r\n")},
        {"no host", "GET / HTTP/1.1\r\n\r\n"},
        {"two hosts", get("Host: other\r\n")},
        {"a target in absolute form",
         "GET http://elsewhere/latest/ HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"a target without a path", "GET http://elsewhere HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"a target of another scheme", "GET ftp://elsewhere/ HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"a tunnel", "CONNECT elsewhere:80 HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"a star", "OPTIONS * HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"a fragment", "GET /#x HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"an upgrade", get("Connection: Upgrade\r\nUpgrade: h2c\r\n")},
        {"ten requests at once", many(get(""), 10)},
        {"a method in small letters", "get / HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"a method of 66,000 letters", y + " / HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"two blanks in the request line", "GET  / HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"dots in the path", "GET /../../etc/passwd HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"an escaped NUL in the path", "GET /%00 HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
        {"bytes above 127 in a header", get("X: \xff\xfe\xc0\x80\r\n")},
        {"two signatures", get("Authorization: AWS4-HMAC-SHA256 a=b\r\n"
                               "Authorization: AWS4-HMAC-SHA256 a=b\r\n")},
        {"an answer instead of a request", "HTTP/1.1 200 OK\r\nHost: karat\r\n\r\n"},
        {"HEAD", "HEAD / HTTP/1.1\r\nHost: karat\r\n\r\n"},
        {"X-Forwarded-For", get("X-Forwarded-For: 127.0.0.1\r\n")},
        {"an empty X-Forwarded-For", get("X-Forwarded-For:\r\n")},
        {"a token by way of a proxy",
         "PUT /latest/api/token HTTP/1.1\r\nHost: karat\r\nX-Forwarded-For:\r\n"
         "X-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n\r\n"},
    };
}

/// What stands between two words; all of it when they are not there.
std::string between(std::string const& text, std::string_view begin, std::string_view end)
{
    auto const at = text.find(begin);
    auto const stop = at == std::string::npos ? at : text.find(end, at + begin.size());
    return stop == std::string::npos ? text
                                     : text.substr(at + begin.size(), stop - at - begin.size());
}

/// "400 The sentence": a status and what a person would read.
std::string shown(std::string const& status, std::string body)
{
    if (body.find("<Message>") != std::string::npos)
        body = between(body, "<Message>", "</Message>");
    else if (body.starts_with('{'))
        body = between(body, "\"message\":\"", "\"");
    return status + " " + body.substr(0, body.find('\n'));
}

/// One a line, with how often where it comes again.
std::string fold(std::vector<std::string> const& lines)
{
    std::string out;
    for (std::size_t i = 0; i < lines.size();) {
        auto const end = static_cast<std::size_t>(
            std::find_if(lines.begin() + static_cast<std::ptrdiff_t>(i), lines.end(),
                         [&](std::string const& one) { return one != lines[i]; }) -
            lines.begin());
        out += lines[i] + (end - i > 1 ? fmt::format(" ({} times)\n", end - i) : "\n");
        i = end;
    }
    return out;
}

/// Cuts what came back into replies; one a line.
std::string replies(std::string text, std::string const& sent)
{
    std::vector<std::string> lines;
    while (text.starts_with("HTTP/1.1 ")) {
        auto const head_end = text.find("\r\n\r\n");
        auto const length_at = text.find("Content-Length: ");
        bool const has_body = length_at < head_end && !(sent.starts_with("HEAD") && lines.empty());
        auto const length = has_body ? std::stoul(text.substr(length_at + 16)) : 0;
        lines.push_back(shown(text.substr(9, 3), text.substr(head_end + 4, length)));
        text.erase(0, head_end + 4 + length);
    }
    return fold(lines) + (text.empty() ? "" : text + "\n");
}

std::string run(Doors& doors, Door door, Session const& session)
{
    auto const socket = doors.connect(door);
    if (!socket.ok())
        return socket.error().message + "\n";
    send_all(socket.value(), session.bytes);
    if (session.then == Then::asks)
        send_all(socket.value(), kLastRequest);
    end_input(socket.value());
    return replies(read_to_end(socket.value()), session.bytes);
}

std::string indent(std::string const& text)
{
    std::string out = "        ";
    for (char const c : text.substr(0, text.empty() ? 0 : text.size() - 1))
        out += c == '\n' ? "\n        " : std::string(1, c);
    return (text.empty() ? out + "(closed)" : out) + "\n";
}

/// More than fits into what one side keeps for the other: the server reads no further than it has
/// answered, and answers all.
TEST(HttpSessions, TenThousandRequestsAtOnce)
{
    set_log_level(Level::error);
    constexpr std::size_t kRequests = 10'000;
    auto doors =
        Doors::open(std::filesystem::path(::testing::TempDir()) / "karat-pipeline").value();
    for (auto const door : {Door::api, Door::admin}) {
        auto const socket = doors->connect(door).value();
        std::jthread const sender([&] {
            send_all(socket, many(get(""), kRequests));
            end_input(socket);
        });
        auto const text = read_to_end(socket);
        std::size_t replies = 0;
        for (auto at = text.find("HTTP/1.1 "); at != std::string::npos; ++replies)
            at = text.find("HTTP/1.1 ", at + 1);
        EXPECT_EQ(replies, kRequests) << name(door);
    }
    set_log_level(Level::info);
}

TEST(HttpSessions, Hostile)
{
    set_log_level(Level::error);
    auto const directory = std::filesystem::path(::testing::TempDir()) / "karat-doors";
    auto doors = Doors::open(directory);
    ASSERT_TRUE(doors.ok()) << doors.error().message;
    std::string text;
    for (auto const& sessions : {heads(), bodies()}) {
        for (auto const& session : sessions) {
            text += session.name + "\n";
            std::map<std::string, std::string> doors_by_answer;
            for (auto const door : kDoors) {
                auto& who = doors_by_answer[run(*doors.value(), door, session)];
                who += fmt::format("{}{}", who.empty() ? "" : ", ", name(door));
            }
            for (auto const& [answer, who] : doors_by_answer)
                text += fmt::format("    {}\n{}", who, indent(answer));
        }
    }
    expect_golden("http_sessions.txt", text);
    set_log_level(Level::info);
}

} // namespace
} // namespace karat::testing
