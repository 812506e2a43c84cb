// SPDX-License-Identifier: Apache-2.0
// Whatever parse_query() takes is sorted, unique, text, and survives being written and read again.
#include "karat/env.hpp"
#include "karat/wire/query.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

using namespace karat;
using namespace karat::wire;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    auto const text = as_text(std::as_bytes(std::span(data, size)));
    auto const params = parse_query(text);
    if (!params.ok()) {
        VERIFY(is_utf8(params.error().message));
        return 0;
    }
    std::string again;
    for (auto const& [name, value] : params.value()) {
        VERIFY(!name.empty() && name.size() <= kMaxParamNameBytes);
        VERIFY(is_utf8(name) && is_utf8(value));
        again += encode_uri(name, Slash::encode) + "=" + encode_uri(value, Slash::keep) + "&";
    }
    auto const unordered = [](Param const& a, Param const& b) { return a.name >= b.name; };
    VERIFY(std::ranges::adjacent_find(params.value(), unordered) == params.value().end());
    if (again.size() > kMaxQueryBytes) // encoding may triple the text
        return 0;
    auto const same = [](Param const& a, Param const& b) {
        return a.name == b.name && a.value == b.value;
    };
    VERIFY(std::ranges::equal(parse_query(again).value(), params.value(), same));
    return 0;
}
