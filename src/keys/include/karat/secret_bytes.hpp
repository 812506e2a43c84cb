// SPDX-License-Identifier: Apache-2.0
// Memory for secrets: pages of their own that are locked where the system allows it, left out of
// core dumps, and wiped before they go. There is no formatter and no comparison, on purpose.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace karat::keys {

/// A master key or a data key has so many bytes.
inline constexpr std::size_t kKeyBytes = 32;

/// A fixed number of secret bytes, zeroes at first. Movable; not for several writers at once.
class SecretBytes {
public:
    explicit SecretBytes(std::size_t size);
    /// The only ways to the bytes; a grep for these words finds every use.
    std::span<std::byte> reveal() { return {bytes_.get(), size_}; }
    std::span<std::byte const> reveal() const { return {bytes_.get(), size_}; }

private:
    struct Unmap {
        std::size_t size;
        void operator()(std::byte* bytes) const;
    };
    std::size_t size_;
    std::unique_ptr<std::byte, Unmap> bytes_;
};

/// Overwrites what was secret, also where a compiler sees that nobody reads it any more.
void wipe(std::span<std::byte> bytes);

/// HMAC-SHA-256 of `label` under `key`: a key for one purpose.
SecretBytes derive(SecretBytes const& key, char const* label);

} // namespace karat::keys
