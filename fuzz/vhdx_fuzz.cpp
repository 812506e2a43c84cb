// SPDX-License-Identifier: Apache-2.0
// Fuzzes the VHDX reader. Seeds are in fuzz/corpus/vhdx; disk_fuzz.hpp says what an input is. Of
// pieces the checksums are made right.
#include "disk_fuzz.hpp"
#include "formats/crc32c.hpp"
#include "formats/formats.hpp"
#include "formats/vhdx_format.hpp"

namespace karat::volumes {
namespace {

constexpr std::size_t kSealedLogBytes = 64 << 10;

/// Makes the checksums right, so that what is behind them is reached.
void seal(Bytes& bytes)
{
    auto const one = [&](std::size_t at, std::size_t length) {
        if (bytes.size() < at + length)
            return;
        auto const part = std::span(bytes).subspan(at, length);
        store_le(part, vhdx::kChecksum, std::uint32_t{0});
        store_le(part, vhdx::kChecksum, crc32c(part));
    };
    one(vhdx::kHeaderAt[0], vhdx::kHeaderBytes);
    one(vhdx::kRegionsAt[0], vhdx::kRegionsBytes);
    for (std::size_t at = vhdx::kMiB;
         at + vhdx::kLogSectorBytes <= bytes.size() && at < vhdx::kMiB + kSealedLogBytes;
         at += vhdx::kLogSectorBytes) {
        auto const length = load_le<std::uint32_t>(bytes, at + vhdx::entry::kLength);
        if (as_text(std::span(bytes).subspan(at)).starts_with(vhdx::kLogSignature) &&
            length >= vhdx::kLogSectorBytes && length <= kSealedLogBytes)
            one(at, length);
    }
}

} // namespace
} // namespace karat::volumes

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    using namespace karat::volumes;
    auto bytes = file_of(data, size);
    if (size > 0 && data[0] == 'S')
        seal(bytes);
    fuzz_disk(bytes,
              [](std::unique_ptr<karat::File> file) { return open_vhdx(std::move(file), "fuzz"); });
    return 0;
}
