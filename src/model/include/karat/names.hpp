// SPDX-License-Identifier: Apache-2.0
// Names that follow from an address and a region, as EC2 forms them.
#pragma once

#include <string>
#include <string_view>

namespace karat {

/// The domain of the private names of a region: "ec2.internal" or "eu-west-1.compute.internal".
std::string private_domain(std::string_view region);
/// "ip-172-31-0-4.ec2.internal".
std::string private_dns_name(std::string_view private_ip, std::string_view region);

} // namespace karat
