// SPDX-License-Identifier: Apache-2.0
#include "pack_scan.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

constexpr std::size_t kWindowBytes = 1 << 20;

FooterEntry entry_of(RecordHeader const& header, std::uint64_t offset)
{
    return {header.hash, static_cast<std::uint32_t>(offset), header.stored_bytes, header.raw_bytes,
            header.kind};
}

/// The record at `offset`, if one stands there whole.
Result<std::optional<RecordHeader>> record_at(PackFile pack, std::uint64_t offset, Depth depth)
{
    std::array<std::byte, kRecordHeaderBytes> head{};
    auto const got = TRY(pack.file.read_at(offset, head));
    auto const header = parse_record_header(std::span(head).first(got),
                                            {pack.number, static_cast<std::uint32_t>(offset)});
    if (!header || depth == Depth::headers)
        return header;
    Bytes payload(header->stored_bytes);
    auto const read = TRY(pack.file.read_at(offset + kRecordHeaderBytes, payload));
    if (read != payload.size() || checksum(payload) != header->payload_sum)
        return std::optional<RecordHeader>();
    return header;
}

/// The next place at or after `from` where the word of a record's beginning stands.
Result<std::uint64_t> next_magic(PackFile pack, std::uint64_t from, std::uint64_t end)
{
    Bytes window(std::min<std::uint64_t>(kWindowBytes, end));
    while (from < end) {
        auto const got = TRY(pack.file.read_at(from, window));
        auto const found = as_text(std::span(window).first(got)).find(kRecordMagic);
        if (found != std::string_view::npos)
            return from + found;
        if (got < kRecordMagic.size())
            break;
        from += got - (kRecordMagic.size() - 1); // the word may lie across two windows
    }
    return end;
}

/// Holes stay holes.
Result<void> copy_bytes(File& from, File& to, std::uint64_t end)
{
    Bytes window(std::min<std::uint64_t>(kWindowBytes, end));
    for (std::uint64_t done = kPackHeaderBytes; done < end;) {
        auto const data = TRY(from.next_data(done));
        if (!data || data->offset_bytes >= end)
            break;
        done = std::max(done, data->offset_bytes);
        for (auto const stop = std::min(end, data->end_bytes()); done < stop;) {
            auto const want = std::min<std::uint64_t>(window.size(), stop - done);
            auto const part = std::span(window).first(want);
            TRY(read_exactly(from, done, part));
            TRY(to.write_at(done, part));
            done += want;
        }
    }
    return {};
}

Result<void> write_closed(File& from, File& to, std::uint32_t number, Scan const& scan)
{
    Bytes header;
    put_pack_header(header, number);
    Bytes footer;
    put_footer(footer, number, scan.end, scan.entries);
    TRY(to.truncate(0));
    TRY(to.write_at(0, header));
    TRY(copy_bytes(from, to, scan.end));
    TRY(to.write_at(scan.end, footer));
    return to.sync_data();
}

} // namespace

Result<std::optional<std::vector<FooterEntry>>> read_footer(PackFile pack)
{
    using Found = std::optional<std::vector<FooterEntry>>;
    auto const size = TRY(pack.file.size_bytes());
    if (size < kPackHeaderBytes + kTrailerBytes || size > kMaxPackBytes)
        return Found();
    Bytes tail(kTrailerBytes);
    auto const got = TRY(pack.file.read_at(size - kTrailerBytes, tail));
    auto const trailer = parse_trailer(std::span(tail).first(got), pack.number, size);
    if (!trailer)
        return Found();
    Bytes footer(size - trailer->footer_offset);
    auto const read = TRY(pack.file.read_at(trailer->footer_offset, footer));
    auto entries = parse_footer(std::span(footer).first(read), *trailer);
    if (!entries.ok())
        return Found(); // the records themselves still tell
    return Found(std::move(entries).value());
}

Result<Scan> scan_records(PackFile pack, std::uint64_t from, Depth depth)
{
    auto const size = std::min(TRY(pack.file.size_bytes()), kMaxPackBytes);
    Scan scan;
    scan.end = from;
    while (from + kRecordHeaderBytes < size) {
        auto const header = TRY(record_at(pack, from, depth));
        if (!header) { // a torn tail, rot, or what was freed
            from = TRY(next_magic(pack, from + 1, size));
            continue;
        }
        scan.entries.push_back(entry_of(*header, from));
        from = scan.entries.back().end();
        scan.end = from;
    }
    return scan;
}

Result<void> close_found_pack(Files& files, std::string const& directory, PackFile pack,
                              Scan const& scan)
{
    auto const path = pack_path(directory, pack.number);
    auto const temporary = path + std::string(kTemporarySuffix);
    auto const file = TRY(files.open(temporary, Access::create));
    auto written = write_closed(pack.file, *file, pack.number, scan);
    if (written.ok())
        written = files.rename(temporary, path);
    if (!written.ok()) {
        (void)files.remove(temporary); // what matters is why the copy failed
        return written;
    }
    return files.sync_dir(packs_path(directory));
}

} // namespace karat::blocks
