// SPDX-License-Identifier: Apache-2.0
// karat: what an operator asks of the daemon. People read tab-separated lines; --json is for
// scripts.
#include "admin_client.hpp"
#include "printing.hpp"
#include "waiting.hpp"

#include "karat/nearest.hpp"
#include "karat/version.hpp"

#include "karat/thread.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <functional>

namespace karat::cli {
namespace {

enum ExitCode : int { done = 0, refused = 1, wrong_use = 2, no_daemon = 3 };

std::string absolute(Json const& path)
{
    return std::filesystem::absolute(path.get<std::string>()).string();
}

Result<void> import_image(Options const& options, Json request, bool wait)
{
    request["path"] = absolute(request.at("path"));
    auto const started = TRY(ask(options.socket(), "image-import", request));
    if (wait)
        TRY(wait_for(options, started, nullptr));
    print_object(options, {{"image", started.at("image")}, {"snapshot", started.at("snapshot")}});
    return {};
}

/// The format that a file's name asks for.
Result<std::string> format_of(std::string const& path)
{
    auto const ending = std::filesystem::path(path).extension().string();
    for (auto const* const known : {"raw", "qcow2", "vmdk", "vhd", "vhdx", "ova"})
        if (ending == std::string(".") + known)
            return std::string(known);
    return fail(
        Fault::invalid,
        fmt::format("The name {} does not tell a disk format; give one with --format", path));
}

Result<void> export_image(Options const& options, Json request, bool wait)
{
    auto const path = absolute(request.at("path"));
    if (!request.contains("format"))
        request["format"] = TRY(format_of(path));
    request["path"] = path;
    auto const started = TRY(ask(options.socket(), "image-export", request));
    if (wait)
        TRY(wait_for(options, started, "export-cancel"));
    print_object(options, {{"path", path}, {"snapshot", started.at("snapshot")}});
    return {};
}

/// A key as lines for a shell to source.
void print_key(Options const& options, Json const& key)
{
    if (options.json)
        return print(key.dump());
    print(fmt::format("export AWS_ACCESS_KEY_ID={}", key.at("access_key_id").get<std::string>()));
    print(fmt::format("export AWS_SECRET_ACCESS_KEY={}",
                      key.at("secret_access_key").get<std::string>()));
}

/// Asks for a check and fails when it names damage.
Result<void> check(Options const& options, char const* verb)
{
    auto const report = TRY(ask(options.socket(), verb, Json::object()));
    print_object(options, report);
    std::size_t damaged = 0;
    for (auto const* const list : {"catalog_damage", "damage"})
        damaged += report.value(list, Json::array()).size();
    if (damaged > 0)
        return fail(Fault::corrupt, fmt::format("Damage was found: {} sentences", damaged));
    return {};
}

/// The innermost command that was typed, with its groups before it: "karat image import".
std::pair<CLI::App const*, std::string> innermost(CLI::App const& app)
{
    auto const* at = &app;
    auto path = app.get_name();
    for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
        at = chosen.front();
        path += " " + at->get_name();
    }
    return {at, path};
}

/// What may stand where a word was not understood.
std::vector<std::string> known_words(CLI::App const* command, bool options)
{
    std::vector<std::string> words;
    if (!options)
        for (auto const* const sub : command->get_subcommands([](CLI::App const*) { return true; }))
            words.push_back(sub->get_name());
    for (; options && command != nullptr; command = command->get_parent())
        for (auto const* const option : command->get_options())
            for (auto const& name : option->get_lnames())
                words.push_back("--" + name);
    return words;
}

/// Says what is wrong with the command line, and what was probably meant.
int complain(CLI::App const& app, CLI::ParseError const& problem)
{
    auto const [command, path] = innermost(app);
    std::string said = problem.what();
    if (auto const words = app.remaining(true); !words.empty()) {
        auto const& word = words.front();
        bool const is_option = word.starts_with("-");
        said = fmt::format("'{}' is not {} of {}{}", word, is_option ? "an option" : "a command",
                           path, did_you_mean(word, known_words(command, is_option)));
    }
    std::fprintf(stderr, "karat: %s\nSee %s --help\n", said.c_str(), path.c_str());
    return wrong_use;
}

/// The commands of the program, each bound to what it runs.
class Program {
public:
    Program()
    {
        app_.require_subcommand(1);
        app_.fallthrough(); // --json and --data may stand behind the command, too
        app_.add_option("--data", options_.data, "The daemon's data directory")
            ->envname("KARAT_DATA");
        app_.add_flag("--json", options_.json, "Print JSON");
        app_.set_version_flag("--version", std::string("karat ") + version());
        app_.footer("Exit codes: 0 done; 1 refused, failed, or damage found; 2 wrong use; 3 no "
                    "daemon answers.\nLists are lines with tabs between; --json prints JSON.");
        add_plain(&app_, "status", "What runs, how full the store is, and what is wrong", "status")
            ->footer("Each line 'problems' names one thing that a person must look at, and what "
                     "to do.");
        add_lists();
        add_accounts();
        add_encryption_keys();
        add_images();
        add_store();
        add_catalog();
        add_exchange();
    }

