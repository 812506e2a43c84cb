// SPDX-License-Identifier: Apache-2.0
// A file that is only read, with changes over it that are kept in memory.
#pragma once

#include "fields.hpp"

#include <map>
#include <memory>

namespace karat::volumes {

/// Changes to a file. Later ones win.
class Patches {
public:
    /// These bytes stand there.
    void put(std::uint64_t offset_bytes, std::span<std::byte const> bytes);
    /// Zeroes stand there.
    void zero(Range place);
    bool empty() const { return parts_.empty(); }
    std::size_t size() const { return parts_.size(); }

private:
    friend class PatchedFile;
    static constexpr std::size_t kZeroes = ~std::size_t{0};
    struct Part {
        std::uint64_t length_bytes;
        std::size_t data_at; ///< In data_; kZeroes: no bytes are kept.
    };
    void assign(Range place, std::size_t data_at);

    std::map<std::uint64_t, Part> parts_; ///< By offset; they do not overlap.
    Bytes data_;
};

/// The file as it would be after the changes, `size_bytes` long. What the file lacks reads as
/// zeroes.
std::unique_ptr<File> open_patched(std::unique_ptr<File> file, Patches patches,
                                   std::uint64_t size_bytes);

} // namespace karat::volumes
