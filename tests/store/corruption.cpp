// SPDX-License-Identifier: Apache-2.0
// Injures the files of a small store in the ways that disks do, one injury a time: bits flip, bytes
// are swapped or go missing, a write lands elsewhere, an old version comes back, a file takes
// another's place. Then every snapshot is read: right bytes or an error, never wrong ones. An
// injury that neither the check nor opening notices must have harmed nothing.
#include "reference.hpp"
#include "torture.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace karat::torture {
namespace {

/// A disk's files, to be put on a fresh disk again and again.
using Image = std::map<std::string, Bytes>;

Image image_of(MemoryFiles& files)
{
    Image image;
    for (auto const* const directory : {"store", "store/packs", "store/manifests"})
        for (auto const& name : files.list(directory).value()) {
            auto const path = fmt::format("{}/{}", directory, name);
            if (auto bytes = read_file(files, path, 64 << 20); bytes.ok())
                image[path] = std::move(bytes).value();
        }
    return image;
}

void put_on(MemoryFiles& files, Image const& image)
{
    (void)files.make_dirs("store/packs");
    (void)files.make_dirs("store/manifests");
    for (auto const& [path, bytes] : image) {
        auto const file = files.open(path, Access::create).value();
        (void)file->write_at(0, bytes);
    }
}

class Injector {
public:
    Injector(Image const& image, std::uint64_t seed)
        : image_(image)
        , chance_(seed)
    {
    }
    /// The image with one injury; says which.
    Image injure(std::string& what)
    {
        auto image = image_;
        auto& bytes = any(image, what);
        auto const kind = roll(7);
        auto const at = roll(bytes.size());
        switch (kind) {
        case 0:
            bytes[at] ^= std::byte{1} << roll(8);
            what += fmt::format(": bit at {}", at);
            break;
        case 1:
            bytes.resize(at);
            what += fmt::format(": cut at {}", at);
            break;
        case 2:
            swap_sectors(bytes, bytes, what);
            break;
        case 3:
            swap_sectors(bytes, any(image, what), what);
            break;
        case 4:
            misdirect(bytes, any(image, what), what);
            break;
        case 5:
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                        std::min<std::size_t>(512, bytes.size() - at), std::byte{0});
            what += fmt::format(": zeroes at {}", at);
            break;
        default:
            std::swap(bytes, any(image, what));
            what += ": files exchanged";
        }
        return image;
    }

private:
    std::size_t roll(std::size_t sides)
    {
        std::array<std::byte, 4> dice{};
        chance_.fill(dice);
        std::uint32_t value = 0;
        std::memcpy(&value, dice.data(), sizeof value);
        return value % sides;
    }
    Bytes& any(Image& image, std::string& what)
    {
        for (;;) {
            auto const it =
                std::next(image.begin(), static_cast<std::ptrdiff_t>(roll(image.size())));
            if (it->second.empty() || it->first == "store/store")
                continue;
            what += " " + it->first;
            return it->second;
        }
    }
    void swap_sectors(Bytes& one, Bytes& other, std::string& what)
    {
        auto const length = std::min({std::size_t{512}, one.size(), other.size()});
        auto const from = roll(one.size() - length + 1) / 16 * 16;
        auto const to = roll(other.size() - length + 1) / 16 * 16;
        Bytes const kept(one.begin() + static_cast<std::ptrdiff_t>(from),
                         one.begin() + static_cast<std::ptrdiff_t>(from + length));
        std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(to), length,
                    one.begin() + static_cast<std::ptrdiff_t>(from));
        std::ranges::copy(kept, other.begin() + static_cast<std::ptrdiff_t>(to));
        what += fmt::format(": {} bytes at {} and {} swapped", length, from, to);
    }
    /// A write of one file lands in another.
    void misdirect(Bytes const& from, Bytes& to, std::string& what)
    {
        Bytes const copy = from;
        auto const length = std::min({copy.size(), to.size(), 1 + roll(8192)});
        auto const source = roll(copy.size() - length + 1);
        auto const target =
            roll(2) == 0 ? std::min(source, to.size() - length) : roll(to.size() - length + 1);
        std::copy_n(copy.begin() + static_cast<std::ptrdiff_t>(source), length,
                    to.begin() + static_cast<std::ptrdiff_t>(target));
        what += fmt::format(": {} bytes from {} landed at {}", length, source, target);
    }

    Image const& image_;
    SeededChance chance_;
};

struct Tally {
    std::uint64_t refused = 0, noticed = 0, harmless = 0, wrong = 0, missed = 0;
};

/// A store that an injury was done to.
void look_at(Image const& image, Promises const& promises, std::string const& what, Tally& tally)
{
    MemoryEnv memory;
    put_on(memory.files, image);
    auto const store = blocks::Store::open(memory.env(), "store", small_store());
    if (!store.ok()) {
        ++tally.refused;
        return;
    }
    bool all_read = true;
    for (auto const& [name, volume] : promises.kept) {
        auto const view = store.value()->view(name);
        Bytes got(volume.size());
        bool const read = view.ok() && view.value()->facts().size_bytes == volume.size() &&
                          view.value()->read(0, got).ok();
        all_read = all_read && read;
        if (read && got != volume) {
            ++tally.wrong;
            std::printf("WRONG BYTES of %s after%s\n", name.c_str(), what.c_str());
            return;
        }
    }
    auto const report = store.value()->check({});
    bool const noticed = !report.ok() || !report.value().damage.empty();
    bool const listed = store.value()->names().value().size() == promises.kept.size();
    if (noticed || !listed) {
        ++tally.noticed;
    } else if (all_read) {
        ++tally.harmless;
    } else {
        ++tally.missed;
        std::printf("UNNOTICED:%s\n", what.c_str());
    }
}

} // namespace

bool corruption(std::uint64_t count, std::uint64_t seed)
{
    constexpr std::uint64_t kPerStore = 500;
    Tally tally;
    for (std::uint64_t done = 0, life_seed = seed * 7919; done < count; ++life_seed) {
        MemoryEnv memory(life_seed);
        Life life(memory.env());
        life.open();
        for (auto const& command : random_life(life_seed, 20, false))
            life.live(command);
        auto const promises = life.promises();
        life.close();
        if (promises.kept.empty())
            continue;
        auto const image = image_of(memory.files);
        Injector injector(image, life_seed);
        for (std::uint64_t i = 0; i < kPerStore && done < count; ++i, ++done) {
            std::string what;
            auto const injured = injector.injure(what);
            look_at(injured, promises, fmt::format(" seed {}, injury {}:{}", life_seed, i, what),
                    tally);
        }
    }
    std::printf("corruption: %llu injuries: %llu noticed, %llu store refused, %llu harmless; "
                "%llu unnoticed, %llu wrong bytes served\n",
                static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(tally.noticed),
                static_cast<unsigned long long>(tally.refused),
                static_cast<unsigned long long>(tally.harmless),
                static_cast<unsigned long long>(tally.missed),
                static_cast<unsigned long long>(tally.wrong));
    return tally.missed == 0 && tally.wrong == 0;
}

} // namespace karat::torture
