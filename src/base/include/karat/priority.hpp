// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace karat {

/// From here on the calling thread takes only what others leave of the processors. For threads of
/// one's own: without privilege there is no way back.
void take_lowest_priority();

} // namespace karat
