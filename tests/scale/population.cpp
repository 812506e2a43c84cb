// SPDX-License-Identifier: Apache-2.0
#include "population.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::testing {
namespace {

constexpr std::size_t kPerChange = 1'000;
constexpr std::size_t kPublishers = 20; // own the public images; the first is "amazon"
constexpr std::uint64_t kDiskGib = 8;
constexpr std::size_t kFirstHost = 4;

class Maker {
public:
    Maker(Env env, catalog::Catalog& catalog, blocks::Store& store, Sizes const& sizes)
        : env_(env)
        , catalog_(catalog)
        , store_(store)
        , sizes_(sizes)
    {
    }

    Result<Population> make()
    {
        TRY(in_changes(sizes_.accounts, &Maker::make_account));
        TRY(in_changes(sizes_.images, &Maker::make_image));
        TRY(in_changes(sizes_.instances, &Maker::make_instance));
        TRY(in_changes(sizes_.parameters, &Maker::make_parameter));
        TRY(in_changes(sizes_.finished_tasks, &Maker::make_finished_task));
        return std::move(made_);
    }

private:
    using Step = Result<void> (Maker::*)(catalog::Change&, std::size_t);

    /// Many things a transaction: each would cost a sync of the disk otherwise.
    Result<void> in_changes(std::size_t count, Step step)
    {
        for (std::size_t from = 0; from < count; from += kPerChange)
            TRY(catalog_.change({"admin", "Populate"}, [&](catalog::Change& change) {
                Result<void> outcome;
                for (auto i = from; i < std::min(count, from + kPerChange) && outcome.ok(); ++i)
                    outcome = (this->*step)(change, i);
                return outcome;
            }));
        return {};
    }

    Result<void> make_account(catalog::Change& change, std::size_t i)
    {
        Account const account{.id = AccountId::generate(env_.chance),
                              .name = fmt::format("account-{}", i),
                              .alias = i == 1 ? "amazon" : "",
                              .created = env_.clock.now()};
        AccessKey const key{.id = fmt::format("AKIASCALE{:011}", i),
                            .account = account.id,
                            .secret = Secret(random_hex(env_.chance, 20)),
                            .created = env_.clock.now()};
        TRY(change.save(account));
        TRY(change.save(key));
        made_.accounts.push_back(account);
        made_.keys.push_back(key);
        return make_network(change, account.id);
    }

    /// As the engine makes it when it is first needed.
    Result<void> make_network(catalog::Change& change, AccountId const& owner)
    {
        Vpc const vpc{.id = VpcId::generate(env_.chance),
                      .owner = owner,
                      .region = kRegion,
                      .cidr = "172.31.0.0/16"};
        SecurityGroup group{.id = SecurityGroupId::generate(env_.chance),
                            .owner = owner,
                            .region = kRegion,
                            .vpc = vpc.id,
                            .name = "default",
                            .description = "default VPC security group"};
        group.rules.push_back({.protocol = "-1", .group = group.id.text()});
        group.rules.push_back({.egress = true, .protocol = "-1", .cidr = "0.0.0.0/0"});
        TRY(change.save(vpc));
        TRY(change.save(group));
        made_.groups.push_back(group);
        for (std::size_t zone = 0; zone < 3; ++zone) {
            Subnet const subnet{.id = SubnetId::generate(env_.chance),
                                .owner = owner,
                                .region = kRegion,
                                .zone = fmt::format("{}{}", kRegion, "abc"[zone]),
                                .vpc = vpc.id,
                                .cidr = fmt::format("172.31.{}.0/20", zone * 16)};
            TRY(change.save(subnet));
            if (zone == 0)
                made_.subnets.push_back(subnet);
        }
        return {};
    }

    /// Every tenth thing is the large account's; the others are spread over all.
    std::size_t tenant(std::size_t i) const { return i % 10 == 0 ? 0 : i % sizes_.accounts; }
    std::size_t publisher(std::size_t i) const
    {
        return 1 + i / 10 % std::min(kPublishers, sizes_.accounts - 1);
    }

    Result<void> make_image(catalog::Change& change, std::size_t i)
    {
        bool const is_public = i % 10 != 0;
        auto const& owner = made_.accounts.at(is_public ? publisher(i) : tenant(i / 10)).id;
        auto const snapshot = TRY(make_snapshot(change, owner, i));
        Image image{.id = ImageId::generate(env_.chance),
                    .owner = owner,
                    .region = kRegion,
                    .name = fmt::format("app-{}/build-{:06}", i % 50, i),
                    .description = fmt::format("Build {} of app-{} for production", i, i % 50),
                    .state = ImageState::available};
        image.created = env_.clock.now();
        image.root_device_name = "/dev/xvda";
        image.devices.push_back(
            {.device_name = "/dev/xvda", .snapshot = snapshot.id, .size_gib = kDiskGib});
        image.ena_support = true;
        image.is_public = is_public;
        image.tags = {{"Name", image.name},
                      {"app", fmt::format("app-{}", (i + i / 100) % 50)},
                      {"stage", i % 3 == 0 ? "production" : "test"}};
        TRY(change.save(image));
        made_.images.push_back(std::move(image));
        return {};
    }

