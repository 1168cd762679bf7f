//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The options of posthorn-mailbox, checked and in the terms of the library.

#ifndef POSTHORN_EXAMPLES_MAILBOX_SETTINGS_HPP
#define POSTHORN_EXAMPLES_MAILBOX_SETTINGS_HPP

#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/settings.hpp>

#include "options.hpp"

namespace tool {

/// @throws usage_error
posthorn::http::url entry_of(options const& o);

/// @throws usage_error
posthorn::httpmail::mailbox_settings settings_of(options const& o);

} // namespace tool

#endif
