// SPDX-License-Identifier: Apache-2.0
#include "cutter.hpp"

#include <cstring>
#include <xxhash.h>

namespace karat::blocks {

bool is_zero_block(std::span<std::byte const> block)
{
    // Equal to itself moved by one byte, and that byte is zero: memcmp does it at memory speed.
    return block[0] == std::byte{0} &&
           std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0;
}

bool cuts_after(std::span<std::byte const> block)
{
    return XXH3_64bits(block.data(), block.size()) % kCutEvery == 0;
}

} // namespace karat::blocks
