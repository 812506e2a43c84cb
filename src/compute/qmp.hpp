// SPDX-License-Identifier: Apache-2.0
// One connection to QEMU's monitor (QMP): a JSON object a line, replies matched by id.
#pragma once

#include "line_buffer.hpp"

#include "karat/fd.hpp"
#include "karat/json.hpp"
#include "karat/mutex.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace karat::compute {

using Json = nlohmann::json;

/// Calls of run() may come from any thread and wait for each other; pump() is the reader's, one
/// thread. run() needs somebody to pump.
class Qmp {
public:
    using OnEvent = std::function<void(std::string const& name, Json const& event)>;

    /// How long a command may take unless said otherwise.
    static constexpr std::chrono::milliseconds kPatience{10'000};

    Qmp(Fd fd, OnEvent on_event);

    int fd() const { return fd_.get(); }

    /// The command's `return`. Fault::io with QEMU's own words when it refuses; Fault::unavailable
    /// when the connection is gone or the reply does not come in time.
    Result<Json> run(std::string const& command, Json arguments = Json::object(),
                     std::chrono::milliseconds patience = kPatience);

    /// Takes what has arrived. False when the connection is over; commands under way fail then.
    bool pump();
    /// Commands under way fail, and all that come.
    void close();

private:
    Result<void> send(std::string const& command, std::string const& line,
                      std::chrono::milliseconds patience) REQUIRES(turn_);
    void take_line(std::string const& line);

    Fd fd_;
    OnEvent on_event_;
    LineBuffer lines_;
    Mutex turn_; // held by the one command that is under way

    Mutex mutex_;
    std::condition_variable_any changed_;
    std::uint64_t last_id_ GUARDED_BY(mutex_) = 0;
    std::optional<Json> reply_ GUARDED_BY(mutex_);
    bool closed_ GUARDED_BY(mutex_) = false;
};

} // namespace karat::compute
