// SPDX-License-Identifier: Apache-2.0
// Tells whether somebody wrote to a disk image while it was read.
#pragma once

#include "karat/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace karat::volumes {

struct FileStamp {
    std::uintmax_t size_bytes = 0;
    std::filesystem::file_time_type written = {};
    bool operator==(FileStamp const&) const = default;
};

/// Nothing for what is no plain file: a device has no time of its last write.
std::optional<FileStamp> stamp_of(std::string const& path);
/// Fault::invalid if the file is not as it was.
Result<void> check_unchanged(std::string const& path, std::optional<FileStamp> const& before);

} // namespace karat::volumes
