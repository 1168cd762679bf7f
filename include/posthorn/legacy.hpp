//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The implementation of the legacy interfaces. ONE translation unit of a program includes this; all others include
// imnxport.h, which only declares. Programs built by CMake may link posthorn::inetcomm instead, which is that unit.

#ifndef POSTHORN_LEGACY_HPP
#define POSTHORN_LEGACY_HPP

#include <posthorn/legacy/com_error.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/error_text.hpp>
#include <posthorn/legacy/detail/httpmail_exports.hpp>
#include <posthorn/legacy/detail/identifiers.hpp>
#include <posthorn/legacy/detail/smtp_exports.hpp>
#include <posthorn/legacy/httpmail_transport.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>
#include <posthorn/legacy/smtp_transport.hpp>
#include <posthorn/legacy/transport_settings.hpp>

#if defined(_WIN32)
#if defined(_WIN64) && defined(__GNUC__) // others have their classes in the registry
#include <posthorn/legacy/detail/com_activation.hpp>
#endif
#else
#include <posthorn/legacy/detail/com_guid.hpp>
#include <posthorn/legacy/detail/com_memory.hpp>
#include <posthorn/legacy/detail/com_startup.hpp>
#include <posthorn/legacy/detail/com_stream.hpp>
#include <posthorn/legacy/detail/message_functions.hpp>
#endif

#endif
