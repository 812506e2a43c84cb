// SPDX-License-Identifier: Apache-2.0
// karatd: builds the world, owns it, and takes it down in order.
#include "deadline.hpp"
#include "settings.hpp"

#include "karat/api.hpp"
#include "karat/blocks.hpp"
#include "karat/capabilities.hpp"
#include "karat/catalog.hpp"
#include "karat/compute.hpp"
#include "karat/engine.hpp"
#include "karat/key_door.hpp"
#include "karat/keys.hpp"
#include "karat/log.hpp"
#include "karat/thread.hpp"
#include "karat/version.hpp"
#include "karat/volumes.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace karat::daemon {
namespace {

constexpr std::size_t kMaxSettingsBytes = 1 << 20;
constexpr int kWrongUse = 2; // the exit code
constexpr int kPromotionMs = 10'000;
constexpr std::chrono::seconds kTimeToEnd{8};

struct CommandLine {
    std::string settings_file;
    std::vector<std::string> overrides; ///< "key=value"
    bool list_settings = false;
    bool new_store = false;
};

Result<Settings> read_settings(CommandLine const& line)
{
    Settings settings;
    if (!line.settings_file.empty()) {
        auto const bytes = TRY(read_file(posix_env().files, line.settings_file, kMaxSettingsBytes));
        auto read = parse_settings(std::string(as_text(bytes)));
        if (!read.ok())
            return fail(read.error().fault,
                        fmt::format("{}: {}", line.settings_file, read.error().message));
        settings = std::move(read).value();
    }
    for (auto const& text : line.overrides) {
        auto const equals = text.find('=');
        if (equals == std::string::npos)
            return fail(Fault::invalid, fmt::format("'{}' is not of the form key=value", text));
        TRY(set_setting(settings, text.substr(0, equals), text.substr(equals + 1)));
    }
    if (settings.program_directory.empty())
        settings.program_directory =
            std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
    settings.data_directory = std::filesystem::absolute(settings.data_directory).string();
    if (settings.key_file.empty())
        settings.key_file = settings.data_directory + "/encryption-keys";
    settings.key_file = std::filesystem::absolute(settings.key_file).string();
    return settings;
}

std::uint64_t guest_memory_mib(Settings const& settings)
{
    if (settings.memory_mib > 0)
        return static_cast<std::uint64_t>(settings.memory_mib);
    auto const bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return bytes / (1 << 20) * 9 / 10;
}

compute::Accelerator accelerator_of(Settings const& settings)
{
    return settings.accelerator == "kvm"   ? compute::Accelerator::kvm
           : settings.accelerator == "tcg" ? compute::Accelerator::tcg
                                           : compute::Accelerator::automatic;
}

Level level_of(Settings const& settings)
{
    return settings.log_level == "debug"   ? Level::debug
           : settings.log_level == "warn"  ? Level::warn
           : settings.log_level == "error" ? Level::error
                                           : Level::info;
}

/// Blocks SIGINT and SIGTERM for all threads made later, and returns what to poll for them.
int block_signals()
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

/// Waits for a signal, and looks after the host cache meanwhile.
void run_until_signal(int signal_fd, engine::Engine& engine)
{
    pollfd waiting{signal_fd, POLLIN, 0};
    while (::poll(&waiting, 1, kPromotionMs) == 0) {
        auto const promoted = engine.promote();
        if (!promoted.ok())
            log(Level::warn, "cache.not_promoted", promoted.error());
    }
}

Result<void> make_directories(Env const& env, std::string const& data)
{
    for (auto const* const part : {"", "/store", "/volumes", "/cache", "/run", "/run/imds",
                                   "/run/machines", "/run/grants", "/run/keys"})
        TRY(env.files.make_dirs(data + part));
    // Whoever made it: secrets are within.
    std::error_code refused;
    std::filesystem::permissions(data, std::filesystem::perms::owner_all, refused);
    if (refused)
        return fail(Fault::io,
                    fmt::format("Cannot keep others out of {}: {}", data, refused.message()));
    return {};
}

/// The file run/endpoint is there while we answer.
Result<void> announce(Env const& env, Settings const& settings, std::uint16_t port,
                      compute::Hypervisor::Kind const& kind)
{
    auto const url = fmt::format("http://{}:{}", settings.address, port);
    log(Level::info, "karatd.ready",
        {{"endpoint", url},
         {"data", settings.data_directory},
         {"accelerator", kind.accelerator},
         {"because", kind.reason}});
    return publish_file(env.files, settings.data_directory + "/run/endpoint", as_bytes(url + "\n"));
}

/// Complains of a key file that cannot be used; what is not encrypted works on.
std::unique_ptr<keys::Keys> open_keys(Env const& env, Settings const& settings)
{
    auto keys = keys::make_file_keys(env, settings.key_file);
    if (auto const readable = keys->list(); !readable.ok())
        log(Level::error, "karatd.keys", readable.error(), {{"key_file", settings.key_file}});
    return keys;
}

/// Alone in its folder, which karat-blk sees.
std::string key_door(Settings const& settings)
{
    return settings.data_directory + "/run/keys/door.sock";
}

volumes::Options volumes_options(Settings const& settings, confine::Isolation const& isolation)
{
    auto const& data = settings.data_directory;
    return {.directory = data + "/volumes",
            .run_directory = data + "/run",
            .store_directory = data + "/store",
            .key_file = settings.key_file,
            .plugin = settings.program_directory + "/karat-blk.so",
            .cache_directory = data + "/cache",
            .cache_mib = static_cast<std::uint64_t>(settings.cache_mib),
            .key_door = key_door(settings),
            .isolation = &isolation,
            .keep_free_bytes = static_cast<std::uint64_t>(settings.keep_free_mib) << 20};
}

confine::IsolationOptions isolation_options(Settings const& settings)
{
    return {.launcher = settings.program_directory + "/karat-confine",
            .first_user = static_cast<unsigned>(settings.first_user),
            .data = settings.data_directory};
}

/// The folders that guests' processes see whole: they find in them what they know by name, and no
/// more. Nobody else gets as far, since the data directory is ours alone.
Result<void> open_to_guests(std::string const& data, confine::Isolation const& isolation)
{
    if (!isolation.user(0))
        return {};
    for (auto const* const part : {"/volumes", "/cache", "/run/imds"})
        TRY(confine::protect(data + part, 0711));
    return {};
}

compute::QemuOptions qemu_options(Settings const& settings, confine::Isolation const& isolation)
{
    auto const& data = settings.data_directory;
    return {.run_directory = data + "/run/machines",
            .net = settings.program_directory + "/karat-net",
            .accelerator = accelerator_of(settings),
            .reach = settings.guests_reach_host == "yes" ? compute::Reach::anywhere
                                                         : compute::Reach::outside,
            .isolation = &isolation,
            .disk_folders = {data + "/volumes", data + "/cache"},
            .readable = {data + "/run/nbd"},
            .grants = data + "/run/grants"};
}

engine::Settings engine_settings(Settings const& settings, confine::Isolation const& isolation)
{
    return {.regions = settings.regions,
            .run_directory = settings.data_directory + "/run",
            .shutdown_timeout = std::chrono::seconds(settings.shutdown_timeout_seconds),
            .terminated_for = std::chrono::seconds(settings.terminated_for_seconds),
            .audit_for = std::chrono::hours(24 * settings.audit_days),
            .memory_mib = guest_memory_mib(settings),
            .isolated = isolation.in_force(),
            .not_isolated = isolation.missing(),
            .workers = static_cast<int>(settings.task_workers),
            .bulk_workers = static_cast<int>(settings.bulk_workers)};
}

/// Bodies of requests and blocks have half a megabyte. Memory for them stays with us: what goes
/// back to the kernel returns page by page, with a fault each, which costs a third of what an EBS
/// direct read does (docs/measurements.md, B16).
void keep_freed_memory()
{
    ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
    ::mallopt(M_TOP_PAD, 4 << 20);
}

Result<std::unique_ptr<FileLock>> lock_directory(Env const& env, std::string const& data)
{
    auto lock = env.files.lock(data + "/lock");
    if (!lock.ok() && lock.error().fault == Fault::unavailable)
        return fail(Fault::unavailable,
                    fmt::format("Another karatd runs over {}: {}", data, lock.error().message));
    return lock;
}

Result<std::string> catalog_of(Settings const& settings)
{
    auto const& url = settings.catalog;
    if (url.empty())
        return settings.data_directory + "/catalog.sqlite";
    if (!catalog::is_postgres(url))
        return fail(Fault::invalid, "The setting 'catalog' begins with postgresql://, or is empty");
    return url;
}

/// An empty store under a full catalog is a disk that is not mounted, more likely than a loss; what
/// is written now would be hidden once it is.
Result<void> check_store_is_there(Env const& env, catalog::Catalog& catalog,
                                  std::string const& store)
{
    auto const names = TRY(env.files.list(store));
    auto const snapshots = TRY(catalog.read([](catalog::View& view) {
        catalog::PassOverDamaged const passing(view);
        return view.snapshots({});
    }));
    auto const kept = std::ranges::count_if(
        snapshots, [](Snapshot const& one) { return one.content.has_value(); });
    if (!names.empty() || kept == 0)
        return {};
    return fail(Fault::not_found,
                fmt::format("{} is empty, and the catalog names {} snapshots that it should hold. "
                            "Is its disk mounted? To go on without them, start once with "
                            "--new-store",
                            store, kept));
}

/// Calls and tasks that are under way, by name.
std::vector<std::string> what_runs(api::Endpoint const& endpoint, catalog::Catalog& catalog)
{
    auto names = endpoint.running();
    auto const tasks = catalog.read([](catalog::View& view) { return view.open_tasks(); });
    if (tasks.ok())
        for (auto const& task : tasks.value())
            if (task.state == TaskState::running)
                names.push_back(fmt::format("task {} ({} {})", task.id, task.kind, task.subject));
    return names;
}

Result<void> serve(Settings const& settings, bool new_store)
{
    keep_freed_memory();
    set_log_level(level_of(settings));
    auto const env = posix_env();
    auto const& data = settings.data_directory;
    auto const run = data + "/run";
    TRY(make_directories(env, data));
    auto const lock = TRY(lock_directory(env, data));
    int const signal_fd = block_signals();

    auto const where = TRY(catalog_of(settings));
    auto const catalog = TRY(catalog::Catalog::open(env, where));
    auto const keys = open_keys(env, settings);
    if (!new_store)
        TRY(check_store_is_there(env, *catalog, data + "/store"));
    auto const store = TRY(blocks::Store::open(
        env, data + "/store",
        {.keys = keys.get(),
         .keep_free_bytes = static_cast<std::uint64_t>(settings.keep_free_mib) << 20}));
    auto const isolation = TRY(confine::Isolation::choose(isolation_options(settings)));
    TRY(open_to_guests(data, isolation));
    auto const door = TRY(keys::KeyDoor::open(*keys, key_door(settings)));
    auto const volumes =
        TRY(volumes::Volumes::open(env, *store, volumes_options(settings, isolation)));
    auto const hypervisor = TRY(compute::make_qemu(env, qemu_options(settings, isolation)));
    auto const endpoint =
        TRY(api::Endpoint::create(env, {.address = settings.address,
                                        .port = static_cast<std::uint16_t>(settings.port),
                                        .admin_socket = run + "/admin.sock",
                                        .data_directory = data,
                                        .workers = static_cast<int>(settings.api_workers)}));
    TRY(volumes->serve());
    engine::Engine engine({.env = env,
                           .catalog = *catalog,
                           .keys = *keys,
                           .store = *store,
                           .volumes = *volumes,
                           .hypervisor = *hypervisor,
                           .metadata = endpoint->metadata(),
                           .settings = engine_settings(settings, isolation)});
    endpoint->answer_guests(engine); // recovery opens their sockets
    TRY(engine.recover());
    TRY(endpoint->start(engine));
    engine.start_workers();
    ::malloc_trim(0); // loading the catalog leaves much that is free
    TRY(announce(env, settings, endpoint->port(), hypervisor->kind()));

    run_until_signal(signal_fd, engine);
    // Guests run on without us, and so does karat-blk, which serves their disks.
    log(Level::info, "karatd.stopping");
    Deadline const deadline(kTimeToEnd, [&] { return what_runs(*endpoint, *catalog); });
    TRY(env.files.remove(run + "/endpoint"));
    endpoint->stop();
    engine.stop_workers();
    ::close(signal_fd);
    return {};
}

int run(int argc, char** argv)
{
    CLI::App app("karatd - self-hosted, EC2-compatible machine images", "karatd");
    CommandLine line;
    app.add_option("--config", line.settings_file, "A TOML file with settings");
    app.add_option("--set", line.overrides,
                   "key=value: one setting, instead of the file's (repeatable)");
    app.add_flag("--new-store", line.new_store,
                 "Begin an empty store, though the catalog names snapshots");
    app.add_flag("--settings", line.list_settings, "List all settings and exit");
    app.set_version_flag("--version", std::string("karatd ") + version());
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& problem) { // also --help and --version
        return app.exit(problem) == 0 ? 0 : kWrongUse;
    }
    if (line.list_settings) {
        std::fputs(describe_settings().c_str(), stdout);
        return 0;
    }
    auto const settings = read_settings(line);
    if (!settings.ok()) {
        std::fprintf(stderr, "karatd: %s\n", settings.error().message.c_str());
        return kWrongUse;
    }
    raise_file_limit(); // a store of some terabytes has thousands of packs
    if (auto const dropped = confine::drop_daemon_capabilities(); !dropped.ok())
        log(Level::warn, "karatd.privileges", dropped.error());
    auto const outcome = serve(settings.value(), line.new_store);
    if (!outcome.ok()) {
        log(Level::error, "karatd.failed", outcome.error());
        std::fprintf(stderr, "karatd: %s\n", outcome.error().message.c_str());
        return 1;
    }
    return 0;
}

} // namespace
} // namespace karat::daemon

int main(int argc, char** argv)
{
    return karat::run_program("karatd", [=] { return karat::daemon::run(argc, argv); });
}
