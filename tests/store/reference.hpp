// SPDX-License-Identifier: Apache-2.0
// What a block store is, said in the simplest way: names and plain bytes. A short life of commands
// is lived by the real store and by this at once, and the two are compared.
#pragma once

#include "karat/blocks.hpp"
#include "karat/memory_env.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace karat::torture {

/// One thing that a daemon asks of its store. Arguments are reduced to what exists, so every
/// sequence of commands means something, and so does every shorter one.
struct Command {
    enum class Verb : unsigned char {
        put,
        increment,
        remove,
        collect,
        reopen,
        crash,
        abandon,
        view
    };
    Verb verb = Verb::put;
    unsigned a = 0; ///< Which snapshot.
    unsigned b = 0; ///< Which contents, or which place.
};
std::string text(Command const& command);

/// A life as chance will have it. Crashes only when asked for.
std::vector<Command> random_life(std::uint64_t seed, std::size_t length, bool crashes);

/// What the store acknowledged, and what it may or may not have done.
struct Promises {
    std::map<std::string, Bytes> kept;
    std::map<std::string, Bytes> maybe; ///< Begun and not acknowledged, or being removed.
};

/// Empty when the store keeps its promises; else what it broke.
std::string broken_promise(blocks::Store& store, Promises const& promises);
/// As broken_promise(), after the store has collected and taken new data; it also checks clean.
std::string broken_future(blocks::Store& store, Promises const& promises);

blocks::Options small_store();

/// Lives one command after another, on a disk in memory.
class Life {
public:
    explicit Life(Env env)
        : env_(env)
    {
    }
    /// False when the store does not open.
    bool open();
    void live(Command const& command);
    blocks::Store* store() { return store_.get(); }
    Promises const& promises() const { return promises_; }
    /// The store ends without a word.
    void close();
    /// What only promises say after a crash.
    void forget_unsaid() { promises_.maybe.clear(); }
    /// After a crash: what may have been is, or is not.
    void settle();

private:
    void put(std::string const& name, std::optional<std::string> base, Bytes const& volume,
             Range changed, bool commits);
    void remove(std::string const& name);
    void collect();
    std::optional<std::string> pick(unsigned which) const;

    Env env_;
    std::unique_ptr<blocks::Store> store_;
    std::map<std::string, std::shared_ptr<blocks::View const>> views_;
    Promises promises_;
    unsigned next_name_ = 0;
};

/// Blocks from a small set of contents, some zero: equal ones are stored once.
Bytes volume_of(unsigned contents);

} // namespace karat::torture
