// SPDX-License-Identifier: Apache-2.0
// Signature Version 4, the server's side: who signed a request, and whether the signature covers
// what will be acted upon. In two steps, so that nothing is looked up for requests that are
// malformed, stale or meant for another service, and nothing is hashed for keys that do not exist:
//
//   auto const claim = TRY(read_claim(request, policy, env.clock.now()));   // proves nothing yet
//   ... look up claim.signer.access_key_id; unknown -> refuse_unknown_key()
//   TRY(verify(request, claim, policy, key, signing_keys));                 // the caller is proven
//
// Header and presigned-URL forms share every rule after read_claim. A mode that is not listed here
// is refused. What is signed is the normalised path: routes must be looked up by
// normalise_path(request.path), or paths that differ from it be refused.
#pragma once

#include "karat/env.hpp"
#include "karat/hash.hpp"
#include "karat/mutex.hpp"
#include "karat/result.hpp"
#include "karat/wire/params.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace karat::wire {

/// A request as it came over the wire, before any decoding. `body` is not owned.
struct SignedRequest {
    std::string method;
    std::string path;  ///< Up to '?', percent-encoded as sent.
    std::string query; ///< After '?', percent-encoded as sent; empty if there is none.
    /// All of them, in order, Host included, names and values as sent.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string_view body;
};

inline constexpr std::size_t kMaxSignedPathBytes = 8 * 1024;
inline constexpr std::size_t kMaxSignedQueryBytes = 64 * 1024;
inline constexpr std::size_t kMaxHeaders = 100;
inline constexpr std::size_t kMaxHeadersBytes = 64 * 1024; ///< Names and values together.

/// Why a request is not taken for its signer's. In brackets what AWS calls it.
enum class SignatureFault : unsigned char {
    missing,             ///< No signature at all [MissingAuthenticationToken].
    incomplete,          ///< A part is absent or malformed [IncompleteSignature].
    ambiguous,           ///< A part is there twice, or both forms are [IncompleteSignature].
    too_large,           ///< More headers, path or query than the bounds [InvalidRequest].
    unsupported_scheme,  ///< Neither SigV4 nor HMAC-SHA256 [IncompleteSignature].
    unsupported_payload, ///< A payload mode that is not taken here [InvalidRequest].
    wrong_scope,         ///< Another date, region, service, terminator [SignatureDoesNotMatch].
    expired,             ///< Too old [RequestExpired].
    not_yet_valid,       ///< From the future [RequestExpired].
    unsigned_header,     ///< A header that must be signed is not [SignatureDoesNotMatch].
    unknown_key,         ///< No such access key [AuthFailure, InvalidClientTokenId].
    wrong_token,         ///< The session token is not the key's [as above].
    mismatch,            ///< Signed with another secret or changed since [SignatureDoesNotMatch].
    payload_mismatch,    ///< Not the body that was signed [XAmzContentSHA256Mismatch].
};

/// The lower-case name of a fault, for logs and tests.
char const* name(SignatureFault);

/// One sentence for the caller that says what to do; never holds secrets or signatures we made.
struct [[nodiscard]] Refusal {
    SignatureFault fault;
    std::string message;
};

/// A T or a Refusal; TRY unwraps it as it does a Result.
template <class T>
class [[nodiscard]] Checked {
public:
    Checked(T value)
        : state_(std::in_place_index<0>, std::move(value))
    {
    }
    Checked(Refusal refusal)
        : state_(std::in_place_index<1>, std::move(refusal))
    {
    }

    bool ok() const { return state_.index() == 0; }
    T value() &&
    {
        VERIFY(ok());
        return std::move(*std::get_if<0>(&state_));
    }
    T const& value() const&
    {
        VERIFY(ok());
        return *std::get_if<0>(&state_);
    }
    Refusal const& refusal() const
    {
        VERIFY(!ok());
        return *std::get_if<1>(&state_);
    }
    Refusal take_error()
    {
        VERIFY(!ok());
        return std::move(*std::get_if<1>(&state_));
    }

private:
    std::variant<T, Refusal> state_;
};

struct Done {}; ///< The value of a check that yields nothing but its success.

enum class UnsignedPayload : unsigned char { refuse, allow };
/// Normalised: "//", "/./" and "/../" are resolved before signing, as all services but S3 do.
enum class PathForm : unsigned char { normalised, as_sent };
/// Whether the session token is part of what is signed. Only a few AWS services add it afterwards.
enum class TokenPlace : unsigned char { is_signed, added_after };

