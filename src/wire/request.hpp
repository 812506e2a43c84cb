// SPDX-License-Identifier: Apache-2.0
// What is done with a request once it is read, by its Shape alone.
#pragma once

#include "shape.hpp"

#include "karat/result.hpp"

#include <string>

namespace karat::wire {

/// Fault::unsupported, naming the parameter, for the first that the model refuses. The name has no
/// list indices: "NetworkInterface.InterfaceType=efa is not offered here; leave it out".
Result<void> check_offered(Shape const& shape, void const* object);

/// SHA-256, in hexadecimal, of all that the request says but ClientToken and DryRun. Two requests
/// have the same one if and only if each member is given in both with the same value: nothing is
/// normalised, and a default that is written out differs from one that is left out.
std::string fingerprint(Shape const& shape, void const* object);

} // namespace karat::wire
