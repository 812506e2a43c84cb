// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "karat/api.hpp"
#include "karat/text.hpp"

namespace karat::api {

/// The value of a call's header, by its name in any case; empty when absent.
inline std::string_view header(Call const& call, std::string_view name)
{
    for (auto const& [key, value] : call.headers)
        if (equal_in_any_case(key, name))
            return value;
    return {};
}

} // namespace karat::api
