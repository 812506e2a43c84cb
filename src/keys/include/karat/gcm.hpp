// SPDX-License-Identifier: Apache-2.0
// AES-256-GCM by OpenSSL, with a context that is made once.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace karat::keys {

inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;

/// One thread's tool. Keeps the schedule of the last key until it ends or gets the next; both wipe
/// it.
class Gcm {
public:
    Gcm();
    ~Gcm();
    Gcm(Gcm const&) = delete;
    Gcm& operator=(Gcm const&) = delete;

    struct Terms {
        std::span<std::byte const> key;   ///< kKeyBytes.
        std::span<std::byte const> nonce; ///< kNonceBytes; never twice for two texts of a key.
        std::span<std::byte const> extra; ///< Covered by the tag, not encrypted.
    };
    /// Writes the ciphertext and the tag: out.size() is plain.size() + kTagBytes.
    void seal(Terms const& terms, std::span<std::byte const> plain, std::span<std::byte> out);
    /// The other way. False when the tag does not fit; then `out` is zeroes, not unproven bytes.
    [[nodiscard]] bool open(Terms const& terms, std::span<std::byte const> sealed,
                            std::span<std::byte> out);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace karat::keys
