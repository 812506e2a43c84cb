// SPDX-License-Identifier: Apache-2.0
// Little-endian numbers, hashes and texts in and out of byte strings. The reader is for strangers'
// bytes: it never reads past the end.
#pragma once

#include "karat/env.hpp"
#include "karat/hash.hpp"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <span>
#include <string>

namespace karat::blocks {

/// Copies all of `from`, as fast as memory goes: g++ 12 makes a loop over single bytes of
/// std::ranges::copy between spans. They do not overlap.
inline void copy_bytes(std::span<std::byte const> from, std::byte* to)
{
    if (!from.empty())
        std::memcpy(to, from.data(), from.size());
}

template <std::unsigned_integral T>
T load(std::byte const* from)
{
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(from[i]) << (8 * i)));
    return value;
}

template <std::unsigned_integral T>
void save(std::byte* to, T value)
{
    for (std::size_t i = 0; i < sizeof(T); ++i)
        to[i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
}

inline Hash load_hash(std::byte const* from)
{
    Hash hash;
    std::memcpy(hash.bytes.data(), from, hash.bytes.size());
    return hash;
}

/// Appends to a byte string.
class ByteWriter {
public:
    explicit ByteWriter(Bytes& out)
        : out_(out)
    {
    }
    template <std::unsigned_integral T>
    void number(T value)
    {
        auto const at = out_.size();
        out_.resize(at + sizeof(T));
        save(out_.data() + at, value);
    }
    void raw(std::span<std::byte const> bytes)
    {
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
    void raw(std::string_view text) { raw(as_bytes(text)); }
    void hash(Hash const& hash) { raw(hash.bytes); }
    void text(std::string_view text)
    {
        number(static_cast<std::uint32_t>(text.size()));
        raw(text);
    }

private:
    Bytes& out_;
};

/// Takes from a byte string, front to back. Once something did not fit it is `bad` and gives
/// zeroes: the caller asks once, at the end, and bounds its loops by left().
class ByteReader {
public:
    explicit ByteReader(std::span<std::byte const> in)
        : in_(in)
    {
    }
    template <std::unsigned_integral T>
    T number()
    {
        auto const bytes = raw(sizeof(T));
        return bytes.empty() ? T{0} : load<T>(bytes.data());
    }
    Hash hash()
    {
        auto const bytes = raw(32);
        return bytes.empty() ? Hash{} : load_hash(bytes.data());
    }
    std::string text() { return std::string(as_text(raw(number<std::uint32_t>()))); }
    std::span<std::byte const> raw(std::size_t count)
    {
        if (count > in_.size()) {
            bad_ = true;
            in_ = {};
            return {};
        }
        auto const taken = in_.first(count);
        in_ = in_.subspan(count);
        return taken;
    }
    std::size_t left() const { return in_.size(); }
    bool bad() const { return bad_; }

private:
    std::span<std::byte const> in_;
    bool bad_ = false;
};

} // namespace karat::blocks
