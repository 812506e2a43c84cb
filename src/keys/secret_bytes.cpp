// SPDX-License-Identifier: Apache-2.0
#include "karat/secret_bytes.hpp"

#include "karat/result.hpp"

#include <algorithm>
#include <cstring>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/mman.h>

namespace karat::keys {
namespace {

std::byte* map(std::size_t size)
{
    auto* const at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    VERIFY(at != MAP_FAILED); // decision 016: no memory is a crash
    // Best effort, both: an unprivileged process may lock little, and old kernels know no dump
    // flag.
    (void)::mlock(at, size);
    (void)::madvise(at, size, MADV_DONTDUMP);
    return static_cast<std::byte*>(at);
}

} // namespace

SecretBytes::SecretBytes(std::size_t size)
    : size_(size)
    , bytes_(map(size), Unmap{size})
{
}

void SecretBytes::Unmap::operator()(std::byte* bytes) const
{
    wipe({bytes, size});
    (void)::munmap(bytes, size);
}

void wipe(std::span<std::byte> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

SecretBytes derive(SecretBytes const& key, char const* label)
{
    std::array<unsigned char, 64> words{};
    auto const length = std::strlen(label);
    VERIFY(length <= words.size());
    std::copy_n(label, length, words.begin());
    SecretBytes derived(kKeyBytes);
    std::array<unsigned char, kKeyBytes> digest{};
    unsigned int size = 0;
    auto const from = key.reveal();
    VERIFY(::HMAC(EVP_sha256(), from.data(), static_cast<int>(from.size()), words.data(), length,
                  digest.data(), &size) != nullptr &&
           size == digest.size());
    std::ranges::copy(std::as_bytes(std::span(digest)), derived.reveal().begin());
    wipe(std::as_writable_bytes(std::span(digest)));
    return derived;
}

} // namespace karat::keys
