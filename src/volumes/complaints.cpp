// SPDX-License-Identifier: Apache-2.0
#include "complaints.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

constexpr std::size_t kShownCharacters = 60;
constexpr std::string_view kPlainCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";

} // namespace

std::string printable(std::string_view text)
{
    std::string result(text);
    for (std::size_t i = 0; i < result.size(); ++i) {
        auto const byte = static_cast<unsigned char>(result[i]);
        // U+0080 to U+009F are controls, too.
        bool const long_control = byte == 0xc2 && i + 1 < result.size() &&
                                  (static_cast<unsigned char>(result[i + 1]) & 0xe0) == 0x80;
        if (byte < ' ' || byte == 0x7f || long_control)
            result[i] = '?';
        if (long_control)
            result[++i] = '?';
    }
    return result;
}

std::string shell_word(std::string_view text)
{
    std::string word = text.starts_with('-') ? "./" : "";
    word += printable(text);
    if (!word.empty() && word.find_first_not_of(kPlainCharacters) == std::string::npos)
        return word;
    std::string quoted = "\"";
    for (auto const c : word) {
        if (c == '!') { // the shell's history reaches into double quotes
            quoted += R"("\!")";
            continue;
        }
        if (c == '"' || c == '\\' || c == '$' || c == '`')
            quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

std::string option_value(std::string_view text)
{
    std::string value;
    for (auto const c : text)
        value += c == ',' ? ",," : std::string(1, c);
    return value;
}

std::string shown(std::string_view text)
{
    std::string result(text.substr(0, kShownCharacters));
    std::replace_if(result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return result;
}

std::string Complaints::taken_out() const
{
    if (name_.archive.empty())
        return {};
    return fmt::format("take it out with 'tar -xf {} {}', ", shell_word(name_.archive),
                       shell_word(name_.path));
}

std::string Complaints::subject() const
{
    auto const path = printable(name_.path);
    return name_.archive.empty() ? path : fmt::format("{} in {}", path, name_.archive);
}

/// No advice to open it with other programs: they would follow the names that it gives.
Error Complaints::not_ours(std::string_view what, Where where) const
{
    return {Fault::corrupt,
            {},
            fmt::format("The overlay {} is not as Karat's own QEMU leaves it: it {}. It was "
                        "damaged, or written by a machine that somebody has taken over",
                        subject(), what),
            where};
}

Error Complaints::damaged(std::string_view what, Where where) const
{
    if (trust_ == Trust::own)
        return not_ours(fmt::format("is damaged, {}", what), where);
    // qemu-img has no check of VHD, and opens no archive.
    bool const checked = name_.archive.empty() && !qemu_format_.empty() && qemu_format_ != "vpc";
    auto const check = checked ? fmt::format(", or check it with 'qemu-img check -f {} {}'",
                                             qemu_format_, shell_word(name_.path))
                               : "";
    return {
        Fault::invalid,
        {},
        fmt::format("The disk image {} is damaged: {}; copy it again{}", subject(), what, check),
        where};
}

Error Complaints::convertible(std::string_view what, std::string_view qemu_format,
                              Where where) const
{
    auto const format = qemu_format.empty() ? qemu_format_ : qemu_format;
    return convertible_with(what, fmt::format("-f {} {}", format, shell_word(name_.path)), where);
}

Error Complaints::convertible_with(std::string_view what, std::string_view options,
                                   Where where) const
{
    if (trust_ == Trust::own)
        return not_ours(what, where);
    return {Fault::unsupported,
            {},
            fmt::format("The disk image {} {}; where you trust it, {}convert it with 'qemu-img "
                        "convert -O qcow2 {} {}' "
                        "and import that",
                        subject(), what, taken_out(), options, shell_word(name_.path + ".qcow2")),
            where};
}

Error Complaints::unsupported(std::string_view what, std::string_view remedy, Where where) const
{
    if (trust_ == Trust::own)
        return not_ours(what, where);
    return {Fault::unsupported,
            {},
            fmt::format("The disk image {} {}; {}", subject(), what, remedy),
            where};
}

Error Complaints::cut_off(std::string_view what, Where where) const
{
    if (trust_ == Trust::own)
        return not_ours(fmt::format("is cut off, {} beyond its end", what), where);
    return {Fault::invalid,
            {},
            fmt::format("The disk image {} is cut off: {} beyond its end; copy it again", subject(),
                        what),
            where};
}

Error Complaints::too_large(Where where) const
{
    if (trust_ == Trust::own)
        return not_ours("has more than 64 TiB", where);
    return {Fault::invalid,
            {},
            fmt::format("The disk image {} is larger than 64 TiB, the most that a volume can hold",
                        subject()),
            where};
}

} // namespace karat::volumes
