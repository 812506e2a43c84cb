// SPDX-License-Identifier: Apache-2.0
// The filters of DescribeImages. Private to the room.
#pragma once

#include "describe.hpp"

#include "karat/wire/ec2/images.hpp"

namespace karat::api::ec2 {

/// An image as the caller sees it.
struct SeenImage {
    Image const& image;
    bool is_own;

    /// The owner's; others see none.
    Tags const& tags() const
    {
        static Tags const none;
        return is_own ? image.tags : none;
    }
};

/// What DescribeImages lists.
Listing<wire::ec2::Image, SeenImage> const& image_listing();

} // namespace karat::api::ec2
