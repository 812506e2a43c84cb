// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of public keys that callers import. What is accepted reads the same from the
// line that guests are given.
#include "karat/hash.hpp"
#include "openssh_key.hpp"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size)
{
    using namespace karat;
    std::string const text(as_text(std::as_bytes(std::span(data, size))));
    auto const key = engine::read_public_key(text);
    if (!key.ok())
        return 0;
    auto const again = engine::read_public_key(key.value().openssh_line + " name");
    VERIFY(again.ok());
    VERIFY(again.value().openssh_line == key.value().openssh_line);
    VERIFY(again.value().fingerprint == key.value().fingerprint);
    VERIFY(again.value().type == key.value().type);
    VERIFY(key.value().openssh_line.find('\n') == std::string::npos);
    return 0;
}
