// SPDX-License-Identifier: Apache-2.0
// A life of a whole Karat that follows from its seed: what callers, guests, operators and a bad
// disk do to it, in a random order.
#pragma once

#include "reply_text.hpp"
#include "world.hpp"

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace karat::testing {

/// Not thread-safe.
class Life {
public:
    static Result<std::unique_ptr<Life>> begin(std::uint64_t seed);

    /// Does so many things, then heals what is broken and waits until all work is done.
    void live(int steps);
    /// What does not hold: a sentence each. Asked when the life is over.
    std::vector<std::string> const& complaints() const { return complaints_; }
    /// What was done, a line each, the last ones only.
    std::string last_steps() const;

private:
    explicit Life(std::uint64_t seed)
        : seed_(seed)
        , chance_(seed ^ 0x6b617261)
    {
    }
    using Params = std::vector<std::string>;
    struct Made {
        std::string account;
        bool may_be_gone = false; ///< Somebody asked for its end.
    };
    struct Step {
        int weight;
        void (Life::*run)();
    };
    static std::vector<Step> const& steps();

    // What callers do.
    void import();
    void run_instances();
    void change_power();
    void create_volume();
    void attach();
    void unplug();
    void delete_volume();
    void modify_volume();
    void create_snapshot();
    void copy_snapshot();
    void delete_snapshot();
    void create_image();
    void register_image();
    void deregister_image();
    void share();
    void tag();
    void ask();
    // What happens to it.
    void guest();
    void work();
    void pass_time();
    void restart();
    void break_something();
    void heal();
    void collect();

    /// Calls, keeps what the reply says was made, and complains of what no reply may be.
    api::Reply call(std::string const& action, Params params);
    void note_made(std::string const& action, Node const& reply);
    void settle();
    void check_end();
    void check_states(catalog::View& view);
    void check_machines(catalog::View& view);
    void check_made(catalog::View& view);
    void complain(std::string sentence);
    void note(std::string line);

    std::size_t below(std::size_t bound);
    bool one_in(std::size_t bound) { return below(bound) == 0; }
    /// An id of this kind ("ami-"), often one that is there; a wrong one at times.
    std::string any(std::string const& prefix, bool asks_for_its_end = false);

    std::uint64_t seed_;
    SeededChance chance_;
    std::unique_ptr<World> world_;
    std::string account_ = "alice";
    std::map<std::string, Made> made_;            ///< By id.
    std::map<std::string, std::string> outcomes_; ///< Of client tokens.
    int names_ = 0;
    bool is_broken_ = false; ///< Failures of the host are expected.
    bool was_ever_broken_ = false;
    std::deque<std::string> lines_;
    std::vector<std::string> complaints_;
};

} // namespace karat::testing
