// SPDX-License-Identifier: Apache-2.0
// Sound disk images of our own writers, spoilt in one place.
#pragma once

#include "fields.hpp"
#include "formats/formats.hpp"
#include "formats/writers.hpp"
#include "testing/fake_store.hpp"
#include "testing/hostile.hpp"

namespace karat::volumes::testing {

inline constexpr std::uint64_t kMiB = 1 << 20;

/// A file in the making, to be spoilt.
struct Spoilt {
    Bytes bytes;

    Spoilt& le16(std::size_t at, std::uint16_t value) { return put(at, value, false); }
    Spoilt& le32(std::size_t at, std::uint32_t value) { return put(at, value, false); }
    Spoilt& le64(std::size_t at, std::uint64_t value) { return put(at, value, false); }
    Spoilt& be32(std::size_t at, std::uint32_t value) { return put(at, value, true); }
    Spoilt& be64(std::size_t at, std::uint64_t value) { return put(at, value, true); }
    Spoilt& text(std::size_t at, std::string_view words)
    {
        store_text(bytes, at, words);
        return *this;
    }
    Spoilt& replace(std::string_view from, std::string_view to)
    {
        auto const at = as_text(bytes).find(from);
        VERIFY(at != std::string_view::npos && to.size() <= from.size());
        store_text(bytes, at, std::string(to) + std::string(from.size() - to.size(), '\n'));
        return *this;
    }
    Spoilt& cut(std::size_t tail)
    {
        bytes.resize(bytes.size() - tail);
        return *this;
    }
    std::size_t size() const { return bytes.size(); }

private:
    template <class Unsigned>
    Spoilt& put(std::size_t at, Unsigned value, bool big)
    {
        big ? store_be(bytes, at, value) : store_le(bytes, at, value);
        return *this;
    }
};

/// A disk of 40 MiB with two stretches of data, in a form.
inline Spoilt sound(ImageForm form)
{
    FakeSnapshot snapshot;
    snapshot.facts.name = "snap";
    snapshot.facts.size_bytes = 40 * kMiB;
    for (std::uint64_t i = 0; i < 20; ++i) {
        snapshot.blocks[i] = Bytes(blocks::kBlockBytes, std::byte{'x'});
        snapshot.blocks[9000 + i] = Bytes(blocks::kBlockBytes, static_cast<std::byte>(i + 1));
    }
    MemoryEnv world;
    VERIFY(world.files.make_dirs("out").ok());
    FakeView const view(snapshot);
    VERIFY(write_image_file(world.files, view, "out/disk", form, {}).ok());
    return {read_file(world.files, "out/disk", 64 * kMiB).value()};
}

struct Hostile {
    std::string name;
    std::function<void(Spoilt&)> spoil;
};

inline std::string outcomes(
    Spoilt const& good, Format format, std::vector<Hostile> const& all,
    std::function<void(Spoilt&)> const& seal = [](Spoilt&) {})
{
    auto const open = [format](std::unique_ptr<File> file) {
        return open_disk(std::move(file), "disk", format);
    };
    std::string lines = line_of("sound", read_all(good.bytes, open));
    for (auto const& hostile : all) {
        auto spoilt = good;
        hostile.spoil(spoilt);
        seal(spoilt);
        lines += line_of(hostile.name, read_all(spoilt.bytes, open));
    }
    return lines;
}

} // namespace karat::volumes::testing
