// SPDX-License-Identifier: Apache-2.0
// A catalog whose bytes changed on the disk: what was written is answered, or nothing, never
// anything else; and the check tells.
#include "fixture.hpp"

#include <algorithm>
#include <map>

namespace karat::catalog {
namespace {

constexpr char const* kFile = "catalog.db";

AccountId const kOwner = AccountId::parse("111111111111").value();

template <class Thing>
Thing of_ours(std::uint64_t seed)
{
    auto thing = sample<Thing>(seed);
    if constexpr (requires { thing.owner; })
        thing.owner = kOwner;
    if constexpr (requires { thing.region; })
        thing.region = "r";
    return thing;
}

/// The database file of a catalog with two of every noun, a task, a client token, and history.
Bytes full_catalog()
{
    MemoryEnv world;
    {
        auto const catalog = Catalog::open(world.env(), kFile, Storage::through_env).value();
        for (std::uint64_t seed = 1; seed <= 2; ++seed) {
            auto const outcome = catalog->change(kActor, [&](Change& change) -> Result<void> {
                auto account = sample<Account>(seed);
                if (seed == 1)
                    account.id = kOwner;
                TRY(change.save(account));
                auto key = sample<AccessKey>(seed);
                key.account = kOwner;
                TRY(change.save(key));
                TRY(change.save(of_ours<Image>(seed)));
                TRY(change.save(of_ours<Snapshot>(seed)));
                TRY(change.save(of_ours<Volume>(seed)));
                TRY(change.save(of_ours<Instance>(seed)));
                TRY(change.save(of_ours<KeyPair>(seed)));
                TRY(change.save(of_ours<SecurityGroup>(seed)));
                TRY(change.save(of_ours<Vpc>(seed)));
                TRY(change.save(of_ours<Subnet>(seed)));
                TRY(change.save(of_ours<Parameter>(seed)));
                TRY(change.enqueue(sample<Task>(seed)));
                return change.save_token(kOwner, "r", "RunInstances", "token", {"print", "i-1"},
                                         world.clock.now() + std::chrono::hours(1));
            });
            VERIFY(outcome.ok());
        }
    }
    return read_file(world.files, kFile, 1 << 24).value();
}

/// What the catalog answers, by question: each thing as text, absent ones as "(nothing)", lists
/// with a line each; the error's sentence where there is one.
class Answers {
public:
    explicit Answers(Catalog& catalog)
        : catalog_(catalog)
    {
        nouns<Account>(&View::account);
        nouns<Image>(&View::image);
        nouns<Snapshot>(&View::snapshot);
        nouns<Volume>(&View::volume);
        nouns<Instance>(&View::instance);
        nouns<SecurityGroup>(&View::security_group);
        for (std::uint64_t seed = 1; seed <= 2; ++seed) {
            ask("key", &View::access_key, sample<AccessKey>(seed).id);
            ask("pair", &View::key_pair, Scope{"r", kOwner}, sample<KeyPair>(seed).name);
            ask("parameter", &View::parameter, Scope{"r", kOwner}, sample<Parameter>(seed).name);
            ask("task", &View::task, std::int64_t(seed));
            ask("named", &View::image_by_name, Scope{"r", kOwner}, sample<Image>(seed).name);
        }
        auto const device = *of_ours<Image>(1).devices.front().snapshot;
        lists("images with", &View::images_with, device);
        lists("over", &View::volumes_over, *sample<Volume>().layers.base);
        lists("accounts", &View::accounts);
        lists("keys", &View::access_keys, kOwner);
        lists("images", &View::images, Scope{"r", {}});
        lists("snapshots", &View::snapshots, Scope{});
        lists("volumes", &View::volumes, Scope{"r", kOwner});
        lists("instances", &View::instances, Scope{});
        lists("pairs", &View::key_pairs, Scope{"r", kOwner});
        lists("groups", &View::security_groups, Scope{"r", kOwner});
        lists("vpcs", &View::vpcs, Scope{"r", kOwner});
        lists("subnets", &View::subnets, Scope{"r", kOwner});
        lists("parameters", &View::parameters, Scope{"r", {}}, std::string("text"));
        lists("tasks", &View::open_tasks);
        ask("token", &View::token, kOwner, std::string("r"), std::string("RunInstances"),
            std::string("token"));
    }

