// SPDX-License-Identifier: Apache-2.0
// Sealed snapshots: what is shared, what a disk tells without the key, and what a wrong or missing
// key and changed bytes come to.
#include "blocks_testing.hpp"
#include "manifest.hpp"
#include "page.hpp"

#include "karat/keys.hpp"
#include "karat/staged.hpp"

namespace karat::blocks {
namespace {

using namespace testing;

/// A disk with a store and a key file on it.
struct SealedWorld {
    explicit SealedWorld(Options wanted = {.threads = 1})
        : options(wanted)
    {
        set_log_level(Level::error);
        keys = keys::make_file_keys(memory.env(), "keys");
        one = keys->create({{"000000000001", "us-east-1"}, "alias/one", ""}).value().arn();
        two = keys->create({{"000000000001", "us-east-1"}, "alias/two", ""}).value().arn();
        options.keys = keys.get();
        reopen();
    }
    void reopen()
    {
        store.reset();
        auto opened = Store::open(memory.env(), "store", options);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        store = std::move(opened).value();
    }
    Result<Committed> put(std::string const& name, Bytes const& volume, std::string const& key,
                          std::optional<std::string> const& base = {})
    {
        Facts const facts{
            .name = name, .size_bytes = volume.size(), .details = {{"owner", "me"}}, .key = key};
        auto ingest = TRY(store->begin(facts, base));
        TRY(ingest->write(0, volume));
        return ingest->commit();
    }
    Bytes file(std::string const& path) { return read_file(memory.files, path, 1 << 28).value(); }
    void set_file(std::string const& path, Bytes const& bytes)
    {
        ASSERT_TRUE(replace_file(memory.files, path, bytes).ok());
    }
    bool on_disk(std::string_view marker)
    {
        for (auto const& pack : pack_files(memory.files))
            if (as_text(file("store/packs/" + pack)).find(marker) != std::string_view::npos)
                return true;
        return false;
    }
    /// Changes a manifest and makes its checksum right again, as whoever may write the disk can.
    void forge(std::string const& name, std::function<void(Manifest&)> const& change)
    {
        auto manifest = decode_manifest(file("store/manifests/" + name)).value();
        change(manifest);
        set_file("store/manifests/" + manifest.facts.name, encode_manifest(manifest));
    }

