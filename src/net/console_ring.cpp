// SPDX-License-Identifier: Apache-2.0
#include "karat/console_ring.hpp"

#include <algorithm>
#include <array>

namespace karat::net {
namespace {

constexpr std::string_view kMagic = "KaratCon";
constexpr std::uint64_t kHeaderBytes = 16;
constexpr std::uint64_t kRingBytes = 2 * kConsoleBytes;

using Header = std::array<std::byte, kHeaderBytes>;

Header make_header(std::uint64_t total)
{
    Header header{};
    std::ranges::copy(as_bytes(kMagic), header.begin());
    for (std::size_t i = 0; i < 8; ++i)
        header[8 + i] = static_cast<std::byte>(total >> (8 * i));
    return header;
}

/// Bytes ever appended; nothing if this is no ring (torn at its creation, or somebody's else).
Result<std::optional<std::uint64_t>> read_total(File& file)
{
    Header header{};
    auto const got = TRY(file.read_at(0, header));
    if (got < kHeaderBytes || as_text(header).substr(0, kMagic.size()) != kMagic)
        return std::optional<std::uint64_t>();
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < 8; ++i)
        total |= std::to_integer<std::uint64_t>(header[8 + i]) << (8 * i);
    return std::optional(total);
}

/// Calls `move(offset in the file, offset in the text, length)` for the one or two stretches that
/// `length` bytes from byte number `from` take in the ring.
template <class Move>
Result<void> in_pieces(std::uint64_t from, std::size_t length, Move move)
{
    for (std::size_t done = 0; done < length;) {
        auto const at = (from + done) % kRingBytes;
        auto const piece = std::min<std::uint64_t>(length - done, kRingBytes - at);
        TRY(move(kHeaderBytes + at, done, static_cast<std::size_t>(piece)));
        done += static_cast<std::size_t>(piece);
    }
    return {};
}

} // namespace

Result<ConsoleRing> ConsoleRing::open(Files& files, std::string const& path)
{
    auto file = TRY(files.open(path, Access::create));
    auto const total = TRY(read_total(*file));
    if (!total)
        TRY(file->write_at(0, make_header(0)));
    return ConsoleRing(std::move(file), total.value_or(0));
}

Result<void> ConsoleRing::append(std::string_view text)
{
    if (text.size() > kConsoleBytes) {
        total_ += text.size() - kConsoleBytes;
        text.remove_prefix(text.size() - kConsoleBytes);
    }
    auto const bytes = as_bytes(text);
    TRY(in_pieces(total_, text.size(), [&](auto at, std::size_t from, std::size_t length) {
        return file_->write_at(at, bytes.subspan(from, length));
    }));
    total_ += text.size();
    auto const header = make_header(total_);
    return file_->write_at(8, std::span(header).subspan(8));
}

Result<std::string> read_console(Files& files, std::string const& path, std::size_t limit_bytes)
{
    auto file = files.open(path, Access::read);
    if (!file.ok() && file.error().fault == Fault::not_found)
        return std::string();
    if (!file.ok())
        return file.take_error();
    auto const total = TRY(read_total(*file.value()));
    if (!total)
        return std::string();
    auto const length =
        std::min({*total, std::uint64_t{limit_bytes}, std::uint64_t{kConsoleBytes}});
    Bytes text(static_cast<std::size_t>(length));
    TRY(in_pieces(*total - length, text.size(), [&](auto at, std::size_t to, std::size_t piece) {
        return read_exactly(*file.value(), at, std::span(text).subspan(to, piece));
    }));
    return std::string(as_text(text));
}

} // namespace karat::net
