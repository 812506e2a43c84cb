// SPDX-License-Identifier: Apache-2.0
// The names that this network gives: "ip-10-0-0-5.ec2.internal" and the way back. All other
// questions go to the host's own name server. Pure functions over strangers' bytes; fuzzed by
// fuzz/net_guard.
#pragma once

#include "addresses.hpp"

#include <optional>
#include <vector>

namespace karat::net {

/// The reply to a question about a name of our domain or an address of our subnet; nothing for
/// another question. Only for frames judged `dns`.
std::optional<std::vector<std::uint8_t>> answer_dns(Addresses const& addresses, ConstFrame request);

} // namespace karat::net
