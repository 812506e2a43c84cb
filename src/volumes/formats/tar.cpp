// SPDX-License-Identifier: Apache-2.0
#include "formats/tar.hpp"

#include "formats/tar_fields.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace karat::volumes::tar {
namespace {

constexpr std::size_t kMaxMembers = 1024;
constexpr std::size_t kMaxHeaders = 4 * kMaxMembers;
constexpr std::uint64_t kMaxRecordsBytes = 1 << 20; // of pax, of a long name, of a sparse map
constexpr std::size_t kMaxNameBytes = 4096;
constexpr std::size_t kMaxExtents = 1 << 16; // of all members

/// What headers before a member say of it.
struct Announced {
    std::optional<std::string> name;
    std::optional<std::uint64_t> size;        ///< What the archive stores.
    std::optional<std::uint64_t> sparse_size; ///< Of a file with holes, all of it.
    std::vector<std::uint64_t> sparse_pairs;  ///< Offset, length, offset, …
    bool sparse_map_in_data = false;
};

/// "OFFSET,LENGTH,OFFSET,LENGTH…"
bool read_map(std::string_view text, std::vector<std::uint64_t>& pairs)
{
    while (!text.empty() && pairs.size() < 2 * kMaxExtents) {
        auto const number = karat::number_of<std::uint64_t>(take_until(text, ','));
        if (!number)
            return false;
        pairs.push_back(*number);
    }
    return text.empty();
}

/// Takes what one pax record says. False if its value cannot be read.
bool take_record(std::string_view key, std::string_view value, Announced& announced)
{
    auto const number = karat::number_of<std::uint64_t>(value);
    if (key == "path") {
        if (!announced.sparse_size && !announced.sparse_map_in_data)
            announced.name = value;
    } else if (key == "GNU.sparse.name") {
        announced.name = value;
    } else if (key == "size") {
        announced.size = number;
        return number.has_value();
    } else if (key == "GNU.sparse.size" || key == "GNU.sparse.realsize") {
        announced.sparse_size = number;
        return number.has_value();
    } else if (key == "GNU.sparse.major") {
        announced.sparse_map_in_data = number == 1U;
        return number.has_value() && *number <= 1;
    } else if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
        announced.sparse_pairs.push_back(number.value_or(0));
        return number.has_value() && announced.sparse_pairs.size() <= 2 * kMaxExtents;
    } else if (key == "GNU.sparse.map") {
        return read_map(value, announced.sparse_pairs);
    }
    return true;
}

/// Records are "LENGTH KEY=VALUE\n", LENGTH counting all of it.
bool read_records(std::string_view text, Announced& announced)
{
    while (!text.empty() && text.front() != '\0') {
        auto const blank = text.find(' ');
        auto const length = blank == std::string_view::npos
                                ? std::nullopt
                                : karat::number_of<std::uint64_t>(text.substr(0, blank));
        if (!length || *length > text.size() || *length < blank + 2)
            return false;
        auto const record = text.substr(blank + 1, *length - blank - 2);
        auto const equals = std::min(record.find('='), record.size());
        if (!take_record(record.substr(0, equals),
                         record.substr(std::min(equals + 1, record.size())), announced))
            return false;
        text.remove_prefix(*length);
    }
    return true;
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
                break;
            TRY(take(block));
        }
        return std::move(members_);
    }

