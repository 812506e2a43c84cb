// SPDX-License-Identifier: Apache-2.0
// What a query request is made of: flat names and values, sorted by name.
#pragma once

#include <string>
#include <vector>

namespace karat::wire {

struct Param {
    std::string name;
    std::string value;
};

/// Sorted by name, byte by byte.
using Params = std::vector<Param>;

} // namespace karat::wire
