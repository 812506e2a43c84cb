// SPDX-License-Identifier: Apache-2.0
// One endpoint for every service: who calls (SigV4), which service and region (the credential
// scope), which operation (Action, X-Amz-Target, or the path), then one handler. Each call is
// logged and counted here, once.
#include "karat/api.hpp"
#include "karat/disk_is_full.hpp"

#include "call_header.hpp"
#include "ebs/faults.hpp"
#include "ebs/handlers.hpp"
#include "ec2/handlers.hpp"
#include "faults.hpp"
#include "not_offered.hpp"
#include "ssm/handlers.hpp"
#include "sts/handlers.hpp"

#include "karat/log.hpp"
#include "karat/log_limit.hpp"
#include "karat/wire/errors.hpp"
#include "karat/wire/query.hpp"
#include "karat/wire/sigv4.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::api {
namespace {

constexpr std::string_view kStsNamespace = wire::sts::kNamespace;

/// What a handler is called with.
struct Job {
    Desk const& desk;
    wire::Params const& params; ///< Of the query protocols.
    std::string const& body;    ///< Of the JSON protocol.
    std::string const& request_id;
};

struct Operation {
    std::string_view name;
    Result<std::string> (*run)(Job const&);
};

/// The operations whose path names them.
struct RestOperation {
    std::string_view name;
    Result<wire::RestReply> (*run)(Desk const&, wire::RestRequest const&);
};

/// A verb that changes something sees to DryRun before it does; one that only reads gets here.
template <class Request>
Result<void> check_dry_run(Request const& request)
{
    if constexpr (requires { request.dry_run; })
        if (request.dry_run)
            return fail(Fault::dry_run, "Request would have succeeded, but DryRun flag is set.");
    return {};
}

#define KARAT_QUERY_ROW(Name, name)                                                                \
    {#Name, [](Job const& job) -> Result<std::string> {                                            \
         auto const request = TRY(wire::KARAT_SERVICE::read_##name##_request(job.params));         \
         auto const result = TRY(KARAT_SERVICE::name(job.desk, request));                          \
         TRY(check_dry_run(request));                                                              \
         return wire::KARAT_SERVICE::write_##name##_result(result, job.request_id);                \
     }},
#define KARAT_JSON_ROW(Name, name)                                                                 \
    {#Name, [](Job const& job) -> Result<std::string> {                                            \
         auto const request = TRY(wire::KARAT_SERVICE::read_##name##_request(job.body));           \
         auto const result = TRY(KARAT_SERVICE::name(job.desk, request));                          \
         return wire::KARAT_SERVICE::write_##name##_result(result);                                \
     }},

#define KARAT_SERVICE ec2
constexpr Operation kEc2[] = {KARAT_EC2_OPERATIONS(KARAT_QUERY_ROW)};
#undef KARAT_SERVICE
#define KARAT_SERVICE sts
constexpr Operation kSts[] = {KARAT_STS_OPERATIONS(KARAT_QUERY_ROW)};
#undef KARAT_SERVICE
#define KARAT_SERVICE ssm
constexpr Operation kSsm[] = {KARAT_SSM_OPERATIONS(KARAT_JSON_ROW)};
#undef KARAT_SERVICE
#undef KARAT_QUERY_ROW
#undef KARAT_JSON_ROW

#define KARAT_REST_ROW(Name, name)                                                                 \
    {#Name, [](Desk const& desk, wire::RestRequest const& call) -> Result<wire::RestReply> {       \
         auto const request = TRY(wire::ebs::read_##name##_request(call));                         \
         auto result = TRY(ebs::name(desk, request));                                              \
         return wire::ebs::write_##name##_result(std::move(result));                               \
     }},
constexpr RestOperation kEbs[] = {KARAT_EBS_OPERATIONS(KARAT_REST_ROW)};
#undef KARAT_REST_ROW
static_assert(std::size(kEbs) == std::size(wire::ebs::kRoutes)); // both in the model's order

enum class Protocol : unsigned char { ec2, query, json, rest };

struct Service {
    std::string_view name; ///< As in the credential scope.
    Protocol protocol;
    std::span<Operation const> operations; ///< None of a rest service.
};
constexpr Service kServices[] = {
    {"ebs", Protocol::rest, {}},
    {"ec2", Protocol::ec2, kEc2},
    {"ssm", Protocol::json, kSsm},
    {"sts", Protocol::query, kSts},
};

constexpr std::array<std::string_view, std::size(kServices)> kServiceNames = [] {
    std::array<std::string_view, std::size(kServices)> names;
    std::ranges::transform(kServices, names.begin(), &Service::name);
    return names;
}();

Service const* find_service(std::string_view name)
{
    auto const* const found = std::find_if(std::begin(kServices), std::end(kServices),
                                           [&](Service const& one) { return one.name == name; });
    return found == std::end(kServices) ? nullptr : found;
}

/// The same in the names that the newer protocols share.
AwsError rest_signature_error(wire::SignatureFault fault)
{
    using enum wire::SignatureFault;
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

/// What a refused signature is called, by what the clients' retry rules expect.
AwsError signature_error(wire::SignatureFault fault, Protocol protocol)
{
    using enum wire::SignatureFault;
    if (protocol == Protocol::rest)
        return rest_signature_error(fault);
    switch (fault) {
    case missing:
        return {protocol == Protocol::ec2 ? 400 : 403, "MissingAuthenticationToken"};
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
        return protocol == Protocol::ec2 ? AwsError{401, "AuthFailure"}
                                         : AwsError{403, "InvalidClientTokenId"};
    case payload_mismatch:
        return {400, "XAmzContentSHA256Mismatch"};
    case wrong_scope:
    case unsigned_header:
    case mismatch:
        return protocol == Protocol::ec2 ? AwsError{401, "AuthFailure"}
                                         : AwsError{403, "SignatureDoesNotMatch"};
    }
    return {403, "SignatureDoesNotMatch"};
}

Reply error_reply(Protocol protocol, wire::ErrorText const& text)
{
    auto made = protocol == Protocol::ec2     ? wire::ec2_error(text)
                : protocol == Protocol::query ? wire::query_error(text, kStsNamespace)
                : protocol == Protocol::rest  ? wire::rest_error(text, "")
                                              : wire::json_error(text);
    return {made.status, std::move(made.content_type), std::move(made.body),
            std::move(made.headers)};
}

/// The message that goes out. What went wrong inside is for the log, not for the caller.
std::string public_message(Error const& error)
{
    if (error.fault == Fault::io || error.fault == Fault::corrupt)
        return "An internal error has occurred; the operator's log has the details under this "
               "request id";
    if (error.fault == Fault::unavailable) // what is busy or broken is this host's own business
        return "The service is unavailable for the moment; try again";
    if (error.fault == Fault::full) // which names files of this host
        return engine::kDiskIsFull;
    return error.message;
}

/// A UUID-shaped id of the request, for the reply and the log.
std::string make_request_id(Chance& chance)
{
    auto id = random_hex(chance, 16);
    for (std::size_t const at : {8U, 13U, 18U, 23U})
        id.insert(at, "-");
    return id;
}

std::string find_param(wire::Params const& params, std::string_view name)
{
    for (auto const& param : params)
        if (param.name == name)
            return param.value;
    return {};
}

/// The operation's name: "Action" of the query protocols, the part after the dot of X-Amz-Target.
Result<std::string> action_of(Protocol protocol, Call const& call, wire::Params const& params)
{
    if (protocol != Protocol::json) {
        auto action = find_param(params, "Action");
        if (action.empty())
            return Error{Fault::missing, Noun::action,
                         "The request must contain the parameter Action"};
        return action;
    }
    auto const target = header(call, "x-amz-target");
    auto const dot = target.find('.');
    if (dot == std::string_view::npos)
        return Error{Fault::missing, Noun::action,
                     "The request must contain the header X-Amz-Target"};
    return std::string(target.substr(dot + 1));
}

} // namespace

struct Dispatcher::State {
    State(Env e, engine::Engine& the_engine, Bytes token_key)
        : env(e)
        , engine(the_engine)
        , tokens(std::move(token_key))
    {
    }