struct ServiceRegion {
    std::string service;
    std::string region;
    bool operator==(ServiceRegion const&) const = default;
};

/// What this endpoint takes.
struct SigningPolicy {
    std::vector<ServiceRegion> scopes; ///< Exact pairs; sts and iam are often signed us-east-1.
    std::chrono::milliseconds skew = std::chrono::minutes{15};
    UnsignedPayload unsigned_payload = UnsignedPayload::refuse;
    PathForm path_form = PathForm::normalised;
    TokenPlace token_place = TokenPlace::is_signed;
};

struct Scope {
    std::string date; ///< YYYYMMDD
    std::string region;
    std::string service;
    /// "date/region/service/aws4_request"
    std::string text() const;
};

enum class SignatureForm : unsigned char { header, presigned };

struct Signer {
    std::string access_key_id;
    Scope scope;
    Time signed_at;
    SignatureForm form = SignatureForm::header;
};

/// What a request says about itself. Nothing in it is proven before verify() succeeds.
struct Claim {
    Signer signer;
    std::string timestamp;                   ///< YYYYMMDDTHHMMSSZ
    std::vector<std::string> signed_headers; ///< Lower-case, ascending.
    std::string signature;                   ///< 64 lower-case hexadecimal digits.
    std::string payload;                     ///< x-amz-content-sha256; empty if absent.
    std::optional<std::string> session_token;
};

/// A secret for the length of a call: a view without formatter. Does not own.
class SecretView {
public:
    explicit SecretView(std::string_view text)
        : text_(text)
    {
    }
    std::string_view reveal() const { return text_; }

private:
    std::string_view text_;
};

/// What the look-up of an access key yields.
struct SigningSecret {
    SecretView secret;
    std::optional<SecretView> session_token; ///< Of temporary keys; they are no use without.
    std::uint64_t version = 0;               ///< Another one whenever the secret changes.
};

/// Remembers derived signing keys, which cost four HMACs, up to a bound; the one used longest ago
/// goes first. Only verified key ids within the policy's scopes get in. Thread-safe.
class SigningKeys {
public:
    explicit SigningKeys(std::size_t capacity = 1024);
    /// The signing key of the scope, derived if it is not remembered for this id and version.
    Hash key(std::string_view access_key_id, SigningSecret const& secret, Scope const& scope);
    /// Drops everything of a key that was disabled or rotated.
    void forget(std::string_view access_key_id);
    std::size_t size() const;

private:
    struct Entry {
        std::string name; ///< id/version/scope; ids hold no '/'.
        Hash key;
    };
    void trim() REQUIRES(mutex_);

    std::size_t const capacity_;
    Mutex mutable mutex_;
    std::list<Entry> recent_ GUARDED_BY(mutex_); ///< The one used last is at the front.
    std::map<std::string, std::list<Entry>::iterator, std::less<>> entries_ GUARDED_BY(mutex_);
};

/// Finds the signature in either form and checks all that needs no secret: form, bounds, scope,
/// dates, which headers are signed, the payload mode. Reads the body not at all.
Checked<Claim> read_claim(SignedRequest const& request, SigningPolicy const& policy, Time now);

/// What was found out on the way.
struct Verified {
    std::optional<Hash> body; ///< Its SHA-256; absent for UNSIGNED-PAYLOAD.
};

/// Checks the session token, the signature and then the body against the key that the claim names.
/// `request` and `policy` are those that the claim was read from.
Checked<Verified> verify(SignedRequest const& request, Claim const& claim,
                         SigningPolicy const& policy, SigningSecret const& secret,
                         SigningKeys& keys);

/// The refusal for a claim whose access key does not exist or is disabled.
Refusal refuse_unknown_key();

/// The path that is signed, still percent-encoded as sent: empty parts, "." and ".." resolved.
std::string normalise_path(std::string_view path);

/// Removes the parameters of a presigned URL ("X-Amz-…"), which are no part of the call.
void drop_signature_params(Params& params);

/// The canonical request and the string to sign, for tests and for explaining a mismatch to the
/// owner of a key. Refused only for requests that read_claim() refuses.
Checked<std::string> canonical_request(SignedRequest const& request, Claim const& claim,
                                       SigningPolicy const& policy);
std::string string_to_sign(Claim const& claim, std::string_view canonical);

} // namespace karat::wire
