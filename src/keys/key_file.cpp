// SPDX-License-Identifier: Apache-2.0
#include "key_file.hpp"

#include "karat/hash.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <tuple>

namespace karat::keys {
namespace {

constexpr std::string_view kTitle = "karat keys ";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kSum = "sum ";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kSumLine = kSum.size() + 64 + 1;

Error damaged(std::string_view what)
{
    return fail(Fault::corrupt, fmt::format("it is damaged: its {} is wrong", what));
}

bool only(std::string_view text, std::string_view characters)
{
    return text.find_first_not_of(characters) == std::string_view::npos;
}

bool good_id(std::string_view id)
{
    if (id.size() != 36)
        return false;
    for (std::size_t i = 0; i < id.size(); ++i) {
        bool const hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? id[i] != '-' : kHexDigits.find(id[i]) == std::string_view::npos)
            return false;
    }
    return true;
}

std::optional<KeyLine> parse_line(std::string_view line)
{
    if (take_until(line, ' ') != "key")
        return {};
    KeyLine key;
    key.facts.id = take_until(line, ' ');
    key.facts.scope.account = take_until(line, ' ');
    key.facts.scope.region = take_until(line, ' ');
    auto const state = take_until(line, ' ');
    auto const created = parse_time(take_until(line, ' '));
    key.material = take_until(line, ' ');
    auto const alias = take_until(line, ' ');
    key.facts.alias = alias == "-" ? "" : alias;
    key.facts.description = line;
    key.facts.enabled = state == "enabled";
    if (!created.ok() || (state != "enabled" && state != "disabled") || !good_id(key.facts.id) ||
        !good_scope(key.facts.scope) || key.material.size() != kMaterialDigits ||
        !only(key.material, kHexDigits) || (alias != "-" && !good_alias(alias)) ||
        !good_description(line))
        return {};
    key.facts.created = created.value();
    return key;
}

/// The lines between title and sum.
Result<std::string_view> body_of(std::string_view text)
{
    auto const title_end = text.substr(0, 64).find('\n');
    if (!text.starts_with(kTitle) || title_end == std::string_view::npos)
        return damaged("beginning");
    auto const version = text.substr(kTitle.size(), title_end - kTitle.size());
    if (version != kVersion) {
        if (version.empty() || !only(version, "0123456789"))
            return damaged("beginning");
        return fail(Fault::unsupported,
                    fmt::format("it is of version {}, and this Karat knows version {}: use the "
                                "Karat that wrote it, or a newer one",
                                version, kVersion));
    }
    if (text.size() < title_end + 1 + kSumLine)
        return damaged("length");
    auto const sum_at = text.size() - kSumLine;
    auto const sum = text.substr(sum_at);
    if (sum != fmt::format("{}{}\n", kSum, sha256(text.substr(0, sum_at)).text()))
        return damaged("checksum");
    return text.substr(title_end + 1, sum_at - title_end - 1);
}

} // namespace

bool good_alias(std::string_view alias)
{
    constexpr std::string_view kPrefix = "alias/";
    constexpr std::size_t kMost = 250;
    return alias.starts_with(kPrefix) && alias.size() > kPrefix.size() &&
           alias.size() <= kPrefix.size() + kMost && std::ranges::all_of(alias, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '/' || c == '_' || c == '-';
           });
}

bool good_description(std::string_view text)
{
    constexpr std::size_t kMost = 512;
    return text.size() <= kMost && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
           });
}

bool good_scope(KeyScope const& scope)
{
    return scope.account.size() == 12 && only(scope.account, "0123456789") &&
           !scope.region.empty() && scope.region.size() <= 32 &&
           only(scope.region, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

Result<std::vector<KeyLine>> parse_keys(std::string_view text)
{
    if (text.size() > kMaxKeyFileBytes)
        return damaged("length");
    auto body = TRY(body_of(text));
    std::vector<KeyLine> keys;
    std::set<std::string> ids;
    std::set<std::tuple<std::string, std::string, std::string>> aliases;
    while (!body.empty()) {
        auto const end = body.find('\n');
        if (end == std::string_view::npos || keys.size() == kMaxKeys)
            return damaged("list of keys");
        auto key = parse_line(body.substr(0, end));
        body.remove_prefix(end + 1);
        if (!key || !ids.insert(key->facts.id).second)
            return damaged("list of keys");
        auto const& facts = key->facts;
        if (!facts.alias.empty() &&
            !aliases.emplace(facts.scope.account, facts.scope.region, facts.alias).second)
            return damaged("list of aliases");
        keys.push_back(std::move(*key));
    }
    return keys;
}

Bytes encode_keys(std::vector<KeyLine> const& lines)
{
    constexpr std::size_t kLongestLine = 1200;
    Bytes text;
    text.reserve(64 + kSumLine + lines.size() * kLongestLine); // so that no copy stays behind
    auto const add = [&](std::string_view part) {
        auto const bytes = as_bytes(part);
        text.insert(text.end(), bytes.begin(), bytes.end());
    };
    add(fmt::format("{}{}\n", kTitle, kVersion));
    for (auto const& [facts, material] : lines) {
        add(fmt::format("key {} {} {} {} {} ", facts.id, facts.scope.account, facts.scope.region,
                        facts.enabled ? "enabled" : "disabled", format_time(facts.created)));
        add(material);
        add(fmt::format(" {}", facts.alias.empty() ? "-" : facts.alias));
        add(facts.description.empty() ? "" : " ");
        add(facts.description);
        add("\n");
    }
    add(fmt::format("{}{}\n", kSum, sha256(std::span<std::byte const>(text)).text()));
    return text;
}

SecretBytes material_of(KeyLine const& line)
{
    SecretBytes key(kKeyBytes);
    for (std::size_t i = 0; i < kKeyBytes; ++i) {
        auto const high = kHexDigits.find(line.material[2 * i]);
        auto const low = kHexDigits.find(line.material[2 * i + 1]);
        key.reveal()[i] = static_cast<std::byte>(high << 4 | low);
    }
    return key;
}

Bytes encode_material(SecretBytes const& key)
{
    Bytes digits;
    digits.reserve(kMaterialDigits);
    for (auto const byte : key.reveal()) {
        auto const value = std::to_integer<unsigned>(byte);
        digits.push_back(static_cast<std::byte>(kHexDigits[value >> 4]));
        digits.push_back(static_cast<std::byte>(kHexDigits[value & 15]));
    }
    return digits;
}

} // namespace karat::keys
