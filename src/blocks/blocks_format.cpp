// SPDX-License-Identifier: Apache-2.0
#include "blocks_format.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {

std::string store_path(std::string const& directory) { return directory + "/store"; }
std::string lock_path(std::string const& directory) { return directory + "/lock"; }
std::string packs_path(std::string const& directory) { return directory + "/packs"; }
std::string manifests_path(std::string const& directory) { return directory + "/manifests"; }
std::string staged_path(std::string const& directory) { return directory + "/staged"; }

std::string condemned_path(std::string const& directory) { return directory + "/condemned"; }
std::string alarm_path(std::string const& directory) { return directory + "/alarm"; }
std::string scrub_path(std::string const& directory) { return directory + "/scrub"; }

std::string pack_path(std::string const& directory, std::uint32_t number)
{
    return fmt::format("{}/packs/{:08x}.pack", directory, number);
}

std::string manifest_path(std::string const& directory, std::string_view name)
{
    return fmt::format("{}/manifests/{}", directory, name);
}

std::string staged_path(std::string const& directory, std::string_view name)
{
    return fmt::format("{}/staged/{}", directory, name);
}

std::optional<std::uint32_t> parse_pack_name(std::string_view name)
{
    constexpr std::size_t kDigits = 8;
    if (name.size() != kDigits + 5 || name.substr(kDigits) != ".pack")
        return {};
    std::uint32_t number = 0;
    for (char const c : name.substr(0, kDigits)) {
        auto const digit = std::string_view("0123456789abcdef").find(c);
        if (digit == std::string_view::npos)
            return {};
        number = number << 4 | static_cast<std::uint32_t>(digit);
    }
    return number;
}

bool good_name(std::string_view name)
{
    auto const good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, good);
}

} // namespace karat::blocks
