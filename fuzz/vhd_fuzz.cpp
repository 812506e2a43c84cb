// SPDX-License-Identifier: Apache-2.0
// Fuzzes the VHD reader. Seeds are in fuzz/corpus/vhd; disk_fuzz.hpp says what an input is. Of
// pieces the checksums are made right.
#include "disk_fuzz.hpp"
#include "formats/formats.hpp"
#include "formats/vhd_format.hpp"

namespace karat::volumes {
namespace {

/// Makes checksums right, so that what is behind them is reached.
void seal(Bytes& bytes)
{
    auto const one = [&](std::size_t at, std::size_t length, std::size_t field) {
        auto const part = std::span(bytes).subspan(at, length);
        store_be(part, field, vhd::checksum(part, field));
    };
    if (bytes.size() < 2 * vhd::kFooterBytes + vhd::kDynamicBytes)
        return;
    auto const end = bytes.size() - vhd::kFooterBytes;
    if (as_text(bytes).starts_with(vhd::kFooterCookie)) { // a dynamic disk: the end says the same
        one(vhd::kFooterBytes, vhd::kDynamicBytes, vhd::dynamic::kChecksum);
        std::copy_n(bytes.begin(), vhd::kFooterBytes,
                    bytes.begin() + static_cast<std::ptrdiff_t>(end));
        one(0, vhd::kFooterBytes, vhd::at::kChecksum);
    }
    one(end, vhd::kFooterBytes, vhd::at::kChecksum);
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
              [](std::unique_ptr<karat::File> file) { return open_vhd(std::move(file), "fuzz"); });
    return 0;
}
