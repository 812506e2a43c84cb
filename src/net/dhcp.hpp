// SPDX-License-Identifier: Apache-2.0
// Our DHCP server (RFC 2131, 2132): one lease, fixed. libslirp's own would give a clone the
// address that its image was captured with, if the clone asks for it.
#pragma once

#include "addresses.hpp"

#include <optional>
#include <vector>

namespace karat::net {

/// The frame that answers a DHCP request (a frame that judge() found to be `dhcp`); nothing when
/// it is malformed, from another interface, or of a kind that wants no answer.
std::optional<std::vector<std::uint8_t>> answer_dhcp(Addresses const& addresses,
                                                     ConstFrame request);

} // namespace karat::net
