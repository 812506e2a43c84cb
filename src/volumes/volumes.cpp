// SPDX-License-Identifier: Apache-2.0
// The door. On disk: <directory>/<volume id>/<overlay name>, nothing else.
#include "karat/volumes.hpp"

#include "exporter.hpp"
#include "feeder.hpp"
#include "file_stamp.hpp"
#include "formats/formats.hpp"
#include "formats/writers.hpp"
#include "overlay.hpp"
#include "qcow2_header.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

std::string absolute(std::string const& path)
{
    std::error_code ignored;
    auto const whole = std::filesystem::absolute(path, ignored);
    return ignored ? path : whole.lexically_normal().string();
}

/// Names are made by the engine; one with a '/' would be its mistake.
void verify_name(std::string const& name)
{
    VERIFY(!name.empty() && name.front() != '.' && name.find('/') == std::string::npos);
}

/// Nothing that somebody put beside the overlays may keep a volume from going.
Result<void> remove_anything(Files& files, std::string const& path)
{
    auto removed = files.remove(path);
    if (removed.ok())
        return removed;
    std::error_code failed;
    std::filesystem::remove_all(path, failed); // a folder; follows no link
    return failed ? removed : Result<void>();
}

class HostVolumes final : public Volumes {
public:
    HostVolumes(Env env, blocks::Store& store, Options const& options)
        : env_(env)
        , store_(store)
        , directory_(options.directory)
        , cache_(options.cache_directory)
        , exporter_(env, options)
    {
    }

    Result<void> create_overlay(VolumeId const& volume, std::string const& name,
                                std::uint64_t size_bytes) override
    {
        auto const path = overlay_path(volume, name);
        auto const exists = TRY(env_.files.exists(path));
        if (exists) // an earlier call may have ended between its rename and its sync
            return env_.files.sync_dir(folder(volume));
        TRY(env_.files.make_dirs(folder(volume)));
        return make_overlay(env_.files, path, size_bytes);
    }

    std::string overlay_path(VolumeId const& volume, std::string const& name) const override
    {
        verify_name(name);
        return folder(volume) + '/' + name;
    }

    Result<void> check_overlays(VolumeId const& volume, std::vector<std::string> const& names,
                                std::uint64_t size_bytes) override
    {
        for (auto const& name : names) {
            auto const path = overlay_path(volume, name);
            auto const file = TRY(open_overlay(volume, path));
            auto const header =
                TRY(qcow2::read_header(*file, Complaints(path, Trust::own, "qcow2")));
            if (name == names.back() && header.size_bytes > size_bytes)
                return fail(Fault::corrupt, fmt::format("The overlay {} has a disk of {} bytes, "
                                                        "and its volume has {}",
                                                        path, header.size_bytes, size_bytes));
        }
        return {};
    }

    Result<void> write_out(VolumeId const& volume, std::string const& name) override
    {
        auto const file = TRY(open_overlay(volume, overlay_path(volume, name)));
        return file->sync_data();
    }

    Result<void> keep_overlays(VolumeId const& volume,
                               std::vector<std::string> const& names) override
    {
        auto const listed = env_.files.list(folder(volume));
        if (!listed.ok() && listed.error().fault == Fault::not_found)
            return {};
        for (auto const& name : TRY(listed))
            if (std::find(names.begin(), names.end(), name) == names.end())
                TRY(remove_anything(env_.files, folder(volume) + '/' + name));
        return env_.files.sync_dir(folder(volume));
    }

    Result<void> remove(VolumeId const& volume) override
    {
        auto const listed = env_.files.list(folder(volume));
        if (!listed.ok() && listed.error().fault == Fault::not_found)
            return {};
        for (auto const& name : TRY(listed))
            TRY(remove_anything(env_.files, folder(volume) + '/' + name));
        TRY(env_.files.remove_dir(folder(volume)));
        return env_.files.sync_dir(directory_);
    }

    Result<std::vector<VolumeId>> list() override
    {
        std::vector<VolumeId> volumes;
        for (auto const& name : TRY(env_.files.list(directory_))) {
            auto const id = VolumeId::parse(name);
            if (id.ok()) // what else lies there is not ours to judge
                volumes.push_back(id.value());
        }
        return volumes;
    }

    Result<blocks::Committed> capture(VolumeId const& volume, Layers const& layers,
                                      blocks::Facts facts, Progress const& progress) override
    {
        auto const made = TRY(find_committed(store_, facts.name));
        if (made)
            return *made;
        std::vector<std::unique_ptr<DiskReader>> overlays;
        for (auto const& name : layers.overlays) {
            auto const path = overlay_path(volume, name);
            auto file = TRY(open_overlay(volume, path));
            overlays.push_back(TRY(open_qcow2(std::move(file), path, Trust::own)));
        }
        auto base = layers.base ? std::optional(layers.base->text()) : std::nullopt;
        return capture_layers(store_, std::move(base), std::move(overlays), facts, progress);
    }

