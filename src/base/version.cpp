// SPDX-License-Identifier: Apache-2.0
#include "karat/version.hpp"

namespace karat {

char const* version() { return KARAT_VERSION; }

} // namespace karat
