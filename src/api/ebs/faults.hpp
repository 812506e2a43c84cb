// SPDX-License-Identifier: Apache-2.0
// What EBS direct calls an error: an exception, and for some a reason.
#pragma once

#include "karat/ids.hpp"
#include "karat/result.hpp"

#include <string_view>

namespace karat::api::ebs {

struct EbsError {
    int status;
    std::string_view code;
    std::string_view reason; ///< Empty where the exception has none.
};

/// A noun without a row of its own has the fault's general one.
EbsError ebs_error(Error const& error);

} // namespace karat::api::ebs
