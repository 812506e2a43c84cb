// SPDX-License-Identifier: Apache-2.0
// Task rows and the work that they carry: the one place where the arguments of a task are written
// and read. The row keeps them as text, so that a row whose arguments do not parse, or whose kind
// this version does not know, is still a row, and fails alone.
#pragma once

#include "karat/catalog.hpp"
#include "karat/work.hpp"

namespace karat::catalog {

/// A task that is queued for this work. Fault::invalid when a text in it is not UTF-8.
template <class Work>
Result<Task> task_for(Work const& work);

/// What the task was told. Fault::corrupt, naming the task, when that does not parse.
template <class Work>
Result<Work> work_of(Task const& task);

/// Tells the task something new, and lets it claim what goes with that.
template <class Work>
Result<void> set_work(Task& task, Work const& work);

/// The task with all its times moved, since the clock was set by so much.
Task shifted(Task task, std::chrono::milliseconds by);

} // namespace karat::catalog
