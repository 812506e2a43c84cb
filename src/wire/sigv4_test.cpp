// SPDX-License-Identifier: Apache-2.0
// Which fault each broken rule gives, the signing keys and the dates. That no broken request
// passes is what sigv4_mutants_test.cpp shows.
#include "sigv4_date.hpp"
#include "sigv4_samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace karat::wire {
namespace {

using namespace std::chrono_literals;

Sample golden(std::string const& name)
{
    for (auto& sample : golden_samples())
        if (sample.name == name)
            return sample;
    ADD_FAILURE() << "no golden request " << name;
    return {};
}

void replace(std::string& text, std::string_view from, std::string_view to)
{
    auto const at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
}

std::string& header(Sample& sample, std::string_view name)
{
    auto const found = std::ranges::find(sample.request.headers, name,
                                         &std::pair<std::string, std::string>::first);
    VERIFY(found != sample.request.headers.end());
    return found->second;
}

/// What becomes of the header form when its Authorization is changed.
std::string with_authorization(std::string_view from, std::string_view to)
{
    auto sample = golden("ec2-empty");
    replace(header(sample, "Authorization"), from, to);
    return outcome(sample);
}

std::string with_query(std::string_view from, std::string_view to)
{
    auto sample = golden("ec2-presigned");
    replace(sample.request.query, from, to);
    return outcome(sample);
}

std::string with_header(std::string const& golden_name, std::string name, std::string value)
{
    auto sample = golden(golden_name);
    sample.request.headers.emplace_back(std::move(name), std::move(value));
    return outcome(sample);
}

TEST(SigV4, wants_a_signature)
{
    auto sample = golden("ec2-empty");
    std::erase_if(sample.request.headers, [](auto const& h) { return h.first == "Authorization"; });
    EXPECT_EQ(outcome(sample), "missing");
    EXPECT_EQ(outcome(Sample{}), "incomplete"); // not even a method
    EXPECT_EQ(with_authorization("AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 "),
              "unsupported_scheme");
    EXPECT_EQ(with_authorization("AWS4-HMAC-SHA256 ", ""), "unsupported_scheme");
    EXPECT_EQ(with_query("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), "unsupported_scheme");
}

TEST(SigV4, wants_each_field_once_and_well_formed)
{
    EXPECT_EQ(with_authorization("SignedHeaders=", "Signed="), "incomplete");
    EXPECT_EQ(with_authorization(", Signature=", ", Signature=0, Signature="), "ambiguous");
    EXPECT_EQ(with_authorization("Signature=10bd", "Signature=10BD"), "incomplete");
    EXPECT_EQ(with_authorization("Signature=10bd", "Signature=0bd"), "incomplete");
    EXPECT_EQ(with_authorization("Signature=10bd", "Signature=10be"), "mismatch");
    EXPECT_EQ(with_authorization("content-type;host", "host;content-type"), "incomplete");
    EXPECT_EQ(with_authorization("content-type;host", "content-type;host;host"), "incomplete");
    EXPECT_EQ(with_authorization("content-type;host", "Content-Type;host"), "incomplete");
    EXPECT_EQ(with_authorization("content-type;host", "content-type;host;trailer"), "incomplete");
    EXPECT_EQ(with_authorization("content-type;host", "content-type"), "unsigned_header");
    EXPECT_EQ(with_authorization(";x-amz-date", ""), "unsigned_header");
    EXPECT_EQ(with_authorization("AKIA", "AKIB"), "unknown_key");
    EXPECT_EQ(with_authorization("AKIA", "AK/IA"), "incomplete");
    EXPECT_EQ(with_query("X-Amz-Signature=", "X-Amz-Signature=&X-Amz-Signature="), "ambiguous");
    EXPECT_EQ(with_query("X-Amz-SignedHeaders=host&", ""), "incomplete");
    EXPECT_EQ(with_query("X-Amz-Date=20260102T030405Z&", ""), "incomplete");
    EXPECT_EQ(with_query("X-Amz-Date=20260102T030405Z", "X-Amz-Date=20260102T030460Z"),
              "incomplete");
    EXPECT_EQ(with_query("Owner.1=self", "Owner.1=%zz"), "incomplete");
}

TEST(SigV4, takes_one_form_only)
{
    EXPECT_EQ(with_header("ec2-presigned", "Authorization", "Bearer x"), "ambiguous");
    EXPECT_EQ(with_header("ec2-empty", "authorization", "AWS4-HMAC-SHA256 x"), "ambiguous");
    EXPECT_EQ(with_header("ec2-empty", "Host", "elsewhere"), "ambiguous");
    EXPECT_EQ(with_header("ec2-presigned-session-token", "X-Amz-Security-Token", "x"),
              "unsigned_header");
    auto sample = golden("ec2-empty");
    sample.request.query = "X-Amz-Signature=0";
    EXPECT_EQ(outcome(sample), "ambiguous");
}

TEST(SigV4, wants_every_amz_header_signed)
{
    EXPECT_EQ(with_header("ec2-empty", "X-Amz-Target", "x"), "unsigned_header");
    EXPECT_EQ(with_header("ec2-presigned", "x-AMZ-acl", "x"), "unsigned_header");
    EXPECT_EQ(with_header("ec2-empty", "X-Amzn-Trace-Id", "Root=1"), "ok"); // proxies add it
    EXPECT_EQ(with_header("ec2-empty", "Accept", "*/*"), "ok");
}

TEST(SigV4, keeps_the_scope)
{
    EXPECT_EQ(with_authorization("/local-1/", "/us-east-1/"), "wrong_scope");
    EXPECT_EQ(with_authorization("/ec2/", "/ebs/"), "wrong_scope");
    EXPECT_EQ(with_authorization("/20260102/", "/20260103/"), "wrong_scope");
    EXPECT_EQ(with_authorization("aws4_request", "aws4_requests"), "wrong_scope");
    auto sample = golden("ec2-empty");
    sample.policy.scopes = {{"ebs", "local-1"}, {"ec2", "us-east-1"}}; // pairs, not a product
    EXPECT_EQ(outcome(sample), "wrong_scope");
    sample.policy.scopes.push_back({"ec2", "local-1"});
    EXPECT_EQ(outcome(sample), "ok");
}

std::string at(Sample sample, std::chrono::milliseconds later)
{
    sample.now += later;
    return outcome(sample);
}

TEST(SigV4, keeps_the_time)
{
    auto const sample = golden("ec2-empty");
    EXPECT_EQ(at(sample, 15min), "ok");
    EXPECT_EQ(at(sample, 15min + 1ms), "expired");
    EXPECT_EQ(at(sample, -15min), "ok");
    EXPECT_EQ(at(sample, -15min - 1ms), "not_yet_valid");
    auto const url = golden("ec2-presigned"); // for 900 s
    EXPECT_EQ(at(url, 900s), "ok");
    EXPECT_EQ(at(url, 900s + 1ms), "expired");
    EXPECT_EQ(at(url, -15min), "ok");
    EXPECT_EQ(at(url, -15min - 1ms), "not_yet_valid");
    EXPECT_EQ(at(golden("presigned-headers"), 604'800s), "ok");
    for (auto const* const bad :
         {"", "0", "-1", "604801", "+9", "09", "9.5", "9s", "%209", "99999999999999999999"})
        EXPECT_EQ(with_query("Expires=900", std::string("Expires=") + bad), "incomplete") << bad;
}

TEST(SigV4, binds_the_body)
{
    auto sample = golden("ec2-empty");
    sample.body += "&DryRun=true";
    EXPECT_EQ(outcome(sample), "mismatch");
    sample = golden("hash-header");
    sample.body = "other";
    EXPECT_EQ(outcome(sample), "payload_mismatch");
    sample = golden("ebs-put-block-https");
    sample.policy.unsigned_payload = UnsignedPayload::refuse;
    EXPECT_EQ(outcome(sample), "unsupported_payload");
    for (auto const* const mode : {"", "x", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                                   "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "unsigned-payload"}) {
        sample = golden("hash-header");
        header(sample, "X-Amz-Content-SHA256") = mode;
        sample.policy.unsigned_payload = UnsignedPayload::allow;
        EXPECT_EQ(outcome(sample), "unsupported_payload") << mode;
    }
    EXPECT_EQ(with_query("&X-Amz-Algo", "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Algo"),
              "unsupported_payload");
}

TEST(SigV4, binds_the_session_token)
{
    auto sample = golden("ec2-with-session-token");
    sample.session_token = "another";
    EXPECT_EQ(outcome(sample), "wrong_token");
    sample.session_token.reset();
    EXPECT_EQ(outcome(sample), "wrong_token");
    sample = golden("ec2-empty");
    sample.session_token = "a token";
    EXPECT_EQ(outcome(sample), "wrong_token");
    // Vectors whose token is added after signing pass only where the policy says so.
    for (auto& published : published_samples())
        if (published.policy.token_place == TokenPlace::added_after) {
            published.policy.token_place = TokenPlace::is_signed;
            EXPECT_NE(outcome(published), "ok") << published.name;
        }
}

TEST(SigV4, keeps_the_bounds)
{
    auto sample = golden("ec2-empty");
    while (sample.request.headers.size() < kMaxHeaders)
        sample.request.headers.emplace_back("filler", "x");
    EXPECT_EQ(outcome(sample), "ok");
    sample.request.headers.emplace_back("filler", "x");
    EXPECT_EQ(outcome(sample), "too_large");
    EXPECT_EQ(with_header("ec2-empty", "filler", std::string(kMaxHeadersBytes, 'x')), "too_large");
    sample = golden("ec2-empty");
    sample.request.query = std::string(kMaxSignedQueryBytes + 1, '&');
    EXPECT_EQ(outcome(sample), "too_large");
    sample.request.query = {};
    sample.request.path = std::string(kMaxSignedPathBytes + 1, '/');
    EXPECT_EQ(outcome(sample), "too_large");
}

TEST(SigV4, refuses_what_could_pose_as_another_line)
{
    EXPECT_EQ(with_header("ec2-empty", "a:b", "x"), "incomplete");
    EXPECT_EQ(with_header("ec2-empty", "", "x"), "incomplete");
    EXPECT_EQ(with_header("ec2-empty", "a\n", "x"), "incomplete");
    EXPECT_EQ(with_header("ec2-empty", "a", "x\v"), "incomplete");
    auto sample = golden("ec2-empty");
    sample.request.method = "POST\n/";
    EXPECT_EQ(outcome(sample), "incomplete");
    sample.request.method = "POST";
    sample.request.path = "*";
    EXPECT_EQ(outcome(sample), "incomplete");
}

TEST(SigV4, refusals_say_what_to_do_and_keep_secrets)
{
    auto sample = golden("ec2-with-session-token");
    sample.secret += "x";
    auto const request = sample.with_body();
    auto const claim = read_claim(request, sample.policy, sample.now);
    ASSERT_TRUE(claim.ok());
    SigningKeys keys;
    auto const done = verify(request, claim.value(), sample.policy, sample.signing_secret(), keys);
    EXPECT_EQ(done.refusal().message,
              "The signature does not match the request; check the secret access key, and that "
              "nothing on the way changes what was signed");
    sample.now += 1h;
    EXPECT_EQ(read_claim(request, sample.policy, sample.now).refusal().message,
              "The signature has expired: it is now 2026-01-02T04:04:05.000Z here; sign again, "
              "and check your clock");
}

SigningSecret secret_of(std::string_view text, std::uint64_t version)
{
    return {.secret = SecretView(text), .session_token = {}, .version = version};
}

TEST(SigningKeys, remember_by_id_version_and_scope)
{
    SigningKeys keys;
    Scope const scope{.date = "20150830", .region = "us-east-1", .service = "iam"};
    // The example of the AWS documentation.
    EXPECT_EQ(keys.key("A", secret_of("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 1), scope).text(),
              "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    auto const first = keys.key("B", secret_of("one", 1), scope);
    EXPECT_EQ(keys.key("B", secret_of("two", 1), scope), first); // remembered: same version
    auto const second = keys.key("B", secret_of("two", 2), scope);
    EXPECT_NE(second, first);
    auto other = scope;
    other.date = "20150831";
    EXPECT_NE(keys.key("B", secret_of("two", 2), other), second);
    EXPECT_NE(keys.key("C", secret_of("three", 1), scope), first);
    EXPECT_EQ(keys.size(), 5U);
    keys.forget("B");
    EXPECT_EQ(keys.size(), 2U);
    EXPECT_NE(keys.key("B", secret_of("two", 1), scope), first);
}

TEST(SigningKeys, stay_within_their_bound)
{
    SigningKeys keys(2);
    Scope const scope{.date = "20150830", .region = "us-east-1", .service = "iam"};
    auto const a = keys.key("A", secret_of("old", 1), scope);
    (void)keys.key("B", secret_of("b", 1), scope);
    EXPECT_EQ(keys.key("A", secret_of("new", 1), scope), a);
    (void)keys.key("C", secret_of("c", 1), scope); // B was used longest ago
    EXPECT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys.key("A", secret_of("new", 1), scope), a);
    SigningKeys none(0);
    (void)none.key("A", secret_of("a", 1), scope);
    EXPECT_EQ(none.size(), 0U);
}

TEST(SigningKeys, serve_several_threads)
{
    SigningKeys keys(8);
    auto const work = [&] {
        for (int i = 0; i < 300; ++i) {
            auto const id = "K" + std::to_string(i % 12);
            Scope const scope{.date = "20150830", .region = "r", .service = "s"};
            EXPECT_EQ(keys.key(id, secret_of(id, 1), scope),
                      SigningKeys(0).key(id, secret_of(id, 1), scope));
            if (i % 50 == 0)
                keys.forget(id);
        }
    };
    {
        std::jthread const one(work);
        std::jthread const two(work);
        work();
    }
    EXPECT_LE(keys.size(), 8U);
}

TEST(SigV4, normalises_paths)
{
    for (auto const& [path, normal] :
         std::vector<std::pair<std::string, std::string>>{{"", "/"},
                                                          {"/", "/"},
                                                          {"//a//", "/a/"},
                                                          {"/a/./b", "/a/b"},
                                                          {"/a/../..", "/"},
                                                          {"/a/b/..", "/a"},
                                                          {"/a/b/../", "/a/"},
                                                          {"/%2e%2e/a", "/%2e%2e/a"},
                                                          {"/.", "/"}})
        EXPECT_EQ(normalise_path(path), normal) << path;
}

TEST(SigV4, drops_its_own_parameters)
{
    Params params{{"Action", "x"}, {"X-Amz-Date", "y"}, {"X-Amz-Signature", "z"}};
    drop_signature_params(params);
    ASSERT_EQ(params.size(), 1U);
    EXPECT_EQ(params[0].name, "Action");
}

TEST(SigV4, reads_dates_strictly)
{
    using sigv4::basic_from_http_date;
    using sigv4::parse_basic_time;
    EXPECT_EQ(parse_basic_time("20240229T235959Z"), parse_time("2024-02-29T23:59:59Z").value());
    for (auto const* const bad : {"", "20230229T000000Z", "20230101T240000Z", "20230101T006000Z",
                                  "20230101T000060Z", "20230101T000000", "20230101 000000Z",
                                  "2023-01-01T00:00:00Z", "20230101T000000ZZ", "20231301T000000Z"})
        EXPECT_FALSE(parse_basic_time(bad)) << bad;
    EXPECT_EQ(basic_from_http_date("Sun, 30 Aug 2015 12:36:00 GMT"), "20150830T123600Z");
    EXPECT_EQ(basic_from_http_date("Fri, 02 Jan 2026 03:04:05 -0000"), "20260102T030405Z");
    for (auto const* const bad :
         {"", "Mon, 30 Aug 2015 12:36:00 GMT", "Sun, 30 Agu 2015 12:36:00 GMT",
          "Sun, 30 Aug 2015 12:36:00 CET", "Sun, 30 Aug 2015 12:36:00",
          "Sun, 31 Feb 2015 1:1:1 GMT", "Sunday, 30-Aug-15 12:36:00 GMT",
          "Sun, 30 Aug 2015 12:36:00 GMTx"})
        EXPECT_FALSE(basic_from_http_date(bad)) << bad;
}

} // namespace
} // namespace karat::wire