private:
    Result<void> take(Bytes const& block)
    {
        if (!has_right_sum(block))
            return complaints_.damaged(
                fmt::format("the checksum of the header at byte {} is wrong", offset_));
        auto const type = static_cast<char>(block[kType]);
        auto size = announced_.size ? announced_.size : number_of(block, kSize);
        if (type == '1') // a hard link has no data, whatever its size says
            size = 0;
        auto data = offset_ + kBlockBytes;
        if (type == 'S')
            data = TRY(read_sparse_header(block, data));
        if (!size || !lies_within({data, *size}, file_bytes_))
            return complaints_.cut_off("a member reaches");
        if (++headers_ > kMaxHeaders || members_.size() > kMaxMembers)
            return complaints_.unsupported(
                fmt::format("has more than {} members", kMaxMembers),
                fmt::format("unpack it with 'tar -xf {}', and import its disk",
                            shell_word(complaints_.name().path)));
        offset_ = data + (*size + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
        switch (type) {
        case 'x':
        case 'X':
        case 'L':
            return announce(type, {data, *size});
        case 'K': // a long name of a link
        case 'g': // records for all members, which do not name or size them
            return {};
        case 'M':
            return complaints_.unsupported("is one of several volumes of an archive",
                                           "unpack them with 'tar -xM -f FIRST -f SECOND', and "
                                           "import the disk");
        case '0':
        case '7':
        case 'S':
        case '\0':
            TRY(add(block, {data, *size}));
            break;
        default:
            break; // folders, links, devices: nothing that holds a disk
        }
        announced_ = {};
        return {};
    }

    Result<void> announce(char type, Range data)
    {
        if (data.length_bytes > kMaxRecordsBytes)
            return complaints_.damaged("an extended header has more than 1 MiB");
        Bytes bytes(data.length_bytes);
        TRY(read_exactly(file_, data.offset_bytes, bytes));
        auto const text = as_text(bytes);
        if (type == 'L')
            announced_.name = text.substr(0, std::min(text.find('\0'), text.size()));
        else if (!read_records(text, announced_))
            return complaints_.damaged("an extended header cannot be read");
        return {};
    }

    std::string name_of(Bytes const& block) const
    {
        if (announced_.name)
            return *announced_.name;
        auto const name = std::string(text_of(block, kName));
        auto const prefix = text_of(block, kPrefix);
        bool const posix = as_text(block).substr(kMagic.at, kMagic.length) == kUstar;
        return posix && !prefix.empty() ? fmt::format("{}/{}", prefix, name) : name;
    }

    Result<void> add(Bytes const& block, Range data)
    {
        auto const name = name_of(block);
        if (name.ends_with('/')) // a folder of the oldest tars
            return {};
        if (name.size() > kMaxNameBytes)
            return complaints_.damaged(
                fmt::format("a name in it has more than {} bytes", kMaxNameBytes));
        Member member{
            .name = plain_name(name), .stored_name = name, .size_bytes = data.length_bytes};
        if (announced_.sparse_map_in_data)
            TRY(read_map_in_data(data));
        if (announced_.sparse_size) {
            member.size_bytes = *announced_.sparse_size;
            TRY(place_pairs(member, data));
        } else if (data.length_bytes > 0) {
            member.extents.push_back({0, data});
        }
        std::erase_if(members_, [&](Member const& other) { return other.name == member.name; });
        members_.push_back(std::move(member));
        return {};
    }

    /// The pairs in a header of GNU's and in the blocks after it; says where the data begins.
    Result<std::uint64_t> read_sparse_header(Bytes const& block, std::uint64_t data)
    {
        announced_.sparse_size = number_of(block, kSparseSize);
        TRY(take_pairs(block, kSparseAt, kSparsePairs));
        bool more = block[kSparseMore] != std::byte{0};
        Bytes next(kBlockBytes);
        for (; more; data += kBlockBytes) {
            if (!lies_within({data, kBlockBytes}, file_bytes_))
                return complaints_.cut_off("a map of holes reaches");
            TRY(read_exactly(file_, data, next));
            TRY(take_pairs(next, 0, kBlockPairs));
            more = next[kBlockMore] != std::byte{0};
        }
        return data;
    }

    Result<void> take_pairs(Bytes const& block, std::size_t at, std::size_t count)
    {
        for (std::size_t i = 0; i < 2 * count; ++i, at += kNumberBytes) {
            if (block[at] == std::byte{0}) // an unused pair
                return {};
            auto const number = number_of(block, {at, kNumberBytes});
            if (!number || announced_.sparse_pairs.size() >= 2 * kMaxExtents)
                return bad_map();
            announced_.sparse_pairs.push_back(*number);
        }
        return {};
    }

    /// The map of GNU's newest form: lines of numbers before the data, in whole blocks.
    Result<void> read_map_in_data(Range& data)
    {
        Bytes bytes(std::min(data.length_bytes, kMaxRecordsBytes));
        TRY(read_exactly(file_, data.offset_bytes, bytes));
        auto text = as_text(bytes);
        auto const next = [&]() -> std::optional<std::uint64_t> {
            auto const end = text.find('\n');
            if (end == std::string_view::npos)
                return std::nullopt;
            auto const number = karat::number_of<std::uint64_t>(text.substr(0, end));
            text.remove_prefix(end + 1);
            return number;
        };
        auto const count = next();
        if (!count || *count > kMaxExtents)
            return bad_map();
        announced_.sparse_pairs.clear();
        for (std::uint64_t i = 0; i < 2 * *count; ++i) {
            auto const number = next();
            if (!number)
                return bad_map();
            announced_.sparse_pairs.push_back(*number);
        }
        auto const used = bytes.size() - text.size();
        auto const blocks = (used + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
        if (blocks > data.length_bytes)
            return bad_map();
        data = {data.offset_bytes + blocks, data.length_bytes - blocks};
        return {};
    }

    /// Gives each pair its bytes of the data.
    Result<void> place_pairs(Member& member, Range data)
    {
        auto const& pairs = announced_.sparse_pairs;
        extents_ += pairs.size() / 2;
        if (pairs.size() % 2 != 0 || extents_ > kMaxExtents || member.size_bytes > kMaxDiskBytes)
            return bad_map();
        std::uint64_t end = 0;
        for (std::size_t i = 0; i < pairs.size(); i += 2) {
            Range const part{pairs[i], pairs[i + 1]};
            if (part.offset_bytes < end || !lies_within(part, member.size_bytes) ||
                part.length_bytes > data.length_bytes)
                return bad_map();
            end = part.end_bytes();
            if (part.length_bytes > 0)
                member.extents.push_back(
                    {part.offset_bytes, {data.offset_bytes, part.length_bytes}});
            data = {data.offset_bytes + part.length_bytes, data.length_bytes - part.length_bytes};
        }
        return {};
    }

    Error bad_map() const { return complaints_.damaged("a map of holes cannot be read"); }

    File& file_;
    std::uint64_t file_bytes_;
    Complaints const& complaints_;
    std::uint64_t offset_ = 0;
    std::size_t headers_ = 0;
    std::size_t extents_ = 0;
    Announced announced_;
    std::vector<Member> members_;
};

} // namespace

Result<std::vector<Member>> list(File& file, Complaints const& complaints)
{
    auto const file_bytes = TRY(file.size_bytes());
    return Lister(file, file_bytes, complaints).run();
}

} // namespace karat::volumes::tar
