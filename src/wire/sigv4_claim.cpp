// SPDX-License-Identifier: Apache-2.0
// The first step: everything that can be refused without a secret.
#include "sigv4_date.hpp"
#include "sigv4_parts.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <array>

namespace karat::wire {
namespace {

using namespace sigv4;
using enum SignatureFault;

constexpr std::size_t kMaxCredentialPartBytes = 128;
constexpr int kMaxExpiresSeconds = 7 * 24 * 60 * 60;

Refusal refuse(SignatureFault fault, std::string message) { return {fault, std::move(message)}; }

/// The three fields of an Authorization header, or the parameters that stand for them in a URL.
struct Fields {
    std::string credential;
    std::string signed_headers;
    std::string signature;
};

Checked<Done> take_field(Fields& fields, std::string_view item)
{
    auto const key = take_until(item, '=');
    auto* const field = key == "Credential"      ? &fields.credential
                        : key == "SignedHeaders" ? &fields.signed_headers
                        : key == "Signature"     ? &fields.signature
                                                 : nullptr;
    if (field == nullptr)
        return refuse(incomplete, "The Authorization header must hold Credential, SignedHeaders "
                                  "and Signature, separated by commas, and nothing else");
    if (!field->empty())
        return refuse(ambiguous,
                      "The Authorization header holds " + std::string(key) + " more than once");
    *field = item;
    return Done{};
}

Checked<Fields> read_authorization(std::string_view value)
{
    if (take_until(value, ' ') != kAlgorithm)
        return refuse(unsupported_scheme,
                      "Sign the request with Signature Version 4 (AWS4-HMAC-SHA256)");
    Fields fields;
    bool const ends_open =
        value.ends_with(','); // else take_until() would not see the empty last field
    while (!value.empty())
        TRY(take_field(fields, fold_blanks(take_until(value, ','))));
    if (ends_open)
        TRY(take_field(fields, ""));
    return fields;
}

Checked<Fields> read_presigned(Parts const& parts)
{
    for (auto const* const name :
         {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
          "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256"})
        if (parts.param_count(name) > 1)
            return refuse(ambiguous, std::string("The URL holds ") + name + " more than once");
    if (parts.param("X-Amz-Algorithm") != kAlgorithm)
        return refuse(unsupported_scheme, "X-Amz-Algorithm must be AWS4-HMAC-SHA256");
    return Fields{parts.param("X-Amz-Credential").value_or(""),
                  parts.param("X-Amz-SignedHeaders").value_or(""),
                  parts.param("X-Amz-Signature").value_or("")};
}

/// A request must be signed in one way only: who checks one form and acts on the other is fooled.
Checked<SignatureForm> find_form(Parts const& parts)
{
    for (auto const* const name : {"authorization", "host", "x-amz-date", "date", "content-type",
                                   "x-amz-content-sha256", "x-amz-security-token"})
        if (parts.header_count(name) > 1)
            return refuse(ambiguous, std::string("Send the header ") + name + " once only");
    bool const in_header = parts.header_count("authorization") > 0;
    bool const in_url = std::ranges::any_of(parts.query, [](Param const& param) {
        return starts_with_ignoring_case(param.name, "x-amz-");
    });
    if (in_header && in_url)
        return refuse(ambiguous, "Sign either in the Authorization header or in the URL, not both");
    if (in_header)
        return SignatureForm::header;
    if (parts.param_count("X-Amz-Algorithm") + parts.param_count("X-Amz-Credential") +
            parts.param_count("X-Amz-Signature") ==
        0)
        return refuse(missing, "The request is not signed; sign it with an access key by Signature "
                               "Version 4");
    return SignatureForm::presigned;
}

bool is_credential_part(std::string_view text)
{
    return !text.empty() && text.size() <= kMaxCredentialPartBytes &&
           std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_' || c == '.';
           });
}

