// SPDX-License-Identifier: Apache-2.0
// Fuzzes the VDI reader. Seeds are in fuzz/corpus/vdi; disk_fuzz.hpp says what an input is.
#include "disk_fuzz.hpp"
#include "formats/formats.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    using namespace karat::volumes;
    auto const bytes = file_of(data, size);
    fuzz_disk(bytes,
              [](std::unique_ptr<karat::File> file) { return open_vdi(std::move(file), "fuzz"); });
    return 0;
}
