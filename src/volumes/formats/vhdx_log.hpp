// SPDX-License-Identifier: Apache-2.0
// The log of a VHDX file that was not closed properly: changes to its tables that still have to be
// made. They are made in memory; the file stays as it is.
#pragma once

#include "complaints.hpp"
#include "formats/vhdx_header.hpp"

namespace karat::volumes::vhdx {

/// The file as it is after the replay of its log; the file itself where the log is empty. Memory is
/// bounded by the log, of which at most 16 MiB are read.
Result<std::unique_ptr<File>> replay_log(std::unique_ptr<File> file, Complaints const& complaints);

} // namespace karat::volumes::vhdx
