// SPDX-License-Identifier: Apache-2.0
// Random lives with crashes, the real store beside the reference; rapidcheck finds the shortest
// life that fails.
#include "reference.hpp"
#include "torture.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <rapidcheck.h>

namespace rc {

template <>
struct Arbitrary<karat::torture::Command> {
    static Gen<karat::torture::Command> arbitrary()
    {
        using karat::torture::Command;
        return gen::build<Command>(
            gen::set(&Command::verb,
                     gen::map(gen::inRange(0, 8),
                              [](int verb) { return static_cast<Command::Verb>(verb); })),
            gen::set(&Command::a, gen::inRange(0U, 8U)),
            gen::set(&Command::b, gen::inRange(0U, 40U)));
    }
};

} // namespace rc

namespace karat::torture {
namespace {

/// The power goes and comes back; unsynced changes survive as chance will have it.
void crash(MemoryEnv& memory, Life& life)
{
    life.close();
    memory.files.crash([&] { return memory.chance.flip(); });
    RC_ASSERT(life.open());
    RC_ASSERT(broken_promise(*life.store(), life.promises()) == "");
    life.settle();
}

void holds(std::vector<Command> const& commands)
{
    MemoryEnv memory;
    Life life(memory.env());
    RC_ASSERT(life.open());
    for (auto const& command : commands) {
        RC_LOG() << text(command) << "\n";
        if (command.verb == Command::Verb::crash)
            crash(memory, life);
        else
            life.live(command);
        RC_ASSERT(life.store() != nullptr);
        RC_ASSERT(broken_promise(*life.store(), life.promises()) == "");
    }
    RC_ASSERT(broken_future(*life.store(), life.promises()) == "");
}

} // namespace

bool model(std::uint64_t count, std::uint64_t seed)
{
    auto const parameters = fmt::format("max_success={} seed={} max_size=60", count, seed);
    ::setenv("RC_PARAMS", parameters.c_str(), 1);
    return rc::check("the store is a map of names to bytes", holds);
}

} // namespace karat::torture
