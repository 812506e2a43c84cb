// SPDX-License-Identifier: Apache-2.0
// The parameters of a query request, as the ec2 and query protocols carry them: flat names such as
// "Filter.1.Value.1" beside their decoded values.
#pragma once

#include <string>
#include <vector>

namespace karat::wire {

struct Param {
    std::string name;
    std::string value;
    bool operator==(Param const&) const = default;
};

/// Sorted by name when a body parser made it; the readers do not rely on that.
using Params = std::vector<Param>;

} // namespace karat::wire
