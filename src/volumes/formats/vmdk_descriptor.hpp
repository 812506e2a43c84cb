// SPDX-License-Identifier: Apache-2.0
// The text inside a VMDK file. It may name other files, in VMware's world; here none is opened, so
// every line that could ask for one is refused, and so is every line that is not understood.
#pragma once

#include "complaints.hpp"

namespace karat::volumes::vmdk {

struct Descriptor {
    std::uint64_t extent_sectors = 0;
    bool stream = false; ///< createType is streamOptimized, not monolithicSparse.
};

/// `text` is the descriptor up to its first zero byte.
Result<Descriptor> read_descriptor(std::string_view text, Complaints const& complaints);

} // namespace karat::volumes::vmdk
