// SPDX-License-Identifier: Apache-2.0
// Volumes as EC2 shows them.
#pragma once

#include "karat/engine.hpp"
#include "karat/wire/ec2/volumes.hpp"

namespace karat::api::ec2 {

/// With what EC2 shows for a volume that was made without saying.
VolumeShape shown_shape(VolumeShape shape);

wire::ec2::Volume wire_volume(Volume const& volume);
/// Of a volume that is attached, or was when the call began.
wire::ec2::VolumeAttachment wire_attachment(Volume const& volume);
wire::ec2::VolumeModification wire_modification(Volume const& volume);

/// The members that several requests ask a shape with. Fault::invalid for a size below 1 GiB.
template <class Request>
Result<engine::ShapeRequest> shape_request(Request const& request)
{
    if (request.size && *request.size < 1)
        return fail(Fault::invalid,
                    "The size " + std::to_string(*request.size) + " GiB is not a volume size");
    engine::ShapeRequest shape{.size_gib = {},
                               .type = request.volume_type,
                               .iops = request.iops,
                               .throughput_mibps = request.throughput};
    if (request.size)
        shape.size_gib = static_cast<std::uint64_t>(*request.size);
    return shape;
}

} // namespace karat::api::ec2
