// SPDX-License-Identifier: Apache-2.0
// Walks every parameter of every offered operation and holds each to what tests/parameters.txt says
// of it: it has an effect that a reply shows, it is refused by name, or it means nothing here. A
// parameter without a row fails, and so does a row whose proof does not hold.
#include "script.hpp"
#include "source_tree.hpp"

#include "karat/hash.hpp"
#include "karat/json.hpp"
#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <regex>
#include <sstream>

namespace karat::testing {
namespace {

using Json = nlohmann::json;
using Lines = std::vector<std::string>;

struct Row {
    std::string parameter; ///< "Placement.Tenancy": without the numbers of lists.
    std::string kind;      ///< "effect", "refused" or "nothing".
    std::string code;      ///< Of a refusal.
    std::string called;    ///< What a refusal calls the parameter, if it has another name.
    std::string params;    ///< What is said beside the section's call.
    std::string proof;     ///< Of an effect: "reply | member", or a call with its members.
};

struct Section {
    std::string operation;
    std::string params; ///< Of a call that succeeds.
    std::string it;     ///< The member of the reply that $it becomes; may be empty.
    Lines before;       ///< Commands before each call.
    Lines after;        ///< And after it, before the proof.
    Lines finally;      ///< After the proof; they may fail.
    std::vector<Row> rows;
};

std::string trimmed(std::string text)
{
    auto const first = text.find_first_not_of(' ');
    auto const last = text.find_last_not_of(' ');
    return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

/// Takes the first word off `text`.
std::string take_word(std::string& text)
{
    text = trimmed(text);
    auto const end = std::min(text.find(' '), text.size());
    auto word = text.substr(0, end);
    text = trimmed(text.substr(end));
    return word;
}

Row read_row(std::string line)
{
    Row row;
    row.parameter = take_word(line);
    row.kind = take_word(line);
    if (row.kind == "refused")
        row.code = take_word(line); // "ValidationException/page-token"
    if (auto const slash = row.code.find('/'); slash != std::string::npos) {
        row.called = row.code.substr(slash + 1);
        row.code.erase(slash);
    }
    auto const arrow = line.find(" -> ");
    row.params = trimmed(line.substr(0, arrow));
    row.proof = arrow == std::string::npos ? "reply" : trimmed(line.substr(arrow + 4));
    if (row.kind == "nothing")
        row.params = trimmed(line.substr(0, line.find(" # ")));
    return row;
}

struct Table {
    Lines setup;
    std::vector<Section> sections;
};

Table read_table()
{
    Table table;
    std::istringstream text(read_repository_file("tests/parameters.txt"));
    for (std::string line; std::getline(text, line);) {
        if (line.empty() || line.starts_with("#"))
            continue;
        if (line.starts_with("setup ")) {
            table.setup.push_back(line.substr(6));
        } else if (line.starts_with("== ")) {
            auto rest = line.substr(3);
            auto operation = take_word(rest);
            table.sections.push_back({.operation = operation, .params = rest});
        } else if (line.starts_with("it ")) {
            table.sections.back().it = trimmed(line.substr(3));
        } else if (line.starts_with("before ")) {
            table.sections.back().before.push_back(line.substr(7));
        } else if (line.starts_with("after ")) {
            table.sections.back().after.push_back(line.substr(6));
        } else if (line.starts_with("finally ")) {
            table.sections.back().finally.push_back(line.substr(8));
        } else {
            table.sections.back().rows.push_back(read_row(line));
        }
    }
    return table;
}

void add_parameters(Json const& model, Json const& members, std::string const& prefix, Lines& into)
{
    bool const is_ec2 = model.at("protocol") == "ec2";
    for (auto const& [name, line] : members.items()) {
        auto rest = line.get<std::string>();
        auto type = take_word(rest);
        type.erase(std::remove_if(type.begin(), type.end(),
                                  [](char c) { return c == '!' || c == '[' || c == ']'; }),
                   type.end());
        auto path = prefix + name;
        std::smatch found;
        if (is_ec2 && std::regex_search(rest, found, std::regex("query=(\\S+)")))
            path = prefix + found[1].str();
        if (model.at("structures").contains(type))
            add_parameters(model, model.at("structures").at(type), path + ".", into);
        else
            into.push_back(path);
    }
}

/// Every parameter of every operation, down to the leaves.
std::map<std::string, Lines> offered()
{
    std::map<std::string, Lines> all;
    for (auto const* const service : {"ec2", "ebs", "ssm", "sts"}) {
        auto const model =
            Json::parse(read_repository_file(fmt::format("src/wire/models/{}.json", service)));
        for (auto const& [name, parts] : model.at("operations").items())
            add_parameters(model, parts.at("request"), "", all[name]);
    }
    return all;
}

/// "Filter.1.Value.2=x" names Filter.Value.
std::string parameter_of(std::string const& word)
{
    return std::regex_replace(word.substr(0, word.find('=')), std::regex("\\.[0-9]+(?=\\.|$)"), "");
}

/// The words of `params` that are not about the parameter.
std::string without(std::string const& params, std::string const& parameter)
{
    std::string left;
    for (auto rest = params; !rest.empty();) {
        auto const word = take_word(rest);
        auto const said = parameter_of(word); // "Tags" says all of its members at once
        bool const by_another_name = (said == "Data" && parameter == "BlockData") ||
                                     (said.starts_with("Tag.") && parameter.starts_with("Tags."));
        if (!by_another_name && said != parameter && !parameter.starts_with(said + "."))
            left += " " + word;
    }
    return left;
}

/// A row's words come after the section's, and instead of those of the same name; "-Name" only
/// takes that away.
std::string together(std::string const& base, std::string const& more)
{
    auto text = base;
    std::string added;
    for (auto rest = more; !rest.empty();) {
        auto word = take_word(rest);
        bool const removes = word.starts_with("-");
        word.erase(0, removes ? 1 : 0);
        added += removes ? "" : " " + word;
        std::string kept;
        for (auto words = text; !words.empty();) {
            auto const one = take_word(words);
            if (one.substr(0, one.find('=')) != word.substr(0, word.find('=')))
                kept += " " + one;
        }
        text = kept;
    }
    return text + added;
}

class Walk : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(Level::error);
        auto world = World::create(1);
        ASSERT_TRUE(world.ok()) << world.error().message;
        script_ = std::make_unique<Script>(std::move(world).value());
    }

