// SPDX-License-Identifier: Apache-2.0
// What every reader says of a disk image that it refuses.
#pragma once

#include "disk_reader.hpp"

namespace karat::volumes {

/// Says what is wrong with a disk image and what to do about it, in one sentence.
class Complaints {
public:
    Complaints(std::string path, Trust trust)
        : path_(std::move(path))
        , trust_(trust)
    {
    }
    /// Contradicts the format: the file was damaged or forged.
    Error damaged(std::string_view what, Where where = {}) const;
    /// Uses something that we do not follow; a plain copy by qemu-img does without.
    Error unsupported(std::string_view what, Where where = {}) const;
    /// Ends before what it maps.
    Error cut_off(std::string_view what, Where where = {}) const;
    /// Holds more than any volume.
    Error too_large(Where where = {}) const;

private:
    std::string path_;
    Trust trust_;
};

/// The most that a volume can hold.
inline constexpr std::uint64_t kMaxDiskBytes = std::uint64_t{64} << 40;

} // namespace karat::volumes
