//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What posthorn-send has to do, checked and in the terms of the library.

#ifndef POSTHORN_EXAMPLES_SEND_JOB_HPP
#define POSTHORN_EXAMPLES_SEND_JOB_HPP

#include <posthorn/smtp/client_settings.hpp>
#include <posthorn/smtp/message.hpp>

#include "../tool/checks.hpp"
#include "options.hpp"

#include <cstddef>

namespace tool {

struct job
{
    posthorn::smtp::client_settings settings;
    posthorn::smtp::message mail; ///< Its content is in memory if it must be there more than once at a time.
    std::size_t             count       = 1;
    std::size_t             connections = 1;
    bool                    burst       = false;
};

/// @throws usage_error
job make_job(options const& o);

} // namespace tool

#endif
