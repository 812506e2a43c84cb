// SPDX-License-Identifier: Apache-2.0
// Fingerprints as EC2 documents them: of an RSA key made here, SHA-1 of the private key's PKCS#8
// DER; of an imported RSA key, MD5 of the public key's DER; of ed25519, SHA-256 of the OpenSSH
// blob.
#include "openssh_key.hpp"

#include "karat/hash.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <fmt/format.h>

namespace karat::engine {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

constexpr std::size_t kMaxKeyText = 16384;

Error bad_key()
{
    return {Fault::invalid, Noun::key_pair, "Key is not in valid OpenSSH public key format"};
}

/// A length-prefixed string of the SSH wire format (RFC 4251 §5).
void append_ssh_string(Bytes& to, std::span<std::byte const> bytes)
{
    auto const size = static_cast<std::uint32_t>(bytes.size());
    for (int const shift : {24, 16, 8, 0})
        to.push_back(static_cast<std::byte>(size >> shift & 255));
    to.insert(to.end(), bytes.begin(), bytes.end());
}

/// A positive mpint: a leading zero byte when the top bit is set.
void append_ssh_number(Bytes& to, BIGNUM const* number)
{
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)) + 1);
    BN_bn2bin(number, static_cast<unsigned char*>(static_cast<void*>(bytes.data() + 1)));
    bool const high = bytes.size() > 1 && (bytes[1] & std::byte{0x80}) != std::byte{0};
    append_ssh_string(to, std::span(bytes).subspan(high ? 0 : 1));
}

Result<Number> key_number(EVP_PKEY const* key, char const* parameter)
{
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1)
        return bad_key();
    return Number(number, BN_free);
}

Result<Bytes> ssh_blob(EVP_PKEY const* key, std::string const& type)
{
    Bytes blob;
    if (type == "rsa") {
        auto const e = TRY(key_number(key, OSSL_PKEY_PARAM_RSA_E));
        auto const n = TRY(key_number(key, OSSL_PKEY_PARAM_RSA_N));
        append_ssh_string(blob, as_bytes("ssh-rsa"));
        append_ssh_number(blob, e.get());
        append_ssh_number(blob, n.get());
        return blob;
    }
    std::array<unsigned char, 32> raw{};
    std::size_t length = raw.size();
    if (EVP_PKEY_get_raw_public_key(key, raw.data(), &length) != 1 || length != raw.size())
        return bad_key();
    append_ssh_string(blob, as_bytes("ssh-ed25519"));
    append_ssh_string(blob, std::as_bytes(std::span(raw)));
    return blob;
}

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

Result<PublicKey> describe(EVP_PKEY* key)
{
    auto const id = EVP_PKEY_get_base_id(key);
    if (id != EVP_PKEY_RSA && id != EVP_PKEY_ED25519)
        return Error{Fault::invalid, Noun::key_pair, "Only rsa and ed25519 keys are supported"};
    PublicKey made{
        .type = id == EVP_PKEY_RSA ? "rsa" : "ed25519", .openssh_line = {}, .fingerprint = {}};
    auto const blob = TRY(ssh_blob(key, made.type));
    made.openssh_line = (id == EVP_PKEY_RSA ? "ssh-rsa " : "ssh-ed25519 ") + to_base64(blob);
    made.fingerprint = TRY(public_fingerprint(key, made.type, blob));
    return made;
}

Result<Secret> private_pem(EVP_PKEY* key, bool rsa)
{
    Bio const bio(BIO_new(BIO_s_secmem()), BIO_free);
    auto const written = !bio  ? 0
                         : rsa ? PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr,
                                                                      nullptr, 0, nullptr, nullptr)
                               : PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0,
                                                               nullptr, nullptr);
    char* text = nullptr;
    auto const length = written == 1 ? BIO_get_mem_data(bio.get(), &text) : 0;
    if (length <= 0)
        return fail(Fault::io, "OpenSSL could not write a private key");
    return Secret(std::string(text, static_cast<std::size_t>(length)));
}

/// Cuts the next length-prefixed string off an SSH blob.
Result<std::span<std::byte const>> take_ssh_string(std::span<std::byte const>& blob)
{
    if (blob.size() < 4)
        return bad_key();
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
        size = size << 8 | std::to_integer<std::size_t>(blob[i]);
    if (size > blob.size() - 4)
        return bad_key();
    auto const taken = blob.subspan(4, size);
    blob = blob.subspan(4 + size);
    return taken;
}

unsigned char const* as_uchar(std::span<std::byte const> bytes)
{
    return static_cast<unsigned char const*>(static_cast<void const*>(bytes.data()));
}

Result<Key> rsa_key(std::span<std::byte const> e, std::span<std::byte const> n)
{
    Number const exponent(BN_bin2bn(as_uchar(e), static_cast<int>(e.size()), nullptr), BN_free);
    Number const modulus(BN_bin2bn(as_uchar(n), static_cast<int>(n.size()), nullptr), BN_free);
    if (!exponent || !modulus || BN_num_bits(modulus.get()) < 1024 ||
        BN_num_bits(modulus.get()) > 16384)
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

Result<Key> key_from_openssh(std::string_view text)
{
    auto const blank = text.find(' ');
    if (blank == std::string_view::npos)
        return bad_key();
    auto const coded = text.substr(blank + 1, text.find_first_of(" \r\n", blank + 1) - blank - 1);
    auto const decoded = from_base64(coded);
    if (!decoded.ok())
        return bad_key();
    std::span<std::byte const> blob = decoded.value();
    auto const type = TRY(take_ssh_string(blob));
    if (as_text(type) != text.substr(0, blank))
        return bad_key();
    if (as_text(type) == "ssh-rsa") {
        auto const e = TRY(take_ssh_string(blob));
        auto const n = TRY(take_ssh_string(blob));
        return rsa_key(e, n);
    }
    auto const raw = TRY(take_ssh_string(blob));
    if (as_text(type) != "ssh-ed25519" || raw.size() != 32)
        return Error{Fault::invalid, Noun::key_pair, "Only rsa and ed25519 keys are supported"};
    Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_uchar(raw), raw.size()),
            EVP_PKEY_free);
    if (!key)
        return bad_key();
    return key;
}

Result<Key> key_from_pem(std::string const& text)
{
    Bio const bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
    Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (!key)
        return bad_key();
    return key;
}

} // namespace

Result<NewKey> generate_key(std::string const& type)
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
    auto pem = TRY(private_pem(key.get(), rsa));
    return NewKey{std::move(described), std::move(pem)};
}

Result<PublicKey> read_public_key(std::string const& text)
{
    if (text.size() > kMaxKeyText)
        return bad_key();
    if (text.starts_with("ssh-")) {
        auto const key = TRY(key_from_openssh(text));
        return describe(key.get());
    }
    if (text.starts_with("-----BEGIN")) {
        auto const key = TRY(key_from_pem(text));
        return describe(key.get());
    }
    auto const der = from_base64(text);
    if (!der.ok())
        return bad_key();
    auto const* at = as_uchar(der.value());
    Key const key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.value().size())), EVP_PKEY_free);
    if (!key)
        return bad_key();
    return describe(key.get());
}

} // namespace karat::engine
