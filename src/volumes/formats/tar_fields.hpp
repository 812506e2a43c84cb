// SPDX-License-Identifier: Apache-2.0
// Where the fields of a tar header are, and what stands in them.
#pragma once

#include "fields.hpp"

#include <optional>
#include <string>

namespace karat::volumes::tar {

struct Field {
    std::size_t at;
    std::size_t length;
};
inline constexpr Field kName{0, 100};
inline constexpr Field kMode{100, 8};
inline constexpr Field kOwner{108, 8};
inline constexpr Field kGroup{116, 8};
inline constexpr Field kSize{124, 12};
inline constexpr Field kTime{136, 12};
inline constexpr Field kChecksum{148, 8};
inline constexpr std::size_t kType = 156;
inline constexpr Field kMagic{257, 6};
inline constexpr Field kPrefix{345, 155};
inline constexpr std::string_view kUstar{"ustar\0", 6}; ///< POSIX; GNU's own has a blank for the 0.

/// GNU's sparse files: pairs of offset and length in the header, more in blocks after it.
inline constexpr std::size_t kSparseAt = 386;
inline constexpr std::size_t kSparsePairs = 4;
inline constexpr std::size_t kSparseMore = 482; ///< Not 0: a block of pairs follows.
inline constexpr Field kSparseSize{483, 12};    ///< Of the file, its holes included.
inline constexpr std::size_t kBlockPairs = 21;
inline constexpr std::size_t kBlockMore = 504;
inline constexpr std::size_t kNumberBytes = 12;

/// The text of a field, up to its first zero.
std::string_view text_of(std::span<std::byte const> block, Field field);
/// A number in octal digits, between blanks; or GNU's: the first bit set, big-endian bytes.
std::optional<std::uint64_t> number_of(std::span<std::byte const> block, Field field);
/// Whether the header's checksum holds, its bytes summed unsigned or, as very old tars do, signed.
bool has_right_sum(std::span<std::byte const> block);
/// The sum of all bytes, the checksum's own taken as blanks.
std::uint64_t sum_of(std::span<std::byte const> block);

} // namespace karat::volumes::tar
