// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "karat/fd.hpp"

namespace karat::net {

/// Listens on a unix stream socket in the working directory, for this user alone, and replaces one
/// that is there. The descriptor is non-blocking and closed on exec.
Result<Fd> listen_unix(std::string const& name, int backlog);

} // namespace karat::net
