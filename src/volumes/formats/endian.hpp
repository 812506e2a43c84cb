// SPDX-License-Identifier: Apache-2.0
// Integers in disk images: VHD's are big-endian, VMDK's and VHDX's little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace karat::volumes {

template <class Unsigned>
Unsigned load_le(std::span<std::byte const> bytes, std::size_t at)
{
    Unsigned value = 0;
    for (std::size_t i = sizeof(Unsigned); i-- > 0;)
        value = static_cast<Unsigned>((std::uint64_t{value} << 8) |
                                      std::to_integer<std::uint64_t>(bytes[at + i]));
    return value;
}

template <class Unsigned>
Unsigned load_be(std::span<std::byte const> bytes, std::size_t at)
{
    Unsigned value = 0;
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
        value = static_cast<Unsigned>((std::uint64_t{value} << 8) |
                                      std::to_integer<std::uint64_t>(bytes[at + i]));
    return value;
}

template <class Unsigned>
void store_le(std::span<std::byte> bytes, std::size_t at, Unsigned value)
{
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
        bytes[at + i] = static_cast<std::byte>(std::uint64_t{value} >> (8 * i) & 0xff);
}

template <class Unsigned>
void store_be(std::span<std::byte> bytes, std::size_t at, Unsigned value)
{
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
        bytes[at + sizeof(Unsigned) - 1 - i] =
            static_cast<std::byte>(std::uint64_t{value} >> (8 * i) & 0xff);
}

/// Puts text there, without an end.
inline void store_text(std::span<std::byte> bytes, std::size_t at, std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); ++i)
        bytes[at + i] = static_cast<std::byte>(text[i]);
}

} // namespace karat::volumes
