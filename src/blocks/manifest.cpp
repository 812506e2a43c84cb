// SPDX-License-Identifier: Apache-2.0
#include "manifest.hpp"

#include "bytes.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

Bytes encode_facts(Facts const& facts)
{
    Bytes out;
    ByteWriter writer(out);
    writer.text(facts.name);
    writer.text(facts.parent);
    writer.number(static_cast<std::uint32_t>(facts.details.size()));
    for (auto const& [key, value] : facts.details) {
        writer.text(key);
        writer.text(value);
    }
    return out;
}

Bytes encode_seal(Seal const& seal)
{
    Bytes out;
    ByteWriter writer(out);
    writer.text(seal.key);
    writer.text(as_text(seal.wrapped));
    return out;
}

std::optional<Seal> decode_seal(std::span<std::byte const> bytes)
{
    ByteReader reader(bytes);
    Seal seal{.key = reader.text(), .wrapped = {}};
    auto const wrapped = reader.raw(reader.number<std::uint32_t>());
    seal.wrapped.assign(wrapped.begin(), wrapped.end());
    seal.mac = reader.hash();
    if (reader.bad() || reader.left() != 0 || seal.key.empty() || seal.wrapped.empty())
        return {};
    return seal;
}

Bytes encode_pages(std::span<PageRef const> pages)
{
    Bytes out;
    out.reserve(pages.size() * kPageRefBytes);
    ByteWriter writer(out);
    for (auto const& page : pages) {
        writer.number(page.index);
        writer.hash(page.hash);
    }
    return out;
}

bool decode_facts(std::span<std::byte const> bytes, Facts& facts)
{
    ByteReader reader(bytes);
    facts.name = reader.text();
    facts.parent = reader.text();
    auto const count = reader.number<std::uint32_t>();
    if (count > bytes.size() / 8) // a pair takes at least its two lengths
        return false;
    for (std::uint32_t i = 0; i < count && !reader.bad(); ++i) {
        auto key = reader.text();
        if (!facts.details.empty() && key <= facts.details.rbegin()->first)
            return false;
        facts.details.emplace_hint(facts.details.end(), std::move(key), reader.text());
    }
    return !reader.bad() && reader.left() == 0;
}

bool decode_pages(ByteReader& reader, std::uint32_t count, Manifest& manifest)
{
    auto const limit = page_count(manifest.facts.size_bytes);
    if (count > limit)
        return false;
    manifest.pages.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        auto& page = manifest.pages[i];
        page.index = reader.number<std::uint32_t>();
        page.hash = reader.hash();
        if (page.index >= limit || (i > 0 && page.index <= manifest.pages[i - 1].index))
            return false;
    }
    return !reader.bad();
}

bool good_size(std::uint64_t size_bytes)
{
    return size_bytes > 0 && size_bytes % kBlockBytes == 0 && size_bytes <= kMaxVolumeBytes;
}

} // namespace

Result<void> check_facts(Facts const& facts)
{
    if (!good_name(facts.name))
        return fail(Fault::invalid,
                    fmt::format("'{}' cannot name a snapshot: letters, digits, '-' and '_' only",
                                facts.name.substr(0, kMaxNameBytes)));
    if (!good_size(facts.size_bytes))
        return fail(Fault::invalid,
                    fmt::format("{} bytes is not the size of a volume: a multiple of {} up to {}",
                                facts.size_bytes, kBlockBytes, kMaxVolumeBytes));
    if (facts.key.size() > kMaxSealBytes / 2)
        return fail(Fault::invalid, fmt::format("The key of {} has too long a name", facts.name));
    if (encode_facts(facts).size() > kMaxFactsBytes)
        return fail(Fault::exhausted, fmt::format("The details of {} take more than {} bytes",
                                                  facts.name, kMaxFactsBytes));
    return {};
}

Hash root_of(Manifest const& manifest)
{
    Bytes head;
    ByteWriter writer(head);
    writer.raw(kRootText);
    writer.number(manifest.facts.size_bytes);
    writer.number(static_cast<std::uint32_t>(manifest.pages.size()));
    writer.raw(encode_pages(manifest.pages));
    return sha256(head);
}

