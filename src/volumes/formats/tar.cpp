// SPDX-License-Identifier: Apache-2.0
#include "formats/tar.hpp"

#include "fields.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>

namespace karat::volumes::tar {
namespace {

constexpr std::size_t kMaxMembers = 64;
constexpr std::uint64_t kMaxPaxBytes = 64 << 10;

/// Where a header's fields are.
struct Field {
    std::size_t at;
    std::size_t length;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kOwner{108, 8};
constexpr Field kGroup{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kMagic{257, 5};
constexpr Field kPrefix{345, 155};
constexpr std::string_view kUstar = "ustar";
constexpr std::size_t kMaxOctalDigits = 11;

std::string_view text_of(std::span<std::byte const> block, Field field)
{
    auto const text = as_text(block.subspan(field.at, field.length));
    return text.substr(0, std::min(text.find('\0'), text.size()));
}

/// A number in octal digits, between blanks; or GNU's: the first bit set, big-endian bytes.
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

/// The sum of all bytes, the checksum's own taken as blanks.
std::uint64_t sum_of(std::span<std::byte const> block)
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i)
        sum += i >= kChecksum.at && i < kChecksum.at + kChecksum.length
                   ? std::uint64_t{' '}
                   : std::to_integer<std::uint64_t>(block[i]);
    return sum;
}

/// What an extended header ('x') says of the member after it.
struct Extended {
    std::optional<std::string> name;
    std::optional<std::uint64_t> size;
};

/// Records are "LENGTH KEY=VALUE\n", LENGTH counting all of it.
std::optional<Extended> read_extended(std::string_view text)
{
    Extended extended;
    while (!text.empty() && text.front() != '\0') {
        std::size_t length = 0;
        auto const read = std::from_chars(text.data(), text.data() + text.size(), length);
        auto const head = static_cast<std::size_t>(read.ptr - text.data()) + 1;
        if (read.ec != std::errc() || length > text.size() || head >= length)
            return std::nullopt;
        auto const record = text.substr(head, length - head - 1);
        auto const equals = std::min(record.find('='), record.size());
        auto const value = record.substr(std::min(equals + 1, record.size()));
        if (record.substr(0, equals) == "path")
            extended.name = value;
        if (record.substr(0, equals) == "size") {
            std::uint64_t size = 0;
            auto const* const end = value.data() + value.size();
            auto const digits = std::from_chars(value.data(), end, size);
            if (digits.ec != std::errc() || digits.ptr != end)
                return std::nullopt;
            extended.size = size;
        }
        text.remove_prefix(length);
    }
    return extended;
}

class Lister {
public:
    Lister(File& file, std::uint64_t file_bytes, Complaints const& complaints)
        : file_(file)
        , file_bytes_(file_bytes)
        , complaints_(complaints)
    {
    }

    Result<std::vector<Member>> run()
    {
        Bytes block(kBlockBytes);
        while (offset_ < file_bytes_) {
            if (file_bytes_ - offset_ < kBlockBytes)
                return complaints_.cut_off("its last header reaches");
            TRY(read_exactly(file_, offset_, block));
            if (std::all_of(block.begin(), block.end(), [](auto b) { return b == std::byte{0}; }))
                return std::move(members_);
            TRY(add(block));
        }
        return complaints_.cut_off("its last blocks lie");
    }

private:
    Result<void> add(Bytes const& block)
    {
        if (number_of(block, kChecksum) != sum_of(block))
            return complaints_.damaged(
                fmt::format("the checksum of the header at byte {} is wrong", offset_));
        auto const size = extended_.size ? extended_.size : number_of(block, kSize);
        auto const data = offset_ + kBlockBytes;
        if (!size || *size > file_bytes_ || data > file_bytes_ - *size)
            return complaints_.cut_off("a member reaches");
        if (++headers_ > 2 * kMaxMembers)
            return complaints_.unsupported(fmt::format("has more than {} members", kMaxMembers));
        auto const type = static_cast<char>(block[kType]);
        offset_ = data + (*size + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
        if (type == 'x')
            return extend({data, *size});
        if (type != '0' && type != '\0')
            return complaints_.unsupported("holds something else than plain files");
        auto const name = extended_.name ? *extended_.name : std::string(text_of(block, kName));
        if (!extended_.name && !text_of(block, kPrefix).empty() &&
            text_of(block, kMagic).starts_with(kUstar))
            return complaints_.unsupported("holds files in folders");
        TRY(check_name(name));
        members_.push_back({name, {data, *size}});
        extended_ = {};
        return {};
    }

    Result<void> extend(Range data)
    {
        if (data.length_bytes > kMaxPaxBytes)
            return complaints_.unsupported("has an extended header of more than 64 KiB");
        Bytes bytes(data.length_bytes);
        TRY(read_exactly(file_, data.offset_bytes, bytes));
        auto const read = read_extended(as_text(bytes));
        if (!read)
            return complaints_.damaged("an extended header cannot be read");
        extended_ = *read;
        return {};
    }

    Result<void> check_name(std::string const& name) const
    {
        bool const plain = std::all_of(name.begin(), name.end(),
                                       [](char c) { return c >= ' ' && c <= '~' && c != '/'; });
        if (name.empty() || !plain || name.front() == '.')
            return complaints_.unsupported("holds a file whose name is not a plain one");
        for (auto const& other : members_)
            if (other.name == name)
                return complaints_.damaged(fmt::format("it holds '{}' twice", name));
        return {};
    }

    File& file_;
    std::uint64_t file_bytes_;
    Complaints const& complaints_;
    std::uint64_t offset_ = 0;
    std::size_t headers_ = 0;
    Extended extended_;
    std::vector<Member> members_;
};

void put_octal(std::span<std::byte> block, Field field, std::uint64_t value)
{
    store_text(block, field.at, fmt::format("{:0{}o}", value, field.length - 1));
}

} // namespace

Result<std::vector<Member>> list(File& file, Complaints const& complaints)
{
    auto const file_bytes = TRY(file.size_bytes());
    return Lister(file, file_bytes, complaints).run();
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
    store_text(block, kMagic.at + 6, "00");
    store_text(block, kChecksum.at, fmt::format("{:06o}", sum_of(block)));
    block[kChecksum.at + 7] = std::byte{' '};
    return block;
}

bool is_header(std::span<std::byte const> block)
{
    return block.size() >= kBlockBytes &&
           number_of(block.first(kBlockBytes), kChecksum) == sum_of(block.first(kBlockBytes));
}

} // namespace karat::volumes::tar
