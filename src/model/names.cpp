// SPDX-License-Identifier: Apache-2.0
#include "karat/names.hpp"

#include <algorithm>

namespace karat {

std::string private_domain(std::string_view region)
{
    return region == "us-east-1" ? "ec2.internal" : std::string(region) + ".compute.internal";
}

std::string private_dns_name(std::string_view private_ip, std::string_view region)
{
    std::string dashed(private_ip);
    std::replace(dashed.begin(), dashed.end(), '.', '-');
    return "ip-" + dashed + "." + private_domain(region);
}

} // namespace karat
