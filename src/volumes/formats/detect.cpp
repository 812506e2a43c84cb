// SPDX-License-Identifier: Apache-2.0
// Told once, at import, and kept: what the bytes say later changes nothing any more.
#include "formats/formats.hpp"

#include "complaints.hpp"
#include "formats/tar.hpp"
#include "formats/vdi_format.hpp"
#include "formats/vhd_format.hpp"
#include "formats/vhdx_format.hpp"
#include "formats/vmdk_descriptor.hpp"

#include <algorithm>
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
                            Name{"vhdx", Format::vhdx}, Name{"vdi", Format::vdi},
                            Name{"ova", Format::ova}};

/// What helps with a file that is no disk that we read.
enum class Remedy : unsigned char {
    convert, ///< `word` is what qemu-img calls the format.
    unpack,  ///< `word` is a command that writes to its output.
    run,     ///< `word` is a command, to be given the file.
    words,   ///< `word` says it.
};

/// What begins so is no disk that we read; a raw disk that does is imported by naming its format.
struct Stranger {
    std::string_view magic;
    std::size_t at;
    std::string_view what;
    Remedy remedy;
    std::string_view word;
    std::string_view ending = {}; ///< That the unpacked file does without.
};
using namespace std::string_view_literals;
constexpr std::array kStrangers{
    Stranger{"\x1f\x8b"sv, 0, "is compressed by gzip", Remedy::unpack, "gzip -dc", ".gz"},
    Stranger{"\x1f\x9d"sv, 0, "is compressed by compress", Remedy::unpack, "gzip -dc", ".Z"},
    Stranger{"\xfd\x37zXZ\0"sv, 0, "is compressed by xz", Remedy::unpack, "xz -dc", ".xz"},
    Stranger{"\x28\xb5\x2f\xfd"sv, 0, "is compressed by zstd", Remedy::unpack, "zstd -dc", ".zst"},
    Stranger{"BZh"sv, 0, "is compressed by bzip2", Remedy::unpack, "bzip2 -dc", ".bz2"},
    Stranger{"\x04\x22\x4d\x18"sv, 0, "is compressed by lz4", Remedy::unpack, "lz4 -dc", ".lz4"},
    Stranger{"LZIP"sv, 0, "is compressed by lzip", Remedy::unpack, "lzip -dc", ".lz"},
    Stranger{"PK\x03\x04"sv, 0, "is a zip archive", Remedy::run, "unzip"},
    Stranger{"7z\xbc\xaf\x27\x1c"sv, 0, "is a 7-Zip archive", Remedy::run, "7z x"},
    Stranger{"Rar!\x1a\x07"sv, 0, "is a RAR archive", Remedy::run, "unrar x"},
    Stranger{"QED\0"sv, 0, "is a QED disk", Remedy::convert, "qed"},
    Stranger{"WithoutFreeSpace"sv, 0, "is a Parallels disk", Remedy::convert, "parallels"},
    Stranger{"WithouFreSpacExt"sv, 0, "is a Parallels disk", Remedy::convert, "parallels"},
    Stranger{"Bochs Virtual HD Image"sv, 0, "is a Bochs disk", Remedy::convert, "bochs"},
    Stranger{"#!/bin/sh\n#V2.0 Format\n"sv, 0, "is a cloop disk", Remedy::convert, "cloop"},
    Stranger{"LUKS\xba\xbe\0\2"sv, 0, "is encrypted by LUKS", Remedy::words,
             "open it with 'cryptsetup open', and import what that makes in /dev/mapper"},
    Stranger{"LUKS\xba\xbe"sv, 0, "is encrypted by LUKS", Remedy::convert, "luks"},
    Stranger{"\xbe\xba\xfe\xca\0\0\0\0"sv, 0, "is a part of a disk of VMware ESX (seSparse)",
             Remedy::words, vmdk::kConvertWhole},
    Stranger{"EVF\x09\x0d\x0a\xff\0"sv, 0, "is a forensic image (EWF)", Remedy::run,
             "ewfexport -f raw"},
    Stranger{"AFF10\r\n\0"sv, 0, "is a forensic image (AFF)", Remedy::run, "affconvert -r"},
    Stranger{"VMA\0"sv, 0, "is a backup of Proxmox (VMA)", Remedy::words,
             "take its disk out with 'vma extract' there, and import that"},
    Stranger{"\x3a\xff\x26\xed"sv, 0, "is a sparse image of Android", Remedy::words,
             "unpack it with 'simg2img', and import that"},
    Stranger{"MSWIM\0\0\0"sv, 0, "is an image of files (WIM), not of a disk", Remedy::words,
             "apply it to a disk, and import that"},
    Stranger{"sprs"sv, 0, "is a sparse image of macOS", Remedy::words,
             "convert it there with 'hdiutil convert -format UDTO', and import that"},
    Stranger{"CD001"sv, 0x8001, "is a CD image (ISO 9660), not a disk", Remedy::words,
             "install from it where you have a machine, and import that machine's disk"},
    Stranger{"NSR0"sv, 0x8801, "is a DVD image (UDF), not a disk", Remedy::words,
             "install from it where you have a machine, and import that machine's disk"},
    Stranger{"<?xml"sv, 0, "is an XML text, not a disk", Remedy::words,
             "if it is the description of an OVA (OVF), import the disk beside it"},
    Stranger{"<!DOCTYPE"sv, 0, "is a web page, not a disk", Remedy::words, "download it again"},
    Stranger{"<html"sv, 0, "is a web page, not a disk", Remedy::words, "download it again"},
    Stranger{"version https://git-lfs"sv, 0, "only stands for a file that Git LFS keeps",
             Remedy::words, "fetch that with 'git lfs pull'"}};