    /// Numbers of ids, addresses and digests differ from call to call, and prove nothing.
    std::string run(std::string const& line)
    {
        auto printed = script_->run({.head = {line}, .expected = {}});
        printed = std::regex_replace(
            printed, std::regex("\\b(ami|eni|eni-attach|evol|i|r|sg|sgr|snap|vol)-#[0-9]+"),
            "$1-#");
        return std::regex_replace(printed, std::regex("127(\\.[0-9]+){3}|06(:[0-9a-f]{2}){5}"),
                                  "(address)");
    }

    /// A command that begins with "quietly" may fail.
    std::string run_all(Lines const& lines)
    {
        constexpr std::string_view kQuietly = "quietly ";
        std::string printed;
        for (auto const& line : lines) {
            bool const quiet = line.starts_with(kQuietly);
            auto const said = run(quiet ? line.substr(kQuietly.size()) : line);
            printed += quiet ? "" : said;
        }
        return printed;
    }

    /// What a call shows: its reply, or what the proof asks afterwards.
    std::string shown(Section const& section, std::string const& params, std::string const& proof)
    {
        auto printed = call(section, params, proof);
        run_all(section.finally);
        return printed;
    }

    std::string call(Section const& section, std::string const& params, std::string const& proof)
    {
        auto const prepared = run_all(section.before);
        if (prepared.find("! ") != std::string::npos)
            return "! before the call: " + prepared;
        auto const command = section.operation + " " + params;
        if (proof.starts_with("reply"))
            return run("call " + command + proof.substr(5));
        auto const called = section.it.empty() ? run("call " + command)
                                               : run("let $it = " + command + " | " + section.it);
        if (called.starts_with("! "))
            return called;
        run_all(section.after);
        return run("call " + proof);
    }

    /// The digest of each file of the host.
    std::map<std::string, std::string> files()
    {
        std::map<std::string, std::string> digests;
        for (auto const& [path, bytes] : script_->world().env().files.contents())
            digests[path] = sha256(*bytes).text();
        return digests;
    }

