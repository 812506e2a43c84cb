// SPDX-License-Identifier: Apache-2.0
// Asks the daemon over its admin socket.
#pragma once

#include "karat/json.hpp"
#include "karat/result.hpp"

#include <string>

namespace karat::cli {

/// POSTs `request` to /v1/`verb`. Fault::unavailable when no daemon answers there,
/// Fault::unsupported when it does not know the verb; each message says what to do.
Result<nlohmann::json> ask(std::string const& socket_path, std::string const& verb,
                           nlohmann::json const& request);

} // namespace karat::cli
