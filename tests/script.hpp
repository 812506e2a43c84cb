// SPDX-License-Identifier: Apache-2.0
// The language of the text tests. A file is blocks with an empty line between; a block is commands,
// and after "----" what they print. tests/README.md lists the words.
#pragma once

#include "script_text.hpp"
#include "world.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace karat::testing {

/// Runs commands in a world of its own. Ids print as the names that `let` gave them or as
/// "snap-#1", in the order in which they were first printed; such names also work in commands.
class Script {
public:
    explicit Script(std::unique_ptr<World> world)
        : world_(std::move(world))
    {
    }

    /// What the block's commands print.
    std::string run(Block const& block);
    World& world() { return *world_; }

private:
    using Words = std::vector<std::string>;
    std::string run_line(std::string const& line);
    std::string run_words(Words words);

    std::string call(Words const& words, std::string* first_value = nullptr);
    std::string let(Words const& words);
    std::string as(Words const& words);
    std::string import(Words const& words);
    std::string work(Words const& words);
    std::string restart(Words const& words);
    std::string clock(Words const& words);
    std::string fault(Words const& words);
    std::string guest(Words const& words);
    std::string key(Words const& words);
    std::string store();
    std::string collect();
    std::string check();
    std::string tasks();

    Result<engine::Caller> caller();
    void name(std::string const& value, std::string const& name);
    /// Real values for names, before a command runs; names for real values, after it.
    std::string with_values(std::string text) const;
    std::string with_names(std::string const& text);

    std::unique_ptr<World> world_;
    std::string account_ = "alice";
    std::string region_ = "us-east-1";
    std::map<std::string, std::string> names_;  ///< Of values.
    std::map<std::string, std::string> values_; ///< Of names.
    std::map<std::string, int> counts_;         ///< Of ids that have no name but a number.
};

} // namespace karat::testing
