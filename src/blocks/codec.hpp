// SPDX-License-Identifier: Apache-2.0
// Compression and hashing with contexts that are made once and lent out: setting up a zstd context
// or fetching a digest costs as much as an extent.
#pragma once

#include "domain.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace karat::blocks {

/// Bytes whose memory is not cleared first.
struct Buffer {
    std::unique_ptr<std::byte[]> data;
    std::size_t size = 0;

    static Buffer of(std::size_t size)
    {
        return {std::make_unique_for_overwrite<std::byte[]>(size), size};
    }
    std::span<std::byte> span() { return {data.get(), size}; }
    std::span<std::byte const> span() const { return {data.get(), size}; }
};

/// One thread's tools. Not for several threads at once.
class Bench {
public:
    Bench();
    ~Bench();
    Bench(Bench const&) = delete;
    Bench& operator=(Bench const&) = delete;

    Hash hash(std::span<std::byte const> bytes);
    /// What to store for `raw`: a frame, or `raw` itself when compression saves less than the
    /// kind's share. The result lies in this bench or is `raw`; it is good until the next call.
    std::span<std::byte const> pack(Kind kind, std::span<std::byte const> raw, Codec& codec);
    /// The sealed form of what pack() gave; good until the next call. Not of use for `header` but
    /// what it says of the raw bytes.
    std::span<std::byte const> seal(Domain const& domain, RecordHeader const& header,
                                    std::span<std::byte const> nonce,
                                    std::span<std::byte const> packed);
    /// The name of an extent: its hash, keyed by the domain if there is one.
    Hash name(std::span<std::byte const> raw, Domain const* domain);
    /// Turns stored bytes into exactly into.size() raw bytes and compares their name. A record is
    /// sealed if and only if there is a domain. Fault::corrupt when anything does not fit.
    Result<void> unpack(RecordHeader const& header, std::span<std::byte const> stored,
                        std::span<std::byte> into, Domain const* domain);
    /// Room for stored bytes as they come from disk; grows, never shrinks.
    std::span<std::byte> scratch(std::size_t size);

private:
    struct Contexts;
    /// Opens a sealed record, into `into` if it is not compressed.
    Result<std::span<std::byte const>> open(RecordHeader const& header,
                                            std::span<std::byte const> stored,
                                            std::span<std::byte> into, Domain const& domain);
    keys::Gcm& gcm();

    std::unique_ptr<Contexts> contexts_;
    Sha256 hasher_;
    std::unique_ptr<keys::Gcm> gcm_; // made when first needed
    Buffer packed_;
    Buffer scratch_;
    Buffer sealed_; // what was sealed last, or what was in it
};

/// Lends benches to threads. Thread-safe. Holds as many as were ever lent at once.
class Benches {
public:
    class Lent {
    public:
        Lent(Benches& home, std::unique_ptr<Bench> bench)
            : home_(home)
            , bench_(std::move(bench))
        {
        }
        Lent(Lent const&) = delete;
        Lent& operator=(Lent const&) = delete;
        ~Lent() { home_.give_back(std::move(bench_)); }
        Bench* operator->() { return bench_.get(); }
        Bench& operator*() { return *bench_; }

    private:
        Benches& home_;
        std::unique_ptr<Bench> bench_;
    };
    Lent lend();

private:
    void give_back(std::unique_ptr<Bench> bench);
    std::mutex mutex_;
    std::vector<std::unique_ptr<Bench>> idle_;
};

} // namespace karat::blocks
