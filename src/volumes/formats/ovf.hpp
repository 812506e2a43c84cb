// SPDX-License-Identifier: Apache-2.0
// The description in an OVA (OVF 0.9 to 2.1): which of the files beside it are disks. Machine
// settings are not read.
#pragma once

#include "complaints.hpp"

#include <vector>

namespace karat::volumes::ovf {

inline constexpr std::uint64_t kMaxBytes = 1 << 20;

/// A disk with a file.
struct Disk {
    std::string href;             ///< As it stands in the description.
    std::string compression;      ///< Empty: none.
    bool in_chunks = false;       ///< Its files are HREF.000000000, HREF.000000001, …
    std::uint64_t size_bytes = 0; ///< Of the file, as the description says; 0: it does not.
};

/// The disks in the order of the description, CD images left out. Fault::invalid if it is no OVF.
/// Entities of a document type are never expanded, and nothing outside is ever fetched.
Result<std::vector<Disk>> read_disks(std::span<std::byte const> xml, Complaints const& complaints);

/// The names that a reference could mean in an archive, the likeliest first: as it stands, and with
/// %XX decoded. `folder` is where the description is, without '/' at its end. Empty if the
/// reference leads out of the archive.
std::vector<std::string> names_of(std::string_view href, std::string_view folder);

} // namespace karat::volumes::ovf
