// SPDX-License-Identifier: Apache-2.0
#include "reference.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <set>

namespace karat::torture {
namespace {

constexpr std::size_t kBlock = blocks::kBlockBytes;

constexpr unsigned kKinds = 7 * 3 * 23; // of contents, before they repeat

Bytes make_block(unsigned contents)
{
    Bytes block(kBlock);
    if (contents % 7 == 0)
        return block; // a hole
    SeededChance chance(contents % 23);
    if (contents % 3 == 0)
        chance.fill(std::span(block).first(700)); // compresses
    else
        chance.fill(block);
    return block;
}

Bytes const& block_of(unsigned contents)
{
    static auto const blocks = [] {
        std::vector<Bytes> made;
        for (unsigned kind = 0; kind < kKinds; ++kind)
            made.push_back(make_block(kind));
        return made;
    }();
    return blocks[contents % kKinds];
}

Result<Bytes> read_all(blocks::View const& view)
{
    Bytes bytes(view.facts().size_bytes);
    TRY(view.read(0, bytes));
    return bytes;
}

std::string wrong(blocks::Store& store, std::string const& name, Bytes const& volume)
{
    auto const view = store.view(name);
    if (!view.ok())
        return fmt::format("{} does not open: {}", name, view.error().message);
    auto const got = read_all(*view.value());
    if (!got.ok())
        return fmt::format("{} does not read: {}", name, got.error().message);
    // Not ==, which g++ 12 makes a loop over single bytes of.
    bool const same = got.value().size() == volume.size() &&
                      std::memcmp(got.value().data(), volume.data(), volume.size()) == 0;
    return same ? "" : name + " has other bytes";
}

} // namespace

std::string text(Command const& command)
{
    constexpr char const* kWords[] = {"put",    "increment", "remove",  "collect",
                                      "reopen", "crash",     "abandon", "view"};
    return fmt::format("{} {} {}", kWords[static_cast<std::size_t>(command.verb)], command.a,
                       command.b);
}

Bytes volume_of(unsigned contents)
{
    Bytes volume;
    for (unsigned i = 0; i < 3 + contents % 6; ++i) {
        auto const& block = block_of(contents * 5 + i);
        volume.insert(volume.end(), block.begin(), block.end());
    }
    return volume;
}

std::vector<Command> random_life(std::uint64_t seed, std::size_t length, bool crashes)
{
    using Verb = Command::Verb;
    constexpr Verb kOften[] = {Verb::put,     Verb::put,    Verb::increment, Verb::increment,
                               Verb::remove,  Verb::remove, Verb::collect,   Verb::collect,
                               Verb::collect, Verb::reopen, Verb::abandon,   Verb::view};
    SeededChance chance(seed);
    std::vector<Command> life;
    while (life.size() < length) {
        std::array<std::byte, 3> dice{};
        chance.fill(dice);
        auto const first = std::to_integer<unsigned>(dice[0]);
        Command command{.verb = kOften[first % std::size(kOften)],
                        .a = std::to_integer<unsigned>(dice[1]),
                        .b = std::to_integer<unsigned>(dice[2]) % 40};
        if (crashes && first % 16 == 15)
            command.verb = Verb::crash;
        life.push_back(command);
    }
    return life;
}

blocks::Options small_store() { return {.pack_bytes = 24 << 10, .threads = 0, .cache_bytes = 0}; }

std::string broken_promise(blocks::Store& store, Promises const& promises)
{
    auto const names = store.names();
    if (!names.ok())
        return names.error().message;
    for (auto const& [name, volume] : promises.kept)
        if (auto what = wrong(store, name, volume); !what.empty())
            return what;
    for (auto const& name : names.value()) {
        if (promises.kept.contains(name))
            continue;
        auto const maybe = promises.maybe.find(name);
        if (maybe == promises.maybe.end())
            return name + " should not be there";
        if (auto what = wrong(store, name, maybe->second); !what.empty())
            return what;
    }
    auto const stats = store.stats();
    if (stats.ok() && (stats.value().alarms > 0 || stats.value().halted))
        return "there was an alarm";
    return "";
}

std::string broken_future(blocks::Store& store, Promises const& promises)
{
    auto const report = store.check({});
    if (!report.ok() || !report.value().damage.empty())
        return "does not check: " +
               (report.ok() ? report.value().damage.front() : report.error().message);
    std::vector<std::string> roots;
    for (auto const& [name, volume] : promises.kept)
        roots.push_back(name);
    for (int epoch = 0; epoch < 3; ++epoch)
        if (auto const collected = store.collect(roots); !collected.ok())
            return "does not collect: " + collected.error().message;
    auto after = promises;
    after.kept["new"] = volume_of(9);
    auto ingest = store.begin({.name = "new", .size_bytes = after.kept["new"].size()}, {});
    if (!ingest.ok() || !ingest.value()->write(0, after.kept["new"]).ok() ||
        !ingest.value()->commit().ok())
        return "takes nothing new";
    ingest.value().reset();
    return broken_promise(store, after);
}

bool Life::open()
{
    close();
    auto opened = blocks::Store::open(env_, "store", small_store());
    if (opened.ok())
        store_ = std::move(opened).value();
    return opened.ok();
}

void Life::close()
{
    views_.clear();
    store_.reset();
}

void Life::settle()
{
    auto const names = store_->names().value();
    std::set<std::string> const present(names.begin(), names.end());
    for (auto& [name, volume] : promises_.maybe)
        if (present.contains(name))
            promises_.kept[name] = volume;
    promises_.maybe.clear();
}

std::optional<std::string> Life::pick(unsigned which) const
{
    if (promises_.kept.empty())
        return {};
    return std::next(promises_.kept.begin(),
                     static_cast<std::ptrdiff_t>(which % promises_.kept.size()))
        ->first;
}

void Life::live(Command const& command)
{
    using Verb = Command::Verb;
    if (!store_)
        return;
    auto const name = fmt::format("s{:03}", next_name_);
    auto const chosen = pick(command.a);
    switch (command.verb) {
    case Verb::put:
    case Verb::abandon: {
        ++next_name_;
        auto const volume = volume_of(command.b);
        put(name, {}, volume, {0, volume.size()}, command.verb == Verb::put);
        break;
    }
    case Verb::increment: {
        if (!chosen)
            break;
        ++next_name_;
        auto volume = promises_.kept[*chosen];
        auto const at = command.b % (volume.size() / kBlock) * kBlock;
        std::ranges::copy(block_of(command.b), volume.begin() + static_cast<std::ptrdiff_t>(at));
        put(name, chosen, volume, {at, kBlock}, true);
        break;
    }
    case Verb::remove:
        if (chosen)
            remove(*chosen);
        break;
    case Verb::collect:
        collect();
        break;
    case Verb::view:
        if (chosen && views_.size() < 2 && !views_.contains(*chosen)) {
            auto view = store_->view(*chosen);
            if (view.ok())
                views_[*chosen] = std::move(view).value();
        } else {
            views_.clear();
        }
        break;
    case Verb::reopen:
        open();
        break;
    case Verb::crash:
        break; // whoever owns the disk does that
    }
}

void Life::put(std::string const& name, std::optional<std::string> base, Bytes const& volume,
               Range changed, bool commits)
{
    if (commits)
        promises_.maybe[name] = volume;
    auto const made = [&]() -> Result<void> {
        auto ingest = TRY(store_->begin({.name = name, .size_bytes = volume.size()}, base));
        TRY(ingest->write(changed.offset_bytes,
                          std::span(volume).subspan(changed.offset_bytes, changed.length_bytes)));
        if (commits)
            TRY(ingest->commit());
        return {};
    }();
    if (made.ok() && commits)
        promises_.kept.insert(promises_.maybe.extract(name));
}

void Life::remove(std::string const& name)
{
    if (auto kept = promises_.kept.extract(name))
        promises_.maybe.insert(std::move(kept));
    if (store_->remove(name).ok())
        promises_.maybe.erase(name);
}

void Life::collect()
{
    std::vector<std::string> roots;
    for (auto const& [name, volume] : promises_.kept)
        roots.push_back(name);
    (void)store_->collect(roots); // on failure nothing that a snapshot needs is gone
}

} // namespace karat::torture
