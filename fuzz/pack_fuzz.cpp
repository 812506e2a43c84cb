// SPDX-License-Identifier: Apache-2.0
// Fuzzes packs: a store is opened whose one pack holds the fuzzer's bytes, and every record that
// recovery believed is read. With an odd first byte the bytes become the stored bytes of records
// whose headers are right, so that decompression and the hash are reached:
// kind, codec and sealing (1), raw length in blocks (1), stored length (2), stored bytes.
#include "karat/memory_env.hpp"

#include "bytes.hpp"
#include "store.hpp"

namespace karat::blocks {
namespace {

Bytes records_of(std::span<std::byte const> input)
{
    Bytes pack;
    put_pack_header(pack, 1);
    ByteReader reader(input);
    while (reader.left() >= 4) {
        auto const form = reader.number<std::uint8_t>();
        RecordHeader header;
        header.kind = (form & 1) != 0 ? Kind::page : Kind::extent;
        header.codec = (form & 2) != 0 ? Codec::zstd : Codec::raw;
        header.sealing = (form & 4) != 0 ? Sealing::gcm : Sealing::none;
        header.raw_bytes = (reader.number<std::uint8_t>() + 1U) * 4096U;
        auto const wanted = reader.number<std::uint16_t>();
        auto const stored = reader.raw(std::min<std::size_t>(wanted, reader.left()));
        header.stored_bytes = static_cast<std::uint32_t>(stored.size());
        header.payload_sum = checksum(stored);
        header.hash = sha256(stored); // right for a raw record only
        put_record_header(pack, header, {1, static_cast<std::uint32_t>(pack.size())});
        pack.insert(pack.end(), stored.begin(), stored.end());
    }
    return pack;
}

void open_and_read(std::span<std::byte const> pack)
{
    MemoryEnv memory;
    auto& files = memory.files;
    VERIFY(files.make_dirs("s/packs").ok());
    VERIFY(replace_file(files, "s/store", as_bytes(kStoreText)).ok());
    VERIFY(replace_file(files, pack_path("s", 1), pack).ok());
    auto const store = Store::open(memory.env(), "s", {.threads = 0, .cache_bytes = 1 << 20});
    VERIFY(store.ok());
    auto const report = store.value()->check({});
    VERIFY(report.ok());
    for (int epoch = 0; epoch < 3; ++epoch)
        VERIFY(store.value()->collect({}).ok());
    VERIFY(store.value()->stats().value().extents == 0);
}

} // namespace
} // namespace karat::blocks

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size)
{
    using namespace karat::blocks;
    if (size < 1)
        return 0;
    karat::set_log_level(static_cast<karat::Level>(4));
    auto const input = std::as_bytes(std::span(data, size)).subspan(1);
    if (data[0] % 2 == 1)
        open_and_read(records_of(input));
    else
        open_and_read(input);
    return 0;
}
