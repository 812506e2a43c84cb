// SPDX-License-Identifier: Apache-2.0
// Starting programs that get no more than they need. What the host allows is found out once, by
// trying; processes are started with all of that. The README has the order of things.
#pragma once

#include "karat/process.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace karat::confine {

/// Whose network a process has.
enum class Network : unsigned char {
    none,  ///< Unix sockets only.
    hosts, ///< This host's, and ports below 1024 if the daemon may bind them.
};

/// What all processes of one control group may use together.
struct Limits {
    std::uint64_t memory_mib = 0;
    int processes = 0; ///< Threads count.
    int weight = 100;  ///< Share of CPU and disk beside other groups, 1 to 10000; 100 is usual.
};

/// A name in a process's root that leads to another.
struct Link {
    std::string name;
    std::string target;
};

/// A file or folder, and where a process sees it.
struct Mount {
    std::string path;
    std::string place;
};

/// What one process gets. System libraries and a few harmless devices are always readable.
struct Cage {
    std::string name; ///< Of its control group: letters, digits, '-'; one per process and host.
    std::optional<unsigned> user = {}; ///< User and group; of Isolation::user().
    std::vector<unsigned> groups = {}; ///< More groups.
    Network network = Network::none;
    std::vector<std::string> readable = {}; ///< Files and folders.
    std::vector<std::string> writable = {}; ///< The same, as far as their modes let the user.
    /// The same, where what is the daemon's appears as the user's. Only if owns() says so.
    std::vector<std::string> owned_readable = {};
    std::vector<std::string> owned_writable = {};
    std::vector<Mount> elsewhere = {};     ///< Writable ones, under other names.
    std::vector<std::string> devices = {}; ///< Left out where the host has none.
    std::vector<Link> links = {};
    Limits limits = {};
    std::string pid_file = {}; ///< Written before the program starts.
};

struct IsolationOptions {
    std::string launcher;    ///< Path of karat-confine.
    unsigned first_user = 0; ///< The first of kUsers ids that nobody else has; 0: none are used.
    std::string data = {};   ///< A folder on the file system that owns() is about.
};

/// How many user ids are set aside, with the group ids of the same numbers.
inline constexpr unsigned kUsers = 65'536;
/// Of these, the group of all guests' QEMUs, which may ask karat-blk for what they were granted.
inline constexpr unsigned kReaders = 1;

struct Launch; // the words of karat-confine

/// Immutable; thread-safe.
class Isolation {
public:
    /// Tries what the host allows. Fault::not_found when there is no launcher.
    static Result<Isolation> choose(IsolationOptions options);

    /// The command that starts `command` in the cage. Makes the control group.
    Process::Command confine(Cage const& cage, Process::Command command) const;
    /// Removes a cage's control group, when all its processes have ended.
    void release(std::string const& name) const;

    /// User id number `index` of those set aside; nothing when processes keep the daemon's.
    std::optional<unsigned> user(unsigned index) const;

    /// Whether the file system can show a process the daemon's files as its own.
    bool owns() const { return owns_; }

    /// What holds for processes that are started now, one phrase each; and what does not, with the
    /// reason.
    std::vector<std::string> const& in_force() const { return in_force_; }
    std::vector<std::string> const& missing() const { return missing_; }

private:
    enum class Namespaces : unsigned char { none, by_root, by_user };

    explicit Isolation(IsolationOptions options)
        : options_(std::move(options))
    {
    }
    void choose_namespaces();
    void choose_users();
    void choose_owning();
    void choose_limits();
    std::string why_not(Launch const& launch) const;

    IsolationOptions options_;
    Namespaces namespaces_ = Namespaces::none;
    bool users_ = false;
    bool owns_ = false;
    bool bind_low_ports_ = false;
    std::vector<std::string> in_force_;
    std::vector<std::string> missing_;
};

/// Whether a running process has no new privileges and a list of system calls: what every process
/// has that was started in a cage, and none that an earlier version of Karat started has.
bool is_confined(int pid);

/// Gives a file to a group, for reading or for reading and writing; a folder for entering only, or
/// for making files in it.
/// Nobody but the owner and the group may use it then. Does not follow a link.
enum class Share : unsigned char { read, write, enter, fill };
Result<void> share(std::string const& path, std::optional<unsigned> group, Share how);
/// Sets the mode of a folder.
Result<void> protect(std::string const& folder, unsigned mode);

} // namespace karat::confine
