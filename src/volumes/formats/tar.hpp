// SPDX-License-Identifier: Apache-2.0
// Tar as it is met: v7, ustar, pax, and GNU's long names, large numbers and sparse files.
//
//   member   header of 512 bytes, data, zeroes up to whole 512 bytes; the headers of a long name
//            or of pax records are members before the one that they speak of
//   end      two blocks of zeroes; some writers leave them out
#pragma once

#include "complaints.hpp"

#include <vector>

namespace karat::volumes::tar {

inline constexpr std::uint64_t kBlockBytes = 512;

/// Bytes of a member that the archive stores.
struct Extent {
    std::uint64_t offset_bytes; ///< In the member.
    Range data;                 ///< In the archive.
};

/// A plain file. What lies between its extents reads as zeroes.
struct Member {
    std::string name;        ///< As plain_name() makes it.
    std::string stored_name; ///< As it stands in the archive: what a tar command is told.
    std::uint64_t size_bytes = 0;
    std::vector<Extent> extents = {}; ///< Ascending; inside of the archive and of the member.
};

/// Lists the plain files of an archive, and passes over folders, links and devices. Of several
/// files with one name the last counts, as when they are unpacked. At most 1024 members.
Result<std::vector<Member>> list(File& file, Complaints const& complaints);

/// Members one after the other as one file that is only read. `archive` outlives it.
std::unique_ptr<File> open_members(File& archive, std::vector<Member> const& parts);

/// The header of a plain file; `name` has at most 99 characters.
Bytes header_of(std::string_view name, std::uint64_t size_bytes, std::uint64_t modified_s);

/// Whether these, the first 512 bytes of a file, are a member's header.
bool is_header(std::span<std::byte const> block);

/// A file's name without "./" before it and between its parts.
std::string plain_name(std::string_view name);

} // namespace karat::volumes::tar
