// SPDX-License-Identifier: Apache-2.0
#include "formats/manifest.hpp"

#include "formats/tar.hpp"

#include "karat/hash.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <openssl/evp.h>

namespace karat::volumes::ovf {
namespace {

constexpr std::size_t kPieceBytes = 4 << 20; // what is read between two calls of go_on

EVP_MD const* method_of(std::string_view algorithm)
{
    if (algorithm == "SHA1")
        return ::EVP_sha1();
    if (algorithm == "SHA256")
        return ::EVP_sha256();
    if (algorithm == "SHA384")
        return ::EVP_sha384();
    return algorithm == "SHA512" ? ::EVP_sha512() : nullptr;
}

struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};

} // namespace

std::map<std::string, Sum, std::less<>> read_manifest(std::string_view text)
{
    std::map<std::string, Sum, std::less<>> sums;
    while (!text.empty()) {
        auto const line = take_until(text, '\n');
        auto const open = line.find('(');
        auto const close = line.rfind(')');
        auto const equals = line.rfind('=');
        if (open == std::string_view::npos || close == std::string_view::npos ||
            equals == std::string_view::npos || open > close || close > equals)
            continue;
        Sum sum{std::string(trimmed(line.substr(0, open))),
                std::string(trimmed(line.substr(equals + 1)))};
        for (auto& c : sum.hex)
            c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        if (method_of(sum.algorithm) != nullptr)
            sums[tar::plain_name(line.substr(open + 1, close - open - 1))] = std::move(sum);
    }
    return sums;
}

Result<std::string> sum_of(File& file, std::string const& algorithm,
                           std::function<bool()> const& go_on)
{
    std::unique_ptr<EVP_MD_CTX, FreeDigest> const context(::EVP_MD_CTX_new());
    VERIFY(context && ::EVP_DigestInit_ex(context.get(), method_of(algorithm), nullptr) == 1);
    auto const size = TRY(file.size_bytes());
    Bytes piece;
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(kPieceBytes, size - at));
        TRY(read_exactly(file, at, piece));
        VERIFY(::EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1);
        if (go_on && !go_on())
            return fail(Fault::unavailable, "The comparison with a manifest was interrupted");
    }
    Bytes digest(EVP_MAX_MD_SIZE);
    unsigned length = 0;
    void* const out = digest.data();
    VERIFY(::EVP_DigestFinal_ex(context.get(), static_cast<unsigned char*>(out), &length) == 1);
    return to_hex(std::span(digest).first(length));
}

} // namespace karat::volumes::ovf
