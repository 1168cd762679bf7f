//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What posthorn-mailbox prints: records as a table, or as an array of JSON objects.

#ifndef POSTHORN_EXAMPLES_MAILBOX_OUTPUT_HPP
#define POSTHORN_EXAMPLES_MAILBOX_OUTPUT_HPP

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// Values by the names of properties, in the order in which they are shown. What a server does not tell is null.
using record = nlohmann::ordered_json;

/** Records as an array of objects, on one line. Octets that are not UTF-8 are replaced. */
std::string to_json(std::vector<record> const& rows);

/** Records as lines under a headline. Texts are cut at 40 characters, but for URLs and the last column; control characters are escaped.
    @param columns The names of what is shown. */
std::string to_table(std::vector<record> const& rows, std::vector<std::string> const& columns);

/// One record as lines "name  value".
std::string to_lines(record const& r);

} // namespace tool

#endif
