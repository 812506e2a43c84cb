// SPDX-License-Identifier: Apache-2.0
// Fuzzes the maps of snapshots. The first byte chooses: a manifest as it is; a manifest whose
// checksum and root are made right first, so that what lies behind them is reached; a page.
#include "bytes.hpp"
#include "manifest.hpp"
#include "page.hpp"
#include "sign.hpp"

namespace karat::blocks {
namespace {

/// What is accepted is written back the same.
void expect_round_trip(std::span<std::byte const> bytes)
{
    auto const manifest = decode_manifest(bytes);
    if (!manifest.ok())
        return;
    VERIFY(std::ranges::equal(encode_manifest(manifest.value()), bytes));
    VERIFY(manifest.value().pages.size() <= kMaxPages);
}

/// Makes the root right, then the checksum over it.
void sign_manifest(Bytes& bytes)
{
    constexpr std::size_t kRootAt = 40;
    if (bytes.size() < kManifestHeaderBytes + kHashBytes)
        return;
    auto const body = bytes.size() - kHashBytes;
    auto const facts = std::uint64_t{load<std::uint32_t>(bytes.data() + 12)} +
                       load<std::uint32_t>(bytes.data() + 36);
    if (facts <= body - kManifestHeaderBytes) {
        Sha256 root;
        root.update(kRootText);
        root.update(std::span(bytes).subspan(16, 8));
        root.update(std::span(bytes).subspan(32, 4));
        root.update(std::span(bytes).subspan(kManifestHeaderBytes + facts,
                                             body - kManifestHeaderBytes - facts));
        std::ranges::copy(root.finish().bytes, bytes.data() + kRootAt);
    }
    sign(bytes);
}

void fuzz_page(std::span<std::byte const> bytes)
{
    auto const page = decode_page(bytes);
    if (!page.ok())
        return;
    VERIFY(std::ranges::equal(encode_page(page.value()), bytes));
    std::vector<BlockRange> const changed{{5, 9}, {100, 70000}, {kPageBlocks - 1, kPageBlocks}};
    std::deque<Slice> const fresh{{.start = 6, .blocks = 3}, {.start = 300, .blocks = 128}};
    auto const over = overlay(page.value(), changed, fresh);
    if (!over.empty())
        VERIFY(decode_page(encode_page(over)).ok());
}

} // namespace
} // namespace karat::blocks

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size)
{
    using namespace karat;
    using namespace karat::blocks;
    if (size < 1)
        return 0;
    auto const input = std::as_bytes(std::span(data, size)).subspan(1);
    Bytes bytes(input.begin(), input.end());
    switch (data[0] % 3) {
    case 0:
        expect_round_trip(bytes);
        break;
    case 1:
        sign_manifest(bytes);
        expect_round_trip(bytes);
        break;
    default:
        fuzz_page(bytes);
    }
    return 0;
}
