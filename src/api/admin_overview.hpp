// SPDX-License-Identifier: Apache-2.0
// The operator's lists of tasks and instances, a page a request (admin.hpp).
#pragma once

#include "karat/engine.hpp"
#include "karat/json.hpp"

namespace karat::api {

nlohmann::json task_counts_json(engine::TaskCounts const& counts);
/// Takes state, kind, after and limit, all optional; answers tasks and, if there are more, next.
Result<nlohmann::json> list_tasks(engine::Engine& engine, nlohmann::json const& request);
/// Takes account, region, state, after and limit; answers instances and next.
Result<nlohmann::json> list_instances(engine::Engine& engine, nlohmann::json const& request);

} // namespace karat::api
