// SPDX-License-Identifier: Apache-2.0
#include "qcow2_header.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace karat::volumes::qcow2 {

namespace {

/// The part of a header that both versions have in common, and the file it came from.
struct Draft {
    Bytes bytes; ///< The start of the file, at least kHeaderBytes2.
    std::uint64_t file_bytes;
    Complaints const& complaints;

    std::uint32_t u32(std::size_t at) const { return load_be<std::uint32_t>(bytes, at); }
    std::uint64_t u64(std::size_t at) const { return load_be<std::uint64_t>(bytes, at); }
};

/// What has no version here and no other reader either.
constexpr std::string_view kNewer = "convert it with the version of QEMU that wrote it";

Error encrypted(Draft const& draft, std::string_view method)
{
    return draft.complaints.convertible_with(
        "is encrypted",
        fmt::format("--object secret,id=key,file=FILE-OF-PASSPHRASE --image-opts {}",
                    shell_word(fmt::format("driver=qcow2,encrypt.format={},encrypt."
                                           "key-secret=key,file.filename={}",
                                           method, option_value(draft.complaints.name().path)))));
}

Result<void> check_references(Draft const& draft)
{
    if (draft.u64(at::kBackingOffset) != 0)
        return draft.complaints.convertible("names a backing file, and no other file is opened");
    auto const encryption = draft.u32(at::kEncryption);
    if (encryption == kAes)
        return encrypted(draft, "aes");
    if (encryption != 0)
        return encrypted(draft, "luks");
    return {};
}

Result<void> check_geometry(Draft const& draft)
{
    auto const bits = draft.u32(at::kClusterBits);
    if (bits < kMinClusterBits || bits > kMaxClusterBits)
        return draft.complaints.damaged(
            fmt::format("its cluster size is 2^{} bytes, outside 2^9 to 2^21", bits));
    auto const size = draft.u64(at::kSize);
    if (size == 0)
        return draft.complaints.damaged("its disk has no bytes");
    if (size > kMaxDiskBytes)
        return draft.complaints.too_large();
    return {};
}

/// Whether [offset, offset + length) is a table that can be where it says.
Result<void> check_table(Draft const& draft, std::string_view name, Range table)
{
    auto const cluster = std::uint64_t{1} << draft.u32(at::kClusterBits);
    if (table.offset_bytes % cluster != 0)
        return draft.complaints.damaged(fmt::format("its {} is not at a cluster's start", name));
    if (table.offset_bytes == 0)
        return draft.complaints.damaged(fmt::format("its {} overlaps the header", name));
    if (!lies_within(table, draft.file_bytes))
        return draft.complaints.cut_off(fmt::format("its {} lies", name));
    return {};
}

Result<void> read_tables(Draft const& draft, Header& header)
{
    auto const held = std::uint64_t{draft.u32(at::kL1Entries)};
    header.l1_entries =
        (header.size_bytes + header.bytes_per_table() - 1) / header.bytes_per_table();
    if (held < header.l1_entries)
        return draft.complaints.damaged(fmt::format(
            "its L1 table has {} entries and its disk needs {}", held, header.l1_entries));
    if (held * sizeof(std::uint64_t) > kMaxL1Bytes)
        return draft.complaints.convertible(
            fmt::format("has an L1 table of {} entries, more than 1048576", held));
    header.l1_offset = draft.u64(at::kL1Offset);
    header.refcount_offset = draft.u64(at::kRefcountOffset);
    header.refcount_bytes = draft.u32(at::kRefcountClusters) * header.cluster_bytes();
    if (header.refcount_bytes == 0 || header.refcount_bytes > kMaxRefcountTableBytes)
        return draft.complaints.damaged(
            fmt::format("its refcount table takes {} bytes, outside one cluster to 8 MiB",
                        header.refcount_bytes));
    Range const l1{header.l1_offset, held * sizeof(std::uint64_t)};
    Range const refcounts{header.refcount_offset, header.refcount_bytes};
    TRY(check_table(draft, "L1 table", l1));
    TRY(check_table(draft, "refcount table", refcounts));
    if (overlap(l1, refcounts))
        return draft.complaints.damaged("its L1 table overlaps its refcount table");
    return {};
}

/// The name that the file's table of features has for an incompatible one; or its bit.
std::string feature_name(Draft const& draft, std::size_t extensions_at, unsigned bit)
{
    auto at = extensions_at;
    while (at + kExtensionHeadBytes <= draft.bytes.size() && draft.u32(at) != kExtensionEnd) {
        auto const type = draft.u32(at);
        auto const length = std::uint64_t{draft.u32(at + 4)};
        at += kExtensionHeadBytes;
        if (length > draft.bytes.size() - at)
            break;
        auto const table = std::span(draft.bytes).subspan(at, length);
        for (std::size_t i = 0; type == kExtensionFeatures && i + kFeatureBytes <= length;
             i += kFeatureBytes)
            if (table[i] == std::byte{0} && std::to_integer<unsigned>(table[i + 1]) == bit) {
                auto const name = as_text(table.subspan(i + 2, kFeatureBytes - 2));
                return shown(name.substr(0, name.find('\0')));
            }
        at += static_cast<std::size_t>((length + 7) / 8 * 8);
    }
    return fmt::format("bit {}", bit);
}

Result<void> check_features(Draft const& draft, std::uint64_t features, std::size_t extensions_at)
{
    auto const unknown = features & ~kKnownIncompatible;
    if (unknown != 0) {
        auto const bit = static_cast<unsigned>(std::countr_zero(unknown));
        return draft.complaints.unsupported(
            fmt::format("needs the feature '{}', which Karat does not know",
                        feature_name(draft, extensions_at, bit)),
            kNewer);
    }
    if ((features & kDataFile) != 0)
        return draft.complaints.convertible(
            "keeps its data in another file, and no other file is opened");
    if ((features & kCorrupt) != 0)
        return draft.complaints.unsupported(
            "was marked as corrupt by QEMU",
            fmt::format("copy it again, or repair it with 'qemu-img check -r all -f qcow2 {}'",
                        shell_word(draft.complaints.name().path)));
    return {};
}

Result<std::uint8_t> compression_of(Draft const& draft, std::uint64_t features,
                                    std::uint32_t header_length)
{
    auto const present = header_length > at::kCompression;
    auto const type =
        present ? std::to_integer<std::uint8_t>(draft.bytes[at::kCompression]) : kZlib;
    auto const announced = (features & kCompressionType) != 0;
    if (announced != (type != kZlib))
        return draft.complaints.damaged("its compression type contradicts its features");
    if (type > kZstd)
        return draft.complaints.unsupported(
            fmt::format("is compressed by method {}, which Karat does not know", type), kNewer);
    return type;
}

/// Extensions are skipped, but for those whose meaning must not be ignored.
Result<void> check_extensions(Draft const& draft, std::size_t at)
{
    while (at + kExtensionHeadBytes <= draft.bytes.size()) {
        auto const type = draft.u32(at);
        auto const length = std::uint64_t{draft.u32(at + 4)};
        if (type == kExtensionEnd)
            return {};
        at += kExtensionHeadBytes;
        if (length > draft.bytes.size() - at)
            return draft.complaints.damaged("a header extension reaches out of the header");
        if (type == kExtensionDataFile)
            return draft.complaints.convertible(
                "keeps its data in another file, and no other file is opened");
        if (type == kExtensionEncryption)
            return encrypted(draft, "luks");
        at += static_cast<std::size_t>((length + 7) / 8 * 8);
    }
    return {};
}

Result<void> read_version3(Draft const& draft, Header& header)
{
    if (draft.bytes.size() < kHeaderBytes3)
        return draft.complaints.cut_off("its header reaches");
    auto const length = draft.u32(at::kHeaderLength);
    if (length < kHeaderBytes3 || length % 8 != 0 || length > draft.bytes.size())
        return draft.complaints.damaged(fmt::format("its header is {} bytes long", length));
    auto const features = draft.u64(at::kIncompatible);
    TRY(check_features(draft, features, length));
    header.extended_l2 = (features & kExtendedL2) != 0;
    if (header.extended_l2 && header.cluster_bits < kMinClusterBitsExtended)
        return draft.complaints.damaged("its clusters are too small for subclusters");
    auto const order = draft.u32(at::kRefcountOrder);
    if (order > kMaxRefcountOrder)
        return draft.complaints.damaged(fmt::format("its refcounts have 2^{} bits", order));
    header.compression = TRY(compression_of(draft, features, length));
    return check_extensions(draft, length);
}

/// One read, so that what was checked is what is used even if the file changes meanwhile.
Result<Bytes> read_start(File& file)
{
    Bytes bytes(kMaxHeaderAreaBytes);
    bytes.resize(TRY(file.read_at(0, bytes)));
    return bytes;
}

} // namespace

