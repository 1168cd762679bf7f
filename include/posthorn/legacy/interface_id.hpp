//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Which identifier belongs to which interface type.

#ifndef POSTHORN_LEGACY_INTERFACE_ID_HPP
#define POSTHORN_LEGACY_INTERFACE_ID_HPP

#include <posthorn/legacy/imnxport.h>

namespace posthorn::legacy {

/** The identifier of an interface. Interfaces without one of the specialisations below have a
    `static IID const& legacy_interface_id()` of their own.
*/
template <class Interface>
struct interface_id
{
    static IID const& value() noexcept { return Interface::legacy_interface_id(); }
};

#define POSTHORN_LEGACY_INTERFACE_ID(name) \
    template <> \
    struct interface_id<name> \
    { \
        static IID const& value() noexcept { return IID_##name; } \
    }

POSTHORN_LEGACY_INTERFACE_ID(IUnknown);
POSTHORN_LEGACY_INTERFACE_ID(IClassFactory);
POSTHORN_LEGACY_INTERFACE_ID(IMalloc);
POSTHORN_LEGACY_INTERFACE_ID(ISequentialStream);
POSTHORN_LEGACY_INTERFACE_ID(IStream);
POSTHORN_LEGACY_INTERFACE_ID(ITransportCallbackService);
POSTHORN_LEGACY_INTERFACE_ID(ITransportCallback);
POSTHORN_LEGACY_INTERFACE_ID(IInternetTransport);
POSTHORN_LEGACY_INTERFACE_ID(ISMTPCallback);
POSTHORN_LEGACY_INTERFACE_ID(ISMTPTransport);
POSTHORN_LEGACY_INTERFACE_ID(ISMTPTransport2);
POSTHORN_LEGACY_INTERFACE_ID(IHTTPMailCallback);
POSTHORN_LEGACY_INTERFACE_ID(IHTTPMailTransport);
POSTHORN_LEGACY_INTERFACE_ID(IHTTPMailTransport2);
POSTHORN_LEGACY_INTERFACE_ID(IDAVNamespaceArbiter);
POSTHORN_LEGACY_INTERFACE_ID(IPropPatchRequest);
POSTHORN_LEGACY_INTERFACE_ID(IPropFindRequest);
POSTHORN_LEGACY_INTERFACE_ID(IPropFindMultiResponse);
POSTHORN_LEGACY_INTERFACE_ID(IPropFindResponse);
POSTHORN_LEGACY_INTERFACE_ID(IPropertyContainer);
POSTHORN_LEGACY_INTERFACE_ID(IImnAccount);

#undef POSTHORN_LEGACY_INTERFACE_ID

} // namespace posthorn::legacy

#endif
