// SPDX-License-Identifier: Apache-2.0
// Control groups: /sys/fs/cgroup/karat/NAME in version 2, a folder for each controller in version
// 1. Hosts have the one or the other; what a host lacks is told, never fatal.
#pragma once

#include "karat/confinement.hpp"

namespace karat::confine {

/// The controllers that can be used here, and for each that cannot the reason.
struct Controllers {
    std::vector<std::string> usable;
    std::vector<std::string> missing;
};
Controllers find_controllers();

/// Makes the group with its limits; returns the files that a process writes itself into.
std::vector<std::string> make_control_group(std::string const& name, Limits const& limits);
/// Success also when it is not there.
void remove_control_group(std::string const& name);

} // namespace karat::confine
