// SPDX-License-Identifier: Apache-2.0
// The manifest in an OVA: a line a file, "SHA256(NAME)= HEX".
#pragma once

#include "complaints.hpp"

#include <functional>
#include <map>

namespace karat::volumes::ovf {

struct Sum {
    std::string algorithm; ///< "SHA1", "SHA256", "SHA384" or "SHA512".
    std::string hex;       ///< In lower case.
};

/// The sums by file name, "./" left out. Lines that are not understood say nothing.
std::map<std::string, Sum, std::less<>> read_manifest(std::string_view text);

/// The sum of all bytes of a file. `go_on` is called now and then; false ends it with
/// Fault::unavailable.
Result<std::string> sum_of(File& file, std::string const& algorithm,
                           std::function<bool()> const& go_on);

} // namespace karat::volumes::ovf
