//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The identifiers of the interfaces and classes of Imnxport.h and Imnact.h.

#ifndef POSTHORN_LEGACY_IMNXPORT_IDENTIFIERS_H
#define POSTHORN_LEGACY_IMNXPORT_IDENTIFIERS_H

#include "../com.h"

extern "C" {

extern IID const IID_ITransportCallbackService;
extern IID const IID_ITransportCallback;
extern IID const IID_IInternetTransport;
extern IID const IID_ISMTPCallback;
extern IID const IID_ISMTPTransport;
extern IID const IID_ISMTPTransport2;
extern IID const IID_IHTTPMailCallback;
extern IID const IID_IHTTPMailTransport;
extern IID const IID_IDAVNamespaceArbiter;
extern IID const IID_IPropPatchRequest;
extern IID const IID_IPropFindRequest;
extern IID const IID_IPropFindMultiResponse;
extern IID const IID_IPropFindResponse;
extern IID const IID_IPropertyContainer;
extern IID const IID_IImnAccount;
extern IID const IID_IImnAccountManager;
extern IID const IID_IBindMessageStream;

/// Not authentic: no published source tells this interface's identifier, so it has one of this library's own.
extern IID const IID_IHTTPMailTransport2;

extern CLSID const CLSID_ISMTPTransport;
extern CLSID const CLSID_IHTTPMailTransport;
extern CLSID const CLSID_IPropFindRequest;
extern CLSID const CLSID_IPropPatchRequest;
extern CLSID const CLSID_ImnAccountManager;
extern CLSID const CLSID_IInternetMessageUrl;

/// Wine's: the same class as CLSID_ISMTPTransport.
extern CLSID const CLSID_ISMTPTransport2;

} // extern "C"

#endif
