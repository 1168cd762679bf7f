//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a result code is called and what it means, on every system: the system's own tables know nothing of IXP codes.

#ifndef POSTHORN_LEGACY_IMNXPORT_ERROR_TEXT_H
#define POSTHORN_LEGACY_IMNXPORT_ERROR_TEXT_H

#include "../com.h"

namespace posthorn {
namespace legacy {

/** The sentence for a result code, e.g. "The server refused a recipient."

    @param result Any code of Imnxport.h, Imnact.h or COM.
    @return Text that lives as long as the program, or NULL for a code that is not known.
*/
char const* error_text(HRESULT result);

/// Its name, e.g. "IXP_E_SMTP_REJECTED_RECIPIENTS"; or NULL for a code that is not known.
char const* error_name(HRESULT result);

} // namespace legacy
} // namespace posthorn

#endif
