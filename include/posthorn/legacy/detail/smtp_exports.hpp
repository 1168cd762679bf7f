//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How old programs make an SMTP transport. For the one implementing translation unit.

#ifndef POSTHORN_LEGACY_DETAIL_SMTP_EXPORTS_HPP
#define POSTHORN_LEGACY_DETAIL_SMTP_EXPORTS_HPP

#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/transport_object.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/smtp_transport.hpp>

namespace posthorn::legacy::detail {

inline class_registration const smtp_class(CLSID_ISMTPTransport, &make_transport<smtp_transport>);
// Only Wine has this class; its number is that of the interface.
inline class_registration const smtp_class_of_wine(CLSID_ISMTPTransport2, &make_transport<smtp_transport>);

} // namespace posthorn::legacy::detail

extern "C" HRESULT WINAPI CreateSMTPTransport(ISMTPTransport** ppTransport)
{
    if (ppTransport == nullptr)
        return E_INVALIDARG;
    return posthorn::legacy::detail::make_transport<posthorn::legacy::smtp_transport>(IID_ISMTPTransport, reinterpret_cast<void**>(ppTransport));
}

#endif
