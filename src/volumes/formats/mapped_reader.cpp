// SPDX-License-Identifier: Apache-2.0
#include "formats/mapped_reader.hpp"

#include <algorithm>

namespace karat::volumes {
namespace {

constexpr std::uint64_t kMaxStretchBytes = 256 << 20;
constexpr int kMaxJoined = 4096; // pieces: what one call may cost
constexpr std::uint64_t kWindowBytes = 64 << 10;

} // namespace

MappedReader::MappedReader(std::unique_ptr<File> file, std::uint64_t size_bytes,
                           Complaints complaints)
    : file_(std::move(file))
    , size_bytes_(size_bytes)
    , complaints_(std::move(complaints))
    , stored_(*file_)
{
}

Result<void> MappedReader::measure()
{
    file_bytes_ = TRY(file_->size_bytes());
    allowance_bytes_ = TRY(stored_.stored_bytes());
    return {};
}

Result<Stretch> MappedReader::next(std::uint64_t offset_bytes)
{
    VERIFY(offset_bytes < size_bytes_);
    auto piece = TRY(stored_piece(offset_bytes));
    auto all = piece.stretch;
    for (int joined = 0; joined < kMaxJoined; ++joined) {
        if (piece.stretch.kind == Kind::data && piece.packed_bytes == 0)
            TRY(charge(piece.stretch.range.length_bytes));
        all.range.length_bytes = piece.stretch.range.end_bytes() - offset_bytes;
        if (all.range.end_bytes() >= size_bytes_ || all.range.length_bytes >= kMaxStretchBytes)
            break;
        piece = TRY(stored_piece(all.range.end_bytes()));
        if (piece.stretch.kind != all.kind)
            break;
    }
    return all;
}

Result<void> MappedReader::read(std::uint64_t offset_bytes, std::span<std::byte> into)
{
    VERIFY(into.size() <= size_bytes_ && offset_bytes <= size_bytes_ - into.size());
    while (!into.empty()) {
        auto const piece = TRY(find(offset_bytes));
        auto const length = static_cast<std::size_t>(
            std::min<std::uint64_t>(piece.stretch.range.length_bytes, into.size()));
        TRY(read_piece(piece, into.first(length)));
        offset_bytes += length;
        into = into.subspan(length);
    }
    return {};
}

Result<void> MappedReader::unpack(Piece const&, std::span<std::byte const>, std::span<std::byte>)
{
    VERIFY(false); // only a format with packed units makes packed pieces
}

/// As find(), but data that lies in a hole of the file is zero.
Result<Piece> MappedReader::stored_piece(std::uint64_t offset_bytes)
{
    auto piece = TRY(find(offset_bytes));
    VERIFY(piece.stretch.range.offset_bytes == offset_bytes);
    VERIFY(piece.stretch.range.length_bytes > 0);
    VERIFY(piece.stretch.range.length_bytes <= size_bytes_ - offset_bytes);
    if (piece.stretch.kind != Kind::data || piece.packed_bytes != 0)
        return piece;
    auto const held = TRY(stored_.at({piece.host_offset, piece.stretch.range.length_bytes}));
    piece.stretch.kind = held.kind;
    piece.stretch.range.length_bytes = held.range.length_bytes;
    return piece;
}

Result<void> MappedReader::charge(std::uint64_t length_bytes)
{
    if (length_bytes > allowance_bytes_)
        return complaints_.damaged("it maps the same stored bytes more than once");
    allowance_bytes_ -= length_bytes;
    return {};
}

Result<void> MappedReader::read_piece(Piece const& piece, std::span<std::byte> into)
{
    if (piece.stretch.kind != Kind::data) {
        std::fill(into.begin(), into.end(), std::byte{0});
        return {};
    }
    if (piece.packed_bytes == 0) { // the last sector of a file may be short
        auto const got = TRY(file_->read_at(piece.host_offset, into));
        std::fill(into.begin() + static_cast<std::ptrdiff_t>(got), into.end(), std::byte{0});
        return {};
    }
    if (plain_of_ != piece.unit_offset)
        TRY(load_unit(piece));
    auto const within = piece.stretch.range.offset_bytes - piece.unit_offset;
    auto const from = std::span(plain_).subspan(within, into.size());
    std::copy(from.begin(), from.end(), into.begin());
    return {};
}

Result<void> MappedReader::load_unit(Piece const& piece)
{
    plain_of_ = kNone; // nothing, should this fail
    TRY(charge(piece.packed_bytes));
    packed_.resize(piece.packed_bytes);
    TRY(read_exactly(*file_, piece.host_offset, packed_));
    plain_.resize(std::min(unit_bytes(), size_bytes_ - piece.unit_offset));
    TRY(unpack(piece, packed_, plain_));
    plain_of_ = piece.unit_offset;
    return {};
}

Result<std::span<std::byte const>> TableWindow::entry(std::uint64_t index, std::size_t entry_bytes,
                                                      StoredMap& stored)
{
    auto const at = index * entry_bytes;
    VERIFY(at < place_.length_bytes && entry_bytes <= place_.length_bytes - at);
    if (at < loaded_.offset_bytes || at >= loaded_.end_bytes())
        TRY(load(at / kWindowBytes * kWindowBytes, stored));
    if (window_.empty())
        return std::span<std::byte const>();
    return std::span<std::byte const>(window_).subspan(at - loaded_.offset_bytes, entry_bytes);
}

std::uint64_t TableWindow::hole_entries(std::uint64_t index, std::size_t entry_bytes) const
{
    auto const end = loaded_.end_bytes() / entry_bytes;
    return end > index ? end - index : 1;
}

Result<void> TableWindow::load(std::uint64_t offset_bytes, StoredMap& stored)
{
    Range const wanted{offset_bytes, place_.length_bytes - offset_bytes};
    loaded_ = {}; // nothing, should the read fail
    window_.clear();
    auto const held = TRY(stored.at({place_.offset_bytes + offset_bytes, wanted.length_bytes}));
    auto const whole_hole = held.range.length_bytes / kWindowBytes * kWindowBytes;
    if (held.kind != Kind::data && held.range.length_bytes == wanted.length_bytes) {
        loaded_ = wanted;
        return {};
    }
    if (held.kind != Kind::data && whole_hole > 0) {
        loaded_ = {offset_bytes, whole_hole};
        return {};
    }
    window_.resize(std::min(kWindowBytes, wanted.length_bytes));
    TRY(read_exactly(file_, place_.offset_bytes + offset_bytes, window_));
    loaded_ = {offset_bytes, window_.size()};
    return {};
}

} // namespace karat::volumes