Checked<Signer> read_credential(std::string_view text)
{
    std::array<std::string, 5> parts;
    auto rest = text;
    for (auto& part : parts)
        part = take_until(rest, '/');
    if (std::ranges::count(text, '/') != 4 || !std::ranges::all_of(parts, is_credential_part))
        return refuse(incomplete, "The Credential must be of the form "
                                  "KEYID/YYYYMMDD/region/service/aws4_request");
    if (parts[4] != kTerminator)
        return refuse(wrong_scope, "The Credential must end in /aws4_request");
    return Signer{.access_key_id = parts[0],
                  .scope = {.date = parts[1], .region = parts[2], .service = parts[3]},
                  .signed_at = {}};
}

/// Ascending order makes the list canonical, and duplicates impossible.
Checked<std::vector<std::string>> read_signed_headers(std::string_view text)
{
    std::vector<std::string> names;
    bool well_formed = !text.empty() && !text.ends_with(';');
    while (!text.empty() && well_formed) {
        std::string name(take_until(text, ';'));
        well_formed = is_token(name) &&
                      std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }) &&
                      (names.empty() || names.back() < name);
        names.push_back(std::move(name));
    }
    if (!well_formed || names.size() > kMaxHeaders)
        return refuse(incomplete, "SignedHeaders must list lower-case header names in ascending "
                                  "order, separated by semicolons");
    return names;
}

Checked<Done> check_signed_headers(Parts const& parts, std::vector<std::string> const& names,
                                   TokenPlace token_place)
{
    for (auto const& name : names)
        if (parts.header_count(name) == 0)
            return refuse(incomplete, "The header " + name + " is signed but was not sent");
    if (!std::ranges::binary_search(names, std::string("host")))
        return refuse(unsigned_header, "The header host must be signed");
    for (auto const& header : parts.headers) {
        bool const exempt =
            token_place == TokenPlace::added_after && header.name == "x-amz-security-token";
        if (header.name.starts_with("x-amz-") && !exempt &&
            !std::ranges::binary_search(names, header.name))
            return refuse(unsigned_header,
                          "The header " + header.name + " must be signed, as all x-amz-* headers");
    }
    return Done{};
}

Checked<std::string> read_timestamp(Parts const& parts, SignatureForm form)
{
    auto text =
        form == SignatureForm::presigned ? parts.param("X-Amz-Date") : parts.header("x-amz-date");
    if (form == SignatureForm::header && !text) {
        auto const date = parts.header("date").value_or("");
        auto const basic = basic_from_http_date(date);
        text = basic ? basic : date;
    }
    if (!text || text->empty())
        return refuse(incomplete, "The request must carry X-Amz-Date");
    return *text;
}

Checked<std::chrono::seconds> read_expires(Parts const& parts)
{
    auto const text = parts.param("X-Amz-Expires").value_or("");
    auto const seconds = number_of<int>(text).value_or(0);
    // Written back, so that "05" does not pass for a number.
    if (std::to_string(seconds) != text || seconds < 1 || seconds > kMaxExpiresSeconds)
        return refuse(incomplete, "X-Amz-Expires must be a whole number of seconds from 1 to " +
                                      std::to_string(kMaxExpiresSeconds));
    return std::chrono::seconds{seconds};
}

Checked<Done> check_age(Parts const& parts, Signer const& signer, SigningPolicy const& policy,
                        Time now)
{
    auto lifetime = policy.skew;
    if (signer.form == SignatureForm::presigned)
        lifetime = TRY(read_expires(parts));
    if (signer.signed_at > now + policy.skew)
        return refuse(not_yet_valid, "The request is dated in the future: it is now " +
                                         format_time(now) + " here; check your clock");
    if (now > signer.signed_at + lifetime)
        return refuse(expired, "The signature has expired: it is now " + format_time(now) +
                                   " here; sign again, and check your clock");
    return Done{};
}

