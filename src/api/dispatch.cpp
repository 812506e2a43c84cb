// SPDX-License-Identifier: Apache-2.0
// One endpoint for every service: who calls (SigV4), which service and region (the credential
// scope), which operation (service.hpp), then one handler. Each call is logged and counted here,
// once.
#include "karat/api.hpp"
#include "karat/disk_is_full.hpp"

#include "call_header.hpp"
#include "not_offered.hpp"
#include "service.hpp"

#include "karat/log.hpp"
#include "karat/log_limit.hpp"

#include <algorithm>
#include <array>

namespace karat::api {
namespace {

constexpr std::array<Service const*, 4> kServices = {&ebs::kService, &ec2::kService, &ssm::kService,
                                                     &sts::kService};

Service const* find_service(std::string_view name)
{
    auto const found = std::ranges::find(kServices, name, &Service::name);
    return found == kServices.end() ? nullptr : *found;
}

std::vector<std::string_view> service_names()
{
    std::vector<std::string_view> names;
    for (auto const* const service : kServices)
        names.push_back(service->name);
    return names;
}

/// The service whose form an answer has that goes to nobody in particular.
Service const& service_by_looks(Call const& call)
{
    if (call.path.starts_with("/snapshots"))
        return ebs::kService;
    return header(call, "x-amz-target").empty() ? ec2::kService : ssm::kService;
}

Reply in_form(Service const& service, AwsError const& error, std::string_view message,
              std::string_view request_id)
{
    auto made = service.protocol.error({error.code, message, request_id, error.status},
                                       error.reason, service.xmlns);
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

} // namespace

Result<void> check_dry_run(bool dry_run)
{
    if (dry_run)
        return fail(Fault::dry_run, "Request would have succeeded, but DryRun flag is set.");
    return {};
}

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

    /// A Refusal is the caller's fault. Fault::unavailable is not: nobody can tell who calls, and
    /// the caller is to try again.
    Result<wire::Checked<SignedIn>> sign_in(wire::SignedRequest const& request,
                                            wire::SigningPolicy const& signing,
                                            wire::Claim const& claim);

    /// Runs the operation that the call names, and writes its reply.
    Reply run(Service const& service, SignedIn const& who, Call const& call,
              std::string const& request_id, std::string& action)
    {
        auto reply = find_and_run(service, who, call, request_id, action);
        if (!reply.ok())
            return refuse(service, reply.error(), request_id, action);
        reply.value().headers.emplace_back("x-amzn-RequestId", request_id);
        return std::move(reply).value();
    }

    /// The answer to what went wrong; the log has what the caller is not told.
    static Reply refuse(Service const& service, Error const& error, std::string const& request_id,
                        std::string const& action)
    {
        if (error.fault == Fault::io || error.fault == Fault::corrupt ||
            error.fault == Fault::full || error.fault == Fault::unavailable)
            log(Level::error, "call.failed", error, {{"request", request_id}, {"action", action}});
        return in_form(service, aws_error(service.faults, error), public_message(error),
                       request_id);
    }

private:
    Result<Reply> find_and_run(Service const& service, SignedIn const& who, Call const& call,
                               std::string const& request_id, std::string& action)
    {
        auto found = TRY(service.protocol.find(service, call, action));
        Desk const desk{engine, who.caller, tokens, who.body_sum};
        return found.operation->run(
            {desk, call, std::move(found.params), std::move(found.labels), request_id});
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
    for (auto const name : service_names())
        for (auto const& region : engine.regions())
            state_->policy.scopes.push_back({std::string(name), region});
}

Dispatcher::~Dispatcher() = default;

Result<wire::Checked<Dispatcher::State::SignedIn>>
Dispatcher::State::sign_in(wire::SignedRequest const& request, wire::SigningPolicy const& signing,
                           wire::Claim const& claim)
{
    using Signed = wire::Checked<SignedIn>;
    auto const found = engine.credentials(claim.signer.access_key_id);
    if (!found.ok()) {
        log(Level::error, "sign_in.failed", found.error());
        return fail(Fault::unavailable, "The access key cannot be looked up");
    }
    if (!found.value())
        return Signed(wire::refuse_unknown_key());
    auto const& key = found.value()->key;
    wire::SigningSecret const secret{
        .secret = wire::SecretView(key.secret.reveal()),
        .session_token = {},
        .version = static_cast<std::uint64_t>(key.created.time_since_epoch().count())};
    auto verified = wire::verify(request, claim, signing, secret, signing_keys);
    if (!verified.ok())
        return Signed(verified.take_error());
    return Signed(
        SignedIn{{found.value()->account.id, claim.signer.scope.region}, verified.value().body});
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
    auto const& form = service != nullptr ? *service : service_by_looks(call);
    auto const refuse = [&](wire::Refusal const& refusal) {
        action = name(refusal.fault);
        return in_form(form, form.protocol.signature_error(refusal.fault), refusal.message,
                       request_id);
    };
    auto other = refuse_other_service(call, service_names(), request_id);
    if (other) {
        action = "other_service";
        reply = std::move(*other);
    } else if (!claim.ok()) {
        reply = refuse(claim.refusal());
    } else {
        auto const outcome = state_->sign_in(request, policy, claim.value());
        if (!outcome.ok()) {
            action = "sign_in";
            auto const& error = outcome.error();
            reply = in_form(form, aws_error(form.faults, error), public_message(error), request_id);
        } else if (auto const& signed_in = outcome.value(); !signed_in.ok()) {
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
