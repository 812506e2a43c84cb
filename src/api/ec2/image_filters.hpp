// SPDX-License-Identifier: Apache-2.0
// The filters of DescribeImages. Private to the room.
#pragma once

#include "filters.hpp"

namespace karat::api::ec2 {

/// What DescribeImages lists.
Listing<wire::ec2::Image> const& image_listing();

} // namespace karat::api::ec2