    Result<blocks::Committed> copy(SnapshotId const& source, blocks::Facts facts,
                                   Progress const& progress) override
    {
        auto const made = TRY(find_committed(store_, facts.name));
        if (made)
            return *made;
        return capture_layers(store_, source.text(), {}, facts, progress);
    }

    Result<DiskFacts> inspect(std::string const& path, std::optional<Format> format) override
    {
        auto file = TRY(env_.files.open(path, Access::read));
        if (format)
            TRY(check_format(*file, path, *format));
        else
            format = TRY(tell_format(*file, path));
        auto const disk = TRY(open_disk(std::move(file), path, *format));
        return DiskFacts{*format, disk->size_bytes()};
    }

    Result<blocks::Committed> import(std::string const& path, Format format, blocks::Facts facts,
                                     Progress const& progress) override
    {
        auto const made = TRY(find_committed(store_, facts.name));
        if (made)
            return *made;
        auto const before = stamp_of(path);
        auto file = TRY(env_.files.open(path, Access::read));
        auto const disk = TRY(open_disk(std::move(file), path, format));
        TRY(disk->check_sums([&progress] { return !progress || progress(0); }));
        auto stored = import_disk(store_, *disk, facts, progress,
                                  [&] { return check_unchanged(path, before); });
        if (!stored.ok() && stored.error().fault != Fault::unavailable)
            TRY(check_unchanged(path, before)); // then that is why
        return stored;
    }

    Result<WrittenImage> write_image(SnapshotId const& snapshot, std::string const& path,
                                     ImageForm form, Progress const& progress) override
    {
        auto const view = TRY(store_.view(snapshot.text()));
        return write_image_file(env_.files, *view, path, form, progress);
    }

    Result<void> remove_unfinished(std::string const& path) override
    {
        return env_.files.remove(unfinished_image(path));
    }

    Result<void> serve() override { return exporter_.serve(); }
    Result<void> exchange_server() override { return exporter_.exchange(); }
    Result<void> stop_serving() override { return exporter_.stop(); }
    Export export_of(SnapshotId const& snapshot) const override
    {
        Export found{exporter_.socket(), snapshot.text()};
        if (cache_.empty())
            return found;
        auto const file = blk::whole_file(cache_, snapshot.text());
        auto const there = env_.files.exists(file);
        if (there.ok() && there.value())
            found.file = file;
        return found;
    }
    Result<std::vector<blk::Cached>> cached() const override
    {
        if (cache_.empty())
            return std::vector<blk::Cached>();
        return blk::list_cache(env_.files, cache_);
    }

private:
    std::string folder(VolumeId const& volume) const { return directory_ + '/' + volume.text(); }

    Result<std::unique_ptr<File>> open_overlay(VolumeId const& volume, std::string const& path)
    {
        // A link would lead to a file of somebody else. Nothing at all is for open() to tell.
        std::error_code ignored;
        auto const kind = std::filesystem::symlink_status(path, ignored).type();
        if (kind != std::filesystem::file_type::regular &&
            kind != std::filesystem::file_type::not_found)
            return Error{Fault::corrupt, Noun::volume,
                         fmt::format("The volume {} has something else than a file at its layer {}",
                                     volume.text(), path)};
        auto file = env_.files.open(path, Access::read);
        // Not "not found": the volume exists, and its data is gone.
        if (!file.ok() && file.error().fault == Fault::not_found)
            return Error{Fault::corrupt, Noun::volume,
                         fmt::format("The volume {} has lost its layer {}", volume.text(), path)};
        return file;
    }

    Env env_;
    blocks::Store& store_;
    std::string directory_;
    std::string cache_; ///< Empty: there is none.
    Exporter exporter_;
};

} // namespace

Result<std::unique_ptr<Volumes>> Volumes::open(Env env, blocks::Store& store, Options options)
{
    options.directory = absolute(options.directory);
    options.run_directory = absolute(options.run_directory);
    options.store_directory = absolute(options.store_directory);
    if (!options.key_file.empty())
        options.key_file = absolute(options.key_file);
    TRY(env.files.make_dirs(options.directory));
    return std::unique_ptr<Volumes>(std::make_unique<HostVolumes>(env, store, options));
}

} // namespace karat::volumes
