// SPDX-License-Identifier: Apache-2.0
// Told once, at import, and kept: what the bytes say later changes nothing any more.
#include "formats/formats.hpp"

#include "formats/tar.hpp"
#include "formats/vhd_format.hpp"
#include "formats/vhdx_format.hpp"
#include "formats/vmdk_format.hpp"
#include "qcow2_format.hpp"

#include <array>
#include <fmt/format.h>
#include <vector>

namespace karat::volumes {
namespace {

struct Name {
    std::string_view word;
    Format format;
};
constexpr std::array kNames{Name{"raw", Format::raw},   Name{"qcow2", Format::qcow2},
                            Name{"vmdk", Format::vmdk}, Name{"vhd", Format::vhd},
                            Name{"vhdx", Format::vhdx}, Name{"ova", Format::ova}};

/// What begins so is no disk that we read; a raw disk that does is imported by naming its format.
struct Stranger {
    std::string_view magic;
    std::size_t at;
    std::string_view what;
};
constexpr std::array kStrangers{
    Stranger{"\x1f\x8b", 0, "compressed by gzip; decompress it first"},
    Stranger{"\xfd"
             "7zXZ",
             0, "compressed by xz; decompress it first"},
    Stranger{"\x28\xb5\x2f\xfd", 0, "compressed by zstd; decompress it first"},
    Stranger{"BZh", 0, "compressed by bzip2; decompress it first"},
    Stranger{"PK\x03\x04", 0, "a zip archive; unpack it first"},
    Stranger{"QED", 0, "a QED disk, which Karat does not read"},
    Stranger{"LUKS\xba\xbe", 0, "encrypted by LUKS, which Karat does not read"},
    Stranger{"\x7f\x10\xda\xbe", 64, "a VDI disk, which Karat does not read"},
    Stranger{"WithoutFreeSpace", 0, "a Parallels disk, which Karat does not read"},
    Stranger{"CD001", 0x8001, "a CD image (ISO 9660), not a disk"}};
constexpr std::size_t kStartBytes = 0x8006;

bool holds(Bytes const& start, std::string_view magic, std::size_t at = 0)
{
    return start.size() >= at + magic.size() && as_text(start).substr(at, magic.size()) == magic;
}

Result<Bytes> read_start(File& file)
{
    Bytes start(kStartBytes);
    start.resize(TRY(file.read_at(0, start)));
    return start;
}

Result<bool> ends_as_vhd(File& file)
{
    auto const size = TRY(file.size_bytes());
    if (size < vhd::kFooterBytes)
        return false;
    Bytes footer(vhd::kFooterBytes);
    footer.resize(TRY(file.read_at(size - footer.size(), footer)));
    return holds(footer, vhd::kFooterCookie);
}

/// Every format that the bytes could be of.
Result<std::vector<Format>> matches(File& file, Bytes const& start)
{
    std::vector<Format> found;
    if (holds(start, "QFI\xfb"))
        found.push_back(Format::qcow2);
    if (holds(start, "KDMV") || holds(start, "COWD") || holds(start, vmdk::kDescriptorStart))
        found.push_back(Format::vmdk);
    if (holds(start, vhdx::kFileSignature))
        found.push_back(Format::vhdx);
    bool const footer = TRY(ends_as_vhd(file));
    if (footer || holds(start, vhd::kFooterCookie))
        found.push_back(Format::vhd);
    if (tar::is_header(start))
        found.push_back(Format::ova);
    return found;
}

std::string_view ending_of(std::string const& path)
{
    auto const dot = path.rfind('.');
    return dot == std::string::npos || path.find('/', dot) != std::string::npos
               ? std::string_view()
               : std::string_view(path).substr(dot + 1);
}

/// "img" and "raw" promise nothing; the other formats' names do.
Result<void> check_name(std::string const& path, Format told)
{
    for (auto const& name : kNames)
        if (name.format != Format::raw && name.word == ending_of(path) && name.format != told)
            return fail(Fault::invalid,
                        fmt::format("The disk image {} is named .{}, but its bytes say {}; give "
                                    "its format if they are right",
                                    path, name.word, word(told)));
    return {};
}

} // namespace

std::string_view word(Format format)
{
    for (auto const& name : kNames)
        if (name.format == format)
            return name.word;
    VERIFY(false);
}

Result<Format> parse_format(std::string_view text)
{
    for (auto const& name : kNames)
        if (name.word == text)
            return name.format;
    return fail(Fault::unsupported,
                fmt::format("The disk format '{}' is not one that Karat reads: raw, qcow2, vmdk, "
                            "vhd, vhdx, ova",
                            text));
}

Result<Format> tell_format(File& file, std::string const& path)
{
    auto const start = TRY(read_start(file));
    auto const found = TRY(matches(file, start));
    if (found.size() > 1)
        return fail(Fault::unsupported,
                    fmt::format("The disk image {} could be {} and {} at once; give its format",
                                path, word(found[0]), word(found[1])));
    for (auto const& stranger : kStrangers)
        if (found.empty() && holds(start, stranger.magic, stranger.at))
            return fail(Fault::unsupported, fmt::format("The file {} is {}", path, stranger.what));
    auto const told = found.empty() ? Format::raw : found.front();
    TRY(check_name(path, told));
    return told;
}

Result<void> check_format(File& file, std::string const& path, Format format)
{
    if (format == Format::raw)
        return {};
    auto const start = TRY(read_start(file));
    auto const found = TRY(matches(file, start));
    for (auto const one : found)
        if (one == format)
            return {};
    return fail(Fault::invalid,
                fmt::format("The disk image {} is not {}: its bytes say {}", path, word(format),
                            found.empty() ? "raw" : word(found.front())));
}

Result<std::unique_ptr<DiskReader>> open_disk(std::unique_ptr<File> file, std::string const& path,
                                              Format format)
{
    switch (format) {
    case Format::raw:
        return open_raw(std::move(file), path);
    case Format::qcow2:
        return open_qcow2(std::move(file), path, Trust::stranger);
    case Format::vmdk:
        return open_vmdk(std::move(file), path);
    case Format::vhd:
        return open_vhd(std::move(file), path);
    case Format::vhdx:
        return open_vhdx(std::move(file), path);
    case Format::ova:
        return open_ova(std::move(file), path);
    }
    VERIFY(false);
}

} // namespace karat::volumes
