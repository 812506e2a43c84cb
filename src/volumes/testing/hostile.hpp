// SPDX-License-Identifier: Apache-2.0
// What the tests of hostile disk images share: reading all of one as import does, and the golden
// file of the sentences that they are refused with.
#pragma once

#include "disk_reader.hpp"

#include "karat/memory_env.hpp"
#include "testing/bytes_file.hpp"

#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>

namespace karat::volumes::testing {

using Open = std::function<Result<std::unique_ptr<DiskReader>>(std::unique_ptr<File>)>;

/// Opens the disk and reads all of it, as import does; how many bytes were data.
inline Result<std::uint64_t> read_all(Bytes const& bytes, Open const& open)
{
    auto const reader = TRY(open(std::make_unique<BytesFile>(bytes)));
    Bytes piece(1 << 20);
    std::uint64_t data_bytes = 0;
    for (std::uint64_t offset = 0; offset < reader->size_bytes();) {
        auto const stretch = TRY(reader->next(offset));
        auto const end = stretch.range.end_bytes();
        for (; stretch.kind == Kind::data && offset < end; offset += piece.size()) {
            piece.resize(std::min<std::uint64_t>(1 << 20, end - offset));
            TRY(reader->read(offset, piece));
            data_bytes += piece.size();
        }
        offset = end;
    }
    return data_bytes;
}

/// One line: what became of it.
inline std::string line_of(std::string const& name, Result<std::uint64_t> const& read)
{
    return name + ": " +
           (read.ok()
                ? "read " + std::to_string(read.value())
                : std::string(karat::name(read.error().fault)) + ": " + read.error().message) +
           '\n';
}

/// Compares with the file of that name, or with KARAT_BLESS=1 writes it.
inline void expect_golden(std::string const& name, std::string const& text)
{
    auto const path = std::string(KARAT_VOLUMES_GOLDEN) + '/' + name + ".txt";
    auto const files = &posix_env().files;
    if (std::getenv("KARAT_BLESS") != nullptr) {
        ASSERT_TRUE(replace_file(*files, path, as_bytes(text)).ok());
    }
    auto const golden = read_file(*files, path, 1 << 20);
    ASSERT_TRUE(golden.ok()) << golden.error().message;
    EXPECT_EQ(text, as_text(golden.value()));
}

} // namespace karat::volumes::testing
