// SPDX-License-Identifier: Apache-2.0
// What an operator sees of the cache, from its files alone.
#include "cache_format.hpp"

#include "karat/blk.hpp"

#include <algorithm>

namespace karat::blk {
namespace {

/// The sum that the last good record says. The newest may be in the making.
Result<std::uint64_t> filled_so_far(File& file, Header const& header)
{
    auto const size_bytes = TRY(file.size_bytes());
    auto number = size_bytes < kHeaderBytes ? 0 : (size_bytes - kHeaderBytes) / kRecordBytes;
    for (int tries = 0; tries < 2 && number > 0; ++tries) {
        --number;
        RecordBytes bytes{};
        TRY(file.read_at(kHeaderBytes + number * kRecordBytes, bytes));
        if (auto const record = decode_record(bytes, number, header))
            return record->total_bytes;
    }
    return std::uint64_t{0};
}

/// Nothing for a file that is no header, or gone by now.
Result<std::optional<Cached>> look_at(Files& files, std::string const& directory,
                                      std::string const& snapshot)
{
    auto const base = directory + '/' + snapshot;
    auto opened = files.open(base + std::string(kFilledSuffix), Access::read);
    if (!opened.ok())
        return std::optional<Cached>();
    auto const header = TRY(read_header(*opened.value()));
    if (!header)
        return std::optional<Cached>();
    Cached cached{.snapshot = snapshot, .full_bytes = header->full_bytes};
    cached.whole = TRY(files.exists(base + std::string(kWholeSuffix)));
    cached.traced = TRY(files.exists(base + std::string(kTraceSuffix)));
    cached.filled_bytes =
        cached.whole ? header->full_bytes : TRY(filled_so_far(*opened.value(), *header));
    return std::optional(std::move(cached));
}

} // namespace

Result<std::vector<Cached>> list_cache(Files& files, std::string const& directory)
{
    std::vector<Cached> all;
    auto const names = files.list(directory);
    if (!names.ok() && names.error().fault == Fault::not_found)
        return all;
    for (auto const& name : TRY(names)) {
        if (!name.ends_with(kFilledSuffix))
            continue;
        auto const snapshot = name.substr(0, name.size() - kFilledSuffix.size());
        auto cached = TRY(look_at(files, directory, snapshot));
        if (cached)
            all.push_back(std::move(*cached));
    }
    return all;
}

} // namespace karat::blk
