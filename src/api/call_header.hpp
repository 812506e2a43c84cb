// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "karat/api.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace karat::api {

/// The value of a call's header, by its name in any case; empty when absent.
inline std::string_view header(Call const& call, std::string_view name)
{
    for (auto const& [key, value] : call.headers)
        if (std::equal(key.begin(), key.end(), name.begin(), name.end(), [](char a, char b) {
                return std::tolower(static_cast<unsigned char>(a)) ==
                       std::tolower(static_cast<unsigned char>(b));
            }))
            return value;
    return {};
}

} // namespace karat::api
