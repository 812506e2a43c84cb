// SPDX-License-Identifier: Apache-2.0
#include "zones.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api {

std::string zone_id(std::string const& zone)
{
    // The area's two letters, then the first letter of each direction, then the number.
    auto const region = zone.substr(0, zone.size() - 1);
    auto const first = region.find('-');
    auto const last = region.rfind('-');
    if (first == std::string::npos || last == first)
        return zone;
    std::string directions;
    for (auto const* const word : {"north", "south", "east", "west", "central"})
        if (region.substr(first + 1, last - first - 1).find(word) != std::string::npos)
            directions += word[0];
    return fmt::format("{}{}{}-az{}", region.substr(0, first), directions, region.substr(last + 1),
                       zone.back() - 'a' + 1);
}

std::string zone_of_id(std::vector<std::string> const& zones, std::string const& id)
{
    auto const found = std::ranges::find(zones, id, zone_id);
    return found == zones.end() ? id : *found;
}

std::string public_dns_name(std::string const& public_ip) { return public_ip; }

} // namespace karat::api
