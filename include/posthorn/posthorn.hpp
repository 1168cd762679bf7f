//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Umbrella: the whole library, but for the legacy interfaces and the testing servers.

#ifndef POSTHORN_POSTHORN_HPP
#define POSTHORN_POSTHORN_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/xtext.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/core/config.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/core/version.hpp>
#include <posthorn/coro.hpp>
#include <posthorn/smtp.hpp>
// HTTPMail needs Expat.
#if __has_include(<expat.h>) && !defined(POSTHORN_WITHOUT_HTTPMAIL)
#include <posthorn/httpmail.hpp>
#endif

#endif
