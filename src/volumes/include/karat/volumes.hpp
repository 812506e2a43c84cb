// SPDX-License-Identifier: Apache-2.0
// Volumes on this host: qcow2 overlays over snapshots served by karat-blk, the import of foreign
// disk images, and the capture of overlays as snapshots. A volume's layers are described by the
// catalog (karat::Layers); this room keeps the files.
#pragma once

#include "karat/blk.hpp"
#include "karat/blocks.hpp"
#include "karat/confinement.hpp"
#include "karat/nouns.hpp"

#include <functional>
#include <memory>
#include <string>

namespace karat::volumes {

/// Where QEMU finds a snapshot: an NBD export on a unix socket.
struct Export {
    std::string socket;
    std::string name;
    /// A raw file of the same bytes, when the host cache has all of them; else empty. For reading
    /// only. It may be evicted before somebody opens it: then the export is as good as before.
    std::string file = {};
};

/// Called now and then with the share done, 0 to 1. Returning false ends the work with
/// Fault::unavailable ("interrupted") and leaves nothing behind.
using Progress = std::function<bool(double)>;

/// The disk formats that are read. VHD, VHDX and VDI fixed or dynamic, VMDK monolithicSparse or
/// streamOptimized, OVA with one disk of any of them.
enum class Format : unsigned char { raw, qcow2, vmdk, vhd, vhdx, vdi, ova };
/// "raw", "qcow2", …; Fault::unsupported names the formats for another word.
Result<Format> parse_format(std::string_view text);
std::string_view word(Format format);

/// The forms that a snapshot is written in. vmdk is streamOptimized (compressed, for transfer),
/// vmdk_sparse monolithicSparse; vhd is dynamic.
enum class ImageForm : unsigned char { raw, qcow2, vmdk, vmdk_sparse, vhd, vhd_fixed, vhdx, ova };
/// "raw", "vmdk-sparse", …; Fault::unsupported names the forms for another word.
Result<ImageForm> parse_image_form(std::string_view text);
std::string_view word(ImageForm form);

/// What became of a snapshot as a file.
struct WrittenImage {
    std::uint64_t data_bytes = 0; ///< Of the disk, holes and zeroes left out.
    std::uint64_t file_bytes = 0; ///< The file's length; its holes take no room.
};

/// What a disk image says of itself, read without trust.
struct DiskFacts {
    Format format;
    std::uint64_t virtual_size_bytes;
};

struct Options {
    std::string directory;       ///< One folder per volume below it.
    std::string run_directory;   ///< For the NBD socket and the pid file of karat-blk.
    std::string store_directory; ///< The block store that karat-blk reads.
    std::string key_file;        ///< For encrypted snapshots; empty: karat-blk reads none.
    std::string nbdkit = "nbdkit";
    std::string plugin; ///< Path of karat-blk.so; empty: no exports are served (tests).
    std::string cache_directory = {}; ///< Of the host cache; empty: there is none.
    std::uint64_t cache_mib = 0;      ///< The most that it may hold.
    std::string key_door =
        {}; ///< The socket where karat-blk asks for data keys, instead of a file.
    confine::Isolation const* isolation = nullptr; ///< Of karat-blk; null: it is not confined.
    std::uint64_t keep_free_bytes = 0; ///< Below it new data is refused; the cache gives way first.
};

class Volumes {
public:
    virtual ~Volumes() = default;
    /// `store` outlives the result.
    static Result<std::unique_ptr<Volumes>> open(Env env, blocks::Store& store, Options options);

