// SPDX-License-Identifier: Apache-2.0
// karat-net's one thread: waits for QEMU's frames and serial output, libslirp's sockets, signals
// and the end of QEMU, and carries between them.
#pragma once

#include "frame_link.hpp"
#include "handover.hpp"
#include "host_addresses.hpp"
#include "network.hpp"
#include "relay.hpp"

#include "karat/console_ring.hpp"
#include "karat/fd.hpp"

#include <optional>
#include <poll.h>
#include <set>
#include <vector>

namespace karat::net {

class PatchPanel {
public:
    /// Blocks SIGHUP, SIGTERM and SIGINT in this process and takes them from then on.
    static Result<std::unique_ptr<PatchPanel>> create(Env env, std::string settings_path);

    /// Connects to QEMU if it listens already, and says so by running `on_ready`; returns when QEMU
    /// has ended or SIGTERM came.
    Result<void> run(std::function<void()> const& on_ready);

private:
    PatchPanel(Env env, std::string settings_path)
        : env_(env)
        , settings_path_(std::move(settings_path))
    {
    }
    Result<void> set_up();
    Result<void> succeed();
    Result<void> reload();
    std::optional<Fd> connect(std::string const& socket);
    void connect_missing();
    std::vector<pollfd> fixed_polls() const;
    int patience_ms(int at_most) const;
    Result<void> round();
    void serve(std::vector<pollfd> const& polled);
    void read_host_addresses();
    void take_frame(ConstFrame frame);
    void give_frame(ConstFrame frame);
    void take_console();
    void take_signal();
    void begin_handover();
    void go_on_handing_over();
    void keep(Handover handover, Error const& why);
    void take_held_frames();
    void trim_log();

    Env env_;
    std::string settings_path_;
    Settings settings_;
    Addresses addresses_;
    HostAddresses host_addresses_; ///< Refused to the guest.
    Fd host_watch_;                ///< Readable when this host's addresses have changed.
    std::unique_ptr<Relay> relay_; ///< None: nobody answers for metadata.
    std::unique_ptr<Network> network_;
    std::optional<FrameLink> link_;
    Fd console_;
    std::optional<ConsoleRing> ring_;
    Fd signals_;
    Fd qemu_;      ///< A pidfd.
    Fd handover_;  ///< Where a successor connects.
    Fd successor_; ///< Connected, while we bring to an end what it cannot go on with.
    std::chrono::nanoseconds patient_until_{};
    std::vector<FrameBytes> held_;     ///< For the successor, or from the predecessor.
    std::set<std::string> complained_; ///< Sockets whose failure has been logged.
    bool ended_ = false;
    std::chrono::nanoseconds trimmed_{}; ///< When trim_log() last looked.
};

} // namespace karat::net
