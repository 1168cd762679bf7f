//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Names in the header that SCRAM and OAUTHBEARER share (RFC 5801).

#ifndef POSTHORN_SASL_DETAIL_GS2_HPP
#define POSTHORN_SASL_DETAIL_GS2_HPP

#include <string>
#include <string_view>

namespace posthorn::sasl::detail {

/// A saslname: commas and equals signs are escaped.
inline std::string gs2_name(std::string_view name)
{
    std::string text;
    for (char const c : name)
        if (c == ',')
            text += "=2C";
        else if (c == '=')
            text += "=3D";
        else
            text += c;
    return text;
}

} // namespace posthorn::sasl::detail

#endif