    int run(int argc, char** argv)
    {
        try {
            app_.parse(argc, argv);
            return after(action_());
        } catch (CLI::Success const& answered) { // --help, --version
            return app_.exit(answered);
        } catch (CLI::ParseError const& problem) {
            return complain(app_, problem);
        } catch (Json::exception const& problem) {
            return after(fail(Fault::corrupt,
                              fmt::format("The daemon's answer is not what karat expects; do both "
                                          "have the same version? ({})",
                                          problem.what())));
        }
    }

private:
    static int after(Result<void> const& outcome)
    {
        if (outcome.ok())
            return done;
        std::fprintf(stderr, "karat: %s\n", outcome.error().message.c_str());
        return outcome.error().fault == Fault::unavailable ? no_daemon : refused;
    }

    CLI::App* add_plain(CLI::App* parent, char const* name, char const* help, std::string verb)
    {
        auto* const command = parent->add_subcommand(name, help);
        on_answer(command, std::move(verb));
        return command;
    }

    CLI::App* add_group(char const* name, char const* help)
    {
        auto* const group = app_.add_subcommand(name, help);
        group->require_subcommand(1);
        return group;
    }

    CLI::Option* member(CLI::App* command, std::string const& flags, char const* name,
                        char const* help)
    {
        return command->add_option_function<std::string>(
            flags, [this, name](std::string const& value) { request_[name] = value; }, help);
    }

    void add_lists()
    {
        auto* const instances = app_.add_subcommand("instances", "List instances of all accounts");
        member(instances, "--account", "account", "Only of this account");
        member(instances, "--region", "region", "Only of this region");
        member(instances, "--state", "state",
               "pending, running, stopping, stopped, shutting-down or terminated");
        instances->footer("Columns: id, account, region, state, image, type, public and private "
                          "address, age, reason of the state.");
        on(instances, [this] {
            return print_pages(options_,
                               {"instance-list",
                                "instances",
                                {"id", "account", "region", "state", "image", "type", "public_ip",
                                 "private_ip", "age_seconds", "reason"}},
                               request_);
        });
        auto* const tasks = app_.add_subcommand("tasks", "List the daemon's long work");
        member(tasks, "--state", "state", "running, ready, waiting, retrying, stuck or failed");
        member(tasks, "--kind", "kind", "import, launch, capture, collect, ...");
        tasks->footer(
            "Columns: id, kind, what for, state, failures in a row, time until the next try, "
            "progress in percent, age, last error.\n"
            "running: a worker is at it; ready: waits for a worker or for its turn; waiting: for "
            "its time;\nretrying: failed, and is tried again; stuck: a person must look (karat "
            "status says what to do);\nfailed: given up, listed only when asked for, newest "
            "first.");
        on(tasks, [this] {
            return print_pages(options_,
                               {"task-list",
                                "tasks",
                                {"id", "kind", "subject", "state", "failures", "wait_seconds",
                                 "progress_percent", "age_seconds", "last_error"}},
                               request_);
        });
    }

