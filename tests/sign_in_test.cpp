// SPDX-License-Identifier: Apache-2.0
// When the catalog cannot be read, nobody is told that his key is wrong: clients do not try that
// again.
#include "world.hpp"

#include "karat/log.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::testing {
namespace {

/// A catalog that answers nothing.
class FailingCatalog final : public catalog::Catalog {
public:
    explicit FailingCatalog(Fault fault)
        : fault_(fault)
    {
    }

    Result<std::optional<Task>> take_task(std::string const&, std::chrono::milliseconds,
                                          std::optional<Lane>) override
    {
        return error();
    }
    Result<void> renew_task(Task const&, std::chrono::milliseconds) override { return error(); }
    Result<std::vector<std::int64_t>> renew_tasks(std::vector<Task> const&,
                                                  std::chrono::milliseconds) override
    {
        return error();
    }
    Result<void> release_tasks(std::string const&) override { return error(); }
    Result<std::optional<Time>> next_task_due(std::optional<Lane>) override { return error(); }
    void on_task(std::function<void()>) override {}
    Result<catalog::Checked> check() override { return error(); }
    Result<catalog::Repaired> repair() override { return error(); }
    Result<void> back_up(std::string const&) override { return error(); }

protected:
    Result<void> run_change(catalog::Actor const&,
                            std::function<Result<void>(catalog::Change&)> const&) override
    {
        return error();
    }
    Result<void> run_read(std::function<Result<void>(catalog::View&)> const&) override
    {
        return error();
    }

private:
    Error error() const { return fail(fault_, "/data/catalog.sqlite: it is busy"); }

    Fault fault_;
};

/// A call with a signature that nobody gets to look at.
api::Call signed_call(std::string const& service, Time now)
{
    auto const stamp = format_time(now); // 2026-01-02T03:04:05.000Z
    auto const date = stamp.substr(0, 4) + stamp.substr(5, 2) + stamp.substr(8, 2);
    auto const time = stamp.substr(11, 2) + stamp.substr(14, 2) + stamp.substr(17, 2);
    api::Call call;
    call.headers = {{"Host", "127.0.0.1"},
                    {"X-Amz-Date", fmt::format("{}T{}Z", date, time)},
                    {"Authorization",
                     fmt::format("AWS4-HMAC-SHA256 Credential=AKIAABCDEFGHIJKLMNOP/{}/us-east-1/{}/"
                                 "aws4_request, SignedHeaders=host;x-amz-date{}, Signature={}",
                                 date, service, service == "ssm" ? ";x-amz-target" : "",
                                 std::string(64, '0'))}};
    if (service == "ebs")
        call.path = "/snapshots";
    else if (service == "ssm")
        call.headers.emplace_back("X-Amz-Target", "AmazonSSM.GetParameter");
    else
        call.body = "Action=DescribeRegions";
    return call;
}

std::string answer(Fault fault, std::string const& service)
{
    auto world = World::create(1).value();
    FailingCatalog catalog(fault);
    engine::Engine engine(world->parts(catalog));
    api::Dispatcher dispatcher(world->env().env(), engine, Bytes(32));
    auto const reply = dispatcher.handle(signed_call(service, world->env().clock.now()));
    std::string id;
    std::string type;
    for (auto const& [name, value] : reply.headers) {
        id = name == "x-amzn-RequestId" ? value : id;
        type = name == "x-amzn-ErrorType" ? " " + value : type;
    }
    auto body = reply.body;
    if (auto const at = body.find(id); !id.empty() && at != std::string::npos)
        body.replace(at, id.size(), "ID");
    return fmt::format("{}{} {}{}", reply.status, type, id.empty() ? "no id " : "", body);
}

TEST(SignIn, SaysThatTheServiceIsUnavailableWhenTheCatalogFails)
{
    set_log_level(Level::error);
    constexpr auto kMessage = "The service is unavailable for the moment; try again";
    for (auto const fault : {Fault::unavailable, Fault::io, Fault::corrupt, Fault::not_found}) {
        auto const ec2 = answer(fault, "ec2");
        EXPECT_TRUE(ec2.starts_with("503 ")) << ec2;
        EXPECT_NE(ec2.find(fmt::format("<Response><Errors><Error><Code>Unavailable</Code>"
                                       "<Message>{}</Message></Error></Errors>"
                                       "<RequestID>ID</RequestID></Response>",
                                       kMessage)),
                  std::string::npos)
            << ec2;
        auto const sts = answer(fault, "sts");
        EXPECT_TRUE(sts.starts_with("503 ")) << sts;
        EXPECT_NE(sts.find(fmt::format("<Error><Type>Receiver</Type><Code>ServiceUnavailable</Code>"
                                       "<Message>{}</Message></Error><RequestId>ID</RequestId>",
                                       kMessage)),
                  std::string::npos)
            << sts;
        EXPECT_EQ(answer(fault, "ssm"),
                  fmt::format(R"(503 {{"__type":"ServiceUnavailable","message":"{}"}})", kMessage));
        EXPECT_EQ(answer(fault, "ebs"),
                  fmt::format(R"(503 ServiceUnavailable {{"Message":"{}"}})", kMessage));
    }
    set_log_level(Level::info);
}

} // namespace
} // namespace karat::testing
