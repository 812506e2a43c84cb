// SPDX-License-Identifier: Apache-2.0
// Disks in formats that qemu-img only reads: small files made by hand, for what our refusals
// advise.
#pragma once

#include "fields.hpp"

#include "karat/hash.hpp"

#include <fmt/format.h>
#include <string>
#include <zlib.h>

namespace karat::volumes::testing {

/// The bytes as a zlib stream.
inline Bytes deflated(std::span<std::byte const> plain)
{
    auto length = ::compressBound(plain.size());
    Bytes packed(length);
    void const* const from = plain.data();
    void* const into = packed.data();
    VERIFY(::compress2(static_cast<Bytef*>(into), &length, static_cast<Bytef const*>(from),
                       plain.size(), 1) == Z_OK);
    packed.resize(length);
    return packed;
}

inline void append(Bytes& bytes, std::span<std::byte const> more)
{
    bytes.insert(bytes.end(), more.begin(), more.end());
}

/// Bochs, growing, version 2: extents of 1 MiB, each after a bitmap of one sector.
inline Bytes bochs_of(Bytes const& disk)
{
    constexpr std::uint32_t kExtent = 1 << 20;
    auto const extents = static_cast<std::uint32_t>(disk.size() / kExtent);
    Bytes bytes(512 + 4 * std::size_t{extents});
    store_text(bytes, 0, "Bochs Virtual HD Image");
    store_text(bytes, 32, "Redolog");
    store_text(bytes, 48, "Growing");
    store_le(bytes, 64, std::uint32_t{0x00020000});
    store_le(bytes, 68, std::uint32_t{512});
    store_le(bytes, 72, extents);
    store_le(bytes, 76, std::uint32_t{kExtent / 512 / 8});
    store_le(bytes, 80, kExtent);
    store_le(bytes, 88, std::uint64_t{disk.size()});
    for (std::uint32_t i = 0; i < extents; ++i) {
        store_le(bytes, 512 + 4 * std::size_t{i}, i);
        bytes.resize(bytes.size() + 512, std::byte{0xff});
        append(bytes, std::span(disk).subspan(std::size_t{i} * kExtent, kExtent));
    }
    return bytes;
}

/// cloop, version 2: blocks of 64 KiB, each a zlib stream.
inline Bytes cloop_of(Bytes const& disk)
{
    constexpr std::uint32_t kBlock = 64 << 10;
    auto const blocks = static_cast<std::uint32_t>(disk.size() / kBlock);
    Bytes bytes(136 + 8 * (std::size_t{blocks} + 1));
    store_text(bytes, 0,
               "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660\n");
    store_be(bytes, 128, kBlock);
    store_be(bytes, 132, blocks);
    for (std::uint32_t i = 0; i < blocks; ++i) {
        store_be(bytes, 136 + 8 * std::size_t{i}, std::uint64_t{bytes.size()});
        append(bytes, deflated(std::span(disk).subspan(std::size_t{i} * kBlock, kBlock)));
    }
    store_be(bytes, 136 + 8 * std::size_t{blocks}, std::uint64_t{bytes.size()});
    return bytes;
}

/// DMG: chunks of 256 KiB, each a zlib stream; a table of them in a property list; a trailer.
inline Bytes dmg_of(Bytes const& disk)
{
    constexpr std::size_t kChunk = 256 << 10;
    auto const chunks = disk.size() / kChunk;
    Bytes bytes;
    Bytes table(204 + 40 * (chunks + 1));
    store_text(table, 0, "mish");
    store_be(table, 4, std::uint32_t{1});
    store_be(table, 16, std::uint64_t{disk.size() / 512});
    store_be(table, 200, static_cast<std::uint32_t>(chunks + 1));
    for (std::size_t i = 0; i <= chunks; ++i) {
        auto const at = 204 + 40 * i;
        store_be(table, at, i < chunks ? 0x80000005U : 0xffffffffU);
        store_be(table, at + 8, std::uint64_t{i * kChunk / 512});
        if (i == chunks)
            break;
        auto const packed = deflated(std::span(disk).subspan(i * kChunk, kChunk));
        store_be(table, at + 16, std::uint64_t{kChunk / 512});
        store_be(table, at + 24, std::uint64_t{bytes.size()});
        store_be(table, at + 32, std::uint64_t{packed.size()});
        append(bytes, packed);
    }
    auto const list = fmt::format("<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict><key>"
                                  "resource-fork</key><dict><key>blkx</key><array><dict><key>Data"
                                  "</key><data>\n{}\n</data></dict></array></dict></dict></plist>",
                                  to_base64(table));
    auto const list_at = bytes.size();
    append(bytes, as_bytes(list));
    Bytes trailer(512);
    store_text(trailer, 0, "koly");
    store_be(trailer, 4, std::uint32_t{4});
    store_be(trailer, 8, std::uint32_t{512});
    store_be(trailer, 0x20, std::uint64_t{list_at});
    store_be(trailer, 0xd8, std::uint64_t{list_at});
    store_be(trailer, 0xe0, std::uint64_t{list.size()});
    store_be(trailer, 0x1ec, std::uint64_t{disk.size() / 512});
    append(bytes, trailer);
    return bytes;
}

} // namespace karat::volumes::testing
