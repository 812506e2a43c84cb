// SPDX-License-Identifier: Apache-2.0
// What operations ask of the catalog, counted in two worlds of which one has ten times the rows of
// the other: a golden. A figure that grows with the world is a read of everything, or a statement
// for each row; what the caller asked for is of the same size in both.
#include "golden.hpp"
#include "population.hpp"
#include "script.hpp"

#include "karat/catalog_counts.hpp"
#include "karat/log.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::testing {
namespace {

struct Operation {
    char const* what;
    char const* command; ///< In the language of the text tests.
};

/// $image and so on are in the middle of their tables; the caller is the large account.
constexpr Operation kOperations[] = {
    {"task: collection", "work 1"}, // which the start has queued
    {"DescribeImages of an id", "call DescribeImages ImageId.1=$image | imageId"},
    {"DescribeImages of self", "call DescribeImages Owner.1=self MaxResults=5 | imageId"},
    {"DescribeImages of amazon", "call DescribeImages Owner.1=amazon MaxResults=5 | imageId"},
    {"DescribeImages, a page of 5", "call DescribeImages MaxResults=5 | imageId"},
    {"DescribeImages by name",
     "call DescribeImages Filter.1.Name=name Filter.1.Value.1=app-0/build-000000 | imageId"},
    {"DescribeImages by tag",
     "call DescribeImages Filter.1.Name=tag:app Filter.1.Value.1=app-0 MaxResults=5 | imageId"},
    {"DescribeImageAttribute",
     "call DescribeImageAttribute ImageId=$own Attribute=launchPermission | imageId"},
    {"DescribeSnapshots of an id", "call DescribeSnapshots SnapshotId.1=$own-disk | snapshotId"},
    {"DescribeSnapshots of self", "call DescribeSnapshots Owner.1=self MaxResults=5 | snapshotId"},
    {"DescribeInstances of an id", "call DescribeInstances InstanceId.1=$instance | instanceId"},
    {"DescribeInstances, a page of 5", "call DescribeInstances MaxResults=5 | instanceId"},
    {"DescribeInstanceStatus of an id",
     "call DescribeInstanceStatus InstanceId.1=$instance | instanceId"},
    {"DescribeVolumes of an id", "call DescribeVolumes VolumeId.1=$volume | volumeId"},
    {"DescribeVolumes, a page of 5", "call DescribeVolumes MaxResults=5 | volumeId"},
    {"DescribeTags of an id",
     "call DescribeTags Filter.1.Name=resource-id Filter.1.Value.1=$own MaxResults=5 | key"},
    {"DescribeSecurityGroups", "call DescribeSecurityGroups | groupId"},
    {"DescribeSubnets", "call DescribeSubnets | subnetId"},
    {"GetParameter", "call GetParameter Name=/aws/service/app-1/build-000001 | Value"},
    {"GetParametersByPath, a page of 5",
     "call GetParametersByPath Path=/aws/service Recursive=true MaxResults=5 | Value"},
    {"ListSnapshotBlocks", "call ListSnapshotBlocks SnapshotId=$own-disk | VolumeSize"},
    {"CreateTags", "call CreateTags ResourceId.1=$own Tag.1.Key=k Tag.1.Value=v"},
    {"ModifyImageAttribute",
     "call ModifyImageAttribute ImageId=$own Description.Value=other | return"},
    {"RegisterImage",
     "let $new = RegisterImage Name=new Architecture=x86_64 RootDeviceName=/dev/xvda "
     "BlockDeviceMapping.1.DeviceName=/dev/xvda BlockDeviceMapping.1.Ebs.SnapshotId=$own-disk "
     "| imageId"},
    {"StartSnapshot", "call StartSnapshot VolumeSize=1 | Status"},
    {"RunInstances of 1",
     "call RunInstances ImageId=$image InstanceType=t3.nano MinCount=1 MaxCount=1 | instanceId"},
    {"task: launch", "work 1"},
    {"RunInstances of 10",
     "call RunInstances ImageId=$image InstanceType=t3.nano MinCount=10 MaxCount=10 | instanceId"},
    {"task: launch, 9 waiting", "work 1"},
    {"CreateVolume", "call CreateVolume AvailabilityZone=us-east-1a Size=1 | volumeId"},
    {"CreateSnapshot", "call CreateSnapshot VolumeId=$volume | snapshotId"},
    {"CreateImage", "call CreateImage InstanceId=$instance Name=captured NoReboot=true | imageId"},
    {"StopInstances", "call StopInstances InstanceId.1=$instance | instanceId"},
    {"TerminateInstances", "call TerminateInstances InstanceId.1=$other | instanceId"},
    {"DeregisterImage", "call DeregisterImage ImageId=$new | return"},
    {"DeregisterImage with its snapshot",
     "call DeregisterImage ImageId=$own DeleteAssociatedSnapshots=true | return"},
};

constexpr Sizes sized(std::size_t rows)
{
    return {.accounts = rows / 10,
            .images = rows,
            .instances = rows / 5,
            .parameters = rows,
            .finished_tasks = rows};
}

/// A world of so many rows, and its counters.
class Counted {
public:
    static Result<std::unique_ptr<Counted>> create(std::size_t rows)
    {
        auto world = TRY(World::create(1));
        auto& on_disk = *world;
        auto const made =
            TRY(populate(on_disk.env().env(), on_disk.catalog(), on_disk.store(), sized(rows)));
        TRY(replace_file(on_disk.env().files, kOverlay, as_bytes("an overlay")));
        auto const running = TRY(running_instances(on_disk.catalog()));
        TRY(start_machines(running, on_disk.hypervisor(), kOverlay));
        auto counted = std::make_unique<Counted>(std::move(world));
        counted->name_things(made);
        return counted;
    }

