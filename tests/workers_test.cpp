// SPDX-License-Identifier: Apache-2.0
// Worker threads begin and end while tasks are under way: a daemon is stopped at any time.
#include "world.hpp"

#include "karat/log.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::testing {
namespace {

TEST(Workers, EndWhileTheirTasksReport)
{
    set_log_level(Level::error);
    auto world = World::create(11).value();
    auto const caller = world->caller("demo", "us-east-1").value();
    auto const imported = world->import(caller, "disk", 4 << 20, {}).value();
    ASSERT_TRUE(world->work().ok());
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < 6; ++i) {
            auto const started =
                world->engine().export_image({.source = imported.image.text(),
                                              .path = fmt::format("/{}-{}.qcow2", round, i),
                                              .form = volumes::ImageForm::qcow2});
            ASSERT_TRUE(started.ok()) << started.error().message;
        }
        world->engine().start_workers();
        world->engine().stop_workers(); // some exports have begun, and are put back
        ASSERT_TRUE(world->restart(Stop::daemon).ok());
    }
    ASSERT_TRUE(world->work().ok());
    EXPECT_TRUE(world->open_tasks().value().empty());
    for (int i = 0; i < 6; ++i)
        EXPECT_TRUE(world->env().files.exists(fmt::format("/0-{}.qcow2", i)).value());
    set_log_level(Level::info);
}

} // namespace
} // namespace karat::testing
