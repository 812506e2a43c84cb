// SPDX-License-Identifier: Apache-2.0
#include "formats/vmdk_descriptor.hpp"

#include "formats/vmdk_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace karat::volumes::vmdk {
namespace {

constexpr std::size_t kShownCharacters = 60;

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view kBlanks = " \t\r";
    auto const first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string_view unquoted(std::string_view text)
{
    bool const quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return quoted ? text.substr(1, text.size() - 2) : text;
}

std::string lower(std::string_view text)
{
    std::string result(text);
    for (auto& c : result)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return result;
}

/// A stranger's words in a message: short, and nothing that a terminal would obey.
std::string shown(std::string_view text)
{
    std::string result(text.substr(0, kShownCharacters));
    for (auto& c : result)
        c = c < ' ' || c > '~' ? '?' : c;
    return result;
}

/// Takes the word before the next blank.
std::string_view take_word(std::string_view& rest)
{
    rest = trimmed(rest);
    auto const end = std::min(rest.find_first_of(" \t"), rest.size());
    auto const word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

class Parser {
public:
    explicit Parser(Complaints const& complaints)
        : complaints_(complaints)
    {
    }

    Result<void> line(std::string_view text)
    {
        if (text.empty() || text.front() == '#')
            return {};
        for (auto const* const access : {"RW ", "RDONLY ", "NOACCESS "})
            if (text.starts_with(access))
                return extent(text);
        auto const equals = text.find('=');
        if (equals == std::string_view::npos)
            return not_understood(text);
        return setting(text, lower(trimmed(text.substr(0, equals))),
                       unquoted(trimmed(text.substr(equals + 1))));
    }

    Result<Descriptor> finish() const
    {
        if (!has_type_)
            return complaints_.damaged("its descriptor does not say its createType");
        if (extents_ != 1)
            return complaints_.unsupported(
                fmt::format("is made of {} parts, and no other file is opened", extents_));
        return descriptor_;
    }

private:
    Result<void> extent(std::string_view text)
    {
        ++extents_;
        auto rest = text;
        auto const access = take_word(rest);
        auto const sectors = take_word(rest);
        auto const type = take_word(rest);
        auto const name = unquoted(trimmed(rest));
        if (access == "NOACCESS" || type != "SPARSE")
            return complaints_.unsupported(
                fmt::format("has a part '{}' that is not read from this file", shown(text)));
        if (name.empty() || name.find_first_of("/\\\"") != std::string_view::npos)
            return complaints_.unsupported(
                fmt::format("names a part '{}', and no other file is opened", shown(name)));
        auto const* const end = sectors.data() + sectors.size();
        auto const read = std::from_chars(sectors.data(), end, descriptor_.extent_sectors);
        if (read.ec != std::errc() || read.ptr != end)
            return not_understood(text);
        return {};
    }

    Result<void> setting(std::string_view text, std::string const& key, std::string_view value)
    {
        if (key == "createtype")
            return create_type(value);
        if (key == "parentcid" && lower(value) != "ffffffff")
            return complaints_.unsupported("is the difference to a parent disk");
        if (key == "parentfilenamehint")
            return complaints_.unsupported("names a parent disk, and no other file is opened");
        if (key == "version" && value != "1" && value != "2" && value != "3" && value != "4")
            return complaints_.unsupported(
                fmt::format("has a descriptor of version '{}'", shown(value)));
        constexpr std::array kKnown{"version", "encoding", "cid", "parentcid", "isnativesnapshot"};
        if (std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end())
            return {};
        if (key.starts_with("ddb.")) // the virtual hardware's wishes
            return {};
        return not_understood(text);
    }

    Result<void> create_type(std::string_view value)
    {
        has_type_ = true;
        descriptor_.stream = value == "streamOptimized";
        if (!descriptor_.stream && value != "monolithicSparse")
            return complaints_.unsupported(fmt::format(
                "is of the type '{}', not monolithicSparse or streamOptimized", shown(value)));
        return {};
    }

    Result<void> not_understood(std::string_view text) const
    {
        return complaints_.unsupported(
            fmt::format("has a line '{}' in its descriptor that Karat does not know", shown(text)));
    }

    Complaints const& complaints_;
    Descriptor descriptor_;
    bool has_type_ = false;
    std::size_t extents_ = 0;
};

} // namespace

Result<Descriptor> read_descriptor(std::string_view text, Complaints const& complaints)
{
    if (!text.starts_with(kDescriptorStart))
        return complaints.damaged("its descriptor does not begin as one does");
    Parser parser(complaints);
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        TRY(parser.line(trimmed(text.substr(0, end))));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parser.finish();
}

} // namespace karat::volumes::vmdk
