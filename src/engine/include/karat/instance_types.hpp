// SPDX-License-Identifier: Apache-2.0
// The instance types that can be launched: names and sizes as EC2's, so that what people type
// works.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace karat::engine {

struct InstanceType {
    std::string_view name;
    int vcpus;
    std::uint64_t memory_mib;
    bool burstable;
    bool current_generation;
    int threads_per_core;

    constexpr int cores() const { return vcpus / threads_per_core; }
};

/// All of them, in the order DescribeInstanceTypes lists them.
std::span<InstanceType const> instance_types();
/// Null for an unknown name.
InstanceType const* find_instance_type(std::string_view name);

} // namespace karat::engine
