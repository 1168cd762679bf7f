//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How old programs make an SMTP transport. For the one implementing translation unit.

#ifndef POSTHORN_LEGACY_DETAIL_SMTP_EXPORTS_HPP
#define POSTHORN_LEGACY_DETAIL_SMTP_EXPORTS_HPP

#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/smtp_transport.hpp>
#include <posthorn/legacy/transport_settings.hpp>

#include <new>

namespace posthorn::legacy::detail {

inline HRESULT make_smtp_transport(REFIID riid, void** object)
{
    if (object == nullptr)
        return E_POINTER;
    *object = nullptr;
    try
    {
        return make_object<smtp_transport>(riid, object, default_transport_settings());
    }
    catch (std::bad_alloc const&) // of the copy of the settings
    {
        return E_OUTOFMEMORY;
    }
    catch (...)
    {
        return E_FAIL;
    }
}

inline class_registration const smtp_class(CLSID_ISMTPTransport, &make_smtp_transport);
// Only Wine has this class; its number is that of the interface.
inline class_registration const smtp_class_of_wine(CLSID_ISMTPTransport2, &make_smtp_transport);

} // namespace posthorn::legacy::detail

extern "C" HRESULT WINAPI CreateSMTPTransport(ISMTPTransport** ppTransport)
{
    if (ppTransport == nullptr)
        return E_INVALIDARG;
    return posthorn::legacy::detail::make_smtp_transport(IID_ISMTPTransport, reinterpret_cast<void**>(ppTransport));
}

#endif
