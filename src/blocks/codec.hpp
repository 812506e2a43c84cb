// SPDX-License-Identifier: Apache-2.0
// Compression and hashing with contexts that are made once and lent out: setting up a zstd context
// or fetching a digest costs as much as an extent.
#pragma once

#include "pack_format.hpp"

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
    /// Turns stored bytes into exactly into.size() raw bytes and compares their hash.
    /// Fault::corrupt when either does not fit.
    Result<void> unpack(RecordHeader const& header, std::span<std::byte const> stored,
                        std::span<std::byte> into);
    /// Room for stored bytes as they come from disk; grows, never shrinks.
    std::span<std::byte> scratch(std::size_t size);

private:
    struct Contexts;
    std::unique_ptr<Contexts> contexts_;
    Sha256 hasher_;
    Buffer packed_;
    Buffer scratch_;
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
