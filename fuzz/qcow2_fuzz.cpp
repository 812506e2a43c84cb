// SPDX-License-Identifier: Apache-2.0
// Fuzzes the qcow2 reader: opens the bytes as a stranger's file and as an overlay of ours. Seeds
// are in fuzz/corpus/qcow2; disk_fuzz.hpp says what an input is.
#include "disk_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    using namespace karat::volumes;
    auto const bytes = file_of(data, size);
    for (auto const trust : {Trust::stranger, Trust::own})
        fuzz_disk(bytes, [trust](std::unique_ptr<karat::File> file) {
            return open_qcow2(std::move(file), "fuzz", trust);
        });
    return 0;
}
