// SPDX-License-Identifier: Apache-2.0
// Fingerprints as EC2 documents them: of an RSA key made here, SHA-1 of the private key's PKCS#8
// DER; of an imported RSA key, MD5 of the public key's DER; of ed25519, SHA-256 of the OpenSSH
// blob.
#include "openssh_key.hpp"

#include "evp_key.hpp"
#include "private_key_text.hpp"

#include "karat/hash.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr int kMinRsaBits = 1024;
constexpr int kMaxRsaBits = 16384;

std::string with_colons(std::span<unsigned char const> digest)
{
    std::string text;
    for (auto const byte : digest)
        text += fmt::format("{}{:02x}", text.empty() ? "" : ":", byte);
    return text;
}

Result<std::string> digest_of(std::span<unsigned char const> der, EVP_MD const* algorithm)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(der.data(), der.size(), digest.data(), &length, algorithm, nullptr) != 1)
        return fail(Fault::io, "OpenSSL could not make a fingerprint");
    return with_colons(std::span(digest).first(length));
}

Result<std::string> public_fingerprint(EVP_PKEY* key, std::string const& type, Bytes const& blob)
{
    if (type == "ed25519")
        return to_base64(sha256(blob).bytes);
    unsigned char* der = nullptr;
    auto const length = i2d_PUBKEY(key, &der);
    if (length <= 0)
        return bad_key();
    std::vector<unsigned char> const bytes(der, der + length);
    OPENSSL_free(der);
    return digest_of(bytes, EVP_md5());
}

Result<std::string> private_fingerprint(EVP_PKEY* key)
{
    unsigned char* der = nullptr;
    std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> const info(
        EVP_PKEY2PKCS8(key), PKCS8_PRIV_KEY_INFO_free);
    auto const length = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der) : 0;
    if (length <= 0)
        return fail(Fault::io, "OpenSSL could not encode a private key");
    std::vector<unsigned char> const bytes(der, der + length);
    OPENSSL_clear_free(der, static_cast<std::size_t>(length));
    return digest_of(bytes, EVP_sha1());
}

/// Refuses RSA numbers that no SSH server takes, or that cost much to look at.
Result<void> check_rsa(EVP_PKEY const* key)
{
    auto const bits = EVP_PKEY_get_bits(key);
    auto const e = TRY(key_number(key, OSSL_PKEY_PARAM_RSA_E));
    bool const fits = bits >= kMinRsaBits && bits <= kMaxRsaBits;
    if (!fits || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1)
        return bad_key();
    return {};
}

} // namespace

Error bad_key()
{
    return {Fault::invalid, Noun::key_pair, "Key is not in valid OpenSSH public key format"};
}

Result<PublicKey> describe(EVP_PKEY* key)
{
    auto const id = EVP_PKEY_get_base_id(key);
    if (id != EVP_PKEY_RSA && id != EVP_PKEY_ED25519)
        return Error{Fault::invalid, Noun::key_pair, "Only rsa and ed25519 keys are supported"};
    if (id == EVP_PKEY_RSA)
        TRY(check_rsa(key));
    PublicKey made{
        .type = id == EVP_PKEY_RSA ? "rsa" : "ed25519", .openssh_line = {}, .fingerprint = {}};
    auto const blob = TRY(ssh_blob(key));
    made.openssh_line = (id == EVP_PKEY_RSA ? "ssh-rsa " : "ssh-ed25519 ") + to_base64(blob);
    made.fingerprint = TRY(public_fingerprint(key, made.type, blob));
    return made;
}

Result<NewKey> generate_key(std::string const& type, KeyFormat format)
{
    bool const rsa = type == "rsa";
    if (!rsa && type != "ed25519")
        return Error{
            Fault::invalid, Noun::key_pair,
            fmt::format("Invalid value '{}' for KeyType; rsa and ed25519 are supported", type)};
    Key const key(rsa ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
                  EVP_PKEY_free);
    if (!key)
        return fail(Fault::io, "OpenSSL could not make a key");
    auto described = TRY(describe(key.get()));
    if (rsa)
        described.fingerprint = TRY(private_fingerprint(key.get()));
    auto text = TRY(private_key_text(key.get(), format));
    return NewKey{std::move(described), std::move(text)};
}

} // namespace karat::engine
