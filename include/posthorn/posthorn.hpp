//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Everything but the legacy adapter and the servers for tests.

#ifndef POSTHORN_POSTHORN_HPP
#define POSTHORN_POSTHORN_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/core/version.hpp>

#endif
