// SPDX-License-Identifier: Apache-2.0
// Compressed clusters of qcow2 and grains of VMDK, decompressed into a buffer that bounds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace karat::volumes {

/// Fills `into` exactly from the start of `from` and says how many bytes of `from` that took;
/// nothing if the bytes are not of that form or end too early. What would come after a full
/// `into` is never produced, so that no input makes it work for more than one cluster.
std::optional<std::size_t> inflate_cluster(std::span<std::byte const> from,
                                           std::span<std::byte> into);
std::optional<std::size_t> unzstd_cluster(std::span<std::byte const> from,
                                          std::span<std::byte> into);
/// Fills `into` from a whole zlib stream (VMDK's grains); false if `from` is none, is damaged, or
/// ends too early. What it would say beyond `into` is never produced.
bool inflate_grain(std::span<std::byte const> from, std::span<std::byte> into);

} // namespace karat::volumes
