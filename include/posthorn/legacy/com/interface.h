//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How the interfaces and enumerations of the legacy headers are declared, on every system alike.

#ifndef POSTHORN_LEGACY_COM_INTERFACE_H
#define POSTHORN_LEGACY_COM_INTERFACE_H

// The head of an interface. Windows compilers learn its identifier for __uuidof.
#if defined(_WIN32)
#define POSTHORN_LEGACY_INTERFACE(identifier) MIDL_INTERFACE(identifier)
#else
#define POSTHORN_LEGACY_INTERFACE(identifier) struct
#endif

// Enumerations are int, so that a value which no enumerator has is still a value: callers pass such ones.
#if defined(__cplusplus) && (__cplusplus >= 201103L || (defined(_MSC_VER) && _MSC_VER >= 1700))
#define POSTHORN_LEGACY_INT : int
#else
#define POSTHORN_LEGACY_INT
#endif

#endif
