// SPDX-License-Identifier: Apache-2.0
#include "formats/writers.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

struct FormName {
    std::string_view word;
    ImageForm form;
};
constexpr std::array kFormNames{
    FormName{"raw", ImageForm::raw},   FormName{"qcow2", ImageForm::qcow2},
    FormName{"vmdk", ImageForm::vmdk}, FormName{"vmdk-sparse", ImageForm::vmdk_sparse},
    FormName{"vhd", ImageForm::vhd},   FormName{"vhd-fixed", ImageForm::vhd_fixed},
    FormName{"vhdx", ImageForm::vhdx}, FormName{"ova", ImageForm::ova}};
constexpr std::size_t kMaxNameCharacters = 64;

/// The file's name as other programs can take it: without folder, harmless.
std::string plain_name(std::string const& path)
{
    auto const slash = path.rfind('/');
    auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    name.resize(std::min(name.size(), kMaxNameCharacters));
    for (auto& c : name) {
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        c = plain ? c : '_';
    }
    return name.front() == '.' ? "disk" + name : name;
}

std::string without_ending(std::string const& name, std::string_view ending)
{
    return name.ends_with(ending) ? name.substr(0, name.size() - ending.size()) : name;
}

Result<void> write(DiskSource& source, File& file, std::string const& path, ImageForm form)
{
    auto const name = plain_name(path);
    switch (form) {
    case ImageForm::raw:
        return write_raw(source, file);
    case ImageForm::qcow2:
        return write_qcow2(source, file);
    case ImageForm::vmdk: {
        StreamOut out(file, 0);
        return write_vmdk_stream(source, out, name);
    }
    case ImageForm::vmdk_sparse:
        return write_vmdk_sparse(source, file, name);
    case ImageForm::vhd:
        return write_vhd_dynamic(source, file);
    case ImageForm::vhd_fixed:
        return write_vhd_fixed(source, file);
    case ImageForm::vhdx:
        return write_vhdx(source, file);
    case ImageForm::ova:
        return write_ova(source, file, without_ending(name, ".ova"));
    }
    VERIFY(false);
}

Result<WrittenImage> write_durably(Files& files, DiskSource& source, std::string const& path,
                                   ImageForm form)
{
    auto const file = TRY(files.open(unfinished_image(path), Access::create_new));
    TRY(write(source, *file, path, form));
    TRY(file->sync_data());
    auto const file_bytes = TRY(file->size_bytes());
    TRY(files.rename(unfinished_image(path), path));
    return WrittenImage{source.data_bytes(), file_bytes};
}

} // namespace

std::string_view word(ImageForm form)
{
    for (auto const& name : kFormNames)
        if (name.form == form)
            return name.word;
    VERIFY(false);
}

Result<ImageForm> parse_image_form(std::string_view text)
{
    for (auto const& name : kFormNames)
        if (name.word == text)
            return name.form;
    return fail(Fault::unsupported,
                fmt::format("The disk format '{}' is not one that Karat writes: raw, qcow2, vmdk, "
                            "vmdk-sparse, vhd, vhd-fixed, vhdx, ova",
                            text));
}

std::string unfinished_image(std::string const& path) { return path + ".karat-unfinished"; }

Result<WrittenImage> write_image_file(Files& files, blocks::View const& view,
                                      std::string const& path, ImageForm form,
                                      Progress const& progress)
{
    TRY(files.remove(unfinished_image(path))); // of a run that a crash cut short
    DiskSource source(view, progress);
    auto written = write_durably(files, source, path, form);
    if (!written.ok()) {
        (void)files.remove(unfinished_image(path)).ok(); // the first failure is the one to tell
        return written;
    }
    TRY(files.sync_dir(parent_of(path)));
    return written;
}

} // namespace karat::volumes
