// SPDX-License-Identifier: Apache-2.0
#include "formats/vmdk_header.hpp"

#include "formats/vmdk_descriptor.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace karat::volumes::vmdk {
namespace {

constexpr std::uint64_t kFooterTailBytes = 64 << 10; ///< Where the footer is looked for.
constexpr std::size_t kStartBytes = 32 << 10;        ///< More than any descriptor file.

/// The sectors of the header and the footer, as they are in the file.
struct Draft {
    Bytes bytes; ///< One sector.
    std::uint64_t file_bytes;
    Complaints const& complaints;

    std::uint16_t u16(std::size_t at) const { return load_le<std::uint16_t>(bytes, at); }
    std::uint32_t u32(std::size_t at) const { return load_le<std::uint32_t>(bytes, at); }
    std::uint64_t u64(std::size_t at) const { return load_le<std::uint64_t>(bytes, at); }
    bool has(std::uint32_t flag) const { return (u32(at::kFlags) & flag) != 0; }
};

Result<void> check_kind(Draft const& draft)
{
    auto const version = draft.u32(at::kVersion);
    if (version < 1 || version > 3)
        return draft.complaints.unsupported(
            fmt::format("is of VMDK version {}, not 1 to 3", version), kExport);
    auto const unknown = draft.u32(at::kFlags) & ~kKnownFlags;
    if (unknown != 0)
        return draft.complaints.unsupported(
            fmt::format("needs features that Karat does not know (bits {:#x})", unknown), kExport);
    auto const newlines = std::span(draft.bytes).subspan(at::kNewlines, kNewlines.size());
    if (draft.has(kNewlineTest) && as_text(newlines) != kNewlines)
        return draft.complaints.damaged("it was transferred as text, which changed its bytes");
    if (draft.has(kMarkers) && !draft.has(kPacked))
        return draft.complaints.unsupported("has markers and is not compressed", kExport);
    if (draft.has(kPacked) && !draft.has(kMarkers))
        return draft.complaints.unsupported("is compressed without markers", kExport);
    auto const method = draft.u16(at::kCompression);
    if (draft.has(kPacked) && method != kDeflate)
        return draft.complaints.unsupported(
            fmt::format("is compressed by method {}, which Karat does not know", method), kExport);
    return {};
}

Result<void> check_geometry(Draft const& draft)
{
    auto const grain = draft.u64(at::kGrain);
    if (!std::has_single_bit(grain) || grain < kMinGrainSectors || grain > kMaxGrainSectors)
        return draft.complaints.damaged(
            fmt::format("its grains have {} sectors, not a power of two from {} to {}", grain,
                        kMinGrainSectors, kMaxGrainSectors));
    auto const entries = draft.u32(at::kTableEntries);
    auto const other =
        fmt::format("has grain tables of {} entries, not {}", entries, kTableEntries);
    if (entries > 0 && entries < kTableEntries)
        return draft.complaints.convertible(other);
    if (entries != kTableEntries)
        return draft.complaints.unsupported(other, kExport);
    auto const sectors = draft.u64(at::kCapacity);
    if (sectors > kMaxDiskBytes / kSectorBytes)
        return draft.complaints.too_large();
    return {};
}

/// Both headers of a stream say the same; only the footer knows where the directory is.
Result<void> check_footer(Draft const& header, Draft const& footer)
{
    if (footer.u32(at::kMagic) != kMagic)
        return header.complaints.cut_off("its footer lies");
    for (auto const field : {at::kCapacity, at::kGrain, at::kDescriptor, at::kDescriptorSectors})
        if (header.u64(field) != footer.u64(field))
            return header.complaints.damaged("its header and its footer contradict one another");
    for (auto const field : {at::kVersion, at::kFlags, at::kTableEntries})
        if (header.u32(field) != footer.u32(field))
            return header.complaints.damaged("its header and its footer contradict one another");
    if (header.u16(at::kCompression) != footer.u16(at::kCompression))
        return header.complaints.damaged("its header and its footer contradict one another");
    return {};
}

/// The last sector of the file that is not all zero, as the footer is: the end of the stream is,
/// and so is what a copy may have been filled up with.
Result<Bytes> read_footer(File& file, Draft const& header)
{
    auto const end = header.file_bytes / kSectorBytes * kSectorBytes;
    Bytes tail(std::min(end - kSectorBytes, kFooterTailBytes));
    TRY(read_exactly(file, end - tail.size(), tail));
    while (!tail.empty()) {
        auto const last = std::span(tail).last(kSectorBytes);
        if (std::any_of(last.begin(), last.end(), [](auto b) { return b != std::byte{0}; }))
            return Bytes(last.begin(), last.end());
        tail.resize(tail.size() - kSectorBytes);
    }
    return header.complaints.cut_off("its footer lies");
}

/// Where the directory is, in sectors.
Result<std::uint64_t> directory_of(File& file, Draft const& header)
{
    auto const place = header.u64(at::kDirectory);
    if (place != kDirectoryAtEnd)
        return place;
    Draft const footer{TRY(read_footer(file, header)), header.file_bytes, header.complaints};
    TRY(check_footer(header, footer));
    return footer.u64(at::kDirectory);
}

Result<Descriptor> descriptor_of(File& file, Draft const& draft)
{
    auto const first = draft.u64(at::kDescriptor);
    auto const sectors = draft.u64(at::kDescriptorSectors);
    if (sectors > kMaxDescriptorBytes / kSectorBytes)
        return draft.complaints.damaged(fmt::format("its descriptor takes {} sectors, more than {}",
                                                    sectors, kMaxDescriptorBytes / kSectorBytes));
    if (!lies_within({first, sectors}, draft.file_bytes / kSectorBytes))
        return draft.complaints.cut_off("its descriptor lies");
    Bytes bytes(sectors * kSectorBytes);
    TRY(read_exactly(file, first * kSectorBytes, bytes));
    auto const all = as_text(bytes);
    return read_descriptor(all.substr(0, std::min(all.find('\0'), all.size())));
}

Result<void> check_descriptor(File& file, Draft const& draft)
{
    bool const absent = draft.u64(at::kDescriptor) == 0 || draft.u64(at::kDescriptorSectors) == 0;
    auto const descriptor = absent ? Descriptor() : TRY(descriptor_of(file, draft));
    if (descriptor.type.empty() && descriptor.extents == 0) {
        if (draft.has(kPacked) && draft.u64(at::kCapacity) != 0) // a stream is a whole disk
            return {};
        return draft.complaints.unsupported("is one of the parts of a disk", kConvertWhole);
    }
    bool const alone = descriptor.extents > 1 || descriptor.reaches_out;
    if (draft.u64(at::kCapacity) == 0) // a header around a descriptor
        return alone ? refuse_alone(descriptor, draft.complaints)
                     : draft.complaints.damaged("its disk has no bytes");
    TRY(check_embedded(descriptor, draft.complaints));
    // VirtualBox fills up the header's number to whole grains, and not the descriptor's.
    auto const grain = draft.u64(at::kGrain);
    auto const held = draft.u64(at::kCapacity);
    auto const said = descriptor.extent_sectors.value_or(held);
    if (said > held || held - said >= grain)
        return draft.complaints.damaged(
            fmt::format("its descriptor speaks of {} sectors and its header of {}", said, held));
    return {};
}

Result<Range> check_directory(Draft const& draft, Header const& header, std::uint64_t sector)
{
    auto const entries =
        (header.size_bytes + header.bytes_per_table() - 1) / header.bytes_per_table();
    auto const length = entries * sizeof(std::uint32_t);
    if (length > kMaxDirectoryBytes)
        return draft.complaints.convertible(
            fmt::format("has a grain directory of {} entries, more than {}", entries,
                        kMaxDirectoryBytes / sizeof(std::uint32_t)));
    if (sector == 0)
        return draft.complaints.damaged("its grain directory overlaps the header");
    auto const held = draft.file_bytes / kSectorBytes;
    if (sector > held || length > draft.file_bytes - sector * kSectorBytes)
        return draft.complaints.cut_off("its grain directory lies");
    return Range{sector * kSectorBytes, length};
}

/// The directory and its spare; the spare alone if the directory cannot be where it says.
Result<void> find_directories(File& file, Draft const& draft, Header& header)
{
    auto const sector = TRY(directory_of(file, draft));
    auto directory = check_directory(draft, header, sector);
    if (draft.has(kSpareTables)) {
        auto const spare = check_directory(draft, header, draft.u64(at::kSpareDirectory));
        if (spare.ok() && !directory.ok())
            directory = spare.value();
        else if (spare.ok())
            header.spare = spare.value();
    }
    header.directory = TRY(std::move(directory));
    return {};
}

Result<Bytes> read_start(File& file)
{
    Bytes start(kStartBytes);
    start.resize(TRY(file.read_at(0, start)));
    return start;
}

} // namespace

