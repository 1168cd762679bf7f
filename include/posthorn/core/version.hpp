//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The version of the library, in its only home: CMake reads it from here.

#ifndef POSTHORN_CORE_VERSION_HPP
#define POSTHORN_CORE_VERSION_HPP

#define POSTHORN_VERSION_MAJOR 0
#define POSTHORN_VERSION_MINOR 1
#define POSTHORN_VERSION_PATCH 0
#define POSTHORN_VERSION_STRING "0.1.0"

#endif
