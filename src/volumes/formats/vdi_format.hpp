// SPDX-License-Identifier: Apache-2.0
// Every number of VirtualBox's VDI (version 1.1) that this room uses, from VirtualBox's VDICore.h
// as QEMU reads it. All integers are little-endian; places are bytes.
//
//   0       text that says who made it; the signature; the version; the header
//   map     u32 a block: which of the stored blocks it is, or none, or zeroes
//   blocks  each with `extra` bytes before its data, which VirtualBox has never used
#pragma once

#include "fields.hpp"

namespace karat::volumes::vdi {

inline constexpr std::string_view kSignature = "\x7f\x10\xda\xbe";
inline constexpr std::size_t kHeaderBytes = 512;

/// Where the header's fields start.
namespace at {
inline constexpr std::size_t kSignature = 64;
inline constexpr std::size_t kVersion = 68;
inline constexpr std::size_t kType = 76;
inline constexpr std::size_t kMap = 340;
inline constexpr std::size_t kData = 344;
inline constexpr std::size_t kSectorBytes = 360;
inline constexpr std::size_t kSize = 368;
inline constexpr std::size_t kBlockBytes = 376;
inline constexpr std::size_t kExtra = 380;
inline constexpr std::size_t kBlocks = 384;
inline constexpr std::size_t kParent = 440; ///< UUID; zeroes: none.
} // namespace at

inline constexpr std::uint32_t kVersion11 = 0x00010001;
inline constexpr std::uint32_t kDynamic = 1;
inline constexpr std::uint32_t kFixed = 2;
inline constexpr std::uint32_t kNothing = 0xffffffff;
inline constexpr std::uint32_t kZeroes = 0xfffffffe; ///< A block that the guest discarded.
inline constexpr std::size_t kUuidBytes = 16;

/// The bounds of this room, not of the format. VirtualBox itself makes blocks of 1 MiB.
inline constexpr std::uint32_t kMinBlockBytes = 4096;
inline constexpr std::uint32_t kMaxBlockBytes = 256 << 20;

} // namespace karat::volumes::vdi