    void add_accounts()
    {
        auto* const account = add_group("account", "Accounts");
        auto* const create = account->add_subcommand("create", "Make an account");
        member(create, "name", "name", "Lower-case letters, digits and hyphens")->required();
        member(create, "--id", "id", "Twelve digits: names an account that a rebuild made");
        member(create, "--alias", "alias",
               "Owner alias that DescribeImages takes, for publishers (amazon)");
        on(create, [this]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), "account-create", request_));
            print_object(options_, answer);
            return {};
        });
        on(account->add_subcommand("list", "List accounts"), [this]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), "account-list", request_));
            print_rows(options_, answer.at("accounts"), {"id", "name", "alias", "created"});
            return {};
        });
        auto* const key = add_group("key", "Access keys");
        auto* const make =
            key->add_subcommand("create", "Make an access key; its secret is shown once");
        member(make, "account", "account", "The account's name")->required();
        on(make, [this]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), "key-create", request_));
            print_key(options_, answer);
            return {};
        });
        auto* const list = key->add_subcommand("list", "List an account's keys");
        member(list, "account", "account", "The account's name")->required();
        on(list, [this]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), "key-list", request_));
            print_rows(options_, answer.at("keys"), {"access_key_id", "active", "created"});
            return {};
        });
    }

    /// A command about the keys of an account in a region.
    CLI::App* scoped(CLI::App* group, char const* name, char const* help)
    {
        auto* const command = group->add_subcommand(name, help);
        member(command, "--account", "account", "The owner's name")->required();
        member(command, "--region", "region", "The default is the daemon's first region");
        return command;
    }

    void add_encryption_keys()
    {
        auto* const key = add_group("encryption-key", "Keys that volumes are encrypted with");
        auto* const create = scoped(key, "create", "Make a key; back up the key file then");
        member(create, "--alias", "alias", "alias/..., by which callers may name it");
        member(create, "--description", "description", "For people");
        on_answer(create, "encryption-key-create");
        auto* const list = scoped(key, "list", "List an account's keys in a region");
        on(list, [this]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), "encryption-key-list", request_));
            print_rows(options_, answer.at("keys"), {"arn", "alias", "state", "created"});
            return {};
        });
        for (bool const enabled : {true, false}) {
            auto* const change =
                scoped(key, enabled ? "enable" : "disable",
                       enabled ? "Make a key usable again"
                               : "What is encrypted with the key cannot be opened any more");
            member(change, "key", "key", "Its ARN, id or alias")->required();
            change->parse_complete_callback([this, enabled] { request_["enabled"] = enabled; });
            on_answer(change, "encryption-key-enable");
        }
    }

    void add_images()
    {
        auto* const image = add_group("image", "Images");
        auto* const import =
            image->add_subcommand("import", "Make an image of an operating-system disk");
        member(import, "file", "path", "A disk: raw, qcow2, vmdk, vhd, vhdx, vdi or ova")
            ->required()
            ->check(CLI::ExistingFile);
        member(import, "--name", "name", "The image's name, unique in its account")->required();
        member(import, "--account", "account", "The owner's name")->required();
        member(import, "--format", "format",
               "raw, qcow2, vmdk, vhd, vhdx, vdi or ova; told from the file when absent");
        member(import, "--region", "region", "The default is the daemon's first region");
        member(import, "--description", "description", "For people");
        member(import, "--boot-mode", "boot_mode", "legacy-bios, uefi or uefi-preferred");
        member(import, "--root-device-name", "root_device_name", "The default is /dev/xvda");
        member(import, "--ssm-parameter", "ssm_parameter",
               "A public parameter /aws/service/... that names the image");
        import->add_option_function<std::uint64_t>(
            "--size", [this](std::uint64_t const& gib) { request_["size_gib"] = gib; },
            "The volume's size in GiB; the default is the disk's");
        import->add_flag_callback(
            "--encrypted", [this] { request_["encrypted"] = true; },
            "Encrypt it, with the account's default key unless one is named");
        member(import, "--encryption-key", "encryption_key", "Its ARN, id or alias");
        import->add_flag_callback(
            "--public", [this] { request_["public"] = true; }, "Anyone may launch it");
        import->add_flag("--no-wait", no_wait_, "Return at once; the import goes on in the daemon");
        on(import, [this] { return import_image(options_, request_, !no_wait_); });
        add_export(image);
        auto* const list = image->add_subcommand("list", "List an account's images");
        member(list, "--account", "account", "The owner's name")->required();
        member(list, "--region", "region", "The default is the daemon's first region");
        on(list, [this]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), "image-list", request_));
            print_rows(options_, answer.at("images"), {"id", "name", "state"});
            return {};
        });
    }

    void add_export(CLI::App* image)
    {
        auto* const command =
            image->add_subcommand("export", "Write an image's or a snapshot's disk to a file");
        member(command, "source", "source", "ami-... or snap-...")->required();
        member(command, "file", "path", "The file to make, on the daemon's host")->required();
        member(command, "--format", "format",
               "raw, qcow2, vmdk (streamOptimized), vmdk-sparse, vhd (dynamic), vhd-fixed, vhdx or "
               "ova; told from the file's name when absent");
        member(command, "--device", "device_name",
               "Which disk of an image; the default is its root");
        command->add_flag_callback(
            "--force", [this] { request_["overwrite"] = true; }, "Replace a file that is there");
        command->add_flag("--no-wait", no_wait_,
                          "Return at once; the export goes on in the daemon");
        on(command, [this] { return export_image(options_, request_, !no_wait_); });
    }

    void add_store()
    {
        auto* const store = add_group("store", "The block store");
        auto* const gc = store->add_subcommand("gc", "Free what deleted snapshots held");
        gc->add_option_function<int>(
            "--epochs", [this](int const& epochs) { request_["epochs"] = epochs; },
            "Collections in a row, 1 to 3 (default 3); the third frees what the first condemned");
        gc->add_flag_callback(
            "--clear-alarm", [this] { request_["clear_alarm"] = true; },
            "You have looked at the alarm: delete again");
        on(gc, [this]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), "store-gc", request_));
            print_object(options_, answer);
            return {};
        });
        auto* const scrub =
            store->add_subcommand("scrub", "Read and verify everything beside other work");
        scrub->add_option_function<std::uint64_t>(
            "--mib-per-second",
            [this](std::uint64_t const& rate) { request_["mib_per_second"] = rate; },
            "At most so fast; the default is as fast as it goes");
        scrub->add_flag_callback(
            "--anew", [this] { request_["anew"] = true; }, "Not where the last one was");
        scrub->add_flag("--no-wait", no_wait_, "Return at once; it goes on in the daemon");
        on(scrub, [this]() -> Result<void> {
            auto const started = TRY(ask(options_.socket(), "store-scrub", request_));
            if (no_wait_)
                print_object(options_, started);
            else
                TRY(wait_for(options_, started, nullptr));
            return {};
        });
        add_plain(store, "stats", "What the store holds", "store-stats");
        on(store->add_subcommand("cache", "Which snapshots this host has copies of, and how much"),
           [this]() -> Result<void> {
               auto const answer = TRY(ask(options_.socket(), "store-cache", Json::object()));
               print_rows(options_, answer.at("cached"),
                          {"snapshot", "state", "bytes", "full_bytes", "traced"});
               return {};
           });
        add_plain(store, "rebuild", "After the catalog was lost: snapshots' rows from the store",
                  "store-rebuild");
        on(store->add_subcommand("check", "Read and verify everything, the catalog too"),
           [this] { return check(options_, "store-check"); });
    }

    void add_catalog()
    {
        auto* const catalog = add_group("catalog", "The database that says what exists");
        on(catalog->add_subcommand("check", "Read and verify every row"),
           [this] { return check(options_, "catalog-check"); });
        auto* const backup =
            catalog->add_subcommand("backup", "Copy it to a new file while the daemon runs");
        backup->add_option("file", path_, "The file to make, on the daemon's host")->required();
        on(backup, [this]() -> Result<void> {
            auto const answer =
                TRY(ask(options_.socket(), "catalog-backup", {{"path", absolute(path_)}}));
            print_object(options_, answer);
            return {};
        });
    }

    void add_exchange()
    {
        auto* const exchange =
            add_group("exchange", "After an upgrade: processes that outlived the daemon");
        add_plain(exchange, "blk", "A new karat-blk; guests' reads wait for some milliseconds",
                  "exchange-blk");
        auto* const net = exchange->add_subcommand(
            "net", "A new karat-net for each guest; its open connections end, but for metadata");
        member(net, "instance", "instance", "i-...; the default is all");
        on_answer(net, "exchange-net");
    }

    /// Asks the daemon and prints what it says.
    void on_answer(CLI::App* command, std::string verb)
    {
        on(command, [this, verb = std::move(verb)]() -> Result<void> {
            auto const answer = TRY(ask(options_.socket(), verb, request_));
            print_object(options_, answer);
            return {};
        });
    }

    void on(CLI::App* command, std::function<Result<void>()> run)
    {
        command->callback([this, run = std::move(run)] { action_ = run; });
    }

    CLI::App app_{"karat - operate a Karat daemon", "karat"};
    Options options_;
    Json request_ = Json::object();
    std::string path_;
    bool no_wait_ = false;
    std::function<Result<void>()> action_;
};

} // namespace
} // namespace karat::cli

int main(int argc, char** argv)
{
    return karat::run_program("karat", [=] { return karat::cli::Program().run(argc, argv); });
}
