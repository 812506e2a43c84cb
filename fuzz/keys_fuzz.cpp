// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of key files. The first byte chooses: the text as it is, or with a checksum
// that is right, so that the lines behind it are reached.
#include "karat/hash.hpp"
#include "key_file.hpp"

namespace karat::keys {
namespace {

/// What is accepted is written so that it reads the same, and stays so.
void expect_round_trip(std::string_view text)
{
    auto const lines = parse_keys(text);
    if (!lines.ok())
        return;
    auto const bytes = encode_keys(lines.value());
    auto const again = parse_keys(as_text(bytes));
    VERIFY(again.ok() && again.value().size() == lines.value().size());
    for (std::size_t i = 0; i < lines.value().size(); ++i) {
        auto const& one = lines.value()[i];
        auto const& other = again.value()[i];
        VERIFY(one.facts.arn() == other.facts.arn() && one.facts.alias == other.facts.alias &&
               one.facts.description == other.facts.description && one.material == other.material &&
               one.facts.enabled == other.facts.enabled);
        VERIFY(encode_material(material_of(one)).size() == kMaterialDigits);
    }
    VERIFY(encode_keys(again.value()) == bytes);
}

} // namespace
} // namespace karat::keys

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size)
{
    using namespace karat;
    if (size < 1)
        return 0;
    std::string text(as_text(std::as_bytes(std::span(data, size)).subspan(1)));
    if (data[0] % 2 == 1)
        text += "sum " + sha256(text).text() + "\n";
    keys::expect_round_trip(text);
    return 0;
}
