// SPDX-License-Identifier: Apache-2.0
// karat image import: a foreign disk becomes a snapshot and an image.
#include "devices.hpp"
#include "steps.hpp"

#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::uint64_t kMaxVolumeGib = 65536;

Result<void> check_parameter_name(std::string const& name)
{
    if (!name.empty() && (!name.starts_with("/aws/service/") || name.size() > 1024))
        return Error{
            Fault::invalid, Noun::parameter,
            "A public parameter's name begins with /aws/service/ and has at most 1024 characters"};
    return {};
}

Image image_of(Engine::State& state, Caller const& caller, ImportImage const& request,
               Snapshot const& snapshot)
{
    Image image{.id = ImageId::generate(state.env().chance),
                .owner = caller.account,
                .region = caller.region,
                .name = request.name,
                .description = request.description,
                .created = state.now()};
    image.root_device_name = request.root_device_name;
    image.devices.push_back({.device_name = request.root_device_name,
                             .snapshot = snapshot.id,
                             .size_gib = snapshot.size_gib,
                             .encrypted = !snapshot.kms_key.empty()});
    image.boot_mode = request.boot_mode;
    image.imds_support = "v2.0";
    image.ena_support = true;
    image.is_public = request.is_public;
    image.ssm_parameter = request.ssm_parameter;
    return image;
}

} // namespace

Result<ImportedImage> Engine::import_image(Caller const& caller, ImportImage const& request)
{
    TRY(check_region(caller.region));
    TRY(check_image_name(request.name));
    TRY(check_description(request.description));
    TRY(check_parameter_name(request.ssm_parameter));
    TRY(check_boot_mode(request.boot_mode));
    TRY(check_device_name(request.root_device_name));
    TRY(check_room(*state_, Noun::volume));
    auto const disk = TRY(state_->parts.volumes.inspect(request.path, request.format));
    auto const least_gib = (disk.virtual_size_bytes + kGiB - 1) / kGiB;
    auto const size_gib = request.size_gib.value_or(least_gib);
    if (size_gib < least_gib || size_gib == 0 || size_gib > kMaxVolumeGib)
        return fail(Fault::invalid,
                    fmt::format("The disk needs a volume of {} to {} GiB, not {}",
                                std::max<std::uint64_t>(least_gib, 1), kMaxVolumeGib, size_gib));
    return state_->catalog().change(
        {"admin", "ImportImage"}, [&](catalog::Change& change) -> Result<ImportedImage> {
            auto snapshot = new_snapshot(*state_, caller, size_gib,
                                         fmt::format("Imported for {}", request.name), {});
            snapshot.kms_key = TRY(key_for(*state_, change, caller, request.encryption, {}));
            if (request.is_public && !snapshot.kms_key.empty())
                return fail(Fault::denied, "What is encrypted cannot be made public");
            auto const image = image_of(*state_, caller, request, snapshot);
            TRY(change.save(snapshot));
            TRY(change.save(image));
            ImportWork const work{.path = request.path,
                                  .format = std::string(volumes::word(disk.format)),
                                  .image = image.id,
                                  .snapshot = snapshot.id};
            auto const task = TRY(enqueue(*state_, change, work));
            return ImportedImage{image.id, snapshot.id, task};
        });
}

namespace {

/// The public parameter that leads to the image.
Result<void> save_parameter(Engine::State& state, catalog::Change& change, Image const& image)
{
    if (image.ssm_parameter.empty())
        return {};
    auto const old = TRY(change.parameter({image.region, image.owner}, image.ssm_parameter));
    return change.save(Parameter{.name = image.ssm_parameter,
                                 .owner = image.owner,
                                 .region = image.region,
                                 .data_type = "aws:ec2:image",
                                 .value = image.id.text(),
                                 .version = old ? old->version + 1 : 1,
                                 .modified = state.now()});
}

Result<void> note_imported(Engine::State& state, catalog::Change& change, ImportWork const& work,
                           blocks::Committed const& stored)
{
    auto snapshot = TRY(change.snapshot(work.snapshot));
    auto image = TRY(change.image(work.image));
    if (!snapshot || !image || snapshot->state != SnapshotState::pending)
        return {};
    TRY(become(*snapshot, SnapshotState::completed));
    set_stored(*snapshot, stored, state.now());
    TRY(change.save(*snapshot));
    if (image->state != ImageState::pending)
        return {}; // deregistered meanwhile
    TRY(become(*image, ImageState::available));
    TRY(save_parameter(state, change, *image));
    return change.save(*image);
}

} // namespace

Result<Next> step_import(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<ImportWork>(task));
    auto const format = TRY(volumes::parse_format(work.format));
    auto const found = TRY(
        state.catalog().read([&](catalog::View& view) { return view.snapshot(work.snapshot); }));
    if (!found || found->state != SnapshotState::pending)
        return finished();
    auto const stored = TRY(state.parts.volumes.import(
        work.path, format, facts_of(*found, state.now()),
        [&](double share) { return report_progress(state, task, share); }));
    auto const next = TRY(finish(state, task, [&](catalog::Change& change) {
        return note_imported(state, change, work, stored);
    }));
    log(Level::info, "image.imported",
        {{"image", work.image.text()},
         {"snapshot", work.snapshot.text()},
         {"bytes", stored.full_size_bytes},
         {"stored_bytes", stored.bytes_stored}});
    return next;
}

/// An import that cannot succeed leaves nothing behind; its task row says why. What the store may
/// have of it goes with the next collection: the store may take no changes now.
Result<void> give_up_import(Engine::State& state, Task const& task, Error const& error)
{
    auto const work = TRY(work_of<ImportWork>(task));
    return fail_task(state, task, error, [&](catalog::Change& change) -> Result<void> {
        TRY(change.remove(work.image));
        auto snapshot = TRY(change.snapshot(work.snapshot));
        if (!snapshot)
            return {};
        snapshot->state = SnapshotState::deleted;
        TRY(change.save(*snapshot));
        return enqueue_collect(state, change);
    });
}

} // namespace karat::engine
