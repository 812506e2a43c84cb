// SPDX-License-Identifier: Apache-2.0
// Which parts of a file are stored and which are holes.
#pragma once

#include "disk_reader.hpp"

namespace karat::volumes {

/// Remembers the last answer of File::next_data, so that walking a file costs two system calls per
/// stretch and not per question. `file` outlives it.
class StoredMap {
public:
    explicit StoredMap(File& file)
        : file_(file)
    {
    }
    /// Whether the byte at `offset_bytes` is data or in a hole (zero), and how far that goes, at
    /// most `length_bytes`. Beyond the end of the file all is hole.
    Result<Stretch> at(Range wanted);
    /// The bytes of the file that are not holes.
    Result<std::uint64_t> stored_bytes();

private:
    Result<void> look(std::uint64_t offset_bytes);

    File& file_;
    Range hole_; ///< The hole before data_, as far as known.
    Range data_;
};

} // namespace karat::volumes
