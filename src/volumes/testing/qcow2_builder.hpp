// SPDX-License-Identifier: Apache-2.0
// Makes small qcow2 files for tests, right or wrong on purpose. Layout, in clusters:
//   0 header   1 refcount table   2 L1 table   3 first L2 table   4... what add_cluster() appends
#pragma once

#include "qcow2_format.hpp"

#include "karat/env.hpp"

namespace karat::volumes::testing {

struct Qcow2Shape {
    std::uint32_t version = 3;
    std::uint32_t cluster_bits = 16;
    std::uint64_t size_bytes = 1 << 20;
    std::uint64_t features = 0;
    std::uint8_t compression = 0;
};

class Qcow2Builder {
public:
    explicit Qcow2Builder(Qcow2Shape shape = {})
        : shape_(shape)
        , cluster_(std::size_t{1} << shape.cluster_bits)
        , bytes_(4 * cluster_)
    {
        auto const extended = (shape.features & qcow2::kExtendedL2) != 0;
        entry_bytes_ = extended ? 16 : 8;
        auto const per_table = cluster_ / entry_bytes_ * cluster_;
        auto const entries = (shape.size_bytes + per_table - 1) / per_table;
        put32(qcow2::at::kMagic, qcow2::kMagic);
        put32(qcow2::at::kVersion, shape.version);
        put32(qcow2::at::kClusterBits, shape.cluster_bits);
        put64(qcow2::at::kSize, shape.size_bytes);
        put32(qcow2::at::kL1Entries, static_cast<std::uint32_t>(entries));
        put64(qcow2::at::kL1Offset, 2 * cluster_);
        put64(qcow2::at::kRefcountOffset, cluster_);
        put32(qcow2::at::kRefcountClusters, 1);
        if (shape.version >= 3) {
            put64(qcow2::at::kIncompatible, shape.features);
            put32(qcow2::at::kRefcountOrder, 4);
            put32(qcow2::at::kHeaderLength, qcow2::kHeaderBytesNew);
            bytes_[qcow2::at::kCompression] = std::byte{shape.compression};
        }
        set_l1(0, (3 * cluster_) | qcow2::kCopied);
    }

    Qcow2Builder& put32(std::size_t at, std::uint32_t value)
    {
        store_be(bytes_, at, value);
        return *this;
    }
    Qcow2Builder& put64(std::size_t at, std::uint64_t value)
    {
        store_be(bytes_, at, value);
        return *this;
    }
    Qcow2Builder& set_l1(std::size_t index, std::uint64_t entry)
    {
        return put64(2 * cluster_ + index * 8, entry);
    }
    /// `bitmap` is written for extended entries.
    Qcow2Builder& set_l2(std::size_t index, std::uint64_t entry, std::uint64_t bitmap = 0)
    {
        put64(3 * cluster_ + index * entry_bytes_, entry);
        return entry_bytes_ == 16 ? put64(3 * cluster_ + index * entry_bytes_ + 8, bitmap) : *this;
    }
    /// Appends a cluster filled with `fill` and answers its place.
    std::uint64_t add_cluster(char fill)
    {
        auto const place = bytes_.size();
        bytes_.resize(place + cluster_, static_cast<std::byte>(fill));
        return place;
    }
    /// Appends bytes, not aligned to anything, and answers their place.
    std::uint64_t add_bytes(std::span<std::byte const> bytes)
    {
        auto const place = bytes_.size();
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return place;
    }
    /// The entry of a compressed cluster whose input is `length_bytes` at `place`.
    std::uint64_t compressed_entry(std::uint64_t place, std::uint64_t length_bytes) const
    {
        auto const shift = 62 - (shape_.cluster_bits - 8);
        auto const sectors = (place % 512 + length_bytes + 511) / 512 - 1;
        return qcow2::kCompressed | sectors << shift | place;
    }
    Qcow2Builder& resize(std::size_t length)
    {
        bytes_.resize(length);
        return *this;
    }
    std::uint64_t cluster() const { return cluster_; }
    Bytes const& bytes() const { return bytes_; }

private:
    Qcow2Shape shape_;
    std::size_t cluster_;
    std::size_t entry_bytes_ = 8;
    Bytes bytes_;
};

} // namespace karat::volumes::testing
