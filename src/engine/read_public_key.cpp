// SPDX-License-Identifier: Apache-2.0
// The forms of public keys that ImportKeyPair takes: OpenSSH's line, RFC 4716 (what PuTTYgen
// saves), and SubjectPublicKeyInfo in DER, as base64 with or without the lines of PEM.
#include "evp_key.hpp"

#include "karat/hash.hpp"
#include "karat/text.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxKeyText = 16384;
constexpr int kMaxModulusBytes = 2048;

/// Cuts the next line off a text, without blanks around it.
std::string_view take_line(std::string_view& text) { return trimmed(take_until(text, '\n')); }

unsigned char const* as_uchar(std::span<std::byte const> bytes)
{
    return static_cast<unsigned char const*>(static_cast<void const*>(bytes.data()));
}

Result<Key> rsa_key(std::span<std::byte const> e, std::span<std::byte const> n)
{
    if (e.size() > kMaxModulusBytes || n.size() > kMaxModulusBytes + 1)
        return bad_key();
    Number const exponent(BN_bin2bn(as_uchar(e), static_cast<int>(e.size()), nullptr),
                          BN_clear_free);
    Number const modulus(BN_bin2bn(as_uchar(n), static_cast<int>(n.size()), nullptr),
                         BN_clear_free);
    if (!exponent || !modulus)
        return bad_key();
    std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> const builder(
        OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> const parameters(
        OSSL_PARAM_BLD_to_param(builder.get()), OSSL_PARAM_free);
    std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> const context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        return bad_key();
    return Key(key, EVP_PKEY_free);
}

Result<Key> key_from_blob(std::span<std::byte const> blob)
{
    auto const type = TRY(take_ssh_string(blob));
    if (as_text(type) == "ssh-rsa") {
        auto const e = TRY(take_ssh_string(blob));
        auto const n = TRY(take_ssh_string(blob));
        if (!blob.empty())
            return bad_key();
        return rsa_key(e, n);
    }
    if (as_text(type) != "ssh-ed25519")
        return Error{Fault::invalid, Noun::key_pair, "Only rsa and ed25519 keys are supported"};
    auto const raw = TRY(take_ssh_string(blob));
    if (raw.size() != 32 || !blob.empty())
        return bad_key();
    Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_uchar(raw), raw.size()),
            EVP_PKEY_free);
    if (!key)
        return bad_key();
    return key;
}

/// "ssh-ed25519 AAAA… comment", one line.
Result<Key> key_from_line(std::string_view line)
{
    auto const type = line.substr(0, line.find_first_of(" \t"));
    auto const coded = trimmed(line.substr(type.size()));
    auto const decoded = from_base64(coded.substr(0, coded.find_first_of(" \t")));
    if (!decoded.ok() || line.find('\n') != std::string_view::npos)
        return bad_key();
    std::span<std::byte const> blob = decoded.value();
    auto const type_within = TRY(take_ssh_string(blob));
    if (as_text(type_within) != type)
        return bad_key();
    return key_from_blob(decoded.value());
}

/// The base64 between the first line and the one that ends the form.
Result<Bytes> bytes_between(std::string_view text, std::string_view end)
{
    std::string coded;
    while (!text.empty()) {
        auto const line = take_line(text);
        if (line == end && trimmed(text).empty())
            return from_base64(coded);
        coded += line;
    }
    return bad_key();
}

/// RFC 4716 §3: lines with a colon are headers; one that ends in a backslash goes on in the next.
Result<Key> key_from_rfc4716(std::string_view text)
{
    auto rest = text;
    for (auto line = take_line(rest); line.find(':') != std::string_view::npos;
         line = take_line(rest)) {
        while (line.ends_with('\\') && !rest.empty())
            line = take_line(rest);
        text = rest;
    }
    auto const blob = bytes_between(text, "---- END SSH2 PUBLIC KEY ----");
    if (!blob.ok())
        return bad_key();
    return key_from_blob(blob.value());
}

/// Not by OpenSSL's reader of PEM, which takes encrypted keys, too, and asks for their passphrase.
Result<Key> key_from_der(Result<Bytes> const& der)
{
    if (!der.ok())
        return bad_key();
    auto const* const begin = as_uchar(der.value());
    auto const* at = begin;
    auto const size = static_cast<std::ptrdiff_t>(der.value().size());
    Key key(d2i_PUBKEY(nullptr, &at, size), EVP_PKEY_free);
    if (!key || at != begin + size)
        return bad_key();
    return key;
}

Result<Key> read_key(std::string_view text)
{
    if (text.starts_with("ssh-"))
        return key_from_line(text);
    auto rest = text;
    auto const first = take_line(rest);
    if (first == "---- BEGIN SSH2 PUBLIC KEY ----")
        return key_from_rfc4716(rest);
    if (first == "-----BEGIN PUBLIC KEY-----")
        return key_from_der(bytes_between(rest, "-----END PUBLIC KEY-----"));
    return key_from_der(from_base64(text));
}

} // namespace

Result<PublicKey> read_public_key(std::string const& text)
{
    if (text.size() > kMaxKeyText)
        return bad_key();
    auto const key = TRY(read_key(trimmed(text)));
    return describe(key.get());
}

} // namespace karat::engine