Bytes words_to_prove(Manifest const& manifest)
{
    auto const facts = encode_facts(manifest.facts);
    auto const seal = manifest.seal ? encode_seal(*manifest.seal) : Bytes();
    auto const seal_bytes = manifest.seal ? seal.size() + kHashBytes : 0;
    Bytes out;
    ByteWriter writer(out);
    writer.raw(kManifestMagic);
    writer.number(manifest.seal ? kSealedManifestVersion : kVersion);
    writer.number(static_cast<std::uint32_t>(facts.size()));
    writer.number(manifest.facts.size_bytes);
    writer.number(manifest.data_bytes);
    writer.number(static_cast<std::uint32_t>(manifest.pages.size()));
    writer.number(static_cast<std::uint32_t>(seal_bytes));
    writer.hash(root_of(manifest));
    writer.raw(facts);
    writer.raw(seal);
    return out;
}

Bytes encode_manifest(Manifest const& manifest)
{
    auto out = words_to_prove(manifest);
    ByteWriter writer(out);
    if (manifest.seal)
        writer.hash(manifest.seal->mac);
    writer.raw(encode_pages(manifest.pages));
    writer.hash(sha256(out));
    return out;
}

Result<Manifest> decode_manifest(std::span<std::byte const> bytes)
{
    auto const bad = [](char const* what) {
        return fail(Fault::corrupt, fmt::format("A manifest is damaged: its {} is wrong", what));
    };
    if (bytes.size() < kManifestHeaderBytes + kHashBytes)
        return bad("length");
    auto const body = bytes.first(bytes.size() - kHashBytes);
    if (sha256(body) != load_hash(bytes.data() + body.size()))
        return bad("checksum");
    ByteReader reader(body);
    if (as_text(reader.raw(kManifestMagic.size())) != kManifestMagic)
        return bad("beginning");
    auto const version = reader.number<std::uint32_t>();
    if (version > kSealedManifestVersion)
        return fail(Fault::unsupported,
                    fmt::format("Its manifest is of version {}: it needs a newer Karat", version));
    if (version == 0)
        return bad("version");
    auto const facts_bytes = reader.number<std::uint32_t>();
    Manifest manifest;
    manifest.facts.size_bytes = reader.number<std::uint64_t>();
    manifest.data_bytes = reader.number<std::uint64_t>();
    auto const count = reader.number<std::uint32_t>();
    auto const seal_bytes = reader.number<std::uint32_t>();
    auto const root = reader.hash();
    if (!good_size(manifest.facts.size_bytes) || manifest.data_bytes > manifest.facts.size_bytes)
        return bad("size");
    if (facts_bytes > kMaxFactsBytes || !decode_facts(reader.raw(facts_bytes), manifest.facts))
        return bad("list of facts");
    bool const sealed = version == kSealedManifestVersion;
    if (sealed && seal_bytes <= kMaxSealBytes)
        manifest.seal = decode_seal(reader.raw(seal_bytes));
    if (sealed != manifest.seal.has_value() || (!sealed && seal_bytes != 0))
        return bad("seal");
    if (sealed)
        manifest.facts.key = manifest.seal->key;
    if (!decode_pages(reader, count, manifest) || reader.left() != 0)
        return bad("page table");
    if (root != root_of(manifest))
        return bad("root");
    return manifest;
}

PageRef const* find_page(std::span<PageRef const> pages, std::uint32_t index)
{
    auto const found = std::ranges::lower_bound(pages, index, {}, &PageRef::index);
    return found != pages.end() && found->index == index ? &*found : nullptr;
}

Result<Manifest> read_manifest(Files& files, std::string const& directory, std::string const& name)
{
    auto const absent = [&] {
        return fail(Fault::not_found, fmt::format("The snapshot '{}' is not in the store", name));
    };
    if (!good_name(name))
        return absent();
    auto bytes = read_file(files, manifest_path(directory, name), kMaxManifestBytes);
    if (!bytes.ok())
        return bytes.error().fault == Fault::not_found ? absent() : bytes.take_error();
    auto manifest = decode_manifest(bytes.value());
    if (!manifest.ok())
        return fail(manifest.error().fault,
                    fmt::format("Snapshot '{}': {}", name, manifest.error().message));
    if (manifest.value().facts.name != name)
        return fail(Fault::corrupt, fmt::format("The manifest of '{}' belongs to '{}'", name,
                                                manifest.value().facts.name));
    return manifest;
}

Result<std::vector<std::string>> list_manifests(Files& files, std::string const& directory)
{
    auto names = TRY(files.list(manifests_path(directory)));
    std::erase_if(names, [](std::string const& name) { return !good_name(name); });
    return names;
}

} // namespace karat::blocks
