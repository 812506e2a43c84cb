// SPDX-License-Identifier: Apache-2.0
// Tasks as release 0.1 queued them: their rows name no resources, and their arguments leave out
// what the subject says.
#pragma once

#include "karat/tasks.hpp"

namespace karat::catalog {

/// The task as today's releases write it. One whose arguments do not parse stays as it is, and
/// fails when it runs.
Task from_old_form(Task task);

} // namespace karat::catalog
