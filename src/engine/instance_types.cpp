// SPDX-License-Identifier: Apache-2.0
// Names, vCPUs, threads and memory as EC2 publishes them; only general-purpose x86_64 sizes that a
// single host can hold.
#include "karat/instance_types.hpp"

#include <algorithm>
#include <array>

namespace karat::engine {
namespace {

constexpr std::array kTypes{
    InstanceType{"c5.large", 2, 4096, false, true, 2},
    InstanceType{"c5.xlarge", 4, 8192, false, true, 2},
    InstanceType{"c5.2xlarge", 8, 16384, false, true, 2},
    InstanceType{"m1.small", 1, 1740, false, false, 1},
    InstanceType{"m4.large", 2, 8192, false, false, 2},
    InstanceType{"m5.large", 2, 8192, false, true, 2},
    InstanceType{"m5.xlarge", 4, 16384, false, true, 2},
    InstanceType{"m5.2xlarge", 8, 32768, false, true, 2},
    InstanceType{"r5.large", 2, 16384, false, true, 2},
    InstanceType{"r5.xlarge", 4, 32768, false, true, 2},
    InstanceType{"t2.nano", 1, 512, true, true, 1},
    InstanceType{"t2.micro", 1, 1024, true, true, 1},
    InstanceType{"t2.small", 1, 2048, true, true, 1},
    InstanceType{"t2.medium", 2, 4096, true, true, 1},
    InstanceType{"t2.large", 2, 8192, true, true, 1},
    InstanceType{"t3.nano", 2, 512, true, true, 2},
    InstanceType{"t3.micro", 2, 1024, true, true, 2},
    InstanceType{"t3.small", 2, 2048, true, true, 2},
    InstanceType{"t3.medium", 2, 4096, true, true, 2},
    InstanceType{"t3.large", 2, 8192, true, true, 2},
    InstanceType{"t3.xlarge", 4, 16384, true, true, 2},
    InstanceType{"t3.2xlarge", 8, 32768, true, true, 2},
};

} // namespace

std::span<InstanceType const> instance_types() { return kTypes; }

InstanceType const* find_instance_type(std::string_view name)
{
    auto const found = std::find_if(kTypes.begin(), kTypes.end(),
                                    [&](InstanceType const& type) { return type.name == name; });
    return found == kTypes.end() ? nullptr : &*found;
}

} // namespace karat::engine
