//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The facts of Wine's headers, in a translation unit that sees no other ones: both declare the same names.

#include "support/legacy_abi_facts.hpp"

#include <objbase.h>

// Wine's constants of this kind would be the very symbols this library defines. Here they get names of their own.
#undef DEFINE_GUID
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
    static GUID const wine_##name = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}

#include <imnact.h>
#include <imnxport.h>

#include "support/legacy_abi.hpp"

namespace support {

abi_facts wine_abi_facts()
{
    abi_facts facts;
    LEGACY_NUMBERS_IN_WINE(LEGACY_ABI_NUMBER)
    LEGACY_NUMBERS_AS_WINE_SPELLS(LEGACY_ABI_NUMBER)
    LEGACY_STRUCTS_IN_WINE(LEGACY_ABI_STRUCT)
    LEGACY_MEMBERS_IN_WINE(LEGACY_ABI_MEMBER)
    LEGACY_INTERFACES_IN_WINE(LEGACY_ABI_INTERFACE)
    LEGACY_METHODS_IN_WINE(LEGACY_ABI_METHOD)
#define LEGACY_ABI_IDENTIFIER(name) facts.identifiers[#name] = guid_text(wine_##name);
    LEGACY_IDENTIFIERS_IN_WINE(LEGACY_ABI_IDENTIFIER)

    // Of an older revision
    LEGACY_ABI_NUMBER(HTTPMAIL_PROP_LAST)
    LEGACY_ABI_NUMBER(HTTPMAIL_SF_LAST)
    LEGACY_ABI_NUMBER(TYPE_LAST)
    return facts;
}

} // namespace support