    explicit Counted(std::unique_ptr<World> world)
        : script_(std::move(world))
    {
    }

    /// What the work asked of the catalog.
    catalog::Counts of(std::function<void()> const& work)
    {
        auto const before = counts();
        work();
        auto const after = counts();
        return {.statements = after.statements - before.statements,
                .rows = after.rows - before.rows,
                .records = after.records - before.records,
                .commits = after.commits - before.commits};
    }

    catalog::Counts of(Operation const& operation)
    {
        return of([&] {
            auto const printed = run(operation.command);
            EXPECT_TRUE(printed.empty() || printed.find_first_of("!?(") != 0)
                << operation.what << ": " << printed;
        });
    }

    catalog::Counts of_start()
    {
        EXPECT_EQ(run("restart"), "");
        return counts(); // by a new connection
    }

    std::string run(std::string const& command)
    {
        return script_.run({.head = {command}, .expected = {}});
    }
    engine::Engine& engine() { return script_.world().engine(); }
    AccessKey const& key() const { return *key_; }
    InstanceId const& instance() const { return *instance_; }

private:
    static constexpr char const* kOverlay = "/data/overlay";

    catalog::Counts counts() { return catalog::counts_of(script_.world().catalog()).value(); }

    void name_things(Population const& made)
    {
        // Every tenth is the large account's, and runs.
        key_ = made.keys.front();
        instance_ = made.instances.at(made.instances.size() / 2);
        auto const name = [&](std::string const& what, std::string const& id) {
            EXPECT_EQ(run(fmt::format("let ${} = {}", what, id)), "");
        };
        auto const& own = made.images.front();
        name("image", made.images.at(made.images.size() / 2 + 1).id.text());
        name("own", own.id.text());
        name("own-disk", own.devices.front().snapshot->text());
        name("instance", instance_->text());
        name("other", made.instances.front().text());
        auto const volumes = engine().volumes_of(*instance_);
        name("volume", volumes.value().front()->id.text());
        EXPECT_EQ(run("as " + made.accounts.front().name), "");
    }

    Script script_;
    std::optional<AccessKey> key_;
    std::optional<InstanceId> instance_;
};

std::string row(std::string_view what, catalog::Counts const& small, catalog::Counts const& large)
{
    auto const part = [](catalog::Counts const& one) {
        return fmt::format("{:6} {:6} {:7} {:7}", one.statements, one.rows, one.records,
                           one.commits);
    };
    return fmt::format("{:34}|{} |{}\n", what, part(small), part(large));
}

TEST(Scale, CountsOfOperations)
{
    set_log_level(Level::error);
    auto const small = Counted::create(100);
    auto const large = Counted::create(1'000);
    ASSERT_TRUE(small.ok()) << small.error().message;
    ASSERT_TRUE(large.ok()) << large.error().message;
    Counted* const both[] = {small.value().get(), large.value().get()};

    auto const head = fmt::format("{:>6} {:>6} {:>7} {:>7}", "asked", "read", "records", "commits");
    auto table = fmt::format("{:34}|{:29} |{:29}\n{:34}|{} |{}\n", "", " 100 rows a table",
                             " 1,000 rows a table", "", head, head);
    auto const count = [&](std::string_view what, auto const& of) {
        table += row(what, of(*both[0]), of(*both[1]));
    };
    count("daemon start", [](Counted& one) { return one.of_start(); });
    count("a signature's key", [](Counted& one) {
        return one.of([&] { EXPECT_TRUE(one.engine().credentials(one.key().id).ok()); });
    });
    count("instance metadata", [](Counted& one) {
        return one.of([&] { EXPECT_TRUE(one.engine().instance_facts(one.instance()).ok()); });
    });
    for (auto const& operation : kOperations)
        count(operation.what, [&](Counted& one) { return one.of(operation); });
    expect_golden("catalog_counts.txt", table);
}

} // namespace
} // namespace karat::testing
