// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace karat {

/// Karat's version, as CMakeLists.txt says it: "1.2.3".
char const* version();

} // namespace karat
