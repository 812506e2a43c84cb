// SPDX-License-Identifier: Apache-2.0
// The checked footer and dynamic header of a VHD file.
#pragma once

#include "complaints.hpp"
#include "formats/vhd_format.hpp"

namespace karat::volumes::vhd {

struct Header {
    std::uint64_t size_bytes = 0;
    std::uint64_t data_end = 0; ///< Where the footer is: what blocks may reach.
    bool dynamic = false;
    std::uint64_t block_bytes = 0;    ///< Of a dynamic disk, as what follows.
    Range table = {};                 ///< As many entries as the disk needs.
    std::uint64_t dynamic_offset = 0; ///< Of the dynamic header.
};

/// Reads and checks the footer, its copy and the dynamic header.
Result<Header> read_header(File& file, Complaints const& complaints);

} // namespace karat::volumes::vhd