constexpr std::size_t kStartBytes = 0x8808;

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

/// The last bytes of a file, at most `length`.
Result<Bytes> read_end(File& file, std::size_t length)
{
    auto const size = TRY(file.size_bytes());
    Bytes end(std::min<std::uint64_t>(size, length));
    end.resize(TRY(file.read_at(size - end.size(), end)));
    return end;
}

/// A footer is in the last 512 bytes; Virtual PC before 2004 left out its last byte.
bool ends_as_vhd(Bytes const& end)
{
    return end.size() == vhd::kFooterBytes &&
           (holds(end, vhd::kFooterCookie) || holds(end, vhd::kFooterCookie, 1));
}

/// Every format that the bytes could be of.
std::vector<Format> matches(Bytes const& start, Bytes const& end)
{
    std::vector<Format> found;
    if (holds(start, "QFI\xfb"))
        found.push_back(Format::qcow2);
    if (holds(start, "KDMV") || holds(start, "COWD") || vmdk::is_descriptor(as_text(start)))
        found.push_back(Format::vmdk);
    if (holds(start, vhdx::kFileSignature))
        found.push_back(Format::vhdx);
    if (ends_as_vhd(end) || holds(start, vhd::kFooterCookie))
        found.push_back(Format::vhd);
    if (holds(start, vdi::kSignature, vdi::at::kSignature))
        found.push_back(Format::vdi);
    if (tar::is_header(start))
        found.push_back(Format::ova);
    return found;
}

