// SPDX-License-Identifier: Apache-2.0
#include "private_key_text.hpp"

#include <array>
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

namespace karat::engine {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Result<Secret> rsa_pem(EVP_PKEY const* key)
{
    Bio const bio(BIO_new(BIO_s_secmem()), BIO_free);
    auto const written = bio ? PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr,
                                                                    nullptr, 0, nullptr, nullptr)
                             : 0;
    char* text = nullptr;
    auto const length = written == 1 ? BIO_get_mem_data(bio.get(), &text) : 0;
    if (length <= 0)
        return fail(Fault::io, "OpenSSL could not write a private key");
    return Secret(std::string(text, static_cast<std::size_t>(length)));
}

Result<void> append_random(Bytes& to, std::size_t count)
{
    std::array<unsigned char, 8> bytes{};
    VERIFY(count <= bytes.size());
    if (RAND_bytes(bytes.data(), static_cast<int>(count)) != 1)
        return fail(Fault::io, "OpenSSL has no random bytes");
    auto const random = std::as_bytes(std::span(bytes).first(count));
    to.insert(to.end(), random.begin(), random.end());
    return {};
}

/// The seed, then the public half.
Result<std::array<unsigned char, 64>> ed25519_pair(EVP_PKEY const* key)
{
    std::array<unsigned char, 64> pair{};
    std::size_t half = 32;
    if (EVP_PKEY_get_raw_private_key(key, pair.data(), &half) != 1 || half != 32 ||
        EVP_PKEY_get_raw_public_key(key, pair.data() + 32, &half) != 1 || half != 32)
        return fail(Fault::io, "OpenSSL could not show a private key");
    return pair;
}

std::string in_lines(std::string_view coded, std::size_t width)
{
    std::string text;
    for (std::size_t at = 0; at < coded.size(); at += width)
        text.append(coded.substr(at, width)).append("\n");
    return text;
}

/// The part of an OpenSSH private key that a passphrase would encrypt (PROTOCOL.key §3): the same
/// random number twice, the key, a comment, and 1, 2, 3 … up to a multiple of eight bytes.
Result<Bytes> ed25519_secrets(EVP_PKEY const* key)
{
    auto pair = TRY(ed25519_pair(key));
    auto const halves = std::as_bytes(std::span(pair));
    Bytes secrets;
    TRY(append_random(secrets, 4));
    auto const check = secrets;
    secrets.insert(secrets.end(), check.begin(), check.end());
    append_ssh_string(secrets, as_bytes("ssh-ed25519"));
    append_ssh_string(secrets, halves.subspan(32));
    append_ssh_string(secrets, halves);
    append_ssh_string(secrets, {});
    for (int pad = 1; secrets.size() % 8 != 0; ++pad)
        secrets.push_back(static_cast<std::byte>(pad));
    OPENSSL_cleanse(pair.data(), pair.size());
    return secrets;
}

/// "BEGIN OPENSSH PRIVATE KEY", which is the only form in which ssh reads ed25519.
Result<Secret> ed25519_pem(EVP_PKEY const* key)
{
    constexpr std::size_t kLine = 70;
    auto secrets = TRY(ed25519_secrets(key));
    auto const blob = TRY(ssh_blob(key));
    Bytes whole;
    auto const magic = as_bytes(std::string_view("openssh-key-v1\0", 15));
    whole.insert(whole.end(), magic.begin(), magic.end());
    append_ssh_string(whole, as_bytes("none")); // cipher
    append_ssh_string(whole, as_bytes("none")); // what would make its key
    append_ssh_string(whole, {});
    for (int const byte : {0, 0, 0, 1}) // keys
        whole.push_back(static_cast<std::byte>(byte));
    append_ssh_string(whole, blob);
    append_ssh_string(whole, secrets);
    auto const coded = to_base64(whole);
    OPENSSL_cleanse(secrets.data(), secrets.size());
    OPENSSL_cleanse(whole.data(), whole.size());
    return Secret("-----BEGIN OPENSSH PRIVATE KEY-----\n" + in_lines(coded, kLine) +
                  "-----END OPENSSH PRIVATE KEY-----\n");
}

bool is_rsa(EVP_PKEY const* key) { return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA; }

/// The private half as PuTTY keeps it: of RSA d, p, q and the inverse of q; of ed25519 the seed.
Result<Bytes> putty_secrets(EVP_PKEY const* key)
{
    Bytes secrets;
    if (is_rsa(key)) {
        for (auto const* const name :
             {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
              OSSL_PKEY_PARAM_RSA_COEFFICIENT1}) {
            auto const number = TRY(key_number(key, name));
            append_ssh_number(secrets, number.get());
        }
        return secrets;
    }
    auto pair = TRY(ed25519_pair(key));
    append_ssh_string(secrets, std::as_bytes(std::span(pair)).first(32));
    OPENSSL_cleanse(pair.data(), pair.size());
    return secrets;
}

/// HMAC-SHA-1 over all that the file says. Without a passphrase it only finds damage.
std::string putty_mac(std::string_view type, Bytes const& blob, Bytes const& secrets)
{
    constexpr std::string_view kKeyOfMac = "putty-private-key-file-mac-key";
    Bytes said;
    for (auto const text : {type, std::string_view("none"), std::string_view()})
        append_ssh_string(said, as_bytes(text));
    append_ssh_string(said, blob);
    append_ssh_string(said, secrets);
    auto const bytes = [](auto const& of) {
        return static_cast<unsigned char const*>(static_cast<void const*>(of.data()));
    };
    std::array<unsigned char, SHA_DIGEST_LENGTH> key{};
    std::array<unsigned char, SHA_DIGEST_LENGTH> mac{};
    SHA1(bytes(kKeyOfMac), kKeyOfMac.size(), key.data());
    HMAC(EVP_sha1(), key.data(), SHA_DIGEST_LENGTH, bytes(said), said.size(), mac.data(), nullptr);
    OPENSSL_cleanse(said.data(), said.size());
    return to_hex(std::as_bytes(std::span(mac)));
}

Result<Secret> putty_text(EVP_PKEY const* key)
{
    constexpr std::size_t kLine = 64;
    auto const* const type = is_rsa(key) ? "ssh-rsa" : "ssh-ed25519";
    auto const blob = TRY(ssh_blob(key));
    auto secrets = TRY(putty_secrets(key));
    auto text = fmt::format("PuTTY-User-Key-File-2: {}\nEncryption: none\nComment: \n", type);
    auto const append = [&](char const* what, Bytes const& bytes) {
        auto const coded = to_base64(bytes);
        text += fmt::format("{}-Lines: {}\n", what, (coded.size() + kLine - 1) / kLine);
        text += in_lines(coded, kLine);
    };
    append("Public", blob);
    append("Private", secrets);
    text += fmt::format("Private-MAC: {}\n", putty_mac(type, blob, secrets));
    OPENSSL_cleanse(secrets.data(), secrets.size());
    return Secret(std::move(text));
}

} // namespace

Result<Secret> private_key_text(EVP_PKEY const* key, KeyFormat format)
{
    if (format == KeyFormat::ppk)
        return putty_text(key);
    return is_rsa(key) ? rsa_pem(key) : ed25519_pem(key);
}

} // namespace karat::engine
