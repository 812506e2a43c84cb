// SPDX-License-Identifier: Apache-2.0
// The one writer of a store directory: puts the parts together.
#pragma once

#include "alarm.hpp"
#include "ingest.hpp"
#include "pack_scan.hpp"
#include "staging.hpp"

namespace karat::blocks {

/// Refuses what is no store, or of a format that is not known.
Result<void> check_marker(Files& files, std::string const& directory);
/// Refuses what is no store; makes the directory if absent.
Result<void> prepare_directory(Files& files, std::string const& directory);
/// The rest of making or opening it, under the lock: marker, folders, leftovers.
Result<void> finish_directory(Files& files, std::string const& directory);

/// Loads every pack of the directory into `packs` and closes those that a crash left open.
/// Answers the number that the next pack gets.
Result<std::uint32_t> load_packs(Env env, std::string const& directory, Packs& packs);

/// What was condemned when the store was last open; nothing if that is damaged.
Result<void> load_condemned(Files& files, std::string const& directory, Packs& packs);

class PackStore final : public Store, public Source {
public:
    static Result<std::unique_ptr<Store>> open(Env env, std::string directory, Options options);
    PackStore(Env env, std::string directory, Options options);

    // What changes the store is noexcept, here and in its ingests and staged snapshots: where
    // memory runs out in the middle of a change, the process ends (decision 016).
    Result<std::unique_ptr<Ingest>> begin(Facts facts,
                                          std::optional<std::string> base) noexcept override;
    Result<std::shared_ptr<View const>> view(std::string const& name) override;
    Result<Description> describe(std::string const& name) override;
    Result<void> remove(std::string const& name) noexcept override;
    Result<CollectReport> collect(std::span<std::string const> roots) noexcept override;
    Result<void> clear_alarm() noexcept override;
    Result<std::vector<std::string>> names() override;
    Result<Stats> stats() override;
    bool is_short_of_room() override;
    Result<CheckReport> check(std::function<bool(double)> progress) override;
    Result<ScrubReport> scrub(ScrubRequest const& request) override;
    StagedSnapshots& staged() override { return *staging_; }

    Result<Buffer> fetch(Wanted const& wanted, std::span<std::byte> direct) override;
    void closed(SnapshotView const& view) override;

private:
    Result<void> start();
    Result<std::shared_ptr<SnapshotView const>> open_view(std::string const& name);
    using MarkPages = std::function<Result<void>(std::span<PageRef const>)>;
    /// Marks all that any snapshot or view needs; the result counts the strays.
    Result<std::uint64_t> mark_all(std::span<std::string const> roots, MarkPages const& mark);
    /// Names the snapshots that need a bad record, or whose map asks for what is not there.
    Result<std::vector<std::string>> whom_it_hits(std::map<Hash, std::string> const& bad);
    /// Names packs whose files somebody removed.
    Result<void> check_names(std::vector<std::string>& damage);
    Result<CollectReport> collect_here(std::span<std::string const> roots);
    Result<void> check_free_name(std::string const& name);
    Result<Sealed> sealed_for(Facts const& facts, SnapshotView const* base);
    Result<void> note_seals();
    /// From now on the store is of format 2, durably.
    Result<void> mark_sealed();
    /// Every domain whose key is to be had, and a sentence for each that is not.
    std::vector<Vault::Held> unlock_all(std::vector<std::string>& locked);
    Result<std::unique_ptr<SnapshotIngest>>
    begin_over(Facts facts, std::shared_ptr<SnapshotView const> base_view);

    Env env_;
    std::string const directory_;
    Options const options_;
    std::unique_ptr<FileLock> lock_;
    Benches benches_;
    Health health_;
    Alarm alarm_;
    Registry registry_;
    Vault vault_;
    Packs packs_;
    std::optional<PackWriter> writer_;   // set by start()
    std::mutex collect_mutex_;           // one collection at a time
    std::mutex scrub_mutex_;             // one scrub at a time
    std::mutex marker_mutex_;            // one change of the marker at a time
    std::optional<StagingArea> staging_; // set by start()
    Workers workers_;                    // last: ends its jobs before what they use goes
};

} // namespace karat::blocks