    Env env;
    engine::Engine& engine;
    Tokens const tokens;
    wire::SigningKeys signing_keys;
    wire::SigningPolicy policy;
    wire::SigningPolicy put_policy; ///< Blocks are put with a checksum of their own.

    /// Who calls, and what checking the signature told of the body.
    struct SignedIn {
        engine::Caller caller;
        std::optional<Hash> body_sum;
    };

    wire::SigningPolicy const& policy_for(Call const& call) const
    {
        return call.method == "PUT" ? put_policy : policy;
    }

    wire::Checked<SignedIn> sign_in(wire::SignedRequest const& request,
                                    wire::SigningPolicy const& signing, wire::Claim const& claim);

    /// Runs the operation that the call names, and writes its reply.
    Reply run(Service const& service, SignedIn const& who, Call const& call,
              std::string const& request_id, std::string& action)
    {
        if (service.protocol == Protocol::rest)
            return run_rest(who, call, request_id, action);
        auto const result = find_and_run(service, who.caller, call, request_id, action);
        if (!result.ok()) {
            auto const& error = result.error();
            log_failure(error, request_id, action);
            auto const code = aws_error(error);
            auto const message = public_message(error);
            return error_reply(service.protocol, {code.code, message, request_id, code.status});
        }
        Reply reply{.content_type = service.protocol == Protocol::json
                                        ? "application/x-amz-json-1.1"
                                        : "text/xml;charset=UTF-8",
                    .body = result.value()};
        reply.headers.emplace_back("x-amzn-RequestId", request_id);
        return reply;
    }

private:
    static void log_failure(Error const& error, std::string const& request_id,
                            std::string const& action)
    {
        if (error.fault == Fault::io || error.fault == Fault::corrupt ||
            error.fault == Fault::full || error.fault == Fault::unavailable)
            log(Level::error, "call.failed", error, {{"request", request_id}, {"action", action}});
    }

