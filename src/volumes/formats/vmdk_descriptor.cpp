// SPDX-License-Identifier: Apache-2.0
#include "formats/vmdk_descriptor.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::volumes::vmdk {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
/// Types whose data lies in other files, which qemu-img finds.
constexpr std::array<std::string_view, 6> kTypesOfQemu{"monolithicflat",     "twogbmaxextentsparse",
                                                       "twogbmaxextentflat", "vmfs",
                                                       "vmfssparse",         "sesparse"};

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

/// Takes the word before the next blank.
std::string_view take_word(std::string_view& rest)
{
    rest = trimmed(rest);
    auto const end = std::min(rest.find_first_of(" \t"), rest.size());
    auto const word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

/// Calls `take` for each line that is not empty and no comment.
template <class Take>
void each_line(std::string_view text, Take take)
{
    if (text.starts_with(kByteOrderMark))
        text.remove_prefix(kByteOrderMark.size());
    while (!text.empty()) {
        auto const line = trimmed(take_until(text, '\n'));
        if (!line.empty() && line.front() != '#')
            take(line);
    }
}

struct Setting {
    std::string key; ///< In lower case.
    std::string_view value;
};

std::optional<Setting> setting_of(std::string_view line)
{
    auto const equals = line.find('=');
    if (equals == std::string_view::npos)
        return std::nullopt;
    return Setting{lower(trimmed(line.substr(0, equals))),
                   unquoted(trimmed(line.substr(equals + 1)))};
}

/// ACCESS SECTORS TYPE "NAME" [OFFSET]; false if the line is none.
bool read_extent(std::string_view line, Descriptor& descriptor)
{
    auto rest = line;
    auto const access = lower(take_word(rest));
    if (access != "rw" && access != "rdonly" && access != "noaccess")
        return false;
    auto const sectors = take_word(rest);
    auto const type = lower(take_word(rest));
    ++descriptor.extents;
    descriptor.extent_sectors = number_of<std::uint64_t>(sectors);
    if (!descriptor.extent_sectors || access == "noaccess" || type != "sparse")
        descriptor.reaches_out = true;
    return true;
}

} // namespace

bool is_descriptor(std::string_view start)
{
    auto const text = start.substr(0, start.find('\0'));
    bool found = false;
    bool const plain = std::all_of(text.begin(), text.end(), [](char c) {
        return c == '\t' || c == '\r' || c == '\n' || static_cast<unsigned char>(c) >= ' ';
    });
    if (plain)
        each_line(text, [&](std::string_view line) {
            auto const setting = setting_of(line);
            found = found || (setting && setting->key == "createtype");
        });
    return found;
}

Descriptor read_descriptor(std::string_view text)
{
    Descriptor descriptor;
    each_line(text, [&](std::string_view line) {
        if (read_extent(line, descriptor))
            return;
        auto const setting = setting_of(line);
        if (!setting)
            return;
        if (setting->key == "createtype")
            descriptor.type = setting->value;
        else if (setting->key == "parentcid")
            descriptor.has_parent |= lower(setting->value) != "ffffffff";
        else if (setting->key == "parentfilenamehint")
            descriptor.has_parent |= !setting->value.empty();
    });
    return descriptor;
}

Result<void> check_embedded(Descriptor const& descriptor, Complaints const& complaints)
{
    if (descriptor.has_parent)
        return complaints.convertible("is the difference to a parent disk");
    if (descriptor.extents > 1)
        return complaints.unsupported(
            fmt::format("is made of {} parts, and no other file is opened", descriptor.extents),
            kExport);
    if (descriptor.reaches_out)
        return complaints.unsupported("has a part that is not in this file", kExport);
    auto const type = lower(descriptor.type);
    if (!type.empty() && type != "monolithicsparse" && type != "streamoptimized")
        return complaints.unsupported(
            fmt::format("is of the type '{}', not monolithicSparse or streamOptimized",
                        shown(descriptor.type)),
            kExport);
    return {};
}

Error refuse_alone(Descriptor const& descriptor, Complaints const& complaints)
{
    auto const known = std::find(kTypesOfQemu.begin(), kTypesOfQemu.end(), lower(descriptor.type));
    if (known == kTypesOfQemu.end())
        return complaints.unsupported(
            fmt::format("only names the files of a disk of the type '{}'", shown(descriptor.type)),
            kExport);
    if (descriptor.has_parent)
        return complaints.convertible("is the difference to a parent disk");
    return complaints.convertible("keeps its data in other files, and no other file is opened");
}

} // namespace karat::volumes::vmdk
