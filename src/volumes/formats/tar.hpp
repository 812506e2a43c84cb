// SPDX-License-Identifier: Apache-2.0
// The little of tar (POSIX.1-1988 ustar, and GNU's large sizes) that an OVA needs.
//
//   member   header of 512 bytes, data, zeroes up to whole 512 bytes
//   end      two blocks of zeroes
#pragma once

#include "complaints.hpp"

#include <vector>

namespace karat::volumes::tar {

inline constexpr std::uint64_t kBlockBytes = 512;

struct Member {
    std::string name;
    Range data; ///< In the archive.
};

/// Lists an archive of plain files. At most 64; names without folders.
Result<std::vector<Member>> list(File& file, Complaints const& complaints);

/// The header of a plain file; `name` has at most 99 characters.
Bytes header_of(std::string_view name, std::uint64_t size_bytes, std::uint64_t modified_s);

/// Whether these, the first 512 bytes of a file, are a member's header.
bool is_header(std::span<std::byte const> block);

} // namespace karat::volumes::tar