    Reply run_rest(SignedIn const& who, Call const& call, std::string const& request_id,
                   std::string& action)
    {
        auto result = find_and_run_rest(who, call, action);
        if (!result.ok()) {
            log_failure(result.error(), request_id, action);
            auto const code = ebs::ebs_error(result.error());
            auto const message = public_message(result.error());
            auto made =
                wire::rest_error({code.code, message, request_id, code.status}, code.reason);
            return {made.status, std::move(made.content_type), std::move(made.body),
                    std::move(made.headers)};
        }
        auto made = std::move(result).value();
        made.headers.emplace_back("x-amzn-RequestId", request_id);
        return {made.status, std::move(made.content_type), std::move(made.body),
                std::move(made.headers)};
    }

    Result<wire::RestReply> find_and_run_rest(SignedIn const& who, Call const& call,
                                              std::string& action)
    {
        auto match =
            wire::match_route(wire::ebs::kRoutes, call.method, wire::normalise_path(call.path));
        if (!match)
            return Error{Fault::unknown, Noun::action,
                         "The method and the path name no operation of EBS direct"};
        auto const& operation = kEbs[match->index];
        action = operation.name;
        // Not within the braces: g++ 12 loses what stands there before a TRY that returns.
        auto query = TRY(wire::parse_query(call.query));
        wire::RestRequest const request{std::move(match->labels), std::move(query), call.headers,
                                        call.body};
        return operation.run({engine, who.caller, tokens, who.body_sum}, request);
    }