    /// Makes an empty overlay file (durable with its name). Success also if it exists; its cost
    /// does not depend on the size. The overlay names no backing file: QEMU is given its backing by
    /// node.
    virtual Result<void> create_overlay(VolumeId const& volume, std::string const& name,
                                        std::uint64_t size_bytes) = 0;
    virtual std::string overlay_path(VolumeId const& volume, std::string const& name) const = 0;
    /// Fault::corrupt unless a machine may be given these overlays (bottom first): each is a plain
    /// file, none names another one for QEMU to open, the top one's disk has at most `size_bytes`.
    /// For before each start: the machine that wrote them may have been taken over.
    virtual Result<void> check_overlays(VolumeId const& volume,
                                        std::vector<std::string> const& names,
                                        std::uint64_t size_bytes) = 0;
    /// Writes out what the host's page cache holds of an overlay while its guest runs, so that a
    /// swap right afterwards, which does the same with the guest's disks standing still, finds
    /// little to do.
    virtual Result<void> write_out(VolumeId const& volume, std::string const& name) = 0;
    /// Removes every overlay of the volume that is not among `names`.
    virtual Result<void> keep_overlays(VolumeId const& volume,
                                       std::vector<std::string> const& names) = 0;
    /// Removes the volume's folder with all overlays. Success also if absent.
    virtual Result<void> remove(VolumeId const& volume) = 0;
    /// The volumes that have a folder, for finding orphans.
    virtual Result<std::vector<VolumeId>> list() = 0;

    /// Stores the volume that `layers` describes as the snapshot facts.name: the base plus what the
    /// overlays hold, topmost wins. The overlays are not written meanwhile: they were frozen by a
    /// swap, or QEMU is gone. Reads only allocated ranges; reads the files with our own bounded
    /// reader. Idempotent: an existing snapshot of that name is the answer, with nothing written.
    /// Where an overlay is shorter than facts.size_bytes, the rest reads as zeroes, as to a guest.
    virtual Result<blocks::Committed> capture(VolumeId const& volume, Layers const& layers,
                                              blocks::Facts facts, Progress const& progress) = 0;

    /// Stores the bytes of one snapshot as the snapshot facts.name, which is at least as large. The
    /// two share what they hold. Idempotent as capture() is.
    virtual Result<blocks::Committed> copy(SnapshotId const& source, blocks::Facts facts,
                                           Progress const& progress) = 0;

    /// What `path` is. With `format` it is read as that; without, the bytes tell, and a name that
    /// contradicts them is refused. Refuses what could reach outside the file (backing files,
    /// parents, parts).
    virtual Result<DiskFacts> inspect(std::string const& path, std::optional<Format> format) = 0;
    /// Stores a foreign disk as the snapshot facts.name; facts.size_bytes is at least the virtual
    /// size. Idempotent as capture() is. Fault::invalid if the file is written to meanwhile, or is
    /// not what the manifest beside it in an OVA says.
    virtual Result<blocks::Committed> import(std::string const& path, Format format,
                                             blocks::Facts facts, Progress const& progress) = 0;

    /// Writes a snapshot as a disk image, holes kept, in bounded memory: beside `path` first, then
    /// renamed over it when all of it is durable. Equal snapshots make equal files. On failure
    /// `path` is as it was and nothing is left beside it; after a crash remove_unfinished() clears
    /// up. Fault::invalid where the form cannot hold the disk.
    virtual Result<WrittenImage> write_image(SnapshotId const& snapshot, std::string const& path,
                                             ImageForm form, Progress const& progress) = 0;
    virtual Result<void> remove_unfinished(std::string const& path) = 0;

    /// Starts karat-blk or finds the one that an earlier run of the daemon left serving, and
    /// replaces it from then on when it dies or hangs. Guests wait for it (reconnect-delay).
    virtual Result<void> serve() = 0;
    /// Puts a new karat-blk, of the plugin's file of now, in the place of the one that serves; if
    /// the new one does not come up, the old one serves on.
    virtual Result<void> exchange_server() = 0;
    /// Ends karat-blk. Only for when no guest runs.
    virtual Result<void> stop_serving() = 0;
    virtual Export export_of(SnapshotId const& snapshot) const = 0;
    /// What the host cache holds.
    virtual Result<std::vector<blk::Cached>> cached() const = 0;
};

} // namespace karat::volumes
