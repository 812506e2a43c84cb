// SPDX-License-Identifier: Apache-2.0
// What import and capture read disks through, whatever their file format. Readers trust nothing
// that the file says: memory and work are bounded, and no other file is ever opened.
#pragma once

#include "karat/env.hpp"

#include <functional>
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
    /// Compares the file with the sums that came with it, where some did: reads all of it then.
    /// `go_on` is called now and then; false ends the work with Fault::unavailable.
    virtual Result<void> check_sums(std::function<bool()> const& go_on)
    {
        (void)go_on;
        return {};
    }
};

/// What a disk image is called in messages and in the commands that they advise.
struct DiskName {
    DiskName(std::string path_of_file) // the many calls that have a path give just that
        : path(std::move(path_of_file))
    {
    }
    DiskName(char const* path_of_file)
        : path(path_of_file)
    {
    }
    DiskName(std::string member, std::string path_of_archive)
        : path(std::move(member))
        , archive(std::move(path_of_archive))
    {
    }
    std::string path;    ///< Inside an archive the member's name.
    std::string archive; ///< The path of the archive that it is in; empty: none.
};

/// Who wrote the file. It decides what a mapping beyond the end of the file means.
enum class Trust : unsigned char {
    stranger, ///< It was cut off on its way: refused, Fault::invalid.
    own,      ///< A host crash lost writes that no guest had flushed: zeroes. Damage is corrupt.
};

/// Every byte of the file, holes as zeroes. Fault::invalid for an empty file or over 64 TiB.
Result<std::unique_ptr<DiskReader>> open_raw(std::unique_ptr<File> file, DiskName const& name);
/// A qcow2 file of version 2 or 3. Fault::unsupported for what a reader of one file cannot or must
/// not follow (backing file, data file, encryption, unknown features), Fault::invalid for the rest.
Result<std::unique_ptr<DiskReader>> open_qcow2(std::unique_ptr<File> file, DiskName const& name,
                                               Trust trust);

} // namespace karat::volumes
