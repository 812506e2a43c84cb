// SPDX-License-Identifier: Apache-2.0
// The only table from (Fault, Noun) to what AWS calls it.
#pragma once

#include "karat/ids.hpp"
#include "karat/result.hpp"

#include <string_view>

namespace karat::api {

struct AwsError {
    int status;
    std::string_view code;
};

/// The EC2 code of an error; a noun without a row of its own has the fault's general one.
AwsError aws_error(Error const& error);

} // namespace karat::api
