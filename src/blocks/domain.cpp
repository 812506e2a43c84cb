// SPDX-License-Identifier: Apache-2.0
#include "domain.hpp"

#include "bytes.hpp"

#include <algorithm>

namespace karat::blocks {
namespace {

constexpr std::size_t kHmacBlock = 64; // of SHA-256

/// RFC 2104: the key, filled up with zeroes, against a byte.
keys::SecretBytes pad(keys::SecretBytes const& key, std::byte with)
{
    keys::SecretBytes padded(kHmacBlock);
    copy_bytes(key.reveal(), padded.reveal().data());
    for (auto& byte : padded.reveal())
        byte ^= with;
    return padded;
}

/// What the tag of an extent covers beside its bytes.
std::array<std::byte, 8 + kHashBytes + kDomainBytes> extra_of(RecordHeader const& header,
                                                              DomainTag const& tag)
{
    std::array<std::byte, 8 + kHashBytes + kDomainBytes> extra{};
    extra[0] = static_cast<std::byte>(header.kind);
    extra[1] = static_cast<std::byte>(header.codec);
    extra[2] = static_cast<std::byte>(header.sealing);
    save(extra.data() + 4, header.raw_bytes);
    copy_bytes(header.hash.bytes, extra.data() + 8);
    copy_bytes(tag, extra.data() + 8 + kHashBytes);
    return extra;
}

constexpr std::size_t kHeadBytes = kDomainBytes + keys::kNonceBytes;
static_assert(kHeadBytes + keys::kTagBytes == kSealBytes);

} // namespace

Keyed::Keyed(keys::SecretBytes const& data_key, char const* label)
    : inner_(pad(keys::derive(data_key, label), std::byte{0x36}))
    , outer_(kHmacBlock)
{
    for (std::size_t i = 0; i < kHmacBlock; ++i)
        outer_.reveal()[i] = inner_.reveal()[i] ^ std::byte{0x36 ^ 0x5c};
}

Hash Keyed::hash(Sha256& hasher, std::span<std::byte const> bytes) const
{
    hasher.update(inner_.reveal());
    hasher.update(bytes);
    auto const digest = hasher.finish();
    hasher.update(outer_.reveal());
    hasher.update(digest.bytes);
    return hasher.finish();
}

Domain::Domain(keys::SecretBytes const& data_key)
    : identity_(data_key, "karat extent identity 1")
    , extents_(data_key, "karat extent key 1")
    , manifests_(data_key, "karat manifest 1")
    , tag_{}
{
    auto const name = keys::derive(data_key, "karat domain 1");
    std::ranges::copy(name.reveal().first(tag_.size()), tag_.begin());
}

Hash Domain::mac(std::span<std::byte const> manifest) const
{
    Sha256 hasher;
    return manifests_.hash(hasher, manifest);
}

void Domain::seal(Tools const& tools, RecordHeader const& header, std::span<std::byte const> nonce,
                  std::span<std::byte const> packed, std::span<std::byte> out) const
{
    VERIFY(out.size() == packed.size() + kSealBytes && nonce.size() == keys::kNonceBytes);
    auto key = extents_.hash(tools.hasher, header.hash.bytes);
    copy_bytes(tag_, out.data());
    copy_bytes(nonce, out.data() + kDomainBytes);
    tools.gcm.seal({key.bytes, nonce, extra_of(header, tag_)}, packed, out.subspan(kHeadBytes));
    keys::wipe(key.bytes);
}

bool Domain::open(Tools const& tools, RecordHeader const& header, std::span<std::byte const> stored,
                  std::span<std::byte> out) const
{
    if (stored.size() != out.size() + kSealBytes || domain_of(stored) != tag_)
        return false;
    auto key = extents_.hash(tools.hasher, header.hash.bytes);
    auto const nonce = stored.subspan(kDomainBytes, keys::kNonceBytes);
    bool const good =
        tools.gcm.open({key.bytes, nonce, extra_of(header, tag_)}, stored.subspan(kHeadBytes), out);
    keys::wipe(key.bytes);
    return good;
}

DomainTag domain_of(std::span<std::byte const> stored)
{
    DomainTag tag{};
    copy_bytes(stored.first(std::min(stored.size(), tag.size())), tag.data());
    return tag;
}

} // namespace karat::blocks
