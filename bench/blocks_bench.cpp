// SPDX-License-Identifier: Apache-2.0
// Times the block store: blocks_bench import STORE NAME FILE | restore STORE NAME FILE | check
// STORE
//                        | remove STORE NAME | collect STORE (three epochs end a record)
// With KARAT_BENCH_KEYS=FILE imports are encrypted, and what is can be read.
// Prints seconds, CPU seconds and bytes as key=value, one line a run.
#include "karat/blocks.hpp"
#include "karat/keys.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/resource.h>

namespace {

using namespace karat;

constexpr std::size_t kStep = 1 << 20; // what karatd reads at a time
constexpr int kThreads = 2;

double cpu_seconds()
{
    rusage use = {};
    ::getrusage(RUSAGE_SELF, &use);
    auto const seconds = [](timeval t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// Null without a key file.
std::unique_ptr<keys::Keys> open_keys()
{
    auto const* const path = std::getenv("KARAT_BENCH_KEYS");
    return path == nullptr ? nullptr : keys::make_file_keys(posix_env(), path);
}

Result<std::string> import(blocks::Store& store, keys::Keys* keys, std::string const& name,
                           std::string const& path)
{
    std::string key;
    if (keys != nullptr)
        key = TRY(keys->default_key({"000000000001", "us-east-1"})).arn();
    auto env = posix_env();
    auto const file = TRY(env.files.open(path, Access::read));
    auto const size = TRY(file->size_bytes());
    auto const whole = (size + blocks::kBlockBytes - 1) / blocks::kBlockBytes * blocks::kBlockBytes;
    auto ingest = TRY(store.begin({.name = name, .size_bytes = whole, .key = key}, {}));
    Bytes step(kStep);
    for (std::uint64_t at = 0;;) {
        auto const data = TRY(file->next_data(at));
        if (!data)
            break;
        at = data->offset_bytes / blocks::kBlockBytes * blocks::kBlockBytes;
        while (at < data->end_bytes()) {
            auto const length = std::min<std::uint64_t>(kStep, whole - at);
            auto const part = std::span(step).first(length);
            auto const got = TRY(file->read_at(at, part));
            std::ranges::fill(part.subspan(got), std::byte{0});
            TRY(ingest->write(at, part));
            at += length;
        }
    }
    auto const done = TRY(ingest->commit());
    return "bytes_data=" + std::to_string(done.full_size_bytes) +
           " bytes_new=" + std::to_string(done.bytes_new) +
           " bytes_stored=" + std::to_string(done.bytes_stored) + " root=" + done.root.text();
}

Result<std::string> restore(std::string const& store, keys::Keys* keys, std::string const& name,
                            std::string const& path)
{
    auto env = posix_env();
    auto const reader = TRY(blocks::Reader::open(env, store, {.keys = keys}));
    auto const view = TRY(reader->view(name));
    auto const file = TRY(env.files.open(path, Access::create));
    TRY(file->truncate(view->facts().size_bytes));
    std::atomic<std::uint64_t> bytes = 0;
    TRY(blocks::read_all(*view, kThreads, [&](std::uint64_t at, std::span<std::byte const> data) {
        bytes += data.size();
        return file->write_at(at, data);
    }));
    return "bytes_data=" + std::to_string(bytes);
}

Result<std::string> check(blocks::Store& store)
{
    auto const report = TRY(store.check({}));
    for (auto const& damage : report.damage)
        std::printf("damage: %s\n", damage.c_str());
    return "bytes_data=" + std::to_string(report.bytes);
}

Result<std::string> run(int count, char** words)
{
    std::string const verb = count > 1 ? words[1] : "";
    std::string const directory = count > 2 ? words[2] : "";
    std::string const name = count > 3 ? words[3] : "";
    std::string const path = count > 4 ? words[4] : "";
    auto const keys = open_keys();
    if (verb == "restore")
        return restore(directory, keys.get(), name, path);
    auto const store = TRY(blocks::Store::open(posix_env(), directory, {.keys = keys.get()}));
    if (verb == "import")
        return import(*store, keys.get(), name, path);
    if (verb == "check")
        return check(*store);
    if (verb == "remove") {
        TRY(store->remove(name));
        return std::string("removed=1");
    }
    if (verb == "collect") {
        auto const names = TRY(store->names());
        auto const report = TRY(store->collect(names));
        auto const mark_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(report.mark_time).count();
        return "bytes_freed=" + std::to_string(report.bytes_freed) +
               " records=" + std::to_string(report.live_extents + report.dead_extents) +
               " mark_ms=" + std::to_string(mark_ms);
    }
    return fail(Fault::invalid, "usage: blocks_bench import|restore|check|remove|collect STORE …");
}

} // namespace

int main(int count, char** words)
{
    auto const clock = [] { return karat::posix_env().clock.steady(); };
    auto const began = clock();
    auto const result = run(count, words);
    auto const seconds = static_cast<double>((clock() - began).count()) / 1e9;
    if (!result.ok()) {
        std::fprintf(stderr, "blocks_bench: %s\n", result.error().message.c_str());
        return 1;
    }
    std::printf("verb=%s seconds=%.3f cpu_seconds=%.2f %s\n", words[1], seconds, cpu_seconds(),
                result.value().c_str());
    return 0;
}
