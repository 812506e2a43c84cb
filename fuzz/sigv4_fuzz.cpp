// SPDX-License-Identifier: Apache-2.0
// The input is the text of an HTTP request. It is checked against a secret that no input was
// signed with, so whatever passes is a forgery.
#include "karat/env.hpp"
#include "karat/wire/query.hpp"
#include "karat/wire/sigv4.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

using namespace karat;
using namespace karat::wire;

namespace {

std::string_view cut(std::string_view& text, char separator)
{
    auto const end = std::min(text.find(separator), text.size());
    auto const part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

SignedRequest split(std::string_view text)
{
    SignedRequest request;
    auto line = cut(text, '\n');
    request.method = cut(line, ' ');
    auto target = cut(line, ' ');
    request.path = cut(target, '?');
    request.query = target;
    while (!(line = cut(text, '\n')).empty()) {
        auto const header_name = cut(line, ':');
        request.headers.emplace_back(header_name, line);
    }
    request.body = text;
    return request;
}

SigningPolicy policy(UnsignedPayload unsigned_payload, TokenPlace token_place)
{
    SigningPolicy out;
    out.scopes = {{"ec2", "local-1"},         {"ebs", "local-1"},   {"ssm", "local-1"},
                  {"execute-api", "local-1"}, {"sts", "us-east-1"}, {"iam", "us-east-1"}};
    out.unsigned_payload = unsigned_payload;
    out.token_place = token_place;
    return out;
}

void check(SignedRequest const& request, SigningPolicy const& policy)
{
    auto const now = parse_time("2026-01-02T03:04:05Z").value();
    auto const claim = read_claim(request, policy, now);
    if (!claim.ok()) {
        VERIFY(!claim.refusal().message.empty() && is_utf8(claim.refusal().message));
        return;
    }
    SigningKeys keys;
    SigningSecret secret{.secret = SecretView("no request was signed with this"),
                         .session_token = {}};
    if (claim.value().session_token)
        secret.session_token = SecretView(*claim.value().session_token);
    auto const done = verify(request, claim.value(), policy, secret, keys);
    VERIFY(!done.ok() && done.refusal().fault == SignatureFault::mismatch);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    auto const request = split(as_text(std::as_bytes(std::span(data, size))));
    check(request, policy(UnsignedPayload::refuse, TokenPlace::is_signed));
    check(request, policy(UnsignedPayload::allow, TokenPlace::added_after));
    auto const normal = normalise_path(request.path);
    VERIFY(normal.starts_with('/') && normalise_path(normal) == normal);
    return 0;
}
