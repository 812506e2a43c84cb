// SPDX-License-Identifier: Apache-2.0
// The text that describes a VMDK disk: inside a sparse file, or a file of its own that names other
// files. Here none of those is opened.
#pragma once

#include "complaints.hpp"

#include <optional>

namespace karat::volumes::vmdk {

/// What helps with a disk that qemu-img does not read either.
inline constexpr std::string_view kExport =
    "export it as an OVA where it was made, and import that";

/// What helps with a part of a disk.
inline constexpr std::string_view kConvertWhole =
    "where you trust it, convert the disk from the text file that names its parts, DISK.vmdk, with "
    "'qemu-img convert -f vmdk -O qcow2 DISK.vmdk DISK.qcow2', and import that";

/// What the keys of a descriptor say; comments and lines of other keys say nothing to us.
struct Descriptor {
    std::string type; ///< createType, as it stands there; empty: not said.
    std::size_t extents = 0;
    std::optional<std::uint64_t> extent_sectors; ///< Of the last extent.
    bool reaches_out = false;                    ///< An extent is not a sparse part of this file.
    bool has_parent = false;
};

/// Whether a file that begins so is a descriptor of its own.
bool is_descriptor(std::string_view start);
/// `text` is the descriptor up to its first zero byte.
Descriptor read_descriptor(std::string_view text);
/// Refuses what a descriptor inside a sparse file wants beyond that file.
Result<void> check_embedded(Descriptor const& descriptor, Complaints const& complaints);
/// Why a disk that is described by a file of its own is refused.
Error refuse_alone(Descriptor const& descriptor, Complaints const& complaints);

} // namespace karat::volumes::vmdk
