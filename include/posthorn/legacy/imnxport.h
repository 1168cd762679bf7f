//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The Internet transports of Outlook Express and Windows Mail under their old name: include this, in either spelling.
// Both files are equal on purpose: where names of files ignore case they are one.

#include "imnxport/interfaces.h"