Checked<Done> check_scope(Claim const& claim, SigningPolicy const& policy)
{
    auto const& scope = claim.signer.scope;
    if (claim.timestamp.substr(0, 8) != scope.date)
        return refuse(wrong_scope, "The date of the Credential must be the day of X-Amz-Date");
    ServiceRegion const wanted{scope.service, scope.region};
    if (std::ranges::find(policy.scopes, wanted) == policy.scopes.end())
        return refuse(wrong_scope, "The Credential is for the service " + scope.service +
                                       " in the region " + scope.region +
                                       ", which this endpoint does not serve");
    return Done{};
}

/// A value that may come as a header or, in a presigned URL, as a parameter, but not as both.
Checked<std::optional<std::string>> read_either(Parts const& parts, std::string_view header,
                                                std::string_view param)
{
    auto const in_url = parts.param(param);
    auto const in_header = parts.header(header);
    if (in_url && in_header)
        return refuse(ambiguous,
                      "Send " + std::string(param) + " either as a header or in the URL, not both");
    return in_url ? in_url : in_header;
}

Checked<Done> check_payload_mode(std::string_view payload, SigningPolicy const& policy)
{
    if (is_lower_hex_digest(payload))
        return Done{};
    if (payload == kUnsignedPayload && policy.unsigned_payload == UnsignedPayload::allow)
        return Done{};
    if (payload == kUnsignedPayload)
        return refuse(unsupported_payload, "UNSIGNED-PAYLOAD is not taken here; sign the body");
    if (payload.starts_with("STREAMING-"))
        return refuse(unsupported_payload,
                      "Chunked signing (STREAMING-*) is not taken here; sign the body as a whole");
    return refuse(unsupported_payload,
                  "x-amz-content-sha256 must be the SHA-256 of the body, 64 lower-case "
                  "hexadecimal digits");
}

Checked<Done> read_payload_and_token(Claim& claim, Parts const& parts, SigningPolicy const& policy)
{
    auto const payload = TRY(read_either(parts, "x-amz-content-sha256", "X-Amz-Content-Sha256"));
    if (payload)
        TRY(check_payload_mode(*payload, policy));
    claim.payload = payload.value_or("");
    claim.session_token = TRY(read_either(parts, "x-amz-security-token", "X-Amz-Security-Token"));
    return Done{};
}

Checked<Claim> claim_of(Fields const& fields, SignatureForm form)
{
    if (fields.credential.empty() || fields.signed_headers.empty() || fields.signature.empty())
        return refuse(incomplete,
                      "The signature must come with Credential, SignedHeaders and Signature");
    Claim claim;
    claim.signer = TRY(read_credential(fields.credential));
    claim.signer.form = form;
    claim.signed_headers = TRY(read_signed_headers(fields.signed_headers));
    claim.signature = fields.signature;
    if (!is_lower_hex_digest(claim.signature))
        return refuse(incomplete, "The Signature must be 64 lower-case hexadecimal digits");
    return claim;
}

} // namespace

Checked<Claim> read_claim(SignedRequest const& request, SigningPolicy const& policy, Time now)
{
    auto const parts = TRY(read_parts(request));
    auto const form = TRY(find_form(parts));
    auto const fields = TRY(form == SignatureForm::header
                                ? read_authorization(parts.header("authorization").value_or(""))
                                : read_presigned(parts));
    auto claim = TRY(claim_of(fields, form));
    TRY(check_signed_headers(parts, claim.signed_headers, policy.token_place));
    claim.timestamp = TRY(read_timestamp(parts, form));
    auto const signed_at = parse_basic_time(claim.timestamp);
    if (!signed_at)
        return refuse(incomplete, "X-Amz-Date must be of the form YYYYMMDDTHHMMSSZ");
    claim.signer.signed_at = *signed_at;
    TRY(check_scope(claim, policy));
    TRY(check_age(parts, claim.signer, policy, now));
    TRY(read_payload_and_token(claim, parts, policy));
    return claim;
}

} // namespace karat::wire
