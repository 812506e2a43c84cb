// SPDX-License-Identifier: Apache-2.0
#include "codec.hpp"

#include "bytes.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <zstd.h>

namespace karat::blocks {
namespace {

// Level 1 looks for longer matches the larger its input is. Five bytes at any size take 1 % off
// what is stored, at the same speed. A table of 16 KiB stays in the first cache together with what
// is read: 6 % faster than one of 32 KiB, for 1 % more bytes (docs/decisions/027).
constexpr int kLevel = 1;
constexpr int kMinMatch = 5;
constexpr int kHashLog = 12;

Error mismatch(char const* what)
{
    return fail(Fault::corrupt, fmt::format("A stored record does not match its {}", what));
}

} // namespace

/// Made when they are first needed: most benches only read, and a store that is opened and closed
/// again needs none.
struct Bench::Contexts {
    Contexts() = default;
    Contexts(Contexts const&) = delete;
    Contexts& operator=(Contexts const&) = delete;
    ~Contexts()
    {
        ZSTD_freeCCtx(compress_);
        ZSTD_freeDCtx(decompress_);
    }
    ZSTD_CCtx* compress()
    {
        if (compress_ != nullptr)
            return compress_;
        compress_ = ZSTD_createCCtx();
        VERIFY(compress_ != nullptr);
        for (auto const& [parameter, value] :
             {std::pair(ZSTD_c_compressionLevel, kLevel), std::pair(ZSTD_c_minMatch, kMinMatch),
              std::pair(ZSTD_c_hashLog, kHashLog)})
            VERIFY(ZSTD_isError(ZSTD_CCtx_setParameter(compress_, parameter, value)) == 0);
        return compress_;
    }
    ZSTD_DCtx* decompress()
    {
        if (decompress_ == nullptr)
            decompress_ = ZSTD_createDCtx();
        VERIFY(decompress_ != nullptr);
        return decompress_;
    }

private:
    ZSTD_CCtx* compress_ = nullptr;
    ZSTD_DCtx* decompress_ = nullptr;
};

Bench::Bench()
    : contexts_(std::make_unique<Contexts>())
{
}
Bench::~Bench() = default;

Hash Bench::hash(std::span<std::byte const> bytes)
{
    hasher_.update(bytes);
    return hasher_.finish();
}

std::span<std::byte const> Bench::pack(Kind kind, std::span<std::byte const> raw, Codec& codec)
{
    auto const bound = ZSTD_compressBound(raw.size());
    if (packed_.size < bound)
        packed_ = Buffer::of(bound);
    auto const size = ZSTD_compress2(contexts_->compress(), packed_.data.get(), packed_.size,
                                     raw.data(), raw.size());
    auto const limit = kind == Kind::page ? raw.size() - 1 : raw.size() - raw.size() / 16;
    if (ZSTD_isError(size) != 0 || size > limit) {
        codec = Codec::raw;
        return raw;
    }
    codec = Codec::zstd;
    return packed_.span().first(size);
}

keys::Gcm& Bench::gcm()
{
    if (!gcm_)
        gcm_ = std::make_unique<keys::Gcm>();
    return *gcm_;
}

std::span<std::byte const> Bench::seal(Domain const& domain, RecordHeader const& header,
                                       std::span<std::byte const> nonce,
                                       std::span<std::byte const> packed)
{
    auto const size = packed.size() + kSealBytes;
    if (sealed_.size < size)
        sealed_ = Buffer::of(size);
    auto const out = sealed_.span().first(size);
    domain.seal({hasher_, gcm()}, header, nonce, packed, out);
    return out;
}

Result<std::span<std::byte const>> Bench::open(RecordHeader const& header,
                                               std::span<std::byte const> stored,
                                               std::span<std::byte> into, Domain const& domain)
{
    if (header.sealing == Sealing::none)
        return mismatch("snapshot: it is not encrypted");
    auto const size = stored.size() - kSealBytes;
    if (header.codec != Codec::raw && sealed_.size < size)
        sealed_ = Buffer::of(size);
    auto const out = header.codec == Codec::raw ? into : sealed_.span().first(size);
    if (!domain.open({hasher_, gcm()}, header, stored, out))
        return mismatch("key, or was changed");
    return std::span<std::byte const>(out);
}

Hash Bench::name(std::span<std::byte const> raw, Domain const* domain)
{
    return domain == nullptr ? hash(raw) : domain->identity(hasher_, raw);
}

Result<void> Bench::unpack(RecordHeader const& header, std::span<std::byte const> stored,
                           std::span<std::byte> into, Domain const* domain)
{
    if (into.size() != header.raw_bytes || stored.size() != header.stored_bytes)
        return mismatch("length");
    if (domain != nullptr)
        stored = TRY(open(header, stored, into, *domain));
    else if (header.sealing != Sealing::none)
        return mismatch("snapshot: it is encrypted");
    switch (header.codec) {
    case Codec::raw:
        if (domain == nullptr)
            copy_bytes(stored, into.data());
        break;
    case Codec::zstd: {
        auto const size = ZSTD_decompressDCtx(contexts_->decompress(), into.data(), into.size(),
                                              stored.data(), stored.size());
        if (ZSTD_isError(size) != 0 || size != into.size())
            return mismatch("compression");
        break;
    }
    }
    if (name(into, domain) != header.hash)
        return mismatch("hash");
    return {};
}

std::span<std::byte> Bench::scratch(std::size_t size)
{
    if (scratch_.size < size)
        scratch_ = Buffer::of(size);
    return scratch_.span().first(size);
}

Benches::Lent Benches::lend()
{
    std::unique_ptr<Bench> bench;
    {
        std::scoped_lock const guard(mutex_);
        if (!idle_.empty()) {
            bench = std::move(idle_.back());
            idle_.pop_back();
        }
    }
    if (!bench)
        bench = std::make_unique<Bench>();
    return {*this, std::move(bench)};
}

void Benches::give_back(std::unique_ptr<Bench> bench)
{
    std::scoped_lock const guard(mutex_);
    idle_.push_back(std::move(bench));
}

} // namespace karat::blocks
