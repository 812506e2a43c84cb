// SPDX-License-Identifier: Apache-2.0
// The forms, as the services' SDK models have them: S3 answers XML without a wrapper, Route 53 and
// CloudFront as the query protocol does, services with X-Amz-Target JSON, the rest as rest-json.
#include "not_offered.hpp"

#include "call_header.hpp"

#include "karat/wire/errors.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

namespace karat::api {
namespace {

constexpr std::size_t kScopeParts = 5; // key id, date, region, service, "aws4_request"
constexpr std::size_t kLongestName = 64;
constexpr int kNotImplemented = 501; // S3's own; the SDKs do not try a 501 again

/// What follows `name` in `text`, up to one of `ends`.
std::string_view value_after(std::string_view text, std::string_view name, std::string_view ends)
{
    auto const at = text.find(name);
    if (at == std::string_view::npos)
        return {};
    text.remove_prefix(at + name.size());
    return text.substr(0, text.find_first_of(ends));
}

/// The service of the credential scope, in the header or in a presigned URL; empty if there is
/// none.
std::string service_of(Call const& call)
{
    auto const authorization = header(call, "authorization");
    auto scope = std::string(value_after(authorization, "Credential=", ", "));
    if (scope.empty())
        scope = value_after(call.query, "X-Amz-Credential=", "&");
    for (auto at = scope.find("%2F"); at != std::string::npos; at = scope.find("%2F", at))
        scope.replace(at, 3, "/");
    std::vector<std::string> parts(1);
    for (char const c : scope)
        if (c == '/')
            parts.emplace_back();
        else
            parts.back() += c;
    if (parts.size() != kScopeParts || parts[3].size() > kLongestName)
        return {};
    bool const is_name = std::ranges::all_of(
        parts[3], [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
    return is_name ? parts[3] : std::string();
}

wire::ErrorReply in_its_form(Call const& call, std::string_view service,
                             wire::ErrorText const& text)
{
    if (service == "s3")
        return wire::s3_error({"NotImplemented", text.message, text.request_id, kNotImplemented});
    if (!header(call, "x-amz-target").empty())
        return wire::json_error(text);
    if (service == "route53" || service == "cloudfront" ||
        call.body.find("Action=") != std::string::npos ||
        call.query.find("Action=") != std::string::npos)
        return wire::query_error(text, "");
    return wire::rest_error(text, "");
}

} // namespace

std::optional<Reply> refuse_other_service(Call const& call,
                                          std::span<std::string_view const> offered,
                                          std::string_view request_id)
{
    auto const service = service_of(call);
    if (service.empty() || std::ranges::find(offered, service) != offered.end())
        return std::nullopt;
    auto const message = fmt::format("Karat does not offer the service {}; it offers {}", service,
                                     fmt::join(offered, ", "));
    auto made = in_its_form(call, service, {"UnsupportedOperation", message, request_id, 400});
    return Reply{made.status, std::move(made.content_type), std::move(made.body),
                 std::move(made.headers)};
}

} // namespace karat::api
