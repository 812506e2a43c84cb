// SPDX-License-Identifier: Apache-2.0
#include "karat/gcm.hpp"
#include "karat/hash.hpp"
#include "karat/key_door.hpp"
#include "karat/log.hpp"
#include "karat/memory_env.hpp"
#include "key_file.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>

namespace karat::keys {
namespace {

struct World {
    World() { set_log_level(Level::error); }
    MemoryEnv memory;
    std::unique_ptr<Keys> keys = make_file_keys(memory.env(), "keys");
    KeyScope const scope{"000000000001", "us-east-1"};

    std::string text()
    {
        return std::string(as_text(read_file(memory.files, "keys", 1 << 20).value()));
    }
    void put(std::string_view text)
    {
        ASSERT_TRUE(replace_file(memory.files, "keys", as_bytes(text)).ok());
    }
};

template <class T>
std::string outcome(Result<T> const& result)
{
    return result.ok() ? "ok"
                       : std::string(name(result.error().fault)) + ": " + result.error().message;
}

SecretBytes secret(std::uint64_t seed)
{
    SecretBytes bytes(kKeyBytes);
    SeededChance(seed).fill(bytes.reveal());
    return bytes;
}

TEST(Gcm, OpensWhatItSealedAndNothingElse)
{
    auto const key = secret(1);
    Bytes const nonce(kNonceBytes, std::byte{7});
    Bytes const plain(100, std::byte{42});
    Bytes const extra(9, std::byte{1});
    Bytes sealed(plain.size() + kTagBytes);
    Gcm gcm;
    Gcm::Terms const terms{key.reveal(), nonce, extra};
    gcm.seal(terms, plain, sealed);
    Bytes opened(plain.size());
    EXPECT_TRUE(gcm.open(terms, sealed, opened));
    EXPECT_EQ(opened, plain);
    for (std::size_t bit = 0; bit < sealed.size() * 8; bit += 7) {
        auto bent = sealed;
        bent[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        EXPECT_FALSE(gcm.open(terms, bent, opened)) << bit;
        EXPECT_EQ(opened, Bytes(plain.size())) << "unproven bytes were given out";
    }
    Bytes const other(9, std::byte{2});
    EXPECT_FALSE(gcm.open({key.reveal(), nonce, other}, sealed, opened));
    EXPECT_FALSE(gcm.open({secret(2).reveal(), nonce, extra}, sealed, opened));
    EXPECT_FALSE(gcm.open(terms, std::span(sealed).first(5), opened));
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
TEST(Gcm, ComputesWhatOthersDo)
{
    auto const bytes = [](std::string_view hex) { return from_hex(hex).value(); };
    auto const key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    auto const nonce = bytes("cafebabefacedbaddecaf888");
    auto const extra = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    auto const plain =
        bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532f"
              "cf0e2449a6b525b16aedf5aa0de657ba637b39");
    Bytes sealed(plain.size() + kTagBytes);
    Gcm().seal({key, nonce, extra}, plain, sealed);
    EXPECT_EQ(to_hex(sealed),
              "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b0"
              "8b1056828838c5f61e6393ba7a0abcc9f662"
              "76fc6ece0f4e1768cddf8853bb2d551b");
}

TEST(FileKeys, AreMadeListedAndFoundByEveryName)
{
    World world;
    EXPECT_TRUE(world.keys->list().value().empty()) << "no file, no keys";
    auto const first = world.keys->default_key(world.scope).value();
    EXPECT_EQ(first.alias, "alias/aws/ebs");
    EXPECT_EQ(world.keys->default_key(world.scope).value().id, first.id) << "made once";
    EXPECT_NE(world.keys->default_key({"000000000001", "eu-west-1"}).value().id, first.id);
    auto const mine =
        world.keys->create({world.scope, "alias/mine", "For the web servers"}).value();
    EXPECT_EQ(world.keys->list().value().size(), 3U);
    for (auto const& called : {mine.id, mine.arn(), std::string("alias/mine"),
                               std::string("arn:aws:kms:us-east-1:000000000001:alias/mine")})
        EXPECT_EQ(find_key(*world.keys, world.scope, called).value().id, mine.id) << called;
    EXPECT_EQ(find_key(*world.keys, world.scope, "alias/aws/ebs").value().id, first.id);
    for (auto const* const called : {"", "alias/other", "mine", "arn:aws:kms:us-east-1"})
        EXPECT_EQ(find_key(*world.keys, world.scope, called).error().fault, Fault::not_found);
    KeyScope const stranger{"000000000002", "us-east-1"};
    EXPECT_EQ(find_key(*world.keys, stranger, mine.arn()).error().fault, Fault::not_found);
    EXPECT_EQ(outcome(world.keys->create({world.scope, "alias/mine", ""})),
              "duplicate: The alias alias/mine is taken by " + mine.arn());
    EXPECT_EQ(world.keys->create({world.scope, "alias/aws/own", ""}).error().fault, Fault::invalid);
    EXPECT_EQ(world.keys->create({world.scope, "", "two\nlines"}).error().fault, Fault::invalid);
    EXPECT_EQ(world.keys->create({{"1", "us-east-1"}, "", ""}).error().fault, Fault::invalid);
}

TEST(FileKeys, UnwrapWhatTheyWrappedUnderTheSameKeyOnly)
{
    World world;
    auto const one = world.keys->create({world.scope, "", ""}).value().arn();
    auto const two = world.keys->create({world.scope, "", ""}).value().arn();
    auto const data_key = secret(3);
    auto const wrapped = world.keys->wrap(one, data_key).value();
    EXPECT_TRUE(
        std::ranges::equal(world.keys->unwrap(one, wrapped).value().reveal(), data_key.reveal()));
    EXPECT_EQ(world.keys->unwrap(two, wrapped).error().fault, Fault::corrupt);
    for (std::size_t bit = 0; bit < wrapped.size() * 8; ++bit) {
        auto bent = wrapped;
        bent[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        EXPECT_EQ(world.keys->unwrap(one, bent).error().fault, Fault::corrupt) << bit;
    }
    EXPECT_EQ(world.keys->unwrap(one, std::span(wrapped).first(59)).error().fault, Fault::corrupt);
}

TEST(FileKeys, AreOfNoUseWhileDisabledOrGone)
{
    World world;
    auto const arn = world.keys->create({world.scope, "", ""}).value().arn();
    auto const wrapped = world.keys->wrap(arn, secret(4)).value();
    ASSERT_TRUE(world.keys->set_enabled(arn, false).ok());
    EXPECT_EQ(outcome(world.keys->unwrap(arn, wrapped)),
              "wrong_state: The key " + arn +
                  " is disabled; enable it to use what is encrypted with it");
    EXPECT_EQ(world.keys->wrap(arn, secret(4)).error().fault, Fault::wrong_state);
    ASSERT_TRUE(world.keys->set_enabled(arn, true).ok());
    EXPECT_TRUE(world.keys->unwrap(arn, wrapped).ok());
    auto const kept = world.text();
    ASSERT_TRUE(world.memory.files.remove("keys").ok());
    EXPECT_EQ(outcome(world.keys->unwrap(arn, wrapped)),
              "not_found: The key " + arn +
                  " is not in the key file; put the file with it back from its backup");
    world.put(kept);
    EXPECT_TRUE(world.keys->unwrap(arn, wrapped).ok());
}

TEST(FileKeys, RefuseAFileThatOthersMayUseOrThatIsDamagedOrNewer)
{
    World world;
    auto const arn = world.keys->create({world.scope, "", ""}).value().arn();
    world.memory.files.set_mode("keys", 0640);
    EXPECT_EQ(outcome(world.keys->list()),
              "denied: Others than its owner may use the key file (its mode is 0640); give it the "
              "mode 600");
    world.memory.files.set_mode("keys", 0400);
    EXPECT_TRUE(world.keys->list().ok());
    auto const good = world.text();
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto bent = good;
        bent[at] = static_cast<char>(bent[at] ^ 1);
        auto const lines = parse_keys(bent);
        EXPECT_FALSE(lines.ok()) << at;
        EXPECT_FALSE(parse_keys(good.substr(0, at)).ok()) << at;
    }
    world.put(good.substr(0, good.size() - 1));
    EXPECT_EQ(outcome(world.keys->list()),
              "corrupt: The key file cannot be used: it is damaged: its checksum is wrong; "
              "nothing encrypted can be read until a good copy is put back");
    world.put("karat keys 2\nwhatever\n");
    EXPECT_EQ(outcome(world.keys->create({world.scope, "", ""})),
              "unsupported: The key file cannot be used: it is of version 2, and this Karat "
              "knows version 1: use the Karat that wrote it, or a newer one; nothing encrypted can "
              "be read until a good copy is put back");
    EXPECT_EQ(world.text(), "karat keys 2\nwhatever\n") << "left as it is";
}

TEST(FileKeys, OutliveAPowerCutAtAnyMoment)
{
    World world;
    auto const arn = world.keys->create({world.scope, "", ""}).value().arn();
    for (int cut = 0; cut < 6; ++cut) {
        int left = cut;
        world.memory.files.set_hook([&](std::string_view, std::string const&) -> Result<void> {
            return left-- > 0 ? Result<void>() : Result<void>(fail(Fault::io, "no power"));
        });
        auto const made = world.keys->create({world.scope, "", ""});
        world.memory.files.set_hook({});
        world.memory.files.crash();
        auto const after = make_file_keys(world.memory.env(), "keys")->list();
        ASSERT_TRUE(after.ok()) << outcome(after);
        EXPECT_EQ(after.value().front().arn(), arn);
        EXPECT_TRUE(!made.ok() || after.value().back().id == made.value().id) << "acknowledged";
    }
}

TEST(FileKeys, TellNobodyAKey)
{
    World world;
    auto const facts = world.keys->create({world.scope, "alias/mine", "x"}).value();
    auto const text = world.text();
    auto const material = std::string(parse_keys(text).value().front().material);
    ASSERT_EQ(material.size(), 64U);
    world.put(text.substr(0, text.size() - 2));
    EXPECT_EQ(outcome(world.keys->list()).find(material.substr(0, 8)), std::string::npos);
}

TEST(KeyDoor, UnwrapsForAnotherProcess)
{
    World world;
    auto const arn = world.keys->create({world.scope, "", ""}).value().arn();
    SecretBytes data_key(kKeyBytes);
    std::ranges::fill(data_key.reveal(), std::byte{7});
    auto const wrapped = world.keys->wrap(arn, data_key).value();
    auto const socket = testing::TempDir() + "karat-door.sock";
    auto const keys = make_keys_behind_door(socket);
    EXPECT_EQ(keys->unwrap(arn, wrapped).error().fault, Fault::unavailable);
    auto const door = KeyDoor::open(*world.keys, socket).value();
    EXPECT_EQ(std::filesystem::status(socket).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    auto const silent = connect_unix(socket).value(); // whose time ends before others' does
    EXPECT_TRUE(std::ranges::equal(keys->unwrap(arn, wrapped).value().reveal(), data_key.reveal()));
    EXPECT_EQ(keys->unwrap(arn, as_bytes("junk")).error().fault, Fault::corrupt);
    EXPECT_EQ(keys->unwrap(arn + "0", wrapped).error().fault, Fault::not_found);
    ASSERT_TRUE(world.keys->set_enabled(arn, false).ok());
    EXPECT_EQ(keys->unwrap(arn, wrapped).error().fault, Fault::wrong_state);
    EXPECT_EQ(keys->unwrap(std::string(5000, 'x'), wrapped).error().fault, Fault::corrupt);
    EXPECT_EQ(keys->wrap(arn, data_key).error().fault, Fault::denied);
}

} // namespace
} // namespace karat::keys
