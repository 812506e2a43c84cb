// SPDX-License-Identifier: Apache-2.0
// The readers of foreign disk formats, and how a file's format is told.
#pragma once

#include "disk_reader.hpp"
#include "karat/volumes.hpp"

namespace karat::volumes {

// Each trusts nothing: Fault::unsupported for what a reader of one file cannot or must not follow
// (parents, other files), Fault::invalid for what contradicts the format.
Result<std::unique_ptr<DiskReader>> open_vmdk(std::unique_ptr<File> file, DiskName const& name);
Result<std::unique_ptr<DiskReader>> open_vhd(std::unique_ptr<File> file, DiskName const& name);
Result<std::unique_ptr<DiskReader>> open_vhdx(std::unique_ptr<File> file, DiskName const& name);
Result<std::unique_ptr<DiskReader>> open_vdi(std::unique_ptr<File> file, DiskName const& name);
Result<std::unique_ptr<DiskReader>> open_ova(std::unique_ptr<File> file, DiskName const& name);

/// Opens the disk as what `format` says, and as nothing else.
Result<std::unique_ptr<DiskReader>> open_disk(std::unique_ptr<File> file, DiskName const& name,
                                              Format format);

/// Tells the format of a file by its bytes: raw when they are of no format. Fault::unsupported for
/// formats and compressions that are known but not read, and for a file that is two formats at
/// once; Fault::invalid when the name's ending contradicts the bytes.
Result<Format> tell_format(File& file, DiskName const& name);
/// Fault::invalid if the bytes are clearly of another format than `format`. A raw disk may hold
/// anything.
Result<void> check_format(File& file, DiskName const& name, Format format);

} // namespace karat::volumes