    MemoryEnv memory;
    Options options;
    std::unique_ptr<keys::Keys> keys;
    std::string one;
    std::string two;
    std::unique_ptr<Store> store;
};

TEST(Sealed, ReadTheSameByStoreAndReaderAlsoAfterARestart)
{
    SealedWorld world;
    auto volume = text_bytes(1, 3 * kMiB);
    auto const noise = random_bytes(2, kMiB);
    std::ranges::copy(noise, volume.begin() + kMiB);
    ASSERT_TRUE(world.put("a", volume, world.one).ok());
    for (int run = 0; run < 2; ++run) {
        EXPECT_EQ(get(*world.store, "a").value(), volume);
        auto const reader = Reader::open(world.memory.env(), "store", world.options).value();
        auto const view = reader->view("a").value();
        EXPECT_TRUE(view->encrypted());
        EXPECT_EQ(view->facts().key, world.one);
        Bytes whole(volume.size());
        ASSERT_TRUE(view->read(0, whole).ok());
        EXPECT_EQ(whole, volume);
        Bytes part(5000);
        ASSERT_TRUE(view->read(kMiB + 777, part).ok());
        EXPECT_TRUE(std::ranges::equal(part, std::span(volume).subspan(kMiB + 777, part.size())));
        world.reopen();
    }
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
}

TEST(Sealed, ShareWithinTheirKeyAndWithNobodyElse)
{
    SealedWorld world;
    auto const volume = random_bytes(3, 2 * kMiB);
    auto const stored = [&](std::string const& name, std::string const& key) {
        return world.put(name, volume, key).value().bytes_new;
    };
    EXPECT_EQ(stored("plain", ""), volume.size());
    EXPECT_EQ(stored("one", world.one), volume.size()) << "found what is not encrypted";
    EXPECT_EQ(stored("two", world.two), volume.size()) << "found another key's";
    EXPECT_EQ(stored("one-again", world.one), 0U);
    EXPECT_EQ(stored("plain-again", ""), 0U);
    world.reopen();
    EXPECT_EQ(stored("one-after-restart", world.one), 0U) << "the data key was made anew";
    EXPECT_NE(world.store->describe("one").value().root, world.store->describe("two").value().root);
    EXPECT_EQ(world.store->describe("one").value().root,
              world.store->describe("one-again").value().root);
}

TEST(Sealed, LeaveNothingReadableOnTheDisk)
{
    SealedWorld world;
    std::string const marker = "the-secret-of-the-house";
    auto volume = random_bytes(4, kMiB); // stays uncompressed, so that the plain one is readable
    std::ranges::copy(as_bytes(marker), volume.begin() + 300'000);
    ASSERT_TRUE(world.put("sealed", volume, world.one).ok());
    EXPECT_FALSE(world.on_disk(marker));
    ASSERT_TRUE(world.put("plain", volume, "").ok());
    EXPECT_TRUE(world.on_disk(marker)) << "the test looks in the wrong place";
}

TEST(Sealed, AreRefusedClearlyWithoutTheirKeyAndAreWellWhenItIsBack)
{
    SealedWorld world;
    auto const volume = random_bytes(5, kMiB);
    ASSERT_TRUE(world.put("a", volume, world.one).ok());
    auto const kept = world.file("keys");
    ASSERT_TRUE(world.memory.files.remove("keys").ok());
    auto const refusal = "denied: Snapshot 'a' cannot be read: The key " + world.one +
                         " is not in the key file; put the file with it back from its backup";
    EXPECT_EQ(outcome(world.store->view("a")), refusal);
    auto const reader = Reader::open(world.memory.env(), "store", world.options).value();
    EXPECT_EQ(outcome(reader->view("a")), refusal);
    EXPECT_EQ(world.put("b", volume, world.one, "a").error().fault, Fault::denied);
    EXPECT_EQ(world.put("b", volume, world.one).error().fault, Fault::denied);
    EXPECT_EQ(world.store->describe("a").value().facts.key, world.one) << "needs no key";
    world.set_file("keys", kept);
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    ASSERT_TRUE(world.keys->set_enabled(world.one, false).ok());
    EXPECT_EQ(outcome(world.store->view("a")),
              "denied: Snapshot 'a' cannot be read: The key " + world.one +
                  " is disabled; enable it to use what is encrypted with it");
    world.options.keys = nullptr;
    world.reopen();
    EXPECT_EQ(outcome(world.store->view("a")),
              "denied: Snapshot 'a' cannot be read: It is encrypted with the key " + world.one +
                  ", and this program was given no keys; start it with a key file");
}

TEST(Sealed, AreCheckedScrubbedAndCollectedWithoutTheirKey)
{
    SealedWorld world({.pack_bytes = 1 << 20, .threads = 1});
    auto const volume = random_bytes(6, 4 * kMiB);
    ASSERT_TRUE(world.put("doomed", volume, world.one).ok());
    auto const kept = Bytes(volume.begin(), volume.begin() + kMiB / 2);
    ASSERT_TRUE(world.put("kept", kept, world.one).ok());
    auto const with_key = world.store->check({}).value();
    EXPECT_EQ(with_key.sealed, 0U);
    EXPECT_TRUE(with_key.locked.empty());
    world.options.keys = nullptr;
    world.reopen();
    auto const without = world.store->check({}).value();
    EXPECT_TRUE(without.damage.empty());
    EXPECT_EQ(without.extents, with_key.extents);
    EXPECT_GT(without.sealed, 10U);
    EXPECT_EQ(without.locked.size(), 1U);
    auto const scrubbed = world.store->scrub({}).value();
    EXPECT_TRUE(scrubbed.finished && scrubbed.damage.empty());
    EXPECT_EQ(scrubbed.sealed, without.sealed);
    ASSERT_TRUE(world.store->remove("doomed").ok());
    auto const freed = collect_all(*world.store, {"kept"}).value();
    EXPECT_GT(freed.bytes_freed, 2 * kMiB);
    EXPECT_GT(freed.packs_rewritten, 0U) << "nothing was copied forward";
    world.options.keys = world.keys.get();
    world.reopen();
    EXPECT_EQ(get(*world.store, "kept").value(), kept);
}

TEST(Sealed, SurviveAPowerCutAsOthersDo)
{
    SealedWorld world;
    auto const volume = random_bytes(7, 2 * kMiB);
    ASSERT_TRUE(world.put("a", volume, world.one).ok());
    auto unfinished = world.store->begin({.name = "b", .size_bytes = kMiB, .key = world.one}, {});
    ASSERT_TRUE(unfinished.value()->write(0, random_bytes(8, kMiB)).ok());
    world.memory.files.crash();
    unfinished = fail(Fault::unavailable, "ended");
    world.reopen();
    EXPECT_EQ(get(*world.store, "a").value(), volume);
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
    EXPECT_EQ(world.store->view("b").error().fault, Fault::not_found);
}

/// The first sealed record of a pack.
struct Found {
    std::string path;
    Place place;
    RecordHeader header;
};
Found first_sealed(SealedWorld& world)
{
    auto const name = pack_files(world.memory.files).front();
    auto const bytes = world.file("store/packs/" + name);
    Place const place{*parse_pack_name(name), kPackHeaderBytes};
    auto const header =
        parse_record_header(std::span<std::byte const>(bytes).subspan(place.offset), place);
    EXPECT_TRUE(header && header->sealing == Sealing::gcm);
    return {"store/packs/" + name, place, *header};
}

/// Flips bits all over a record's stored bytes; with `checksums` those are made right again.
void bend_record(bool checksums)
{
    SealedWorld world;
    auto const volume = text_bytes(9, kMiB / 4);
    ASSERT_TRUE(world.put("a", volume, world.one).ok());
    world.reopen(); // closes the pack
    auto const found = first_sealed(world);
    auto const good = world.file(found.path);
    auto const first = found.place.offset + kRecordHeaderBytes;
    auto const size = found.header.stored_bytes;
    for (std::size_t at : {0U, 7U, 8U, 19U, 20U, size / 2, size - 17, size - 16, size - 1}) {
        auto bent = good;
        bent[first + at] ^= std::byte{0x10};
        if (checksums) {
            auto header = found.header;
            header.payload_sum = checksum(std::span(bent).subspan(first, size));
            Bytes head;
            put_record_header(head, header, found.place);
            std::ranges::copy(head, bent.begin() + found.place.offset);
        }
        world.set_file(found.path, bent);
        world.reopen();
        EXPECT_EQ(get(*world.store, "a").error().fault, Fault::corrupt) << at;
        // One whose domain was bent belongs to no key that there is.
        bool const strange = checksums && at < kDomainBytes;
        auto const report = world.store->check({}).value();
        EXPECT_EQ(report.damage.empty(), strange) << at;
        EXPECT_EQ(report.sealed, strange ? 1U : 0U) << at;
    }
}

TEST(Sealed, ChangedBytesAreNeverReadAndAlwaysFound) { bend_record(false); }
TEST(Sealed, BytesChangedByAForgerAreNeverRead) { bend_record(true); }

TEST(Sealed, AChangedHeaderIsNotBelieved)
{
    SealedWorld world;
    auto const volume = text_bytes(10, kMiB / 4);
    ASSERT_TRUE(world.put("a", volume, world.one).ok());
    world.reopen();
    auto const found = first_sealed(world);
    auto bytes = world.file(found.path);
    auto header = found.header;
    header.raw_bytes += kBlockBytes;
    Bytes head;
    put_record_header(head, header, found.place);
    std::ranges::copy(head, bytes.begin() + found.place.offset);
    world.set_file(found.path, bytes);
    world.reopen();
    EXPECT_EQ(get(*world.store, "a").error().fault, Fault::corrupt);
}

TEST(Sealed, AForgedManifestIsRefused)
{
    auto const after = [](std::function<void(SealedWorld&, Manifest&)> const& change) {
        SealedWorld world;
        EXPECT_TRUE(world.put("a", random_bytes(11, kMiB / 8), world.one).ok());
        EXPECT_TRUE(world.put("b", random_bytes(12, kMiB / 8), world.one).ok());
        world.forge("a", [&](Manifest& manifest) { change(world, manifest); });
        auto const view = world.store->view("a");
        return view.ok() ? std::string("ok") : std::string(name(view.error().fault));
    };
    EXPECT_EQ(after([](auto&, auto&) {}), "ok");
    EXPECT_EQ(after([](auto&, auto& it) { it.seal->wrapped[20] ^= std::byte{1}; }), "denied");
    EXPECT_EQ(after([](auto&, auto& it) { it.seal->wrapped.pop_back(); }), "denied");
    EXPECT_EQ(after([](auto& world, auto& it) { it.seal->key = world.two; }), "denied");
    EXPECT_EQ(after([](auto&, auto& it) { it.seal->key += "x"; }), "denied");
    EXPECT_EQ(after([](auto&, auto& it) { it.seal->mac.bytes[0] ^= std::byte{1}; }), "corrupt");
    EXPECT_EQ(after([](auto&, auto& it) { it.facts.details["owner"] = "you"; }), "corrupt");
    EXPECT_EQ(after([](auto& world, auto& it) {
                  it.pages = decode_manifest(world.file("store/manifests/b")).value().pages;
              }),
              "corrupt");
}

/// Whoever may write the disk but has no key makes a plain snapshot of another's sealed extents,
/// while those are unlocked and lie in the cache.
TEST(Sealed, ExtentsAreNotReadThroughAnotherSnapshot)
{
    SealedWorld world;
    auto const volume = text_bytes(13, kMiB / 4);
    ASSERT_TRUE(world.put("a", volume, world.one).ok());
    ASSERT_TRUE(world.put("mine", random_bytes(14, kMiB / 4), world.two).ok());
    auto const open = world.store->view("a").value();
    Bytes part(100);
    ASSERT_TRUE(open->read(50, part).ok()); // part of an extent: it goes through the cache
    world.forge("a", [](Manifest& manifest) {
        manifest.facts.name = "thief";
        manifest.seal.reset();
    });
    auto const thief = world.store->view("thief").value();
    EXPECT_FALSE(thief->encrypted());
    auto const stolen = thief->read(50, part);
    EXPECT_EQ(stolen.error().fault, Fault::corrupt);
    EXPECT_NE(stolen.error().message.find("it is encrypted"), std::string::npos)
        << stolen.error().message;
}

TEST(Sealed, GrowFromABaseOfTheSameKeyOnly)
{
    SealedWorld world;
    auto volume = random_bytes(15, 2 * kMiB);
    ASSERT_TRUE(world.put("a", volume, world.one).ok());
    ASSERT_TRUE(world.put("plain", volume, "").ok());
    for (auto const& [key, base] :
         {std::pair(world.two, "a"), {std::string(), "a"}, {world.one, "plain"}})
        EXPECT_EQ(world.store->begin({.name = "b", .size_bytes = volume.size(), .key = key}, base)
                      .error()
                      .fault,
                  Fault::invalid);
    auto ingest =
        world.store->begin({.name = "b", .size_bytes = volume.size(), .key = world.one}, "a")
            .value();
    auto const change = random_bytes(16, 64 << 10);
    ASSERT_TRUE(ingest->write(kMiB, change).ok());
    auto const committed = ingest->commit().value();
    EXPECT_EQ(committed.bytes_new, change.size());
    std::ranges::copy(change, volume.begin() + kMiB);
    EXPECT_EQ(get(*world.store, "b").value(), volume);
}

TEST(Sealed, MayComeBlockByBlock)
{
    SealedWorld world;
    auto const unit = random_bytes(19, kStagedUnitBytes);
    auto const changed = random_bytes(20, kStagedUnitBytes);
    auto const staged = [&](std::string const& name) {
        return world.store->staged().find(name).value();
    };
    auto const put_at = [&](std::string const& name, std::uint32_t index, Bytes const& data) {
        return staged(name)->put({.index = index, .data = data, .sum = sha256(data), .when = {}});
    };
    auto const begin = [&](std::string const& name, std::string const& key,
                           std::optional<std::string> const& base) {
        return world.store->staged().begin(
            {.name = name, .size_bytes = 4 * kStagedUnitBytes, .key = key}, base);
    };
    auto const commit = [&](std::string const& name) {
        return staged(name)->commit(
            {.name = name, .size_bytes = 4 * kStagedUnitBytes, .key = world.one});
    };
    ASSERT_TRUE(begin("a", world.one, {}).ok());
    ASSERT_TRUE(put_at("a", 2, unit).ok());
    world.reopen();
    ASSERT_TRUE(put_at("a", 0, unit).ok());
    auto const volume = [&] {
        auto bytes = Bytes(4 * kStagedUnitBytes);
        std::ranges::copy(unit, bytes.begin());
        std::ranges::copy(unit, bytes.begin() + 2 * kStagedUnitBytes);
        return bytes;
    }();
    // What came is shared with what is stored otherwise under the same key, and is not plain.
    EXPECT_LT(world.put("b", volume, world.one).value().bytes_new, kStagedUnitBytes / 4);
    EXPECT_FALSE(world.on_disk(as_text(std::span(unit).first(64))));

    ASSERT_TRUE(world.keys->set_enabled(world.one, false).ok());
    EXPECT_EQ(put_at("a", 1, changed).error().fault, Fault::denied);
    EXPECT_EQ(commit("a").error().fault, Fault::denied);
    ASSERT_TRUE(world.keys->set_enabled(world.one, true).ok());
    ASSERT_TRUE(commit("a").ok());
    EXPECT_EQ(get(*world.store, "a").value(), volume);

    EXPECT_EQ(begin("c", world.two, "a").error().fault, Fault::invalid);
    ASSERT_TRUE(begin("c", world.one, "a").ok());
    ASSERT_TRUE(put_at("c", 2, changed).ok());
    ASSERT_TRUE(commit("c").ok());
    auto after = volume;
    std::ranges::copy(changed, after.begin() + 2 * kStagedUnitBytes);
    EXPECT_EQ(get(*world.store, "c").value(), after);
    EXPECT_TRUE(world.store->check({}).value().damage.empty());
}

TEST(Sealed, MakeTheStoreOneThatOlderProgramsRefuse)
{
    SealedWorld world;
    ASSERT_TRUE(world.put("plain", random_bytes(17, kMiB / 8), "").ok());
    EXPECT_EQ(as_text(world.file("store/store")), "karat block store, format 1\n");
    EXPECT_EQ(load<std::uint32_t>(world.file("store/manifests/plain").data() + 8), 1U);
    ASSERT_TRUE(world.put("a", random_bytes(17, kMiB / 8), world.one).ok());
    EXPECT_EQ(as_text(world.file("store/store")), "karat block store, format 2\n");
    world.reopen();
    EXPECT_TRUE(world.store->view("plain").ok());
    world.store.reset();
    ASSERT_TRUE(
        replace_file(world.memory.files, "store/store", as_bytes("karat block store, format 3\n"))
            .ok());
    EXPECT_EQ(outcome(Store::open(world.memory.env(), "store", world.options)),
              "unsupported: store is a block store of a newer format; use the Karat that made it, "
              "or a newer one");
}

TEST(Sealed, AManifestOfANewerVersionIsRefusedAsThat)
{
    SealedWorld world;
    ASSERT_TRUE(world.put("a", random_bytes(18, kMiB / 8), "").ok());
    auto bytes = world.file("store/manifests/a");
    save(bytes.data() + 8, std::uint32_t{3});
    auto const sum = sha256(std::span<std::byte const>(bytes).first(bytes.size() - kHashBytes));
    std::ranges::copy(sum.bytes, bytes.end() - kHashBytes);
    world.set_file("store/manifests/a", bytes);
    EXPECT_EQ(outcome(world.store->view("a")),
              "unsupported: Snapshot 'a': Its manifest is of version 3: it needs a newer Karat");
}

} // namespace
} // namespace karat::blocks
