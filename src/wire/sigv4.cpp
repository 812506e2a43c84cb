// SPDX-License-Identifier: Apache-2.0
// The second step: the signature itself, and the signing keys.
#include "karat/wire/sigv4.hpp"

#include "sigv4_parts.hpp"

namespace karat::wire {
namespace {

using namespace sigv4;

Hash derive(std::string_view secret, Scope const& scope)
{
    auto const date_key = hmac_sha256(as_bytes("AWS4" + std::string(secret)), scope.date);
    auto const region_key = hmac_sha256(date_key.bytes, scope.region);
    auto const service_key = hmac_sha256(region_key.bytes, scope.service);
    return hmac_sha256(service_key.bytes, kTerminator);
}

Checked<Done> check_token(Claim const& claim, SigningSecret const& secret)
{
    if (!secret.session_token && !claim.session_token)
        return Done{};
    if (!secret.session_token)
        return Refusal{SignatureFault::wrong_token,
                       "The access key is a lasting one; send no X-Amz-Security-Token with it"};
    if (!claim.session_token)
        return Refusal{SignatureFault::wrong_token, "The access key is a temporary one; send its "
                                                    "session token as X-Amz-Security-Token"};
    if (!equal_constant_time(secret.session_token->reveal(), *claim.session_token))
        return Refusal{SignatureFault::wrong_token,
                       "The X-Amz-Security-Token does not belong to the access key"};
    return Done{};
}

/// `payload` is what stands for the body in what is signed.
Checked<std::string> canonical_text(SignedRequest const& request, Claim const& claim,
                                    SigningPolicy const& policy, std::string const& payload)
{
    auto const parts = TRY(read_parts(request));
    std::vector<std::string_view> left_out;
    if (claim.signer.form == SignatureForm::presigned) {
        left_out.push_back("X-Amz-Signature");
        if (policy.token_place == TokenPlace::added_after)
            left_out.push_back("X-Amz-Security-Token");
    }
    auto out = request.method + "\n" + canonical_path(request.path, policy.path_form) + "\n" +
               canonical_query(parts.query, left_out) + "\n";
    std::string names;
    for (auto const& header : claim.signed_headers) {
        out.append(header).append(":").append(parts.header(header).value_or("")).append("\n");
        names.append(names.empty() ? "" : ";").append(header);
    }
    return out + "\n" + names + "\n" + payload;
}

} // namespace

char const* name(SignatureFault fault)
{
    switch (fault) {
    case SignatureFault::missing:
        return "missing";
    case SignatureFault::incomplete:
        return "incomplete";
    case SignatureFault::ambiguous:
        return "ambiguous";
    case SignatureFault::too_large:
        return "too_large";
    case SignatureFault::unsupported_scheme:
        return "unsupported_scheme";
    case SignatureFault::unsupported_payload:
        return "unsupported_payload";
    case SignatureFault::wrong_scope:
        return "wrong_scope";
    case SignatureFault::expired:
        return "expired";
    case SignatureFault::not_yet_valid:
        return "not_yet_valid";
    case SignatureFault::unsigned_header:
        return "unsigned_header";
    case SignatureFault::unknown_key:
        return "unknown_key";
    case SignatureFault::wrong_token:
        return "wrong_token";
    case SignatureFault::mismatch:
        return "mismatch";
    case SignatureFault::payload_mismatch:
        return "payload_mismatch";
    }
    return "unnamed";
}

std::string Scope::text() const
{
    return date + "/" + region + "/" + service + "/" + std::string(kTerminator);
}

Refusal refuse_unknown_key()
{
    return {SignatureFault::unknown_key,
            "The access key does not exist or is not active; check your credentials"};
}

Checked<std::string> canonical_request(SignedRequest const& request, Claim const& claim,
                                       SigningPolicy const& policy)
{
    return canonical_text(request, claim, policy,
                          claim.payload.empty() ? sha256(request.body).text() : claim.payload);
}

std::string string_to_sign(Claim const& claim, std::string_view canonical)
{
    return std::string(kAlgorithm) + "\n" + claim.timestamp + "\n" + claim.signer.scope.text() +
           "\n" + sha256(canonical).text();
}

Checked<Verified> verify(SignedRequest const& request, Claim const& claim,
                         SigningPolicy const& policy, SigningSecret const& secret,
                         SigningKeys& keys)
{
    Verified verified;
    if (claim.payload.empty())
        verified.body = sha256(request.body);
    auto const payload = verified.body ? verified.body->text() : claim.payload;
    auto const canonical = TRY(canonical_text(request, claim, policy, payload));
    auto const key = keys.key(claim.signer.access_key_id, secret, claim.signer.scope);
    auto const expected = hmac_sha256(key.bytes, string_to_sign(claim, canonical)).text();
    if (!equal_constant_time(expected, claim.signature))
        return Refusal{SignatureFault::mismatch,
                       "The signature does not match the request; check the secret access key, and "
                       "that nothing on the way changes what was signed"};
    TRY(check_token(claim, secret)); // after the signature: a stranger learns nothing of tokens
    if (verified.body || payload == kUnsignedPayload)
        return verified;
    verified.body = sha256(request.body);
    if (!equal_constant_time(verified.body->text(), payload))
        return Refusal{SignatureFault::payload_mismatch,
                       "The body is not the one that x-amz-content-sha256 was computed over"};
    return verified;
}

SigningKeys::SigningKeys(std::size_t capacity)
    : capacity_(capacity)
{
}

Hash SigningKeys::key(std::string_view access_key_id, SigningSecret const& secret,
                      Scope const& scope)
{
    auto const name =
        std::string(access_key_id) + "/" + std::to_string(secret.version) + "/" + scope.text();
    {
        Lock const lock(mutex_);
        auto const found = entries_.find(name);
        if (found != entries_.end()) {
            recent_.splice(recent_.begin(), recent_, found->second);
            return found->second->key;
        }
    }
    auto const derived = derive(secret.secret.reveal(), scope); // not under the lock: it is slow
    Lock const lock(mutex_);
    if (!entries_.contains(name)) {
        recent_.push_front({name, derived});
        entries_.emplace(name, recent_.begin());
        trim();
    }
    return derived;
}

void SigningKeys::trim()
{
    while (recent_.size() > capacity_) {
        entries_.erase(recent_.back().name);
        recent_.pop_back();
    }
}

void SigningKeys::forget(std::string_view access_key_id)
{
    auto const prefix = std::string(access_key_id) + "/";
    Lock const lock(mutex_);
    auto at = entries_.lower_bound(prefix);
    while (at != entries_.end() && at->first.starts_with(prefix)) {
        recent_.erase(at->second);
        at = entries_.erase(at);
    }
}

std::size_t SigningKeys::size() const
{
    Lock const lock(mutex_);
    return recent_.size();
}

} // namespace karat::wire
