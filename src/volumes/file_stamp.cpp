// SPDX-License-Identifier: Apache-2.0
#include "file_stamp.hpp"

#include <fmt/format.h>

namespace karat::volumes {

std::optional<FileStamp> stamp_of(std::string const& path)
{
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed) || failed)
        return std::nullopt;
    FileStamp stamp;
    stamp.size_bytes = std::filesystem::file_size(path, failed);
    if (failed)
        return std::nullopt;
    stamp.written = std::filesystem::last_write_time(path, failed);
    return failed ? std::nullopt : std::optional(stamp);
}

Result<void> check_unchanged(std::string const& path, std::optional<FileStamp> const& before)
{
    if (!before || stamp_of(path) == before)
        return {};
    return fail(Fault::invalid,
                fmt::format("The disk image {} was changed while it was read; import it again when "
                            "nothing writes to it any more",
                            path));
}

} // namespace karat::volumes