    Result<Snapshot> make_snapshot(catalog::Change& change, AccountId const& owner, std::size_t i)
    {
        Snapshot snapshot{.id = SnapshotId::generate(env_.chance),
                          .owner = owner,
                          .region = kRegion,
                          .state = SnapshotState::completed};
        auto ingest =
            TRY(store_.begin({.name = snapshot.id.text(), .size_bytes = kDiskGib * kGiB}, {}));
        auto const committed = TRY(ingest->commit());
        snapshot.content = committed.root;
        snapshot.progress_percent = 100;
        snapshot.volume = "vol-ffffffff";
        snapshot.size_gib = kDiskGib;
        snapshot.description = fmt::format("Disk of build {}", i);
        snapshot.started = env_.clock.now();
        snapshot.completed = snapshot.started;
        snapshot.tags = {{"app", fmt::format("app-{}", i % 50)}};
        TRY(change.save(snapshot));
        return snapshot;
    }

    Result<void> make_instance(catalog::Change& change, std::size_t i)
    {
        auto const owner = tenant(i);
        auto const& image = made_.images.at(i % made_.images.size());
        auto const host = kFirstHost + i / 10; // unique among those of one account
        Instance instance{.id = InstanceId::generate(env_.chance),
                          .owner = made_.accounts[owner].id,
                          .region = kRegion,
                          .zone = made_.subnets[owner].zone,
                          .reservation = ReservationId::generate(env_.chance),
                          .image = image.id,
                          .type = "t3.nano",
                          .root_device_name = image.root_device_name,
                          .state = i % 2 == 0 ? InstanceState::running : InstanceState::stopped,
                          .interface = {.id = NetworkInterfaceId::generate(env_.chance),
                                        .vpc = made_.groups[owner].vpc,
                                        .subnet = made_.subnets[owner].id}};
        instance.launched = env_.clock.now();
        instance.user_data = "#cloud-config\n" + std::string(600, '#') + "\n";
        instance.interface.groups = {made_.groups[owner].id};
        instance.interface.mac = fmt::format("06:00:00:00:{:02x}:{:02x}", i >> 8 & 255, i & 255);
        instance.interface.private_ip = fmt::format("172.31.{}.{}", host >> 8, host & 255);
        auto const alias = i / 254; // of the last number 0 and 255 are not given
        instance.interface.public_ip =
            fmt::format("127.{}.{}.{}", 64 + (alias >> 8), alias & 255, 1 + i % 254);
        instance.tags = {{"Name", fmt::format("host-{}", i)}, {"app", "app-1"}};
        TRY(change.save(instance));
        made_.instances.push_back(instance.id);
        return make_volume(change, instance, image);
    }

    Result<void> make_volume(catalog::Change& change, Instance const& instance, Image const& image)
    {
        Volume volume{.id = VolumeId::generate(env_.chance),
                      .owner = instance.owner,
                      .region = kRegion,
                      .zone = instance.zone,
                      .size_gib = kDiskGib,
                      .state = VolumeState::in_use};
        volume.created = env_.clock.now();
        volume.snapshot = image.devices.front().snapshot;
        volume.layers = {.base = volume.snapshot, .overlays = {"0.qcow2"}};
        volume.attachment = Attachment{.instance = instance.id,
                                       .device_name = instance.root_device_name,
                                       .state = AttachmentState::attached,
                                       .attached = env_.clock.now()};
        return change.save(volume);
    }

    Result<void> make_parameter(catalog::Change& change, std::size_t i)
    {
        auto const owner = publisher(i);
        return change.save(
            Parameter{.name = fmt::format("/aws/service/app-{}/build-{:06}", i % 500, i),
                      .owner = made_.accounts.at(owner).id,
                      .region = kRegion,
                      .data_type = "aws:ec2:image",
                      .value = made_.images.at(i % made_.images.size()).id.text(),
                      .modified = env_.clock.now()});
    }

    Result<void> make_finished_task(catalog::Change& change, std::size_t i)
    {
        Task task;
        task.kind = "launch";
        task.subject = made_.instances.at(i % made_.instances.size()).text();
        task.payload = "{}";
        task.id = TRY(change.enqueue(task));
        task.state = TaskState::done;
        task.progress_percent = 100;
        return change.save(task);
    }

    Env env_;
    catalog::Catalog& catalog_;
    blocks::Store& store_;
    Sizes const sizes_;
    Population made_;
};

} // namespace

Result<Population> populate(Env env, catalog::Catalog& catalog, blocks::Store& store,
                            Sizes const& sizes)
{
    return Maker(env, catalog, store, sizes).make();
}

Result<std::vector<Running>> running_instances(catalog::Catalog& catalog)
{
    std::vector<Running> running;
    auto const instances = TRY(
        catalog.read([](catalog::View& view) { return view.list<Instance>(catalog::within({})); }));
    for (auto const& instance : instances)
        if (instance->state == InstanceState::running)
            running.push_back({instance->id, instance->type});
    return running;
}

Result<void> start_machines(std::vector<Running> const& instances,
                            compute::FakeHypervisor& hypervisor, std::string const& overlay)
{
    SeededChance chance(1);
    for (auto const& instance : instances) {
        compute::Machine machine{.id = instance.id, .type_name = instance.type};
        machine.disks.push_back(
            {.volume = VolumeId::generate(chance), .size_bytes = kGiB, .overlays = {overlay}});
        TRY(hypervisor.start(machine));
    }
    return {};
}

} // namespace karat::testing