    std::map<std::string, std::string> const& all() const { return all_; }
    std::vector<Error> const& errors() const { return errors_; }

private:
    template <class Thing, class Member>
    void nouns(Member member)
    {
        ask("noun", member, of_ours<Thing>(2).id);
        if constexpr (std::same_as<Thing, Account>)
            ask("noun", member, kOwner);
        else
            ask("noun", member, of_ours<Thing>(1).id);
    }

    template <class Answer, class... Parameters, class... Arguments>
    void ask(std::string const& what, Result<Answer> (View::*member)(Parameters...) const,
             Arguments const&... arguments)
    {
        auto const answer = catalog_.read([&](View& view) { return (view.*member)(arguments...); });
        note(what, answer, [](auto const& value) { return text(value); });
    }

    template <class Answer, class... Parameters, class... Arguments>
    void lists(std::string const& what, Result<Answer> (View::*member)(Parameters...) const,
               Arguments const&... arguments)
    {
        auto const answer = catalog_.read([&](View& view) { return (view.*member)(arguments...); });
        note(what, answer, [](auto const& values) {
            std::string lines;
            for (auto const& value : values)
                lines += text(value) + "\n";
            return lines;
        });
    }

    template <class Answer>
    void note(std::string const& what, Result<Answer> const& answer, auto const& print)
    {
        auto const question = what + " " + std::to_string(all_.size());
        all_[question] = answer.ok() ? print(answer.value()) : "";
        if (!answer.ok()) {
            errors_.push_back(answer.error());
            all_[question] = "(error)";
        }
    }

    Catalog& catalog_;
    std::map<std::string, std::string> all_;
    std::vector<Error> errors_;
};

/// Whether every line of `part` is one of `whole`, in the same order.
bool is_part_of(std::string const& part, std::string const& whole)
{
    std::size_t at = 0;
    std::size_t begin = 0;
    while (begin < part.size()) {
        auto const end = part.find('\n', begin);
        auto const line = part.substr(begin, end - begin);
        at = whole.find(line, at);
        if (at == std::string::npos || line.empty())
            return false;
        at += line.size();
        begin = end == std::string::npos ? part.size() : end + 1;
    }
    return true;
}

/// Only what was written is answered; what is not answered, the check tells. How many questions
/// got no full answer.
int expect_honest(Catalog& catalog, std::map<std::string, std::string> const& truth,
                  std::string const& when)
{
    Answers const answers(catalog);
    int lacking = 0;
    for (auto const& [question, answer] : answers.all()) {
        auto const& right = truth.at(question);
        if (answer == right)
            continue;
        ++lacking;
        EXPECT_TRUE(answer == "(error)" || answer == "(nothing)" || is_part_of(answer, right))
            << when << ": " << question << " answered " << answer;
    }
    for (auto const& error : answers.errors())
        EXPECT_EQ(error.fault, Fault::corrupt) << when << ": " << error.message;
    auto const checked = catalog.check();
    EXPECT_TRUE(checked.ok()) << when;
    EXPECT_TRUE(lacking == 0 || !checked.value().damage.empty()) << when << ": no damage is told";
    return lacking;
}

/// Flips one byte a trial, anywhere.
void flip_bytes(std::uint64_t first_seed, int trials)
{
    auto const sound = full_catalog();
    std::map<std::string, std::string> truth;
    {
        MemoryEnv world;
        VERIFY(replace_file(world.files, kFile, sound).ok());
        auto const catalog = Catalog::open(world.env(), kFile, Storage::through_env).value();
        Answers const answers(*catalog);
        ASSERT_TRUE(answers.errors().empty()) << answers.errors().front().message;
        truth = answers.all();
        ASSERT_EQ(catalog->check().value().damage, std::vector<std::string>());
    }
    int refused = 0;
    int lacking = 0;
    for (int trial = 0; trial < trials; ++trial) {
        auto const seed = first_seed + static_cast<std::uint64_t>(trial);
        SeededChance chance(seed);
        std::uint32_t where = 0;
        std::byte change{};
        chance.fill(std::as_writable_bytes(std::span(&where, 1)));
        chance.fill({&change, 1});
        auto bytes = sound;
        bytes[where % bytes.size()] ^= change == std::byte{0} ? std::byte{1} : change;
        MemoryEnv world;
        VERIFY(replace_file(world.files, kFile, bytes).ok());
        auto const when = "seed " + std::to_string(seed);
        auto const catalog = Catalog::open(world.env(), kFile, Storage::through_env);
        if (catalog.ok()) {
            lacking += expect_honest(*catalog.value(), truth, when) > 0 ? 1 : 0;
        } else {
            ++refused;
            EXPECT_TRUE(catalog.error().fault == Fault::corrupt ||
                        catalog.error().fault == Fault::unsupported)
                << when << ": " << catalog.error().message;
        }
        if (testing::Test::HasFailure())
            return;
    }
    EXPECT_GT(lacking, trials / 50); // else the trials prove nothing
    EXPECT_LT(refused, trials / 2);
}

TEST(Damage, OfAByteIsNeverServed) { flip_bytes(1, 60); }

TEST(SlowDamage, OfHundredsOfBytesIsNeverServed) { flip_bytes(1000, 400); }

struct Damaged : Fixture {
    Image const image = of_ours<Image>(1);
    Image const other = [] {
        auto thing = sample<Image>(2);
        thing.region = "r";
        return thing;
    }();

