// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) by OpenSSL; hexadecimal and base64 (RFC 4648).
#pragma once

#include "karat/result.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace karat {

/// A SHA-256 digest: what an extent, a page and a manifest are named by.
struct Hash {
    std::array<std::byte, 32> bytes{};
    auto operator<=>(Hash const&) const = default;
    /// 64 lower-case hexadecimal digits.
    std::string text() const;
    static Result<Hash> parse(std::string_view hex);
};

/// Incremental SHA-256. Reusable: finish() starts anew. Not for several threads at once.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void update(std::span<std::byte const> bytes);
    void update(std::string_view text);
    Hash finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

Hash sha256(std::span<std::byte const> bytes);
Hash sha256(std::string_view text);
Hash hmac_sha256(std::span<std::byte const> key, std::string_view text);

/// Compares in a time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);

std::string to_hex(std::span<std::byte const> bytes);
Result<std::vector<std::byte>> from_hex(std::string_view hex);
std::string to_base64(std::span<std::byte const> bytes);
/// Strict RFC 4648 alphabet; white space is allowed, as encoders that wrap lines emit it.
Result<std::vector<std::byte>> from_base64(std::string_view text);

} // namespace karat
