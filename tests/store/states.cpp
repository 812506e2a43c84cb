// SPDX-License-Identifier: Apache-2.0
// Enumerates what a crash can leave. A life is lived once; before each of its disk operations come
// the states in which nothing unsynced survived, all of it, all but one change (a write torn, a
// name lost), one alone, and random choices. Each state is opened and must keep every promise.
//
// A state counts when the names and bytes on its disk are like those of no state before it. One
// that was seen under other promises (the same disk, before and after an acknowledgement) is
// recovered and read again, but not counted again.
#include "reference.hpp"
#include "torture.hpp"

#include <atomic>
#include <cstdio>
#include <fmt/format.h>
#include <malloc.h>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <xxhash.h>

namespace karat::torture {
namespace {

constexpr std::size_t kShortLife = 14;
constexpr int kRandomChoices = 6;
constexpr std::uint64_t kFutureEvery = 8; // of the states that are also collected and written

std::uint64_t mix(std::uint64_t sum, std::string const& text)
{
    return XXH3_64bits_withSeed(text.data(), text.size(), sum);
}

std::uint64_t fingerprint(Promises const& promises)
{
    std::uint64_t sum = 0; // a name never gets other bytes in one life
    for (auto const* const volumes : {&promises.kept, &promises.maybe})
        for (auto const& [name, volume] : *volumes)
            sum = mix(sum + (volumes == &promises.kept ? 1 : 2), name);
    return sum;
}

/// Remembers the sums of contents, which the states of one life share.
class Fingerprints {
public:
    std::uint64_t of(MemoryFiles const& files)
    {
        std::uint64_t sum = 0;
        for (auto const& [path, bytes] : files.contents())
            sum = mix(sum, path) * 31 + of(bytes);
        return sum;
    }

private:
    std::uint64_t of(std::shared_ptr<Bytes const> const& bytes)
    {
        auto& known = known_[bytes.get()];
        if (!known.bytes)
            known = {bytes, XXH3_64bits(bytes->data(), bytes->size())};
        return known.sum;
    }
    struct Known {
        std::shared_ptr<Bytes const> bytes; // held, so that its address names nothing else
        std::uint64_t sum = 0;
    };
    std::unordered_map<Bytes const*, Known> known_;
};

class Enumeration {
public:
    Enumeration(std::uint64_t count, std::uint64_t seed)
        : count_(count)
        , seed_(seed)
    {
    }
    void run()
    {
        while (!enough())
            one_life(seed_ + lives_++);
    }
    std::atomic<std::uint64_t> states_ = 0;
    std::atomic<std::uint64_t> checks_ = 0; // of states, some under several promises
    std::atomic<std::uint64_t> lives_ = 0;
    std::atomic<std::uint64_t> failures_ = 0;

private:
    /// Where in which life the power goes.
    struct Moment {
        Promises const& promises;
        Fingerprints& fingerprints;
        std::string where;
    };
    bool enough() const { return states_ >= count_ || failures_ > 0; }
    void one_life(std::uint64_t seed);
    void crash_here(MemoryFiles const& files, Moment const& moment);
    void look_at(std::unique_ptr<MemoryFiles> files, Moment const& moment, std::string const& what);
    void check(MemoryFiles& files, Promises const& promises, std::string const& where);

    std::uint64_t const count_;
    std::uint64_t const seed_;
    std::mutex mutex_; // guards below
    std::unordered_set<std::uint64_t> disks_;
    std::unordered_set<std::uint64_t> seen_; // with what was promised
};

void Enumeration::one_life(std::uint64_t seed)
{
    MemoryEnv memory(seed);
    Fingerprints fingerprints;
    Life life(memory.env());
    int operations = 0;
    auto const crash = [&] {
        if (!enough())
            crash_here(memory.files, {life.promises(), fingerprints,
                                      fmt::format("seed {}, operation {}", seed, operations)});
    };
    memory.files.set_hook([&](std::string_view operation, std::string const&) -> Result<void> {
        if (operation != "read") {
            crash();
            ++operations;
        }
        return {};
    });
    life.open();
    for (auto const& command : random_life(seed, kShortLife, false))
        if (!enough())
            life.live(command);
    crash();
    memory.files.set_hook(nullptr);
}

void Enumeration::crash_here(MemoryFiles const& files, Moment const& moment)
{
    int changes = 0;
    auto const none = [] { return false; };
    look_at(files.after_crash(none), moment, "none kept");
    auto const all = [&] {
        ++changes;
        return true;
    };
    look_at(files.after_crash(all), moment, "all kept");
    int const total = changes;
    for (int one = 0; one < total; ++one)
        for (bool const others : {true, false}) {
            int at = 0;
            auto const keep = [&] { return (at++ == one) != others; };
            look_at(files.after_crash(keep), moment,
                    fmt::format("change {} {}", one, others ? "lost" : "alone"));
        }
    SeededChance chance(mix(0, moment.where));
    for (int choice = 0; choice < (total > 1 ? kRandomChoices : 0); ++choice) {
        auto const keep = [&] {
            std::array<std::byte, 1> coin{};
            chance.fill(coin);
            return (coin[0] & std::byte{3}) != std::byte{0};
        };
        look_at(files.after_crash(keep), moment, fmt::format("choice {}", choice));
    }
}

void Enumeration::look_at(std::unique_ptr<MemoryFiles> files, Moment const& moment,
                          std::string const& what)
{
    auto const disk = moment.fingerprints.of(*files);
    {
        std::scoped_lock const guard(mutex_);
        if (!seen_.insert(disk ^ fingerprint(moment.promises)).second)
            return;
        if (disks_.insert(disk).second)
            ++states_;
    }
    check(*files, moment.promises, fmt::format("{}, {}", moment.where, what));
}

void Enumeration::check(MemoryFiles& files, Promises const& promises, std::string const& where)
{
    auto const turn = ++checks_;
    ManualClock clock{Time{}};
    SeededChance chance(turn);
    auto const store = blocks::Store::open({files, clock, chance}, "store", small_store());
    auto broken = store.ok() ? broken_promise(*store.value(), promises)
                             : "does not open: " + store.error().message;
    if (broken.empty() && turn % kFutureEvery == 0)
        broken = broken_future(*store.value(), promises);
    if (broken.empty())
        return;
    ++failures_;
    std::printf("FAILED at %s: %s\n", where.c_str(), broken.c_str());
}

} // namespace

bool crash_states(std::uint64_t count, std::uint64_t seed)
{
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20); // a million small stores: memory is used again, not
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20); // given back to the kernel and asked for again
    Enumeration enumeration(count, seed * 1000003);
    {
        std::jthread const other([&] { enumeration.run(); });
        enumeration.run();
    }
    std::printf("crash states: %llu different disks, %llu recoveries, %llu lives, %llu failures\n",
                static_cast<unsigned long long>(enumeration.states_),
                static_cast<unsigned long long>(enumeration.checks_),
                static_cast<unsigned long long>(enumeration.lives_),
                static_cast<unsigned long long>(enumeration.failures_));
    return enumeration.failures_ == 0;
}

} // namespace karat::torture