    void SetUp() override
    {
        reopen();
        VERIFY(save(image, other, of_ours<Snapshot>(1)).ok());
    }

    /// Runs SQL on the database while nobody has it open.
    void run(std::string const& statements)
    {
        catalog.reset();
        auto const database =
            Database::open(world.env(), "catalog.db", Storage::through_env).value();
        VERIFY(database->run_script(statements).ok());
    }
    void damage(std::string const& statements)
    {
        run(statements);
        reopen();
    }
    Result<std::vector<Image>> images(std::optional<AccountId> const& caller)
    {
        return catalog->read([&](View& view) {
            PassOverDamaged const passing(view, caller);
            return view.images({"r", {}});
        });
    }
    void damage_document()
    {
        damage("UPDATE image SET doc = replace(doc, 'x86_64', 'x86_65') || ' ' WHERE id = '" +
               image.id.text() + "'");
    }
};

TEST_F(Damaged, RowIsNamedAndTheOthersAreServed)
{
    damage_document();
    auto const found = catalog->read([&](View& view) { return view.image(image.id); });
    EXPECT_EQ(found.error().fault, Fault::corrupt);
    EXPECT_EQ(found.error().noun, Noun::image);
    EXPECT_EQ(found.error().message,
              "The catalog's row of image " + image.id.text() +
                  " is damaged (its checksum is wrong): run 'karat store check', then restore a "
                  "backup of the catalog or run 'karat store rebuild'");
    EXPECT_EQ(ids(images(other.owner).value()), std::vector{other.id.text()});
    EXPECT_EQ(images(image.owner).error().fault, Fault::corrupt); // its owner learns of it
    EXPECT_EQ(catalog->read([](View& view) { return view.images({}); }).error().fault,
              Fault::corrupt);
}

TEST_F(Damaged, RowIsNeitherReplacedNorRemoved)
{
    damage_document();
    EXPECT_EQ(save(image).error().fault, Fault::corrupt);
    EXPECT_EQ(catalog->change(kActor, [&](Change& change) { return change.remove(image.id); })
                  .error()
                  .fault,
              Fault::corrupt);
    EXPECT_EQ(catalog->check().value().damage.size(), 1u);
}

TEST_F(Damaged, ColumnsAreComparedWithTheDocument)
{
    damage("UPDATE image SET state = 'deregistered' WHERE id = '" + image.id.text() + "'");
    EXPECT_EQ(catalog->read([&](View& view) { return view.image(image.id); }).error().fault,
              Fault::corrupt);
    EXPECT_EQ(ids(images(image.owner).value()), std::vector{other.id.text()}); // it is hidden …
    auto const damage = catalog->check().value().damage;                       // … but told
    ASSERT_EQ(damage.size(), 1u);
    EXPECT_NE(damage[0].find("'state' is not what its document says"), std::string::npos);
}

TEST_F(Damaged, TaskLetsTheOthersRun)
{
    auto const ids = catalog->change(kActor, [](Change& change) -> Result<std::int64_t> {
        TRY(change.enqueue(sample<Task>(1)));
        return change.enqueue(sample<Task>(2));
    });
    world.clock.advance(std::chrono::hours(24 * 365 * 10));
    damage("UPDATE task SET doc = doc || ' ' WHERE id <> " + std::to_string(ids.value()));
    auto const taken = catalog->take_task("h", std::chrono::seconds(1)).value();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->id, ids.value());
}

TEST_F(Damaged, HistoryAndTokensAreChecked)
{
    ASSERT_TRUE(catalog
                    ->change(kActor,
                             [&](Change& change) {
                                 return change.save_token(kOwner, "r", "a", "t", {"p", "o"},
                                                          world.clock.now() +
                                                              std::chrono::hours(1));
                             })
                    .ok());
    damage("UPDATE audit SET action = 'Nothing'; UPDATE token SET expires = 1");
    EXPECT_EQ(
        catalog->read([](View& view) { return view.token(kOwner, "r", "a", "t"); }).error().fault,
        Fault::corrupt);
    auto const forgotten =
        catalog->change(kActor, [](Change& change) { return change.remove_history({Time{}, 0}); });
    EXPECT_TRUE(forgotten.ok());
    EXPECT_EQ(catalog->check().value().damage.size(), 2u); // the token is kept for the operator
}

TEST_F(Damaged, RepairMendsCopiesAndDropsTheRest)
{
    damage("UPDATE image SET region = 'elsewhere' WHERE id = '" + image.id.text() +
           "'; UPDATE snapshot SET doc = doc || ' '");
    ASSERT_EQ(catalog->check().value().damage.size(), 2u);
    auto const repaired = catalog->repair().value();
    EXPECT_EQ(repaired.mended, 1u);
    EXPECT_EQ(repaired.dropped, std::vector{"snapshot " + of_ours<Snapshot>(1).id.text()});
    EXPECT_EQ(catalog->check().value().damage, std::vector<std::string>());
    EXPECT_EQ(text(ask(&View::image, image.id)), text(image));
    EXPECT_EQ(ids(images(image.owner).value()), (std::vector{image.id.text(), other.id.text()}));
    auto const snapshot = *image.devices.front().snapshot;
    EXPECT_EQ(ids(ask(&View::images_with, snapshot)), std::vector{image.id.text()});
    auto const kept = read_file(world.files, repaired.kept_in, 1 << 20).value();
    EXPECT_NE(as_text(kept).find(of_ours<Snapshot>(1).id.text()), std::string_view::npos);
    EXPECT_EQ(world.files.mode(repaired.kept_in).value(), 0600u);
}

TEST_F(Damaged, NothingIsRepairedWhenAllIsSound)
{
    auto const repaired = catalog->repair().value();
    EXPECT_EQ(repaired.mended, 0u);
    EXPECT_TRUE(repaired.dropped.empty());
    EXPECT_EQ(repaired.kept_in, "");
    EXPECT_EQ(text(ask(&View::image, image.id)), text(image));
}

TEST_F(Damaged, CatalogIsNotBackedUp)
{
    ASSERT_TRUE(catalog->back_up("copy.db").ok());
    EXPECT_EQ(catalog->back_up("copy.db").error().fault, Fault::duplicate);
    world.files.crash();
    auto const copy = Catalog::open(world.env(), "copy.db", Storage::through_env).value();
    EXPECT_EQ(text(copy->read([&](View& view) { return view.image(image.id); }).value()),
              text(image));
    reopen();
    damage_document();
    EXPECT_EQ(catalog->back_up("second.db").error().fault, Fault::corrupt);
    EXPECT_FALSE(world.files.exists("second.db").value());
}

} // namespace
} // namespace karat::catalog
