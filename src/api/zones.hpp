// SPDX-License-Identifier: Apache-2.0
// Names that follow from a region, a zone or an address, as EC2 forms them.
#pragma once

#include "karat/names.hpp"

#include <string>
#include <vector>

namespace karat::api {

/// "us-east-1a" -> "use1-az1", "ap-southeast-1b" -> "apse1-az2".
std::string zone_id(std::string const& zone);
/// The address itself: the only name of a loopback address that every resolver knows. See
/// docs/decisions/046-public-names-are-addresses.md.
std::string public_dns_name(std::string const& public_ip);

/// The zone of `zones` with this id ("use1-az1"); the id itself when there is none, which no zone
/// is called.
std::string zone_of_id(std::vector<std::string> const& zones, std::string const& id);

} // namespace karat::api
