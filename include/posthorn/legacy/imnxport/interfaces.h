//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// All of Imnxport.h that is about SMTP and HTTPMail. Declares only: one translation unit of the program includes
// posthorn/legacy.hpp, or the program links the CMake target posthorn::inetcomm.

#ifndef POSTHORN_LEGACY_IMNXPORT_INTERFACES_H
#define POSTHORN_LEGACY_IMNXPORT_INTERFACES_H

#include "../com.h"
#include "../imnact.h"
#include "codes.h"
#include "dav.h"
#include "error_text.h"
#include "httpmail.h"
#include "identifiers.h"
#include "other_codes.h"
#include "smtp.h"
#include "transport.h"
#include "wine_names.h"

#endif
