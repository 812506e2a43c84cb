// SPDX-License-Identifier: Apache-2.0
#include "formats/writers.hpp"

namespace karat::volumes {
namespace {

constexpr std::uint64_t kUnitBytes = 1 << 20;

} // namespace

Result<void> write_raw(DiskSource& source, File& file)
{
    TRY(file.truncate(source.size_bytes()));
    return source.each_unit(kUnitBytes, [&](std::uint64_t unit, std::span<std::byte const> bytes) {
        return write_sparse(file, unit * kUnitBytes, bytes);
    });
}

} // namespace karat::volumes
