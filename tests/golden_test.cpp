// SPDX-License-Identifier: Apache-2.0
// Tables that are rules: a change of one is a change of picture.
#include "golden.hpp"

#include "settings.hpp"

#include "karat/api.hpp"
#include "karat/states.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::testing {
namespace {

/// Rows are the states before, columns those after: x where the move is allowed.
template <class State>
std::string print_moves(std::string_view title, State last)
{
    auto const count = static_cast<unsigned>(last) + 1;
    auto text = fmt::format("{}\n", title);
    for (unsigned from = 0; from < count; ++from) {
        text += fmt::format("  {:<14}", word(static_cast<State>(from)));
        for (unsigned to = 0; to < count; ++to)
            text += can_become(static_cast<State>(from), static_cast<State>(to)) ? 'x' : '.';
        text += '\n';
    }
    return text;
}

TEST(Golden, EbsFaultTable) { expect_golden("ebs_faults.txt", api::print_ebs_fault_table()); }
TEST(Golden, FaultTable) { expect_golden("faults.txt", api::print_fault_table()); }

TEST(Golden, States)
{
    expect_golden("states.txt", print_moves("image", ImageState::deregistered) + "\n" +
                                    print_moves("snapshot", SnapshotState::deleted) + "\n" +
                                    print_moves("volume", VolumeState::error) + "\n" +
                                    print_moves("attachment", AttachmentState::busy) + "\n" +
                                    print_moves("modification", ModificationState::failed) + "\n" +
                                    print_moves("instance", InstanceState::terminated));
}

TEST(Golden, Settings) { expect_golden("settings.txt", daemon::describe_settings()); }

} // namespace
} // namespace karat::testing
