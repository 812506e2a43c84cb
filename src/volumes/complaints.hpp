// SPDX-License-Identifier: Apache-2.0
// What every reader says of a disk image that it refuses, and the command that helps.
#pragma once

#include "disk_reader.hpp"

namespace karat::volumes {

/// Says what is wrong with a disk image and what to do about it, in one sentence. Commands stand
/// between single quotes, ready for a shell.
class Complaints {
public:
    /// `qemu_format` is what qemu-img calls the format; empty: qemu-img does not read it.
    Complaints(DiskName name, Trust trust, std::string_view qemu_format)
        : name_(std::move(name))
        , trust_(trust)
        , qemu_format_(qemu_format)
    {
    }
    DiskName const& name() const { return name_; }
    /// "take it out with …, " of a disk in an archive; else nothing.
    std::string taken_out() const;

    /// Contradicts the format: the file was damaged or forged.
    Error damaged(std::string_view what, Where where = {}) const;
    /// Uses something that we do not follow and qemu-img does: a copy by it does without.
    /// `qemu_format` if it is not the one that all of the file has.
    Error convertible(std::string_view what, std::string_view qemu_format = {},
                      Where where = {}) const;
    /// As convertible(), by a qemu-img that is told more than the format: `options`.
    Error convertible_with(std::string_view what, std::string_view options, Where where = {}) const;
    /// Uses something that neither we nor qemu-img follow; `remedy` says what helps.
    Error unsupported(std::string_view what, std::string_view remedy, Where where = {}) const;
    /// Ends before what it maps.
    Error cut_off(std::string_view what, Where where = {}) const;
    /// Holds more than any volume.
    Error too_large(Where where = {}) const;

private:
    std::string subject() const;
    /// Of an overlay, whatever is wrong with it: Fault::corrupt.
    Error not_ours(std::string_view what, Where where) const;

    DiskName name_;
    Trust trust_;
    std::string_view qemu_format_; ///< A literal.
};

/// A stranger's name in a message: nothing that a terminal would obey.
std::string printable(std::string_view text);
/// A word of a shell's command line. What is not printable cannot be told: the word is then wrong.
std::string shell_word(std::string_view text);
/// A value in qemu-img's options: a comma is doubled.
std::string option_value(std::string_view text);
/// A stranger's words in a message: short, and nothing that a terminal would obey.
std::string shown(std::string_view text);

/// The most that a volume can hold.
inline constexpr std::uint64_t kMaxDiskBytes = std::uint64_t{64} << 40;

} // namespace karat::volumes
