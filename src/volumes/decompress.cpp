// SPDX-License-Identifier: Apache-2.0
#include "decompress.hpp"

#include <memory>
#include <zlib.h>
#include <zstd.h>

namespace karat::volumes {
namespace {

constexpr int kRawDeflate = -15;  // no zlib header; windows of up to 32 KiB
constexpr int kZlib = 15;         // with its header and checksum
constexpr int kMaxWindowLog = 23; // bounds the memory of one zstd stream to 8 MiB

struct EndInflate {
    void operator()(z_stream* stream) const { ::inflateEnd(stream); }
};
struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
};

/// How many bytes of `from` it took to fill `into`.
std::optional<std::size_t> inflate(std::span<std::byte const> from, std::span<std::byte> into,
                                   int window_bits)
{
    z_stream stream = {};
    if (::inflateInit2(&stream, window_bits) != Z_OK)
        return std::nullopt;
    std::unique_ptr<z_stream, EndInflate> const ends(&stream);
    // zlib takes mutable bytes by history; it does not write to its input.
    void const* const start = from.data();
    stream.next_in = static_cast<Bytef*>(const_cast<void*>(start));
    stream.avail_in = static_cast<uInt>(from.size());
    void* const out = into.data();
    stream.next_out = static_cast<Bytef*>(out);
    stream.avail_out = static_cast<uInt>(into.size());
    auto const outcome = ::inflate(&stream, Z_FINISH);
    // A stream that has more to say than a cluster holds is cut there, as QEMU does.
    if (stream.avail_out != 0 || (outcome != Z_STREAM_END && outcome != Z_BUF_ERROR))
        return std::nullopt;
    return from.size() - stream.avail_in;
}

} // namespace

std::optional<std::size_t> inflate_cluster(std::span<std::byte const> from,
                                           std::span<std::byte> into)
{
    return inflate(from, into, kRawDeflate);
}

bool inflate_grain(std::span<std::byte const> from, std::span<std::byte> into)
{
    return inflate(from, into, kZlib).has_value();
}

std::optional<std::size_t> unzstd_cluster(std::span<std::byte const> from,
                                          std::span<std::byte> into)
{
    std::unique_ptr<ZSTD_DCtx, FreeZstd> const context(::ZSTD_createDCtx());
    if (!context ||
        ::ZSTD_isError(::ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog)))
        return std::nullopt;
    ZSTD_inBuffer in{from.data(), from.size(), 0};
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos < out.size) {
        auto const before = in.pos + out.pos;
        auto const outcome = ::ZSTD_decompressStream(context.get(), &out, &in);
        if (::ZSTD_isError(outcome) || in.pos + out.pos == before)
            return std::nullopt;
    }
    return in.pos;
}

} // namespace karat::volumes
