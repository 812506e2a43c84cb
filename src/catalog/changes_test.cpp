// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "gate.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace karat::catalog {
namespace {

struct Changes : OverBoth {
    /// What SQL finds in the file; the catalog is closed meanwhile.
    std::vector<std::string> look(std::string const& query)
    {
        catalog.reset();
        auto found = Database::open(world.env(), where, Storage::through_env)
                         .value()
                         ->texts({query, {}})
                         .value();
        reopen();
        return found;
    }
};

/// Another thing of the same kind with the given names.
Image image_named(std::uint64_t seed, std::string const& name)
{
    auto image = sample<Image>(seed);
    image.owner = sample<Image>(1).owner;
    image.region = "us-east-1";
    image.name = name;
    return image;
}

void expect_duplicate(Result<void> const& outcome, Noun noun, std::string const& words)
{
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(name(outcome.error().fault), std::string("duplicate"));
    EXPECT_EQ(name(outcome.error().noun), std::string(name(noun)));
    EXPECT_NE(outcome.error().message.find(words), std::string::npos) << outcome.error().message;
}

TEST_P(Changes, ImageNamesAreUniqueAmongTheLiving)
{
    auto first = image_named(1, "web");
    auto const second = image_named(2, "web");
    ASSERT_TRUE(save(first).ok());
    expect_duplicate(save(second), Noun::image_name, "'web' is taken");
    auto elsewhere = second;
    elsewhere.region = "eu-central-1";
    EXPECT_TRUE(save(elsewhere).ok());
    auto foreign = image_named(3, "web");
    foreign.owner = sample<Image>(3).owner;
    EXPECT_TRUE(save(foreign).ok());
    first.state = ImageState::deregistered;
    ASSERT_TRUE(save(first).ok());
    EXPECT_TRUE(save(image_named(4, "web")).ok());
    EXPECT_EQ(text(ask(&View::image, first.id)), text(first));
    EXPECT_EQ(ids(ask(&View::images, all_of(first))), std::vector{image_named(4, "web").id.text()});
    EXPECT_TRUE(ask(&View::images_with, *first.devices[0].snapshot).empty());
}

TEST_P(Changes, OtherNamesAreUniqueToo)
{
    auto key = sample<KeyPair>(1);
    auto same_key_name = sample<KeyPair>(2);
    same_key_name.owner = key.owner;
    same_key_name.region = key.region;
    same_key_name.name = key.name;
    ASSERT_TRUE(save(key).ok());
    expect_duplicate(save(same_key_name), Noun::key_pair_name, key.name);

    auto group = sample<SecurityGroup>(1);
    auto same_group_name = sample<SecurityGroup>(2);
    same_group_name.vpc = group.vpc;
    same_group_name.name = group.name;
    ASSERT_TRUE(save(group).ok());
    expect_duplicate(save(same_group_name), Noun::security_group_name, group.name);

    auto account = sample<Account>(1);
    auto same_alias = sample<Account>(2);
    same_alias.alias = account.alias;
    ASSERT_TRUE(save(account).ok());
    expect_duplicate(save(same_alias), Noun::account, same_alias.name);
    same_alias.alias = "other";
    same_alias.name = account.name;
    expect_duplicate(save(same_alias), Noun::account, account.name);
    auto no_alias = sample<Account>(3);
    auto no_alias_either = sample<Account>(4);
    no_alias.alias = no_alias_either.alias = "";
    EXPECT_TRUE(save(no_alias, no_alias_either).ok());
}

TEST_P(Changes, AnAccessKeyStaysWithItsAccountAndItsSecretOutOfMessages)
{
    auto const owner = sample<Account>(1);
    auto const thief = sample<Account>(2);
    auto key = sample<AccessKey>();
    key.account = owner.id;
    key.secret = Secret("do-not-tell");
    auto const orphan = save(key);
    EXPECT_EQ(orphan.error().fault, Fault::not_found);
    EXPECT_EQ(orphan.error().message.find("do-not-tell"), std::string::npos);
    ASSERT_TRUE(save(owner, thief, key).ok());
    auto stolen = key;
    stolen.account = thief.id;
    expect_duplicate(save(stolen), Noun::access_key, key.id);
    EXPECT_EQ(ask(&View::access_key, key.id)->account, owner.id);
    key.active = false;
    ASSERT_TRUE(save(key).ok());
    EXPECT_FALSE(ask(&View::access_key, key.id)->active);
}

TEST_P(Changes, AFailedChangeLeavesNothing)
{
    auto const image = sample<Image>();
    auto const outcome = catalog->change(kActor, [&](Change& change) -> Result<int> {
        TRY(change.save(image));
        TRY(change.enqueue(sample<Task>()));
        return fail(Fault::wrong_state, "no");
    });
    EXPECT_EQ(outcome.error().message, "no");
    EXPECT_EQ(text(ask(&View::image, image.id)), "(nothing)");
    EXPECT_TRUE(ask(&View::open_tasks).empty());
    EXPECT_TRUE(look("SELECT touched FROM audit").empty());
}

TEST_P(Changes, AThrowingChangeLeavesNothingAndTheCatalogUsable)
{
    auto const work = [&](Change& change) -> Result<void> {
        TRY(change.save(sample<Image>()));
        throw std::runtime_error("from a library");
    };
    EXPECT_THROW((void)catalog->change(kActor, work).ok(), std::runtime_error);
    EXPECT_EQ(text(ask(&View::image, sample<Image>().id)), "(nothing)");
    EXPECT_TRUE(save(sample<Image>()).ok());
}

TEST_P(Changes, ADuplicateDoesNotEndTheChange)
{
    ASSERT_TRUE(save(image_named(1, "web")).ok());
    auto const outcome = catalog->change(kActor, [&](Change& change) -> Result<std::string> {
        if (change.save(image_named(2, "web")).ok())
            return std::string("web");
        TRY(change.save(image_named(2, "web-2")));
        return std::string("web-2");
    });
    EXPECT_EQ(outcome.value(), "web-2");
    EXPECT_EQ(ask(&View::image, image_named(2, "").id)->name, "web-2");
}

TEST_P(Changes, SavingAgainReplacesAndKeepsThePlaceInListings)
{
    auto first = image_named(1, "a");
    auto const second = image_named(2, "b");
    ASSERT_TRUE(save(first).ok());
    ASSERT_TRUE(save(second).ok());
    auto const old_snapshot = *first.devices[0].snapshot;
    first.devices.clear();
    first.description = "changed";
    ASSERT_TRUE(save(first).ok());
    EXPECT_EQ(ids(ask(&View::images, all_of(first))),
              (std::vector{first.id.text(), second.id.text()}));
    EXPECT_EQ(ask(&View::image, first.id)->description, "changed");
    EXPECT_TRUE(ask(&View::images_with, old_snapshot).empty());
}

TEST_P(Changes, RemovesThingsAndSucceedsWhenAbsent)
{
    auto const image = sample<Image>();
    auto const snapshot = sample<Snapshot>();
    auto const volume = sample<Volume>();
    auto const instance = sample<Instance>();
    auto const key = sample<KeyPair>();
    auto const group = sample<SecurityGroup>();
    auto const parameter = sample<Parameter>();
    ASSERT_TRUE(save(image, snapshot, volume, instance, key, group, parameter).ok());
    for (int round = 0; round < 2; ++round) {
        auto const outcome = catalog->change(kActor, [&](Change& change) -> Result<void> {
            TRY(change.remove(image.id));
            TRY(change.remove(snapshot.id));
            TRY(change.remove(volume.id));
            TRY(change.remove(instance.id));
            TRY(change.remove(key.id));
            TRY(change.remove(group.id));
            return change.remove_parameter(all_of(parameter), parameter.name);
        });
        ASSERT_TRUE(outcome.ok());
        EXPECT_TRUE(ask(&View::images, Scope()).empty());
        EXPECT_TRUE(ask(&View::snapshots, Scope()).empty());
        EXPECT_TRUE(ask(&View::volumes, Scope()).empty());
        EXPECT_TRUE(ask(&View::instances, Scope()).empty());
        EXPECT_TRUE(ask(&View::key_pairs, Scope()).empty());
        EXPECT_TRUE(ask(&View::security_groups, Scope()).empty());
        EXPECT_TRUE(ask(&View::parameters, Scope(), std::string()).empty());
    }
    EXPECT_EQ(look("SELECT touched FROM audit").size(), 2u); // the second round touched nothing
}

TEST_P(Changes, ScopesNarrowListings)
{
    auto const mine = image_named(1, "a");
    auto theirs = image_named(2, "a");
    theirs.owner = sample<Image>(2).owner;
    auto far = image_named(3, "a");
    far.region = "eu-west-1";
    ASSERT_TRUE(save(mine, theirs, far).ok());
    EXPECT_EQ(ids(ask(&View::images, Scope{"us-east-1", mine.owner})).size(), 1u);
    EXPECT_EQ(ids(ask(&View::images, Scope{"us-east-1", {}})).size(), 2u);
    EXPECT_EQ(ids(ask(&View::images, Scope{"", mine.owner})).size(), 2u);
    EXPECT_EQ(ids(ask(&View::images, Scope())),
              (std::vector{mine.id.text(), theirs.id.text(), far.id.text()}));
    EXPECT_EQ(ids(ask(&View::images, Scope{"' OR 1 = 1 --", {}})).size(), 0u);
}

TEST_P(Changes, ParametersAreFoundByPrefixInOrderOfTheirNames)
{
    auto parameter = sample<Parameter>();
    for (auto const* const name : {"/aws/service/b", "/aws/service/a", "/aws/serviceX", "/aws/%",
                                   "/other", "/aws/service/ä"}) {
        parameter.name = name;
        ASSERT_TRUE(save(parameter).ok());
    }
    EXPECT_EQ(ids(ask(&View::parameters, all_of(parameter), std::string("/aws/service/"))),
              (std::vector<std::string>{"/aws/service/a", "/aws/service/b", "/aws/service/ä"}));
    EXPECT_EQ(ids(ask(&View::parameters, all_of(parameter), std::string("/aws/%"))),
              std::vector<std::string>{"/aws/%"});
    parameter.name = "/other";
    parameter.value = "second";
    ASSERT_TRUE(save(parameter).ok());
    EXPECT_EQ(ask(&View::parameter, all_of(parameter), std::string("/other"))->value, "second");
}

TEST_P(Changes, DeletedVolumesReadThroughNothing)
{
    auto volume = sample<Volume>();
    volume.state = VolumeState::deleted;
    ASSERT_TRUE(save(volume).ok());
    EXPECT_TRUE(ask(&View::volumes_over, *volume.layers.base).empty());
}

TEST_P(Changes, TokensExpire)
{
    auto const account = sample<Account>().id;
    auto const now = world.clock.now();
    auto const keep = [&](std::string const& token, Time expires) {
        return catalog->change(kActor, [&](Change& change) {
            return change.save_token(account, "us-east-1", "RunInstances", token, {"f", "i-1 i-2"},
                                     expires);
        });
    };
    auto const outcome_of = [&](std::string const& region, std::string const& token) {
        auto const used = ask(&View::token, account, region, std::string("RunInstances"), token);
        return used ? used->fingerprint + ": " + used->outcome : "(nothing)";
    };
    ASSERT_TRUE(keep("a", now + std::chrono::hours(1)).ok());
    ASSERT_TRUE(keep("b", now + std::chrono::hours(2)).ok());
    EXPECT_EQ(outcome_of("us-east-1", "a"), "f: i-1 i-2");
    EXPECT_EQ(outcome_of("eu-west-1", "a"), "(nothing)");
    world.clock.advance(std::chrono::hours(1));
    EXPECT_EQ(outcome_of("us-east-1", "a"), "(nothing)");
    auto const swept =
        catalog->change(kActor, [&](Change& change) { return change.remove_history({}); });
    ASSERT_TRUE(swept.ok());
    EXPECT_EQ(look("SELECT token FROM token"), std::vector<std::string>{"b"});
}

TEST_P(Changes, LeaveOneAuditRowEach)
{
    auto const image = sample<Image>();
    auto const volume = sample<Volume>();
    auto const outcome =
        catalog->change({"worker", "task.capture"}, [&](Change& change) -> Result<void> {
            TRY(change.save(volume));
            TRY(change.save(image));
            TRY(change.save(image));
            TRY(change.enqueue(sample<Task>()));
            return {};
        });
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(look("SELECT at || ' ' || actor || ' ' || action || ' ' || touched FROM audit"),
              std::vector{std::to_string(world.clock.now().time_since_epoch().count()) +
                          " worker task.capture " + image.id.text() + " task-1 " +
                          volume.id.text()});
}

TEST_P(Changes, ForgetHistoryThatIsOldEnough)
{
    for (int i = 0; i < 4; ++i) {
        world.clock.advance(std::chrono::hours(1));
        auto const made = catalog->change(kActor, [&](Change& change) -> Result<void> {
            TRY(change.enqueue(sample<Task>()));
            return {};
        });
        ASSERT_TRUE(made.ok());
    }
    auto const now = world.clock.now();
    for (int i = 0; i < 3; ++i) { // the fourth stays open
        auto task = catalog->take_task("host", std::chrono::minutes(1)).value();
        task->state = TaskState::done;
        ASSERT_TRUE(catalog->change(kActor, [&](Change& c) { return c.save(*task); }).ok());
    }
    History const history{.audit_before = now - std::chrono::hours(1), .finished_tasks = 2};
    auto const forgotten =
        catalog->change(kActor, [&](Change& change) { return change.remove_history(history); });
    ASSERT_TRUE(forgotten.ok());
    EXPECT_EQ(look("SELECT id FROM task ORDER BY id"), (std::vector<std::string>{"3", "4"}));
    EXPECT_EQ(look("SELECT touched FROM audit"),
              (std::vector<std::string>{"task-3", "task-4", "task-1", "task-2", "task-3"}));
}

TEST_P(Changes, RefuseTextThatIsNotUtf8)
{
    EXPECT_EQ(save(image_named(1, "\xff")).error().fault, Fault::invalid);
}

struct ChangesDeathTest : Changes {};
TEST_P(ChangesDeathTest, CallingTheCatalogFromWithinIsOurMistake)
{
    auto const within = [&](Change&) { return save(sample<Image>()); };
    EXPECT_DEATH((void)catalog->change(kActor, within).ok(), "reentered");
}

TEST(Gate, GivesUpAfterItsPatience)
{
    Gate gate(std::chrono::milliseconds(20));
    auto const inside = gate.enter().value();
    std::jthread([&] { EXPECT_EQ(gate.enter().error().fault, Fault::unavailable); });
}

TEST_P(Changes, FromSeveralThreadsAreSerial)
{
    constexpr int kThreads = 4;
    constexpr int kRounds = 25;
    auto counter = sample<Parameter>();
    counter.version = 0;
    ASSERT_TRUE(save(counter).ok());
    auto const count_up = [&](Change& change) -> Result<void> {
        auto parameter = TRY(change.parameter(all_of(counter), counter.name));
        ++parameter->version;
        return change.save(*parameter);
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < kThreads; ++i)
            threads.emplace_back([&] {
                for (int round = 0; round < kRounds; ++round)
                    EXPECT_TRUE(catalog->change(kActor, count_up).ok());
            });
    }
    EXPECT_EQ(ask(&View::parameter, all_of(counter), counter.name)->version, kThreads * kRounds);
}

