// SPDX-License-Identifier: Apache-2.0
// Enumerates what a crash can leave. A life is lived up to each of its disk operations; from there
// come the states in which nothing unsynced survived, all of it, all but one change (a write torn,
// a name lost), one alone, and random choices. Each state is opened and must keep every promise.
#include "reference.hpp"
#include "torture.hpp"

#include <atomic>
#include <cstdio>
#include <fmt/format.h>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <xxhash.h>

namespace karat::torture {
namespace {

constexpr std::size_t kLifeLength = 14;
constexpr int kRandomChoices = 6;

std::uint64_t fingerprint(MemoryFiles& files)
{
    std::uint64_t sum = 0;
    for (auto const* const directory : {"store", "store/packs", "store/manifests"}) {
        auto const names = files.list(directory);
        if (!names.ok())
            continue;
        for (auto const& name : names.value()) {
            auto const path = fmt::format("{}/{}", directory, name);
            sum = XXH3_64bits_withSeed(path.data(), path.size(), sum);
            auto const bytes = read_file(files, path, 64 << 20);
            if (bytes.ok())
                sum = XXH3_64bits_withSeed(bytes.value().data(), bytes.value().size(), sum);
        }
    }
    return sum;
}

class Enumeration {
public:
    Enumeration(std::uint64_t count, std::uint64_t seed)
        : count_(count)
        , seed_(seed)
    {
    }
    void run()
    {
        while (states_ < count_ && failures_ == 0)
            one_life(seed_ + lives_++);
    }
    std::atomic<std::uint64_t> states_ = 0;
    std::atomic<std::uint64_t> lives_ = 0;
    std::atomic<std::uint64_t> failures_ = 0;

private:
    void one_life(std::uint64_t seed);
    /// True when the life ended before operation `last`.
    bool up_to(std::uint64_t seed, int last);
    void crash_here(MemoryEnv& memory, Promises const& promises, std::string const& where);
    void look_at(std::unique_ptr<MemoryFiles> files, Promises const& promises,
                 std::string const& where);

    std::uint64_t const count_;
    std::uint64_t const seed_;
    std::mutex mutex_; // guards seen_
    std::unordered_set<std::uint64_t> seen_;
};

void Enumeration::one_life(std::uint64_t seed)
{
    for (int last = 0; failures_ == 0 && states_ < count_; ++last)
        if (up_to(seed, last))
            return;
}

bool Enumeration::up_to(std::uint64_t seed, int last)
{
    MemoryEnv memory(seed);
    int operations = 0;
    memory.files.set_hook([&](std::string_view operation, std::string const&) -> Result<void> {
        if (operation != "read" && operations++ >= last)
            return fail(Fault::io, "power cut");
        return {};
    });
    Life life(memory.env());
    life.open();
    for (auto const& command : random_life(seed, kLifeLength, false)) {
        life.live(command);
        if (operations > last)
            break;
    }
    crash_here(memory, life.promises(), fmt::format("seed {}, operation {}", seed, last));
    return operations <= last;
}

void Enumeration::crash_here(MemoryEnv& memory, Promises const& promises, std::string const& where)
{
    int changes = 0;
    auto const none = [] { return false; };
    look_at(memory.files.after_crash(none), promises, where + ", none kept");
    auto const all = [&] {
        ++changes;
        return true;
    };
    look_at(memory.files.after_crash(all), promises, where + ", all kept");
    int const total = changes;
    for (int one = 0; one < total; ++one)
        for (bool const others : {true, false}) {
            int at = 0;
            auto const keep = [&] { return (at++ == one) != others; };
            look_at(memory.files.after_crash(keep), promises,
                    fmt::format("{}, change {} {}", where, one, others ? "lost" : "alone"));
        }
    SeededChance chance(XXH3_64bits(where.data(), where.size()));
    for (int choice = 0; choice < (total > 1 ? kRandomChoices : 0); ++choice) {
        auto const keep = [&] {
            std::array<std::byte, 1> coin{};
            chance.fill(coin);
            return (coin[0] & std::byte{3}) != std::byte{0};
        };
        look_at(memory.files.after_crash(keep), promises,
                fmt::format("{}, choice {}", where, choice));
    }
}

void Enumeration::look_at(std::unique_ptr<MemoryFiles> files, Promises const& promises,
                          std::string const& where)
{
    {
        auto const print = fingerprint(*files) ^ promises.kept.size() << 1;
        std::scoped_lock const guard(mutex_);
        if (!seen_.insert(print).second)
            return;
    }
    auto const state = ++states_;
    ManualClock clock{Time{}};
    SeededChance chance(state);
    auto const store = blocks::Store::open({*files, clock, chance}, "store", small_store());
    auto broken = store.ok() ? broken_promise(*store.value(), promises)
                             : "does not open: " + store.error().message;
    if (broken.empty() && state % 4 == 0)
        broken = broken_future(*store.value(), promises);
    if (broken.empty())
        return;
    ++failures_;
    std::printf("FAILED at %s: %s\n", where.c_str(), broken.c_str());
}

} // namespace

bool crash_states(std::uint64_t count, std::uint64_t seed)
{
    Enumeration enumeration(count, seed * 1000003);
    {
        std::jthread const other([&] { enumeration.run(); });
        enumeration.run();
    }
    std::printf("crash states: %llu different ones, %llu lives, %llu failures\n",
                static_cast<unsigned long long>(enumeration.states_),
                static_cast<unsigned long long>(enumeration.lives_),
                static_cast<unsigned long long>(enumeration.failures_));
    return enumeration.failures_ == 0;
}

} // namespace karat::torture
