// SPDX-License-Identifier: Apache-2.0
#include "formats/tar_fields.hpp"

#include "formats/tar.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace karat::volumes::tar {
namespace {

constexpr std::size_t kMaxOctalDigits = 11;

void put_octal(std::span<std::byte> block, Field field, std::uint64_t value)
{
    store_text(block, field.at, fmt::format("{:0{}o}", value, field.length - 1));
}

bool is_of_checksum(std::size_t at)
{
    return at >= kChecksum.at && at < kChecksum.at + kChecksum.length;
}

} // namespace

std::string_view text_of(std::span<std::byte const> block, Field field)
{
    auto const text = as_text(block.subspan(field.at, field.length));
    return text.substr(0, std::min(text.find('\0'), text.size()));
}

std::optional<std::uint64_t> number_of(std::span<std::byte const> block, Field field)
{
    auto const bytes = block.subspan(field.at, field.length);
    if (bytes[0] == std::byte{0x80}) {
        auto const high = bytes.subspan(1, bytes.size() - 9);
        if (std::any_of(high.begin(), high.end(), [](auto b) { return b != std::byte{0}; }))
            return std::nullopt;
        return load_be<std::uint64_t>(bytes, bytes.size() - 8);
    }
    auto text = text_of(block, field);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    std::uint64_t value = 0;
    auto const read = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    auto const rest = text.substr(static_cast<std::size_t>(read.ptr - text.data()));
    bool const ends = rest.find_first_not_of(' ') == std::string_view::npos;
    return read.ec == std::errc() && ends ? std::optional(value) : std::nullopt;
}

std::uint64_t sum_of(std::span<std::byte const> block)
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i)
        sum += is_of_checksum(i) ? std::uint64_t{' '} : std::to_integer<std::uint64_t>(block[i]);
    return sum;
}

bool has_right_sum(std::span<std::byte const> block)
{
    auto const said = number_of(block, kChecksum);
    auto const sum = sum_of(block);
    std::uint64_t high = 0; // bytes that a signed sum counts 256 less
    for (std::size_t i = 0; i < block.size(); ++i)
        high += !is_of_checksum(i) && block[i] >= std::byte{0x80} ? 1U : 0U;
    return said && (*said == sum || *said + 256 * high == sum);
}

Bytes header_of(std::string_view name, std::uint64_t size_bytes, std::uint64_t modified_s)
{
    VERIFY(name.size() < kName.length);
    Bytes block(kBlockBytes);
    store_text(block, kName.at, name);
    put_octal(block, kMode, 0644);
    put_octal(block, kOwner, 0);
    put_octal(block, kGroup, 0);
    if (size_bytes >> (3 * kMaxOctalDigits) == 0) {
        put_octal(block, kSize, size_bytes);
    } else {
        block[kSize.at] = std::byte{0x80};
        store_be(block, kSize.at + 4, size_bytes);
    }
    put_octal(block, kTime, modified_s);
    block[kType] = std::byte{'0'};
    store_text(block, kMagic.at, kUstar);
    store_text(block, kMagic.at + kMagic.length, "00");
    store_text(block, kChecksum.at, fmt::format("{:06o}", sum_of(block)));
    block[kChecksum.at + 7] = std::byte{' '};
    return block;
}

bool is_header(std::span<std::byte const> block)
{
    return block.size() >= kBlockBytes && has_right_sum(block.first(kBlockBytes));
}

std::string plain_name(std::string_view name)
{
    std::string plain;
    while (!name.empty()) {
        auto const part = take_until(name, '/');
        if (!part.empty() && part != ".")
            plain += plain.empty() ? std::string(part) : fmt::format("/{}", part);
    }
    return plain;
}

} // namespace karat::volumes::tar
