// SPDX-License-Identifier: Apache-2.0
#include "record_store.hpp"

namespace karat::blocks {

Result<RecordStore::Stored> RecordStore::store(Bench& bench, NewRecord const& fresh)
{
    if (fresh.if_known == IfKnown::lean_on_it && packs_.touch(fresh.hash, registry_.now()))
        return Stored();
    Record record{.kind = fresh.kind,
                  .hash = fresh.hash,
                  .raw_bytes = static_cast<std::uint32_t>(fresh.raw.size())};
    record.stored = bench.pack(fresh.kind, fresh.raw, record.codec);
    if (fresh.domain != nullptr)
        seal(bench, record, *fresh.domain);
    auto const appended = TRY(writer_.append(record, registry_.now(), fresh.if_known));
    if (appended != PackWriter::Appended::fresh)
        return Stored{.appended = appended};
    return Stored{appended, kRecordHeaderBytes + record.stored.size()};
}

void RecordStore::seal(Bench& bench, Record& record, Domain const& domain)
{
    std::array<std::byte, keys::kNonceBytes> nonce{};
    chance_.fill(nonce);
    record.sealing = Sealing::gcm;
    RecordHeader const header{.kind = record.kind,
                              .codec = record.codec,
                              .sealing = record.sealing,
                              .raw_bytes = record.raw_bytes,
                              .hash = record.hash};
    record.stored = bench.seal(domain, header, nonce, record.stored);
}

} // namespace karat::blocks
