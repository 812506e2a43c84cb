// SPDX-License-Identifier: Apache-2.0
#include "karat/hash.hpp"

#include "karat/env.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace karat {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr char kBase64Digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_value(char c)
{
    auto const* const end = kBase64Digits + 64;
    auto const* const found = std::find(kBase64Digits, end, c);
    return found == end ? -1 : static_cast<int>(found - kBase64Digits);
}

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

} // namespace

std::string Hash::text() const { return to_hex(bytes); }

Result<Hash> Hash::parse(std::string_view hex)
{
    auto const decoded = TRY(from_hex(hex));
    Hash hash;
    if (decoded.size() != hash.bytes.size())
        return fail(Fault::invalid, "A SHA-256 digest has 64 hexadecimal digits");
    std::copy(decoded.begin(), decoded.end(), hash.bytes.begin());
    return hash;
}

struct Sha256::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_MD* digest = EVP_MD_fetch(nullptr, "SHA256",
                                  nullptr); // fetched once: a fetch costs more than a short hash
    State() = default;
    State(State const&) = delete;
    ~State()
    {
        EVP_MD_CTX_free(context);
        EVP_MD_free(digest);
    }
    void begin() { VERIFY(EVP_DigestInit_ex2(context, digest, nullptr) == 1); }
};

Sha256::Sha256()
    : state_(std::make_unique<State>())
{
    state_->begin();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<std::byte const> bytes)
{
    VERIFY(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Sha256::update(std::string_view text) { update(as_bytes(text)); }

Hash Sha256::finish()
{
    Hash hash;
    unsigned char digest[32];
    unsigned int length = 0;
    VERIFY(EVP_DigestFinal_ex(state_->context, digest, &length) == 1 && length == sizeof digest);
    std::transform(digest, digest + sizeof digest, hash.bytes.begin(),
                   [](unsigned char c) { return std::byte{c}; });
    state_->begin();
    return hash;
}

Hash sha256(std::span<std::byte const> bytes)
{
    Sha256 hasher;
    hasher.update(bytes);
    return hasher.finish();
}

Hash sha256(std::string_view text) { return sha256(as_bytes(text)); }

Hash hmac_sha256(std::span<std::byte const> key, std::string_view text)
{
    // RFC 2104 spelt out: OpenSSL's one-shot HMAC fetches its digest anew at every call.
    constexpr std::size_t kBlock = 64;
    std::array<std::byte, kBlock> padded{};
    if (key.size() > kBlock) {
        auto const digest = sha256(key);
        std::copy(digest.bytes.begin(), digest.bytes.end(), padded.begin());
    } else {
        std::copy(key.begin(), key.end(), padded.begin());
    }
    auto inner = padded;
    auto outer = padded;
    for (auto& b : inner)
        b ^= std::byte{0x36};
    for (auto& b : outer)
        b ^= std::byte{0x5c};
    Sha256 hasher;
    hasher.update(inner);
    hasher.update(text);
    auto const digest = hasher.finish();
    hasher.update(outer);
    hasher.update(digest.bytes);
    return hasher.finish();
}

bool equal_constant_time(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(std::span<std::byte const> bytes)
{
    std::string text;
    text.reserve(bytes.size() * 2);
    for (auto const b : bytes) {
        text += kHexDigits[std::to_integer<unsigned>(b) >> 4];
        text += kHexDigits[std::to_integer<unsigned>(b) & 15];
    }
    return text;
}

Result<std::vector<std::byte>> from_hex(std::string_view hex)
{
    if (hex.size() % 2 != 0)
        return fail(Fault::invalid, "Hexadecimal text has an odd number of digits");
    std::vector<std::byte> bytes;
    bytes.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        auto const high = hex_value(hex[i]);
        auto const low = hex_value(hex[i + 1]);
        if (high < 0 || low < 0)
            return fail(Fault::invalid, "The text is not hexadecimal");
        bytes.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return bytes;
}

std::string to_base64(std::span<std::byte const> bytes)
{
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        auto const have = std::min<std::size_t>(3, bytes.size() - i);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < have ? std::to_integer<unsigned>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            text += k <= have ? kBase64Digits[group >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

Result<std::vector<std::byte>> from_base64(std::string_view text)
{
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 4 * 3);
    unsigned group = 0;
    std::size_t digits = 0;
    std::size_t padding = 0;
    for (char const c : text) {
        if (blank(c))
            continue;
        if (c == '=') {
            ++padding;
            continue;
        }
        auto const value = base64_value(c);
        if (value < 0 || padding > 0)
            return fail(Fault::invalid, "The text is not base64");
        group = group << 6 | static_cast<unsigned>(value);
        if (++digits % 4 == 0) {
            for (unsigned const shift : {16U, 8U, 0U})
                bytes.push_back(static_cast<std::byte>(group >> shift & 255));
            group = 0;
        }
    }
    auto const rest = digits % 4;
    if (rest == 1 || padding > 2 || (padding > 0 && (rest + padding) != 4))
        return fail(Fault::invalid, "The text is not base64");
    if (rest >= 2)
        bytes.push_back(static_cast<std::byte>((rest == 2 ? group >> 4 : group >> 10) & 255));
    if (rest == 3)
        bytes.push_back(static_cast<std::byte>(group >> 2 & 255));
    return bytes;
}

} // namespace karat
