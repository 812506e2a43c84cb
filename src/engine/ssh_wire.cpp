// SPDX-License-Identifier: Apache-2.0
#include "evp_key.hpp"

#include <array>
#include <openssl/core_names.h>

namespace karat::engine {

void append_ssh_string(Bytes& to, std::span<std::byte const> bytes)
{
    auto const size = static_cast<std::uint32_t>(bytes.size());
    for (int const shift : {24, 16, 8, 0})
        to.push_back(static_cast<std::byte>(size >> shift & 255));
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_ssh_number(Bytes& to, BIGNUM const* number)
{
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)) + 1);
    BN_bn2bin(number, static_cast<unsigned char*>(static_cast<void*>(bytes.data() + 1)));
    bool const high = bytes.size() > 1 && (bytes[1] & std::byte{0x80}) != std::byte{0};
    append_ssh_string(to, std::span(bytes).subspan(high ? 0 : 1));
}

Result<Number> key_number(EVP_PKEY const* key, char const* parameter)
{
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1)
        return bad_key();
    return Number(number, BN_clear_free);
}

Result<std::span<std::byte const>> take_ssh_string(std::span<std::byte const>& blob)
{
    if (blob.size() < 4)
        return bad_key();
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
        size = size << 8 | std::to_integer<std::size_t>(blob[i]);
    if (size > blob.size() - 4)
        return bad_key();
    auto const taken = blob.subspan(4, size);
    blob = blob.subspan(4 + size);
    return taken;
}

Result<Bytes> ssh_blob(EVP_PKEY const* key)
{
    Bytes blob;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        auto const e = TRY(key_number(key, OSSL_PKEY_PARAM_RSA_E));
        auto const n = TRY(key_number(key, OSSL_PKEY_PARAM_RSA_N));
        append_ssh_string(blob, as_bytes("ssh-rsa"));
        append_ssh_number(blob, e.get());
        append_ssh_number(blob, n.get());
        return blob;
    }
    std::array<unsigned char, 32> raw{};
    std::size_t length = raw.size();
    if (EVP_PKEY_get_raw_public_key(key, raw.data(), &length) != 1 || length != raw.size())
        return bad_key();
    append_ssh_string(blob, as_bytes("ssh-ed25519"));
    append_ssh_string(blob, std::as_bytes(std::span(raw)));
    return blob;
}

} // namespace karat::engine
