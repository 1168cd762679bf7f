//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Umbrella: mailboxes by HTTPMail, on Exchange, on servers of WebDAV.

#ifndef POSTHORN_HTTPMAIL_HPP
#define POSTHORN_HTTPMAIL_HPP

#include <posthorn/coro.hpp>
#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/source/memory.hpp>

#endif
