//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The basics of COM: on Windows the system's, elsewhere a small set of the same names. Declares only; the functions
// are defined in the one translation unit that includes posthorn/legacy.hpp.

#ifndef POSTHORN_LEGACY_COM_H
#define POSTHORN_LEGACY_COM_H

#if defined(_WIN32)

// Without it <windows.h> brings a Winsock that keeps programs from including <winsock2.h> later.
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <objbase.h>
#include <objidl.h>
#include <shlwapi.h>

#else

#include "com/functions.h"
#include "com/guid.h"
#include "com/hresult.h"
#include "com/memory.h"
#include "com/message.h"
#include "com/stream.h"
#include "com/types.h"
#include "com/unknown.h"

#endif

#include "com/interface.h"

#endif
