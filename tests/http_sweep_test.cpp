// SPDX-License-Identifier: Apache-2.0
// Of two requests that run at once, one allocation or system call fails: each in turn, at each
// door, through the whole server and what lies behind it. At most one of the two is hurt, and it
// gets 503 or a closed connection; the next one is answered, and nothing stays behind.
#include "http_doors.hpp"
#include "http_faults.hpp"

#include "karat/log.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <thread>

namespace karat::testing {
namespace {

struct Request {
    Door door;
    std::string name;
    std::string bytes;
    std::string status; ///< Of the answer where nothing fails.
};

std::string request(std::string_view line, std::string_view headers, std::string_view body = "")
{
    return fmt::format("{} HTTP/1.1\r\nHost: karat\r\nConnection: close\r\n{}"
                       "Content-Length: {}\r\n\r\n{}",
                       line, headers, body.size(), body);
}

std::vector<Request> requests(Doors& doors)
{
    std::string const chunk(20'000, 'x');
    return {
        {Door::api, "unsigned", std::string(kLastRequest), "400"},
        {Door::api, "chunks",
         "POST / HTTP/1.1\r\nHost: karat\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4e20\r\n" +
             chunk + "\r\n0\r\n\r\n",
         "400"},
        {Door::api, "too long",
         "POST / HTTP/1.1\r\nHost: karat\r\nContent-Length: 99999999\r\n\r\n", "413"},
        {Door::api, "no HTTP", "\x16\x03\x01", "400"},
        {Door::api, "a read call", doors.sign("Action=DescribeImages"), "200"},
        {Door::api, "a call that changes",
         doors.sign("Action=CreateTags&Tag.1.Key=a&Tag.1.Value=b&ResourceId.1=" +
                    doors.guest().text()),
         "200"},
        {Door::metadata, "a token",
         request("PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n"), "200"},
        {Door::metadata, "no token", std::string(kLastRequest), "401"},
        {Door::admin, "accounts", request("POST /v1/account-list", ""), "200"},
        {Door::admin, "refused",
         request("POST /v1/image-import", "", "{\"account\":\"demo\",\"path\":\"/none\"}"), "400"},
    };
}

/// What came back: a status, or "closed", or what is wrong with it.
std::string outcome(std::string const& text)
{
    if (text.empty())
        return "closed";
    auto const head = text.find("\r\n\r\n");
    auto const length = text.find("Content-Length: ");
    if (!text.starts_with("HTTP/1.1 ") || head == std::string::npos || length > head)
        return "no reply: " + text;
    if (head + 4 + std::stoul(text.substr(length + 16)) != text.size())
        return "a reply of another length: " + text;
    return text.substr(9, 3);
}

std::string ask(Doors& doors, Request const& what)
{
    auto const socket = doors.connect(what.door).value();
    send_all(socket, what.bytes);
    return outcome(read_to_end(socket));
}

/// One pair with the n-th failing. Returns whether the n-th was reached.
bool try_pair(Doors& doors, Request const& what, std::string const& name)
{
    auto const first = doors.connect(what.door).value();
    auto const second = doors.connect(what.door).value();
    send_all(first, what.bytes);
    send_all(second, what.bytes);
    auto const outcomes = {outcome(read_to_end(first)), outcome(read_to_end(second))};
    bool const reached = end_failing();
    int hurt = 0;
    for (auto const& one : outcomes) {
        hurt += one == what.status ? 0 : 1;
        EXPECT_TRUE(one == what.status || one == "503" || one == "closed") << name << ": " << one;
    }
    EXPECT_LE(hurt, reached ? 1 : 0) << name;
    EXPECT_EQ(ask(doors, what), what.status) << name << ", the next one";
    return reached;
}

/// Each of the first ones, where the server itself works, and then every so many: what lies behind
/// a request makes a thousand. KARAT_SWEEP=full: each of all.
long next(long n)
{
    static bool const full = std::getenv("KARAT_SWEEP") != nullptr;
    return n + (full || n < 32 ? 1 : 1 + n / 16);
}

long sweep(Doors& doors, Request const& what, Failing failing, unsigned variant)
{
    for (long n = 0;; n = next(n)) {
        fail_nth(failing, n, variant);
        if (!try_pair(doors, what, fmt::format("{}, {}, variant {}", what.name, n, variant)) ||
            ::testing::Test::HasFailure())
            return n;
    }
}

class HttpSweep : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(static_cast<Level>(4));
        spare_this_thread();
        auto const directory = std::filesystem::path(::testing::TempDir()) / "karat-sweep";
        auto opened = Doors::open(directory);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        doors_ = std::move(opened).value();
        for (auto const& one : requests(*doors_)) // makes what is made once
            ASSERT_EQ(ask(*doors_, one), one.status) << one.name;
    }
    void TearDown() override
    {
        for (int i = 0; i < 1000 && doors_->endpoint().counts().connections > 0; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_EQ(doors_->endpoint().counts().connections, 0U);
        EXPECT_EQ(doors_->endpoint().counts().held_bytes, 0U);
        EXPECT_TRUE(doors_->world().damage().value().empty());
        set_log_level(Level::info);
    }
    std::unique_ptr<Doors> doors_;
};

TEST_F(HttpSweep, AFailedAllocationEndsItsRequestOnly)
{
    for (auto const& one : requests(*doors_)) {
        auto const tried = sweep(*doors_, one, Failing::allocation, 0);
        EXPECT_GT(tried, 5) << one.name;
        fmt::print("{}: {} allocations\n", one.name, tried);
    }
}

TEST_F(HttpSweep, AFailedSystemCallEndsItsRequestOnly)
{
    for (auto const& one : requests(*doors_))
        for (unsigned variant = 0; variant < kVariants; ++variant) {
            auto const tried = sweep(*doors_, one, Failing::system_call, variant);
            EXPECT_GT(tried, 5) << one.name;
            fmt::print("{}: {} system calls\n", one.name, tried);
        }
}

} // namespace
} // namespace karat::testing
