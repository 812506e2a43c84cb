// SPDX-License-Identifier: Apache-2.0
// Makes the checksum right that ends a file of the block store, so that a fuzzer reaches what lies
// behind it.
#pragma once

#include "blocks_format.hpp"

#include "karat/hash.hpp"

#include <algorithm>

namespace karat::blocks {

/// Nothing for what is too short to have one.
inline void sign(Bytes& bytes)
{
    if (bytes.size() < kHashBytes)
        return;
    auto const body = bytes.size() - kHashBytes;
    std::ranges::copy(sha256(std::span(bytes).first(body)).bytes, bytes.data() + body);
}

} // namespace karat::blocks
