// SPDX-License-Identifier: Apache-2.0
// What every reader and writer of disk formats does with bytes: integers of either order at places
// of a structure, and where a structure may lie. VHD and qcow2 are big-endian, VMDK and VHDX
// little-endian.
#pragma once

#include "karat/env.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace karat::volumes {

/// The integer at a place inside of `bytes`: which bytes were read is known before what they say,
/// so a place beyond them is our mistake, not the file's.
template <std::endian order, class Unsigned>
Unsigned load(std::span<std::byte const> bytes, std::size_t at)
{
    VERIFY(at <= bytes.size() && sizeof(Unsigned) <= bytes.size() - at);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
        auto const place = order == std::endian::big ? i : sizeof(Unsigned) - 1 - i;
        value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + place]);
    }
    return static_cast<Unsigned>(value);
}

template <std::endian order, class Unsigned>
void store(std::span<std::byte> bytes, std::size_t at, Unsigned value)
{
    VERIFY(at <= bytes.size() && sizeof(Unsigned) <= bytes.size() - at);
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
        auto const place = order == std::endian::little ? i : sizeof(Unsigned) - 1 - i;
        bytes[at + place] = static_cast<std::byte>(std::uint64_t{value} >> (8 * i) & 0xff);
    }
}

template <class Unsigned>
Unsigned load_le(std::span<std::byte const> bytes, std::size_t at)
{
    return load<std::endian::little, Unsigned>(bytes, at);
}

template <class Unsigned>
Unsigned load_be(std::span<std::byte const> bytes, std::size_t at)
{
    return load<std::endian::big, Unsigned>(bytes, at);
}

template <class Unsigned>
void store_le(std::span<std::byte> bytes, std::size_t at, Unsigned value)
{
    store<std::endian::little>(bytes, at, value);
}

template <class Unsigned>
void store_be(std::span<std::byte> bytes, std::size_t at, Unsigned value)
{
    store<std::endian::big>(bytes, at, value);
}

/// Puts text there, without an end.
inline void store_text(std::span<std::byte> bytes, std::size_t at, std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); ++i)
        bytes[at + i] = static_cast<std::byte>(text[i]);
}

/// Whether a place that a file names is inside of its first `length_bytes`.
constexpr bool lies_within(Range place, std::uint64_t length_bytes)
{
    return place.offset_bytes <= length_bytes &&
           place.length_bytes <= length_bytes - place.offset_bytes;
}

/// Whether two places have bytes in common; a place need not lie within the file.
inline bool overlap(Range one, Range other)
{
    return one.offset_bytes < other.end_bytes() && other.offset_bytes < one.end_bytes();
}

} // namespace karat::volumes
