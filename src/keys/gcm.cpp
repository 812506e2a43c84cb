// SPDX-License-Identifier: Apache-2.0
#include "karat/gcm.hpp"

#include "karat/result.hpp"
#include "karat/secret_bytes.hpp"

#include <algorithm>
#include <openssl/evp.h>

namespace karat::keys {
namespace {

unsigned char const* chars(std::span<std::byte const> bytes)
{
    return static_cast<unsigned char const*>(static_cast<void const*>(bytes.data()));
}
unsigned char* chars(std::span<std::byte> bytes)
{
    return static_cast<unsigned char*>(static_cast<void*>(bytes.data()));
}

} // namespace

struct Gcm::State {
    EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    State() = default;
    State(State const&) = delete;
    State& operator=(State const&) = delete;
    ~State()
    {
        EVP_CIPHER_CTX_free(context);
        EVP_CIPHER_free(cipher);
    }

    /// Everything up to the last bytes of the text; `whole` is text.size() then.
    bool run(Terms const& terms, bool sealing, std::span<std::byte const> text,
             std::span<std::byte> out)
    {
        VERIFY(terms.key.size() == kKeyBytes && terms.nonce.size() == kNonceBytes);
        int length = 0;
        return EVP_CipherInit_ex2(context, cipher, chars(terms.key), chars(terms.nonce),
                                  sealing ? 1 : 0, nullptr) == 1 &&
               EVP_CipherUpdate(context, nullptr, &length, chars(terms.extra),
                                static_cast<int>(terms.extra.size())) == 1 &&
               EVP_CipherUpdate(context, chars(out), &length, chars(text),
                                static_cast<int>(text.size())) == 1 &&
               static_cast<std::size_t>(length) == text.size();
    }
};

Gcm::Gcm()
    : state_(std::make_unique<State>())
{
    VERIFY(state_->cipher != nullptr && state_->context != nullptr);
}
Gcm::~Gcm() = default;

void Gcm::seal(Terms const& terms, std::span<std::byte const> plain, std::span<std::byte> out)
{
    VERIFY(out.size() == plain.size() + kTagBytes);
    auto const tag = out.last(kTagBytes);
    int length = 0;
    VERIFY(state_->run(terms, true, plain, out.first(plain.size())) &&
           EVP_CipherFinal_ex(state_->context, chars(tag), &length) == 1 && length == 0 &&
           EVP_CIPHER_CTX_ctrl(state_->context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1);
}

bool Gcm::open(Terms const& terms, std::span<std::byte const> sealed, std::span<std::byte> out)
{
    if (sealed.size() != out.size() + kTagBytes)
        return false;
    std::array<std::byte, kTagBytes> tag{};
    std::ranges::copy(sealed.last(kTagBytes), tag.begin());
    std::array<unsigned char, 16> rest{};
    int length = 0;
    bool const good =
        state_->run(terms, false, sealed.first(out.size()), out) &&
        EVP_CIPHER_CTX_ctrl(state_->context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
        EVP_CipherFinal_ex(state_->context, rest.data(), &length) == 1;
    if (!good)
        std::ranges::fill(out, std::byte{0});
    return good;
}

} // namespace karat::keys
