// SPDX-License-Identifier: Apache-2.0
// karat image export: a snapshot becomes a file of the operator's. The task writes beside the
// file's place and renames when all is durable, so that it may run twice and end at any time.
#include "steps.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

Result<SnapshotId> disk_of_image(catalog::View& view, ImageId const& id,
                                 std::string const& device_name)
{
    auto const image = TRY(view.image(id));
    if (!image)
        return not_found(id);
    auto const& wanted = device_name.empty() ? image->root_device_name : device_name;
    for (auto const& device : image->devices)
        if (device.device_name == wanted && device.snapshot)
            return *device.snapshot;
    return Error{Fault::not_found, Noun::block_device,
                 fmt::format("The {} has no disk {} with a snapshot", id.text(), wanted)};
}

/// The snapshot that an image or snapshot id leads to, which is there to be read.
Result<SnapshotId> source_of(catalog::View& view, ExportImage const& request)
{
    auto const image = ImageId::parse(request.source);
    auto const id = TRY(image.ok() ? disk_of_image(view, image.value(), request.device_name)
                                   : SnapshotId::parse(request.source));
    auto const snapshot = TRY(view.snapshot(id));
    if (!snapshot)
        return not_found(id);
    if (snapshot->state != SnapshotState::completed)
        return Error{Fault::wrong_state, Noun::snapshot,
                     fmt::format("The {} is {}, not completed", id.text(), word(snapshot->state))};
    return id;
}

Result<void> check_path(Files& files, ExportImage const& request)
{
    auto const& path = request.path;
    if (path.empty() || path.front() != '/' || path.back() == '/')
        return fail(Fault::invalid, "An export needs the absolute path of a file");
    bool const exists = TRY(files.exists(path));
    if (exists && !request.overwrite)
        return fail(Fault::duplicate,
                    fmt::format("There is a file {} already; remove it, or say --force", path));
    return {};
}

/// Asked of the row: CancelExport changes it while the task is at work.
Result<bool> is_cancelled(Engine::State& state, Task const& task)
{
    auto const row =
        TRY(state.catalog().read([&](catalog::View& view) { return view.task(task.id); }));
    return row && TRY(work_of<ExportWork>(*row)).cancelled;
}

Error was_cancelled() { return fail(Fault::wrong_state, "The export was cancelled"); }

} // namespace

Result<StartedExport> Engine::export_image(ExportImage const& request)
{
    TRY(check_path(state_->env().files, request));
    return state_->catalog().change(
        {"admin", "ExportImage"}, [&](catalog::Change& change) -> Result<StartedExport> {
            auto const snapshot = TRY(source_of(change, request));
            ExportWork const work{.snapshot = snapshot,
                                  .path = request.path,
                                  .form = std::string(volumes::word(request.form))};
            auto const task = TRY(enqueue(*state_, change, work));
            return StartedExport{snapshot, task};
        });
}

Result<void> Engine::cancel_export(std::int64_t id)
{
    return state_->catalog().change(
        {"admin", "CancelExport"}, [&](catalog::Change& change) -> Result<void> {
            auto task = TRY(change.task(id));
            if (!task || task->kind != ExportWork::kKind)
                return Error{Fault::not_found, Noun::task,
                             fmt::format("There is no export {}", id)};
            if (task->state == TaskState::done || task->state == TaskState::failed)
                return Error{Fault::wrong_state, Noun::task,
                             fmt::format("The export {} is {}", id, word(task->state))};
            auto work = TRY(work_of<ExportWork>(*task));
            work.cancelled = true;
            TRY(set_work(*task, work));
            return change.save(*task);
        });
}

Result<Next> step_export(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<ExportWork>(task));
    if (work.cancelled)
        return was_cancelled();
    auto const form = TRY(volumes::parse_image_form(work.form));
    auto const written =
        state.parts.volumes.write_image(work.snapshot, work.path, form, [&](double share) {
            auto const cancelled = is_cancelled(state, task);
            bool const ends = cancelled.ok() && cancelled.value();
            return !ends && report_progress(state, task, share);
        });
    if (!written.ok()) {
        bool const cancelled = TRY(is_cancelled(state, task));
        if (cancelled)
            return was_cancelled();
        auto error = written.error();
        // A full disk, a folder that may not be written: not passing.
        if (error.fault == Fault::io || error.fault == Fault::full)
            error.fault = Fault::invalid;
        return error;
    }
    log(Level::info, "image.exported",
        {{"snapshot", work.snapshot.text()},
         {"path", work.path},
         {"format", work.form},
         {"data_bytes", written.value().data_bytes},
         {"file_bytes", written.value().file_bytes}});
    return finished();
}

Result<void> give_up_export(Engine::State& state, Task const& task, Error const& error)
{
    auto const work = TRY(work_of<ExportWork>(task));
    TRY(state.parts.volumes.remove_unfinished(work.path));
    return give_up_nothing(state, task, error);
}

} // namespace karat::engine
