//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Umbrella: sending mail by SMTP.

#ifndef POSTHORN_SMTP_HPP
#define POSTHORN_SMTP_HPP

#include <posthorn/coro.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/metrics.hpp>
#include <posthorn/smtp/pool.hpp>
#include <posthorn/smtp/protocol_log.hpp>
#include <posthorn/smtp/session.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/source/memory.hpp>

#endif
