// SPDX-License-Identifier: Apache-2.0
// What RunInstances of EC2 offers and Karat does not. Private to the room.
#pragma once

#include "karat/result.hpp"
#include "karat/wire/ec2.hpp"

namespace karat::api::ec2 {

/// Fault::unsupported, naming the parameter, for what asks for something that is not here. A value
/// that only restates a default is taken.
Result<void> refuse_what_is_not_offered(wire::ec2::RunInstancesRequest const& request);

} // namespace karat::api::ec2