Result<Header> read_header(File& file, Complaints const& complaints)
{
    auto const file_bytes = TRY(file.size_bytes());
    Draft draft{TRY(read_start(file)), file_bytes, complaints};
    if (draft.bytes.size() < 4 || draft.u32(at::kMagic) != kMagic)
        return complaints.damaged("it does not start as a qcow2 file does");
    if (draft.bytes.size() < kHeaderBytes2)
        return complaints.cut_off("its header reaches");
    auto const version = draft.u32(at::kVersion);
    if (version == 1)
        return complaints.convertible("is of qcow version 1, not 2 or 3", "qcow");
    if (version != 2 && version != 3)
        return complaints.unsupported(fmt::format("is of qcow2 version {}, not 2 or 3", version),
                                      kNewer);
    TRY(check_references(draft));
    TRY(check_geometry(draft));

    Header header;
    header.version = version;
    header.cluster_bits = draft.u32(at::kClusterBits);
    header.size_bytes = draft.u64(at::kSize);
    draft.bytes.resize(std::min<std::size_t>(draft.bytes.size(), header.cluster_bytes()));
    if (version == 3)
        TRY(read_version3(draft, header));
    else
        TRY(check_extensions(draft, kHeaderBytes2));
    TRY(read_tables(draft, header));
    return header;
}

} // namespace karat::volumes::qcow2