    Result<std::string> find_and_run(Service const& service, engine::Caller const& caller,
                                     Call const& call, std::string const& request_id,
                                     std::string& action)
    {
        wire::Params params;
        if (service.protocol != Protocol::json) {
            params = TRY(wire::parse_query(call.method == "GET" ? call.query : call.body));
            wire::drop_signature_params(params);
        }
        action = TRY(action_of(service.protocol, call, params));
        auto const operation =
            std::find_if(service.operations.begin(), service.operations.end(),
                         [&](Operation const& one) { return one.name == action; });
        if (operation == service.operations.end())
            return Error{Fault::unknown, Noun::action,
                         fmt::format("Karat does not offer the action {}; docs/supported.md lists "
                                     "what it offers",
                                     action.substr(0, 128))};
        Desk const desk{engine, caller, tokens};
        return operation->run({desk, params, call.body, request_id});
    }
};

/// Strangers get little room in the log.
constexpr LogRate kStrangersRate{.per_second = 1, .burst = 300};

Dispatcher::Dispatcher(Env env, engine::Engine& engine, Bytes token_key)
    : state_(std::make_unique<State>(env, engine, std::move(token_key)))
{
    for (auto const* const event : {"call.refused", "sign_in.failed", "imds.failed"})
        set_log_rate(event, kStrangersRate);
    for (auto const& region : engine.regions())
        state_->put_policy.scopes.push_back({"ebs", region});
    state_->put_policy.unsigned_payload = wire::UnsignedPayload::allow;
    for (auto const& service : kServices)
        for (auto const& region : engine.regions())
            state_->policy.scopes.push_back({std::string(service.name), region});
}

Dispatcher::~Dispatcher() = default;

wire::Checked<Dispatcher::State::SignedIn>
Dispatcher::State::sign_in(wire::SignedRequest const& request, wire::SigningPolicy const& signing,
                           wire::Claim const& claim)
{
    auto const found = engine.credentials(claim.signer.access_key_id);
    if (!found.ok()) {
        log(Level::error, "sign_in.failed", found.error());
        return wire::refuse_unknown_key();
    }
    if (!found.value())
        return wire::refuse_unknown_key();
    auto const& key = found.value()->key;
    wire::SigningSecret const secret{
        .secret = wire::SecretView(key.secret.reveal()),
        .session_token = {},
        .version = static_cast<std::uint64_t>(key.created.time_since_epoch().count())};
    auto const verified = TRY(wire::verify(request, claim, signing, secret, signing_keys));
    return SignedIn{{found.value()->account.id, claim.signer.scope.region}, verified.body};
}

Reply Dispatcher::handle(Call const& call)
{
    auto const started = state_->env.clock.steady();
    auto const request_id = make_request_id(state_->env.chance);
    wire::SignedRequest const request{call.method, call.path, call.query, call.headers, call.body};
    std::string action = "-";
    std::string who = "-";
    Reply reply;
    auto const& policy = state_->policy_for(call);
    auto const claim = wire::read_claim(request, policy, state_->env.clock.now());
    auto const* const service =
        claim.ok() ? find_service(claim.value().signer.scope.service) : nullptr;
    auto const protocol = service != nullptr                      ? service->protocol
                          : call.path.starts_with("/snapshots")   ? Protocol::rest
                          : !header(call, "x-amz-target").empty() ? Protocol::json
                                                                  : Protocol::ec2;
    auto const refuse = [&](wire::Refusal const& refusal) {
        auto const code = signature_error(refusal.fault, protocol);
        action = name(refusal.fault);
        return error_reply(protocol, {code.code, refusal.message, request_id, code.status});
    };
    auto other = refuse_other_service(call, kServiceNames, request_id);
    if (other) {
        action = "other_service";
        reply = std::move(*other);
    } else if (!claim.ok()) {
        reply = refuse(claim.refusal());
    } else {
        auto const signed_in = state_->sign_in(request, policy, claim.value());
        if (!signed_in.ok()) {
            reply = refuse(signed_in.refusal());
        } else {
            auto signer = signed_in.value();
            signer.caller.request = request_id;
            who = signer.caller.account.text();
            reply = state_->run(*service, signer, call, request_id, action);
            reply.signed_in = true;
        }
    }
    auto const took =
        std::chrono::duration_cast<std::chrono::microseconds>(state_->env.clock.steady() - started);
    log(Level::info, reply.signed_in ? "call" : "call.refused",
        {{"request", request_id},
         {"account", who},
         {"action", action},
         {"status", reply.status},
         {"peer", call.peer},
         {"took_us", took.count()}});
    return reply;
}

Reply Dispatcher::handle_as(engine::Caller const& caller, std::string const& service_name,
                            Call const& call)
{
    auto const* const service = find_service(service_name);
    VERIFY(service != nullptr);
    std::string action;
    auto const request_id = make_request_id(state_->env.chance);
    engine::Caller const with_request{caller.account, caller.region, request_id};
    return state_->run(*service, {with_request, {}}, call, request_id, action);
}

} // namespace karat::api
