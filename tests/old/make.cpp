// SPDX-License-Identifier: Apache-2.0
// Makes the data that a release leaves on disk, as text: old_maker DIR, once for each release that
// changes a format; tests/old/README.md says how. Writes
//
//   catalog.sql, files.txt   a data directory after many calls, with tasks queued and finished
//   members.sql              a catalog of samples in which no member has its default
//   store.txt                a block store without encryption, of several packs
#include "old_data.hpp"
#include "samples.hpp"
#include "script.hpp"

#include "karat/log.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <numeric>

namespace karat::testing {
namespace {

constexpr char const* kCalls[] = {
    "import web 48K public parameter=/aws/service/web/latest",
    "work",
    "key create alias/mine",
    "as alice",
    "let $group = CreateSecurityGroup GroupName=web GroupDescription=web | groupId",
    "call AuthorizeSecurityGroupIngress GroupId=$group IpPermissions.1.IpProtocol=tcp "
    "IpPermissions.1.FromPort=22 IpPermissions.1.ToPort=22 "
    "IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8",
    "call ImportKeyPair KeyName=laptop PublicKeyMaterial=c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5U"
    "RTVBQUFBSUdQc2FUMEpoN2VzdFVKTzA0TVFPNmxQbXNtUTBRb3RqdzlzYlhmTTV0WlYK",
    "let $one = RunInstances ImageId=$web InstanceType=t3.nano MinCount=1 MaxCount=1 "
    "ClientToken=one KeyName=laptop SecurityGroupId.1=$group UserData=IyEvYmluL3NoCg== "
    "TagSpecification.1.ResourceType=instance TagSpecification.1.Tag.1.Key=Name "
    "TagSpecification.1.Tag.1.Value=one | instanceId",
    "let $two = RunInstances ImageId=$web InstanceType=t3.nano MinCount=1 MaxCount=1 | instanceId",
    "let $gone = RunInstances ImageId=$web InstanceType=t3.nano MinCount=1 MaxCount=1 | instanceId",
    "work",
    "let $data = CreateVolume AvailabilityZone=us-east-1a Size=8 VolumeType=gp3 Iops=4000 "
    "ClientToken=data Encrypted=true KmsKeyId=alias/mine | volumeId",
    "call AttachVolume VolumeId=$data InstanceId=$one Device=/dev/sdf",
    "work",
    "let $kept = CreateSnapshot VolumeId=$data Description=kept | snapshotId",
    "let $copy = CreateImage InstanceId=$two Name=copy NoReboot=true | imageId",
    "work",
    "call ModifySnapshotAttribute SnapshotId=$web-disk Attribute=createVolumePermission "
    "OperationType=add UserId.1=123456789012",
    "let $staged = StartSnapshot VolumeSize=1 | SnapshotId",
    "call PutSnapshotBlock SnapshotId=$staged BlockIndex=3 Data=word",
    "call CompleteSnapshot SnapshotId=$staged ChangedBlocksCount=1",
    "let $old = RegisterImage Name=old Architecture=x86_64 RootDeviceName=/dev/xvda "
    "BlockDeviceMapping.1.DeviceName=/dev/xvda BlockDeviceMapping.1.Ebs.SnapshotId=$web-disk "
    "| imageId",
    "call DeregisterImage ImageId=$old",
    "call StopInstances InstanceId.1=$two",
    "call TerminateInstances InstanceId.1=$gone",
    "work",
    "as bob",
    "let $bobs = RunInstances ImageId=$web InstanceType=t3.nano MinCount=1 MaxCount=1 "
    "| instanceId",
    "as alice",
    // From here on the tasks stay queued.
    "call CreateSnapshot VolumeId=$data Description=queued",
    "call RebootInstances InstanceId.1=$one",
    "let $pending = StartSnapshot VolumeSize=1 | SnapshotId",
    "call PutSnapshotBlock SnapshotId=$pending BlockIndex=0 Data=half",
};

Result<void> write_text(std::string const& path, std::string const& text)
{
    std::ofstream file(path);
    file << text;
    if (!file.flush())
        return fail(Fault::io, "Cannot write " + path);
    return {};
}

Result<void> make_world(std::string const& into)
{
    Script script(TRY(World::create(1)));
    for (auto const* const call : kCalls) {
        auto const printed = script.run({.head = {call}, .expected = {}});
        std::printf("%s\n%s", call, printed.c_str());
    }
    auto& world = script.world();
    world.stop();
    TRY(write_text(into + "/files.txt",
                   print_files(world.env().files, "/data/", "catalog.sqlite")));
    auto const catalog = TRY(print_catalog(world.env().env(), "/data/catalog.sqlite"));
    return write_text(into + "/catalog.sql", catalog);
}

template <class Thing>
Result<void> save_samples(catalog::Change& change)
{
    for (std::uint64_t seed = 1; seed <= 2; ++seed)
        TRY(change.save(catalog::sample<Thing>(seed)));
    return {};
}

Result<void> fill_with_samples(catalog::Change& change)
{
    TRY(save_samples<Account>(change));
    auto key = catalog::sample<AccessKey>();
    key.account = catalog::sample<Account>().id;
    TRY(change.save(key));
    TRY(save_samples<Image>(change));
    TRY(save_samples<Snapshot>(change));
    TRY(save_samples<Volume>(change));
    TRY(save_samples<Instance>(change));
    TRY(save_samples<KeyPair>(change));
    TRY(save_samples<SecurityGroup>(change));
    TRY(save_samples<Vpc>(change));
    TRY(save_samples<Subnet>(change));
    TRY(save_samples<Parameter>(change));
    auto task = catalog::sample<Task>();
    task.id = TRY(change.enqueue(task));
    task.state = TaskState::failed;
    task.attempts = 0;
    TRY(change.enqueue(catalog::sample<Task>(2)));
    return {};
}

Result<void> make_members(std::string const& into)
{
    MemoryEnv world;
    {
        auto const catalog = TRY(
            catalog::Catalog::open(world.env(), "catalog.sqlite", catalog::Storage::through_env));
        TRY(catalog->change({"admin", "Sample"}, fill_with_samples));
    }
    auto const printed = TRY(print_catalog(world.env(), "catalog.sqlite"));
    return write_text(into + "/members.sql", printed);
}

/// Text that compresses, from another place each time.
Bytes store_data(std::size_t size, int seed)
{
    std::string text;
    for (int i = seed; text.size() < size; ++i)
        text += fmt::format("line {} of the store's data\n", i * i);
    auto const bytes = as_bytes(text).first(size);
    return {bytes.begin(), bytes.end()};
}

Result<void> make_store(std::string const& into)
{
    MemoryEnv world;
    constexpr std::size_t kBytes = 96 << 10;
    for (int i = 1; i <= 3; ++i) { // each open store begins a pack
        auto const store = TRY(blocks::Store::open(world.env(), "/data/store", {}));
        auto const base = i == 1 ? std::optional<std::string>() : fmt::format("snap-{}", i - 1);
        auto ingest = TRY(store->begin({.name = fmt::format("snap-{}", i),
                                        .size_bytes = std::uint64_t{1} << 30,
                                        .parent = base.value_or(""),
                                        .details = {{"owner", "123456789012"}}},
                                       base));
        auto const at = static_cast<std::uint64_t>(i) << 20;
        TRY(ingest->write(at, store_data(kBytes, i * 1000)));
        TRY(ingest->commit());
    }
    return write_text(into + "/store.txt", print_files(world.files, "/data/", "\n"));
}

Result<void> make_all(std::string const& into)
{
    set_log_level(Level::error);
    TRY(make_world(into));
    TRY(make_members(into));
    return make_store(into);
}

} // namespace
} // namespace karat::testing

int main(int count, char** words)
{
    if (count != 2) {
        std::fprintf(stderr, "usage: old_maker DIR (of tests/old, an empty one)\n");
        return 2;
    }
    auto const outcome = karat::testing::make_all(words[1]);
    if (!outcome.ok())
        std::fprintf(stderr, "old_maker: %s\n", outcome.error().message.c_str());
    return outcome.ok() ? 0 : 1;
}