Result<Header> read_header(File& file, Complaints const& complaints)
{
    auto const file_bytes =
        TRY(file.size_bytes()); // within the braces, g++ 12 would lose the bytes
    Draft draft{Bytes(kSectorBytes), file_bytes, complaints};
    draft.bytes.resize(TRY(file.read_at(0, draft.bytes)));
    auto const start = TRY(read_start(file));
    if (is_descriptor(as_text(start)))
        return refuse_alone(read_descriptor(as_text(start)), complaints);
    auto const magic = draft.bytes.size() < 4 ? 0 : draft.u32(at::kMagic);
    if (magic == kCowdMagic)
        return complaints.unsupported("is a part of a disk of VMware ESX (COWD)", kConvertWhole);
    if (magic != kMagic)
        return complaints.damaged("it does not start as a VMDK file does");
    if (draft.bytes.size() < kSectorBytes)
        return complaints.cut_off("its header reaches");
    TRY(check_kind(draft));
    if (draft.u64(at::kCapacity) != 0) // without one, the descriptor tells more
        TRY(check_geometry(draft));
    TRY(check_descriptor(file, draft));
    Header header;
    header.size_bytes = draft.u64(at::kCapacity) * kSectorBytes;
    header.grain_bytes = draft.u64(at::kGrain) * kSectorBytes;
    header.descriptor = {draft.u64(at::kDescriptor) * kSectorBytes,
                         draft.u64(at::kDescriptorSectors) * kSectorBytes};
    header.packed = draft.has(kPacked);
    header.zero_grains = draft.has(kZeroGrains);
    TRY(find_directories(file, draft, header));
    return header;
}

} // namespace karat::volumes::vmdk
