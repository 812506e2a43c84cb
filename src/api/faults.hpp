// SPDX-License-Identifier: Apache-2.0
// From (Fault, Noun) to what AWS calls it: one table that all services share, in EC2's words, and
// one of each service for what it calls otherwise.
#pragma once

#include "karat/ids.hpp"
#include "karat/result.hpp"

#include <span>
#include <string_view>

namespace karat::api {

struct AwsError {
    int status;
    std::string_view code;
    std::string_view reason = {}; ///< Of rest services; empty where the exception has none.
};

struct FaultRow {
    Fault fault;
    Noun noun; ///< none: the fault's general row, which comes last of its fault.
    AwsError error;
};

/// What an error is called: by the first row of `own` that fits, else by the shared table. A noun
/// without a row of its own has the fault's general one.
AwsError aws_error(std::span<FaultRow const> own, Error const& error);

/// A line a row, for goldens.
std::string print_rows(std::span<FaultRow const> rows);

} // namespace karat::api
