// SPDX-License-Identifier: Apache-2.0
// How a karat-net gives its guest to a successor: the connections to QEMU, and what was under way
// in them. The successor connects to the predecessor's socket and waits for one message:
//
//   1 byte     version of this form, 1
//   1 byte     which descriptors come with it: 1 the network's, 2 the console's
//   4 bytes    how many bytes follow, in network order
//   then pieces, each behind its length, four bytes in network order: the part of a frame that has
//   come from QEMU, what waits to be sent to QEMU, and the frames that nobody has looked at
//
// Of what the guest has under way with others nothing is given: libslirp cannot.
#pragma once

#include "addresses.hpp"

#include "karat/fd.hpp"

#include <optional>
#include <vector>

namespace karat::net {

using FrameBytes = std::vector<std::uint8_t>;

struct Handover {
    Fd link;    ///< QEMU's network; may be closed.
    Fd console; ///< QEMU's serial port; may be closed.
    FrameBytes begun;
    FrameBytes unsent;
    std::vector<FrameBytes> held;
};

/// Frames that are kept for a successor at most; what comes beyond them is dropped.
inline constexpr std::size_t kMaxHeldFrames = 256;

/// Sends all to who is connected at `to`, and waits until it is taken, a second at most.
Result<void> hand_over(Fd const& to, Handover const& handover);

/// Takes over from the predecessor that listens on `socket`; nothing when there is none.
/// Fault::unavailable when there is one and it does not give.
Result<std::optional<Handover>> take_over(std::string const& socket);

/// The pieces of a message's body. Pure. Fault::corrupt when they are not of this form.
Result<void> read_pieces(ConstFrame body, Handover& into);
FrameBytes write_pieces(Handover const& handover);

} // namespace karat::net
