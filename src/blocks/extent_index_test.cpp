// SPDX-License-Identifier: Apache-2.0
#include "blocks_testing.hpp"
#include "extent_index.hpp"

namespace karat::blocks {
namespace {

Hash numbered(std::uint64_t number)
{
    Hash hash;
    std::memcpy(hash.bytes.data(), &number, sizeof number);
    return hash;
}

Location place(std::uint64_t number)
{
    return {.pack = static_cast<std::uint32_t>(number % 1000 + 1),
            .offset = static_cast<std::uint32_t>(number),
            .stored_bytes = 5000,
            .raw_blocks = 16};
}

TEST(ExtentIndex, finds_what_it_holds_through_growth_and_erasure)
{
    ExtentIndex index(7);
    std::map<std::uint64_t, ExtentIndex::Id> held;
    std::uint64_t next = 0;
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 4000; ++i, ++next)
            held[next] = index.insert(numbered(next), place(next), 0);
        for (auto it = held.begin(); it != held.end();) {
            bool const goes = (it->first * 2654435761U >> 7) % 3 == 0;
            if (goes)
                index.erase(it->second);
            it = goes ? held.erase(it) : std::next(it);
        }
        ASSERT_EQ(index.count(), held.size());
        for (std::uint64_t n = 0; n < next; ++n) {
            auto const id = index.find(numbered(n));
            ASSERT_EQ(id, held.contains(n) ? held[n] : ExtentIndex::kNone) << n;
            if (id != ExtentIndex::kNone) {
                ASSERT_EQ(index.at(id).location().offset, n);
            }
        }
    }
}

TEST(ExtentIndex, takes_no_more_than_55_bytes_a_record)
{
    ExtentIndex index(7);
    std::uint64_t next = 0;
    double worst = 0;
    for (; next < 200'000; ++next) {
        index.insert(numbered(next), place(next), 0);
        // In chunks of 16 Ki records, so a small index is not the measure.
        if (next > 100'000 && next % 16384 == 16383)
            worst = std::max(worst, static_cast<double>(index.memory_bytes()) /
                                        static_cast<double>(next + 1));
    }
    EXPECT_LT(worst, 55.0); // 0.83 GB a TB of extents of 66 kB, as Debian's are cut
    EXPECT_GT(worst, 52.0);
}

} // namespace
} // namespace karat::blocks
