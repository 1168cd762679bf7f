//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Until when a part of a message must have left.

#ifndef POSTHORN_SMTP_DETAIL_PACE_HPP
#define POSTHORN_SMTP_DETAIL_PACE_HPP

#include <posthorn/net/deadline.hpp>
#include <posthorn/smtp/settings.hpp>

#include <algorithm>
#include <cstdint>

namespace posthorn::smtp::detail {

/// The limit for the next write.
inline net::clock::time_point block_limit(timeouts const& limits)
{
    auto const now = net::clock::now();
    return limits.block >= net::deadline::never - now ? net::deadline::never : now + limits.block;
}

/// The same within content, which must also keep a minimum rate.
/// @param begun When the content began. @param sent Octets of it that have left.
inline net::clock::time_point content_limit(timeouts const& limits, net::clock::time_point begun, std::uint64_t sent)
{
    net::minimum_rate const rate {limits.minimum_rate, limits.block};
    return std::min(block_limit(limits), rate.limit(begun, sent));
}

} // namespace posthorn::smtp::detail

#endif
