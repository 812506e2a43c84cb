// SPDX-License-Identifier: Apache-2.0
// The four protocols: how a call names its operation, and how errors look.
#include "service.hpp"

#include "call_header.hpp"

#include "karat/wire/query.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api {
namespace {

using wire::SignatureFault;

Error unnamed(char const* what)
{
    return {Fault::missing, Noun::action, fmt::format("The request must contain the {}", what)};
}

Result<Operation const*> operation_named(Service const& service, std::string_view name)
{
    auto const found = std::ranges::find(service.operations, name, &Operation::name);
    if (found != service.operations.end())
        return &*found;
    return Error{Fault::unknown, Noun::action,
                 fmt::format("Karat does not offer the action {}; docs/supported.md lists what it "
                             "offers",
                             name.substr(0, 128))};
}

Result<Found> find_by_action(Service const& service, Call const& call, std::string& action)
{
    auto params = TRY(wire::parse_query(call.method == "GET" ? call.query : call.body));
    wire::drop_signature_params(params);
    auto const named = std::ranges::find(params, "Action", &wire::Param::name);
    if (named == params.end() || named->value.empty())
        return unnamed("parameter Action");
    action = named->value;
    auto const* const operation = TRY(operation_named(service, action));
    return Found{operation, std::move(params), {}};
}

Result<Found> find_by_target(Service const& service, Call const& call, std::string& action)
{
    auto const target = header(call, "x-amz-target");
    auto const dot = target.find('.');
    if (dot == std::string_view::npos)
        return unnamed("header X-Amz-Target");
    action = target.substr(dot + 1);
    auto const* const operation = TRY(operation_named(service, action));
    return Found{operation, {}, {}};
}

Result<Found> find_by_path(Service const& service, Call const& call, std::string& action)
{
    auto match = wire::match_route(service.routes, call.method, wire::normalise_path(call.path));
    if (!match)
        return Error{Fault::unknown, Noun::action,
                     fmt::format("The method and the path name no operation of {}", service.name)};
    auto const& operation = service.operations[match->index];
    action = operation.name;
    auto params = TRY(wire::parse_query(call.query));
    return Found{&operation, std::move(params), std::move(match->labels)};
}

/// What the codes of the ec2 and the other protocols share.
AwsError older_signature_error(SignatureFault fault)
{
    using enum SignatureFault;
    switch (fault) {
    case missing:
        return {403, "MissingAuthenticationToken"};
    case incomplete:
    case ambiguous:
    case unsupported_scheme:
        return {400, "IncompleteSignature"};
    case too_large:
    case unsupported_payload:
        return {400, "InvalidRequest"};
    case expired:
    case not_yet_valid:
        return {400, "RequestExpired"};
    case unknown_key:
    case wrong_token:
        return {403, "InvalidClientTokenId"};
    case payload_mismatch:
        return {400, "XAmzContentSHA256Mismatch"};
    case wrong_scope:
    case unsigned_header:
    case mismatch:
        return {403, "SignatureDoesNotMatch"};
    }
    return {403, "SignatureDoesNotMatch"};
}

AwsError ec2_signature_error(SignatureFault fault)
{
    using enum SignatureFault;
    auto const shared = older_signature_error(fault);
    if (fault == missing)
        return {400, shared.code};
    return shared.status == 403 ? AwsError{401, "AuthFailure"} : shared;
}

/// In the names that the newer protocols share.
AwsError rest_signature_error(SignatureFault fault)
{
    using enum SignatureFault;
    switch (fault) {
    case missing:
        return {403, "MissingAuthenticationTokenException"};
    case incomplete:
    case ambiguous:
    case unsupported_scheme:
        return {403, "IncompleteSignatureException"};
    case too_large:
    case unsupported_payload:
        return {400, "ValidationException"};
    case unknown_key:
    case wrong_token:
        return {403, "UnrecognizedClientException"};
    case payload_mismatch:
    case expired:
    case not_yet_valid:
    case wrong_scope:
    case unsigned_header:
    case mismatch:
        return {403, "InvalidSignatureException"};
    }
    return {403, "InvalidSignatureException"};
}

wire::ErrorReply ec2_error(wire::ErrorText const& text, std::string_view, std::string_view)
{
    return wire::ec2_error(text);
}

wire::ErrorReply query_error(wire::ErrorText const& text, std::string_view, std::string_view xmlns)
{
    return wire::query_error(text, xmlns);
}

wire::ErrorReply json_error(wire::ErrorText const& text, std::string_view, std::string_view)
{
    return wire::json_error(text);
}

wire::ErrorReply rest_error(wire::ErrorText const& text, std::string_view reason, std::string_view)
{
    return wire::rest_error(text, reason);
}

} // namespace

constinit Protocol const kEc2Protocol{find_by_action, ec2_error, ec2_signature_error};
constinit Protocol const kQueryProtocol{find_by_action, query_error, older_signature_error};
constinit Protocol const kJsonProtocol{find_by_target, json_error, older_signature_error};
constinit Protocol const kRestProtocol{find_by_path, rest_error, rest_signature_error};

} // namespace karat::api
