// SPDX-License-Identifier: Apache-2.0
// What the tests of disk formats' variants share: a disk's blocks, whatever its file looks like,
// and files that our own writers do not make.
#pragma once

#include "formats/crc32c.hpp"
#include "formats/tar.hpp"
#include "formats/tar_fields.hpp"
#include "formats/vdi_format.hpp"
#include "formats/vhd_format.hpp"
#include "formats/vhdx_format.hpp"
#include "formats/vmdk_format.hpp"
#include "testing/spoilt.hpp"

#include <fmt/format.h>

namespace karat::volumes::testing {

/// The blocks that are not zero, read as import reads them.
inline Result<BlockMap> blocks_of(Bytes const& bytes, Format format)
{
    auto const reader = TRY(open_disk(std::make_unique<BytesFile>(bytes), "disk", format));
    BlockMap blocks;
    for (std::uint64_t offset = 0; offset < reader->size_bytes();) {
        auto const stretch = TRY(reader->next(offset));
        auto const end = stretch.range.end_bytes();
        auto const first = offset / blocks::kBlockBytes;
        offset = end;
        if (stretch.kind != Kind::data)
            continue;
        for (auto i = first; i * blocks::kBlockBytes < end; ++i) {
            auto const at = i * blocks::kBlockBytes;
            Bytes block(std::min(std::uint64_t{blocks::kBlockBytes}, reader->size_bytes() - at));
            TRY(reader->read(at, block));
            if (std::any_of(block.begin(), block.end(), [](auto b) { return b != std::byte{0}; }))
                blocks[i] = std::move(block);
        }
    }
    return blocks;
}

inline BlockMap const& sound_blocks()
{
    static auto const blocks = blocks_of(sound(ImageForm::raw).bytes, Format::raw).value();
    return blocks;
}

/// The file holds the disk of sound().
inline void expect_sound(std::string const& name, Bytes const& bytes, Format format)
{
    auto const read = blocks_of(bytes, format);
    ASSERT_TRUE(read.ok()) << name << ": " << read.error().message;
    EXPECT_TRUE(read.value() == sound_blocks()) << name;
}

/// Changes the text of the descriptor in a sparse VMDK.
inline void rewrite_descriptor(Spoilt& s, std::function<std::string(std::string)> const& change)
{
    auto const at = load_le<std::uint64_t>(s.bytes, vmdk::at::kDescriptor) * vmdk::kSectorBytes;
    auto const room =
        load_le<std::uint64_t>(s.bytes, vmdk::at::kDescriptorSectors) * vmdk::kSectorBytes;
    auto text = std::string(as_text(std::span(s.bytes).subspan(at, room)));
    text = change(text.substr(0, text.find('\0')));
    VERIFY(text.size() <= room);
    text.resize(room, '\0');
    store_text(s.bytes, at, text);
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to)
{
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

/// A change of 4 KiB of a VHDX file that waits in its log; no bytes: zeroes.
struct Logged {
    std::uint64_t offset_bytes;
    Bytes bytes = {};
    std::uint64_t zero_bytes = vhdx::kLogSectorBytes;
};

/// Puts an entry into the log of a VHDX of ours, and marks the log as in use. `at` is relative to
/// the log, which has 1 MiB; an entry goes round its end. Says where the next entry would be.
inline std::uint64_t add_log_entry(Spoilt& s, std::uint64_t at, std::uint64_t tail,
                                   std::uint64_t sequence, std::vector<Logged> const& changes)
{
    namespace entry = vhdx::entry;
    constexpr std::uint64_t kLog = kMiB;
    Bytes bytes(vhdx::kLogSectorBytes);
    store_text(bytes, 0, vhdx::kLogSignature);
    store_le(bytes, entry::kTail, static_cast<std::uint32_t>(tail));
    store_le(bytes, entry::kSequence, sequence);
    store_le(bytes, entry::kCount, static_cast<std::uint32_t>(changes.size()));
    bytes[entry::kGuid] = std::byte{7};
    store_le(bytes, entry::kFlushedSize, std::uint64_t{s.size()});
    store_le(bytes, entry::kLastSize, std::uint64_t{s.size()});
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto const one = entry::kFirst + i * entry::kDescriptorBytes;
        auto const& change = changes[i];
        store_le(bytes, one + vhdx::change::kOffset, change.offset_bytes);
        store_le(bytes, one + vhdx::change::kSequence, sequence);
        store_text(bytes, one, change.bytes.empty() ? vhdx::kZeroSignature : vhdx::kDataSignature);
        if (change.bytes.empty()) {
            store_le(bytes, one + vhdx::change::kZeroLength, change.zero_bytes);
            continue;
        }
        auto sector = change.bytes;
        std::copy_n(sector.begin(), 8,
                    bytes.begin() + static_cast<std::ptrdiff_t>(one + vhdx::change::kLeading));
        std::copy_n(sector.end() - 4, 4,
                    bytes.begin() + static_cast<std::ptrdiff_t>(one + vhdx::change::kTrailing));
        store_text(sector, 0, vhdx::data::kSignature);
        store_le(sector, vhdx::data::kSequenceHigh, static_cast<std::uint32_t>(sequence >> 32));
        store_le(sector, vhdx::data::kSequenceLow, static_cast<std::uint32_t>(sequence));
        bytes.insert(bytes.end(), sector.begin(), sector.end());
    }
    store_le(bytes, entry::kLength, static_cast<std::uint32_t>(bytes.size()));
    store_le(bytes, vhdx::kChecksum, crc32c(bytes));
    for (std::size_t i = 0; i < bytes.size(); ++i)
        s.bytes[kLog + (at + i) % kMiB] = bytes[i];
    for (auto const header : vhdx::kHeaderAt) {
        auto const part = std::span(s.bytes).subspan(header, vhdx::kHeaderBytes);
        part[vhdx::at::kLogGuid] = std::byte{7};
        store_le(part, vhdx::kChecksum, std::uint32_t{0});
        store_le(part, vhdx::kChecksum, crc32c(part));
    }
    return (at + bytes.size()) % kMiB;
}

/// A dynamic VHD with the disk of sound(), as XenServer writes it: a map of full blocks after the
/// table, blocks wherever they fall. QEMU reads the size that this creator gives.
inline Spoilt sound_vhd(std::uint32_t block_bytes)
{
    namespace dynamic = vhd::dynamic;
    auto const raw = sound(ImageForm::raw).bytes;
    auto const entries = static_cast<std::uint32_t>(raw.size() / block_bytes);
    constexpr std::uint64_t kTable = vhd::kFooterBytes + vhd::kDynamicBytes;
    auto const table_bytes = (entries * 4 + 511) / 512 * 512;
    Bytes footer(vhd::kFooterBytes);
    store_text(footer, 0, vhd::kFooterCookie);
    store_be(footer, vhd::at::kFeatures, vhd::kReservedFeature);
    store_be(footer, vhd::at::kVersion, vhd::kVersion1);
    store_be(footer, vhd::at::kDynamic, std::uint64_t{vhd::kFooterBytes});
    store_text(footer, vhd::at::kCreator, std::string_view("tap\0", 4));
    store_be(footer, vhd::at::kSize, std::uint64_t{raw.size()});
    store_be(footer, vhd::at::kType, vhd::kDynamic);
    store_be(footer, vhd::at::kChecksum, vhd::checksum(footer, vhd::at::kChecksum));
    Bytes header(vhd::kDynamicBytes);
    store_text(header, 0, vhd::kDynamicCookie);
    store_be(header, dynamic::kNext, vhd::kNowhere);
    store_be(header, dynamic::kTable, kTable);
    store_be(header, dynamic::kVersion, vhd::kVersion1);
    store_be(header, dynamic::kEntries, entries);
    store_be(header, dynamic::kBlockBytes, block_bytes);
    store_be(header, dynamic::kChecksum, vhd::checksum(header, dynamic::kChecksum));
    Spoilt s{footer};
    s.bytes.insert(s.bytes.end(), header.begin(), header.end());
    s.bytes.resize(s.size() + table_bytes, std::byte{0xff});
    s.bytes.resize(s.size() + 512);
    s.text(s.size() - 512, "tdbatmap");
    for (std::uint32_t i = 0; i < entries; ++i) {
        auto const block = std::span(raw).subspan(std::size_t{i} * block_bytes, block_bytes);
        if (std::all_of(block.begin(), block.end(), [](auto b) { return b == std::byte{0}; }))
            continue;
        s.be32(kTable + 4 * std::size_t{i}, static_cast<std::uint32_t>(s.size() / 512));
        s.bytes.resize(s.size() + vhd::bitmap_bytes(block_bytes), std::byte{0xff});
        s.bytes.insert(s.bytes.end(), block.begin(), block.end());
    }
    s.bytes.insert(s.bytes.end(), footer.begin(), footer.end());
    return s;
}

/// A VDI with the disk of sound(): blocks of 1 MiB, stored from the last to the first.
inline Spoilt sound_vdi()
{
    namespace at = vdi::at;
    constexpr std::uint32_t kBlocks = 40;
    Spoilt s{Bytes(kMiB)};
    s.text(0, "<<< made by hand >>>\n").text(at::kSignature, vdi::kSignature);
    s.le32(at::kVersion, vdi::kVersion11).le32(at::kType, vdi::kDynamic);
    s.le32(at::kMap, 512).le32(at::kData, kMiB).le32(at::kSectorBytes, 512);
    s.le64(at::kSize, kBlocks * kMiB).le32(at::kBlockBytes, kMiB).le32(at::kBlocks, kBlocks);
    auto const raw = sound(ImageForm::raw).bytes;
    std::uint32_t stored = 0;
    for (std::uint32_t i = kBlocks; i-- > 0;) {
        auto const block = std::span(raw).subspan(i * kMiB, kMiB);
        if (std::all_of(block.begin(), block.end(), [](auto b) { return b == std::byte{0}; })) {
            s.le32(512 + 4 * i, i % 2 == 0 ? vdi::kNothing : vdi::kZeroes);
            continue;
        }
        s.bytes.insert(s.bytes.end(), block.begin(), block.end());
        s.le32(512 + 4 * i, stored++);
    }
    return s;
}

/// Makes a tar, member by member.
class TarBuilder {
public:
    TarBuilder& add(std::string_view name, std::span<std::byte const> data)
    {
        auto const header = tar::header_of(name, data.size(), 0);
        bytes_.insert(bytes_.end(), header.begin(), header.end());
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        bytes_.resize((bytes_.size() + tar::kBlockBytes - 1) / tar::kBlockBytes * tar::kBlockBytes);
        return *this;
    }
    TarBuilder& add(std::string_view name, std::string_view text)
    {
        return add(name, as_bytes(text));
    }
    /// Records for the next member.
    TarBuilder& pax(std::string_view records)
    {
        auto const at = bytes_.size();
        add("pax", records);
        auto const header = std::span(bytes_).subspan(at, tar::kBlockBytes);
        header[tar::kType] = std::byte{'x'};
        store_text(header, tar::kChecksum.at, fmt::format("{:06o}", tar::sum_of(header)));
        return *this;
    }
    /// With the two blocks of zeroes at its end.
    Bytes done() const
    {
        auto whole = bytes_;
        whole.resize(whole.size() + 2 * tar::kBlockBytes);
        return whole;
    }

private:
    Bytes bytes_;
};

/// A description of a machine with one disk.
inline std::string ovf_of(std::string_view href, std::string_view attributes = {})
{
    return fmt::format(R"(<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
 <References><File ovf:id="f1" ovf:href="{}"{}/></References>
 <DiskSection><Info/><Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="40"
  ovf:capacityAllocationUnits="byte * 2^20"/></DiskSection>
</Envelope>)",
                       href, attributes);
}

} // namespace karat::volumes::testing