Error refusal(DiskName const& name, Stranger const& stranger)
{
    Complaints const complaints(name, Trust::stranger, stranger.word);
    auto const path = shell_word(name.path);
    switch (stranger.remedy) {
    case Remedy::convert:
        if (stranger.word == "luks")
            return complaints.convertible_with(
                stranger.what,
                fmt::format("--object secret,id=key,file=FILE-OF-PASSPHRASE --image-opts {}",
                            shell_word("driver=luks,key-secret=key,file.filename=" +
                                       option_value(name.path))));
        return complaints.convertible(stranger.what);
    case Remedy::unpack: {
        auto plain = name.path;
        plain = plain.ends_with(stranger.ending) && plain.size() > stranger.ending.size()
                    ? plain.substr(0, plain.size() - stranger.ending.size())
                    : plain + ".plain";
        return complaints.unsupported(stranger.what,
                                      fmt::format("{}unpack it with '{} {} > {}', and import that",
                                                  complaints.taken_out(), stranger.word, path,
                                                  shell_word(plain)));
    }
    case Remedy::run:
        return complaints.unsupported(stranger.what,
                                      fmt::format("{}unpack it with '{} {}', and import the disk",
                                                  complaints.taken_out(), stranger.word, path));
    case Remedy::words:
        return complaints.unsupported(stranger.what, stranger.word);
    }
    VERIFY(false);
}

std::string_view ending_of(std::string const& path)
{
    auto const dot = path.rfind('.');
    return dot == std::string::npos || path.find('/', dot) != std::string::npos
               ? std::string_view()
               : std::string_view(path).substr(dot + 1);
}

/// "img" and "raw" promise nothing; the other formats' names do.
Result<void> check_name(DiskName const& name, Format told)
{
    Complaints const complaints(name, Trust::stranger, {});
    for (auto const& known : kNames)
        if (known.format != Format::raw && known.word == ending_of(name.path) &&
            known.format != told)
            return fail(Fault::invalid,
                        fmt::format("The disk image {} is named .{}, but its bytes say {}; if they "
                                    "are right, {}import it with '--format {}'",
                                    printable(name.path), known.word, word(told),
                                    complaints.taken_out(), word(told)));
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
                            "vhd, vhdx, vdi, ova",
                            text));
}

Result<Format> tell_format(File& file, DiskName const& name)
{
    auto const start = TRY(read_start(file));
    auto const end = TRY(read_end(file, vhd::kFooterBytes));
    auto const found = matches(start, end);
    if (found.size() > 1)
        return fail(Fault::unsupported,
                    fmt::format("The disk image {} could be {} and {} at once; say which with "
                                "'--format {}' or '--format {}'",
                                printable(name.path), word(found[0]), word(found[1]),
                                word(found[0]), word(found[1])));
    if (found.empty()) {
        for (auto const& stranger : kStrangers)
            if (holds(start, stranger.magic, stranger.at))
                return refusal(name, stranger);
        if (end.size() == vhd::kFooterBytes && holds(end, "koly"))
            return Complaints(name, Trust::stranger, "dmg").convertible("is a disk of macOS (DMG)");
    }
    auto const told = found.empty() ? Format::raw : found.front();
    TRY(check_name(name, told));
    return told;
}

Result<void> check_format(File& file, DiskName const& name, Format format)
{
    if (format == Format::raw)
        return {};
    auto const start = TRY(read_start(file));
    auto const found = matches(start, TRY(read_end(file, vhd::kFooterBytes)));
    for (auto const one : found)
        if (one == format)
            return {};
    auto const told = found.empty() ? Format::raw : found.front();
    return fail(Fault::invalid, fmt::format("The disk image {} is not {}: its bytes say {}",
                                            name.path, word(format), word(told)));
}

Result<std::unique_ptr<DiskReader>> open_disk(std::unique_ptr<File> file, DiskName const& name,
                                              Format format)
{
    switch (format) {
    case Format::raw:
        return open_raw(std::move(file), name);
    case Format::qcow2:
        return open_qcow2(std::move(file), name, Trust::stranger);
    case Format::vmdk:
        return open_vmdk(std::move(file), name);
    case Format::vhd:
        return open_vhd(std::move(file), name);
    case Format::vhdx:
        return open_vhdx(std::move(file), name);
    case Format::vdi:
        return open_vdi(std::move(file), name);
    case Format::ova:
        return open_ova(std::move(file), name);
    }
    VERIFY(false);
}

} // namespace karat::volumes