    std::unique_ptr<Script> script_;
};

bool contains_in_any_case(std::string text, std::string word);

/// Whether a refusal names the parameter: its last part ("Kernel" of "Kernel.Value"), or a
/// structure above it that is refused as a whole.
bool names(std::string const& printed, Row const& row)
{
    auto parameter = row.parameter;
    if (parameter.ends_with(".Value"))
        parameter.erase(parameter.size() - 6);
    if (contains_in_any_case(
            printed, row.called.empty() ? parameter.substr(parameter.rfind('.') + 1) : row.called))
        return true;
    for (auto dot = parameter.find('.'); dot != std::string::npos;
         dot = parameter.find('.', dot + 1))
        if (printed.find(" " + parameter.substr(0, dot) + " ") != std::string::npos)
            return true;
    return false;
}

bool refused(std::string const& printed) { return printed.starts_with("! "); }

/// Blanks and hyphens do not count either: "client token" is ClientToken.
bool contains_in_any_case(std::string text, std::string word)
{
    auto const lower = [](std::string& of) {
        std::erase_if(of, [](char c) { return c == ' ' || c == '-'; });
        std::ranges::transform(of, of.begin(), [](unsigned char c) { return std::tolower(c); });
    };
    lower(text);
    lower(word);
    return text.find(word) != std::string::npos;
}

TEST(Parameters, EachHasOneRow)
{
    auto all = offered();
    for (auto const& section : read_table().sections) {
        auto const operation = all.find(section.operation);
        ASSERT_NE(operation, all.end()) << section.operation << " is not offered";
        for (auto const& row : section.rows) {
            auto const erased = std::erase(operation->second, row.parameter);
            EXPECT_EQ(erased, 1U) << section.operation << " " << row.parameter
                                  << " is no parameter, or has two rows";
        }
    }
    for (auto const& [operation, parameters] : all)
        for (auto const& parameter : parameters)
            ADD_FAILURE() << operation << " " << parameter
                          << " has no row in tests/parameters.txt: say what it does";
}

TEST_F(Walk, EachParameterDoesWhatItsRowSays)
{
    auto const table = read_table();
    auto const prepared = run_all(table.setup);
    ASSERT_EQ(prepared.find("! "), std::string::npos) << prepared;
    for (auto const& section : table.sections) {
        for (auto const& row : section.rows) {
            auto const where = section.operation + " " + row.parameter + ": ";
            auto const params = together(section.params, row.params);
            auto const with = shown(section, params, row.proof);
            if (row.kind == "refused") {
                EXPECT_TRUE(with.starts_with("! ") && with.find(" " + row.code + " ") < 10)
                    << where << with;
                EXPECT_TRUE(names(with, row)) << where << with;
            } else if (row.kind == "nothing") {
                EXPECT_FALSE(refused(with)) << where << with;
            } else if (row.kind == "effect") {
                EXPECT_FALSE(refused(with)) << where << with;
                auto const bare = shown(section, without(params, row.parameter), row.proof);
                EXPECT_NE(with, bare) << where << "makes no difference to " << row.proof;
            } else {
                ADD_FAILURE() << where << "there is no class '" << row.kind << "'";
            }
        }
    }
}

std::vector<std::string> hostile_values()
{
    using namespace std::string_literals;
    std::string accents;
    for (int i = 0; i < 256; ++i)
        accents += "\u00e9";
    return {"",
            "0",
            "-1",
            "2147483647",
            "-2147483648",
            "9223372036854775807",
            "1e9",
            "NaN",
            "true",
            "x\0y"s,
            "\x01",
            "\xff\xfe",
            "\xed\xa0\x80",
            "\xf0\x9f\x98\x80",
            accents,
            accents + "a",
            std::string(255, 'a'),
            std::string(256, 'a'),
            std::string(1'000, 'a'),
            "aws:x",
            "all",
            "ami-00000000",
            "../../etc/passwd",
            "arn:aws:kms:::key/x",
            "[]",
            "{'a':{}}",
            "\\*",
            "%00",
            "0.0.0.0/0",
            "::/0",
            "/dev/sdf",
            "ephemeral0",
            "io1",
            "<x>&amp;"};
}

/// The words of a few rows with values of somebody else, and numbers of lists that leave gaps.
std::string spoilt(Section const& section, std::mt19937& random)
{
    static auto const values = hostile_values();
    auto const any = [&](std::size_t count) { return random() % count; };
    std::string words = section.params;
    for (auto left = 1 + any(3); left > 0 && !section.rows.empty(); --left)
        words = together(words, section.rows[any(section.rows.size())].params);
    std::string made;
    while (!words.empty()) {
        auto word = take_word(words);
        auto const equals = std::min(word.find('='), word.size());
        if (any(3) == 0)
            word = word.substr(0, equals) + "=" + values[any(values.size())];
        if (any(12) == 0)
            word = std::regex_replace(word, std::regex("\\.1\\."), any(2) == 0 ? ".3." : ".0.");
        made += " " + word;
    }
    return made;
}

/// Whatever callers send, they are told what is wrong with it: nothing ends in an internal error.
TEST_F(Walk, HostileValuesAreTheCallersFault)
{
    auto const table = read_table();
    run_all(table.setup);
    std::mt19937 random(20261127);
    std::size_t calls = 0;
    for (auto const& section : table.sections) {
        for (int round = 0; round < 20; ++round) {
            run_all(section.before);
            auto const words = spoilt(section, random);
            auto const printed = run("call " + section.operation + words);
            ++calls;
            bool const internal = printed.starts_with("! 500 ") &&
                                  !printed.starts_with("! 500 InsufficientInstanceCapacity");
            EXPECT_FALSE(internal) << section.operation << words.substr(0, 2000) << "\n" << printed;
        }
        run("work");
    }
    RecordProperty("calls", static_cast<int>(calls));
}

/// On every operation of ec2, so the table does not say it. The catalog, the store and the key file
/// are the same afterwards, byte for byte.
TEST_F(Walk, DryRunOnlyTellsWhetherItWouldSucceed)
{
    auto const table = read_table();
    run_all(table.setup);
    auto const ec2 = Json::parse(read_repository_file("src/wire/models/ec2.json"));
    for (auto const& section : table.sections) {
        if (!ec2.at("operations").contains(section.operation))
            continue;
        run_all(section.before);
        auto const before = files();
        auto const printed =
            run("call " + section.operation + " " + section.params + " DryRun=true");
        EXPECT_TRUE(printed.starts_with("! 412 DryRunOperation ")) << section.operation << printed;
        EXPECT_EQ(files(), before) << section.operation << " changed a file";
        run_all(section.finally);
    }
}

/// The key that is taken when none is named is made when it is first used, and not when one only
/// asks.
TEST_F(Walk, DryRunMakesNoKey)
{
    run("import web 1M public");
    run("work");
    auto const before = files();
    for (auto const* const call :
         {"CreateVolume AvailabilityZone=us-east-1a Size=1 Encrypted=true",
          "CopySnapshot SourceRegion=us-east-1 SourceSnapshotId=$web-disk Encrypted=true",
          "CopyImage Name=copy SourceRegion=us-east-1 SourceImageId=$web Encrypted=true",
          "RunInstances ImageId=$web MinCount=1 MaxCount=1 "
          "BlockDeviceMapping.1.DeviceName=/dev/sdf "
          "BlockDeviceMapping.1.Ebs.VolumeSize=1 BlockDeviceMapping.1.Ebs.Encrypted=true",
          "ModifyEbsDefaultKmsKeyId KmsKeyId=alias/aws/ebs"}) {
        auto const printed = run("call " + std::string(call) + " DryRun=true");
        EXPECT_TRUE(printed.starts_with("! 412 DryRunOperation ")) << call << printed;
        EXPECT_EQ(files(), before) << call;
    }
}

/// The engine's door to the catalog keeps nothing of a dry run, whatever the verb itself asks.
TEST_F(Walk, DryRunIsNoVerbsToForget)
{
    auto& world = script_->world();
    auto caller = world.caller("demo", "us-east-1").value();
    caller.dry_run = true;
    auto const before = files();
    auto const made = world.engine().create_volume(
        caller, {.zone = "us-east-1a", .size_gib = 1, .snapshot = {}, .type = "gp2"});
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().fault, Fault::dry_run);
    EXPECT_EQ(files(), before);
}

} // namespace
} // namespace karat::testing