/// SQLite's own way to the disk, as in production.
struct Native : testing::Test {
    std::string const directory = [] {
        std::string name = (std::filesystem::temp_directory_path() / "karat cat?log%XXXXXX");
        VERIFY(::mkdtemp(name.data()) != nullptr);
        return name;
    }();
    std::string const path = directory + "/catalog.db";
    ~Native() override { std::filesystem::remove_all(directory); }
};

TEST_F(Native, KeepsThingsInAFileOfItsOwnersOnly)
{
    {
        auto const catalog = Catalog::open(posix_env(), path).value();
        auto const outcome =
            catalog->change(kActor, [](Change& change) { return change.save(sample<Image>()); });
        ASSERT_TRUE(outcome.ok());
        for (auto const& entry : std::filesystem::directory_iterator(directory))
            EXPECT_EQ(entry.status().permissions(), std::filesystem::perms(0600)) << entry.path();
    }
    auto const catalog = Catalog::open(posix_env(), path).value();
    auto const image =
        catalog->read([](View& view) { return view.image(sample<Image>().id); }).value();
    EXPECT_EQ(text(image), text(sample<Image>()));
}

TEST_F(Native, ASecondDaemonIsTurnedAway)
{
    auto const catalog = Catalog::open(posix_env(), path).value();
    auto const second = Catalog::open(posix_env(), path);
    EXPECT_EQ(second.error().fault, Fault::unavailable);
    EXPECT_EQ(second.error().message, "The catalog is in use by another process");
}

TEST_F(Native, SaysWhatIsWrongWithTheFile)
{
    EXPECT_EQ(Catalog::open(posix_env(), directory + "/absent/catalog.db").error().fault,
              Fault::not_found);
    auto const garbage = std::string(8192, 'x');
    ASSERT_TRUE(replace_file(posix_env().files, path, as_bytes(garbage)).ok());
    EXPECT_EQ(Catalog::open(posix_env(), path).error().fault, Fault::corrupt);
}

OVER_BOTH(Changes);
OVER_BOTH(ChangesDeathTest);

} // namespace
} // namespace karat::catalog
