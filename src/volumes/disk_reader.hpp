// SPDX-License-Identifier: Apache-2.0
// What import and capture read disks through, whatever their file format. Readers trust nothing
// that the file says: memory and work are bounded, and no other file is ever opened.
#pragma once

#include "karat/env.hpp"

#include <memory>

namespace karat::volumes {

enum class Kind : unsigned char {
    data,        ///< Stored bytes.
    zero,        ///< Reads as zeroes, and hides what lies below an overlay.
    unallocated, ///< Not said here: the layer below shows, or zeroes.
};

struct Stretch {
    Kind kind;
    Range range;
};

/// An open disk. One thread. next() is called with ascending offsets: a reader counts what it
/// hands out, and refuses a file that maps more than it stores.
class DiskReader {
public:
    virtual ~DiskReader() = default;
    virtual std::uint64_t size_bytes() const = 0;
    /// The stretch that begins at `offset_bytes` (below the size); never empty, never past the
    /// size. The next one may be of the same kind.
    virtual Result<Stretch> next(std::uint64_t offset_bytes) = 0;
    /// Reads exactly into.size() bytes below the size; what is not data reads as zeroes.
    virtual Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) = 0;
};

/// Who wrote the file. It decides what a mapping beyond the end of the file means.
enum class Trust : unsigned char {
    stranger, ///< It was cut off on its way: refused, Fault::invalid.
    own,      ///< A host crash lost writes that no guest had flushed: zeroes. Damage is corrupt.
};

/// Every byte of the file, holes as zeroes. Fault::invalid for an empty file or over 64 TiB.
Result<std::unique_ptr<DiskReader>> open_raw(std::unique_ptr<File> file, std::string const& path);
/// A qcow2 file of version 2 or 3. Fault::unsupported for what a reader of one file cannot or must
/// not follow (backing file, data file, encryption, unknown features), Fault::invalid for the rest.
Result<std::unique_ptr<DiskReader>> open_qcow2(std::unique_ptr<File> file, std::string const& path,
                                               Trust trust);

} // namespace karat::volumes
