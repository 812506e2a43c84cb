// SPDX-License-Identifier: Apache-2.0
// The writers of disk images. Each fills a new, empty file and leaves making it durable to the
// caller. Fault::invalid where the format cannot hold the disk.
#pragma once

#include "formats/disk_source.hpp"

namespace karat::volumes {

Result<void> write_raw(DiskSource& source, File& file);
Result<void> write_qcow2(DiskSource& source, File& file);
/// monolithicSparse; `name` is the file's own, which the descriptor repeats.
Result<void> write_vmdk_sparse(DiskSource& source, File& file, std::string const& name);
Result<void> write_vhd_dynamic(DiskSource& source, File& file);
Result<void> write_vhd_fixed(DiskSource& source, File& file);
Result<void> write_vhdx(DiskSource& source, File& file);
/// `name` is what the archive's members are called before their ending.
Result<void> write_ova(DiskSource& source, File& file, std::string const& name);

/// Bytes written one after the other, and what proves them.
class StreamOut {
public:
    StreamOut(File& file, std::uint64_t offset_bytes)
        : file_(file)
        , start_(offset_bytes)
        , offset_(offset_bytes)
    {
    }
    Result<void> write(std::span<std::byte const> bytes)
    {
        sum_.update(bytes);
        TRY(file_.write_at(offset_, bytes));
        offset_ += bytes.size();
        return {};
    }
    std::uint64_t length_bytes() const { return offset_ - start_; }
    Hash finish() { return sum_.finish(); }

private:
    File& file_;
    std::uint64_t start_;
    std::uint64_t offset_;
    Sha256 sum_;
};

/// streamOptimized: written from front to back, nothing twice.
Result<void> write_vmdk_stream(DiskSource& source, StreamOut& out, std::string const& name);

/// Writes the snapshot beside `path`, makes it durable and renames it over `path`.
Result<WrittenImage> write_image_file(Files& files, blocks::View const& view,
                                      std::string const& path, ImageForm form,
                                      Progress const& progress);
/// Where write_image_file() writes to until all is there.
std::string unfinished_image(std::string const& path);

} // namespace karat::volumes
