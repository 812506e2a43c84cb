// SPDX-License-Identifier: Apache-2.0
// Data keys for a process that must not see master keys: it asks another one at a unix socket.
#pragma once

#include "karat/fd.hpp"
#include "karat/keys.hpp"
#include "karat/thread.hpp"

namespace karat::keys {

/// Unwraps data keys for whoever may connect to its socket. One question a connection, one
/// connection at a time, none for longer than half a second.
class KeyDoor {
public:
    /// Listens in the place of what has the name; only the socket's owner may connect. `keys`
    /// outlives the result.
    static Result<std::unique_ptr<KeyDoor>> open(Keys& keys, std::string const& socket);
    ~KeyDoor();
    KeyDoor(KeyDoor const&) = delete;
    KeyDoor& operator=(KeyDoor const&) = delete;

private:
    KeyDoor(Keys& keys, Fd listener);
    void answer_all();
    void answer(Fd const& caller);

    Keys& keys_;
    Fd listener_;
    Fd ending_;     ///< An eventfd.
    Thread thread_; ///< Last: it uses the rest.
};

/// unwrap() asks at the socket, again at each call, and waits five seconds at most; where nobody
/// listens is Fault::unavailable, where nobody answers Fault::io. Nothing
/// else is offered: list() is empty, the rest Fault::denied.
std::unique_ptr<Keys> make_keys_behind_door(std::string socket);

} // namespace karat::keys
