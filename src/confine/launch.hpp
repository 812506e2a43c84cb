// SPDX-License-Identifier: Apache-2.0
// The words of karat-confine. Isolation writes them, the program reads them.
#pragma once

#include "karat/confinement.hpp"

namespace karat::confine {

/// A path that becomes visible in the new root.
struct Visible {
    enum class How : unsigned char {
        read,
        write,
        device,
        owned, ///< Writable, and what is root's appears as the user's.
        owned_read,
    };
    How how = How::read;
    std::string path;
    std::string place = {}; ///< Where it is seen; empty: under its own path.
};

struct Launch {
    std::string pid_file;
    std::vector<std::string> control_groups; ///< Their cgroup.procs or tasks files.
    std::optional<unsigned> user;
    std::vector<unsigned> groups;
    bool user_namespace = false;
    bool own_root = false; ///< Mounts, IPC and host name of its own.
    bool own_network = false;
    bool bind_low_ports = false;
    bool proc = false; ///< /proc with nothing but itself; sanitizers want it.
    std::vector<Visible> visible;
    std::vector<Link> links;
    std::string directory = "/";
    std::vector<std::string> program; ///< Its path or name, and its arguments.
};

/// The words before the program's, "--" included.
std::vector<std::string> to_words(Launch const& launch);
/// Fault::invalid with the word that is not understood.
Result<Launch> parse_launch(std::vector<std::string> const& words);

} // namespace karat::confine
