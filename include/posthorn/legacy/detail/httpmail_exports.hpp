//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How old programs make an HTTPMail transport and its requests. For the one implementing translation unit.

#ifndef POSTHORN_LEGACY_DETAIL_HTTPMAIL_EXPORTS_HPP
#define POSTHORN_LEGACY_DETAIL_HTTPMAIL_EXPORTS_HPP

#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/dav_requests.hpp>
#include <posthorn/legacy/detail/transport_object.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/httpmail_transport.hpp>
#include <posthorn/legacy/imnxport.h>

namespace posthorn::legacy::detail {

inline HRESULT make_prop_find_request(REFIID riid, void** object)
{
    return make_object<prop_find_request>(riid, object);
}

inline HRESULT make_prop_patch_request(REFIID riid, void** object)
{
    return make_object<prop_patch_request>(riid, object);
}

inline class_registration const httpmail_class(CLSID_IHTTPMailTransport, &make_transport<httpmail_transport>);
inline class_registration const prop_find_class(CLSID_IPropFindRequest, &make_prop_find_request);
inline class_registration const prop_patch_class(CLSID_IPropPatchRequest, &make_prop_patch_request);

} // namespace posthorn::legacy::detail

#endif
