// SPDX-License-Identifier: Apache-2.0
#include "formats/vmdk_header.hpp"

#include "formats/vmdk_descriptor.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace karat::volumes::vmdk {
namespace {

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
            fmt::format("is of VMDK version {}, not 1 to 3", version));
    auto const unknown = draft.u32(at::kFlags) & ~kKnownFlags;
    if (unknown != 0)
        return draft.complaints.unsupported(
            fmt::format("needs features that Karat does not know (bits {:#x})", unknown));
    auto const newlines = std::span(draft.bytes).subspan(at::kNewlines, kNewlines.size());
    if (draft.has(kNewlineTest) && as_text(newlines) != kNewlines)
        return draft.complaints.damaged("it was transferred as text, which changed its bytes");
    if (draft.has(kPacked) != draft.has(kMarkers))
        return draft.complaints.unsupported("is compressed without markers, or has them without");
    auto const method = draft.u16(at::kCompression);
    if (draft.has(kPacked) && method != kDeflate)
        return draft.complaints.unsupported(
            fmt::format("is compressed by method {}, which Karat does not know", method));
    return {};
}

Result<void> check_geometry(Draft const& draft)
{
    auto const grain = draft.u64(at::kGrain);
    if (!std::has_single_bit(grain) || grain < kMinGrainSectors || grain > kMaxGrainSectors)
        return draft.complaints.damaged(
            fmt::format("its grains have {} sectors, not a power of two from {} to {}", grain,
                        kMinGrainSectors, kMaxGrainSectors));
    if (draft.u32(at::kTableEntries) != kTableEntries)
        return draft.complaints.unsupported(fmt::format(
            "has grain tables of {} entries, not {}", draft.u32(at::kTableEntries), kTableEntries));
    auto const sectors = draft.u64(at::kCapacity);
    if (sectors == 0)
        return draft.complaints.damaged("its disk has no bytes");
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

/// Where the directory is, in sectors.
Result<std::uint64_t> directory_of(File& file, Draft const& header)
{
    auto const place = header.u64(at::kDirectory);
    if (place != kDirectoryAtEnd)
        return place;
    constexpr std::uint64_t kTail = 2 * kSectorBytes; // the footer, and the end of the stream
    if (header.file_bytes < kTail + kSectorBytes)
        return header.complaints.cut_off("its footer lies");
    Draft footer{Bytes(kSectorBytes), header.file_bytes, header.complaints};
    TRY(read_exactly(file, (header.file_bytes / kSectorBytes) * kSectorBytes - kTail,
                     footer.bytes));
    TRY(check_footer(header, footer));
    return footer.u64(at::kDirectory);
}

Result<void> check_descriptor(File& file, Draft const& draft)
{
    auto const first = draft.u64(at::kDescriptor);
    auto const sectors = draft.u64(at::kDescriptorSectors);
    if (first == 0 || sectors == 0)
        return draft.complaints.unsupported("has no descriptor of its own: it is a part of a disk");
    if (sectors > kMaxDescriptorBytes / kSectorBytes)
        return draft.complaints.damaged(fmt::format("its descriptor takes {} sectors, more than {}",
                                                    sectors, kMaxDescriptorBytes / kSectorBytes));
    if (!lies_within({first, sectors}, draft.file_bytes / kSectorBytes))
        return draft.complaints.cut_off("its descriptor lies");
    Bytes bytes(sectors * kSectorBytes);
    TRY(read_exactly(file, first * kSectorBytes, bytes));
    auto const all = as_text(bytes);
    auto const text = all.substr(0, std::min(all.find('\0'), all.size()));
    auto const descriptor = TRY(read_descriptor(text, draft.complaints));
    if (descriptor.stream != draft.has(kPacked))
        return draft.complaints.damaged("its descriptor and its header contradict one another");
    if (descriptor.extent_sectors != draft.u64(at::kCapacity))
        return draft.complaints.damaged(
            fmt::format("its descriptor speaks of {} sectors and its header of {}",
                        descriptor.extent_sectors, draft.u64(at::kCapacity)));
    return {};
}

Result<Range> check_directory(Draft const& draft, Header const& header, std::uint64_t sector)
{
    auto const entries =
        (header.size_bytes + header.bytes_per_table() - 1) / header.bytes_per_table();
    auto const length = entries * sizeof(std::uint32_t);
    if (length > kMaxDirectoryBytes)
        return draft.complaints.unsupported(
            fmt::format("has a grain directory of {} entries, more than {}", entries,
                        kMaxDirectoryBytes / sizeof(std::uint32_t)));
    if (sector == 0)
        return draft.complaints.damaged("its grain directory overlaps the header");
    auto const held = draft.file_bytes / kSectorBytes;
    if (sector > held || length > draft.file_bytes - sector * kSectorBytes)
        return draft.complaints.cut_off("its grain directory lies");
    return Range{sector * kSectorBytes, length};
}

} // namespace

Result<Header> read_header(File& file, Complaints const& complaints)
{
    Draft draft{Bytes(kSectorBytes), TRY(file.size_bytes()), complaints};
    draft.bytes.resize(TRY(file.read_at(0, draft.bytes)));
    if (as_text(draft.bytes).starts_with(kDescriptorStart))
        return complaints.unsupported("keeps its data in other files, and no other file is opened");
    auto const magic = draft.bytes.size() < 4 ? 0 : draft.u32(at::kMagic);
    if (magic == kCowdMagic)
        return complaints.unsupported("is of an old kind of VMDK (COWD)");
    if (magic != kMagic)
        return complaints.damaged("it does not start as a VMDK file does");
    if (draft.bytes.size() < kSectorBytes)
        return complaints.cut_off("its header reaches");
    TRY(check_kind(draft));
    TRY(check_geometry(draft));
    TRY(check_descriptor(file, draft));
    Header header;
    header.size_bytes = draft.u64(at::kCapacity) * kSectorBytes;
    header.grain_bytes = draft.u64(at::kGrain) * kSectorBytes;
    header.descriptor = {draft.u64(at::kDescriptor) * kSectorBytes,
                         draft.u64(at::kDescriptorSectors) * kSectorBytes};
    header.packed = draft.has(kPacked);
    header.zero_grains = draft.has(kZeroGrains);
    auto const sector = TRY(directory_of(file, draft));
    header.directory = TRY(check_directory(draft, header, sector));
    return header;
}

} // namespace karat::volumes::vmdk
