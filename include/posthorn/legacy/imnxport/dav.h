//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Requests and answers of WebDAV properties (RFC 4918), as the HTTPMail transport takes and gives them.

#ifndef POSTHORN_LEGACY_IMNXPORT_DAV_H
#define POSTHORN_LEGACY_IMNXPORT_DAV_H

#include "../com.h"
#include "identifiers.h"

// Namespaces that every request knows
#define DAVNAMESPACE_UNKNOWN 0xFFFFFFFFu // none
#define DAVNAMESPACE_DAV 0               // DAV:
#define DAVNAMESPACE_HOTMAIL 1           // http://schemas.microsoft.com/hotmail/
#define DAVNAMESPACE_HTTPMAIL 2          // urn:schemas:httpmail:
#define DAVNAMESPACE_MAIL 3              // urn:schemas:mailheader:
#define DAVNAMESPACE_CONTACTS 4          // urn:schemas:contacts:

/// Depth of a request: the resource and all below it.
#define DEPTH_INFINITY 0xFFFFFFFEu

/// Numbers for XML namespaces. Texts that come back are to be freed by CoTaskMemFree.
POSTHORN_LEGACY_INTERFACE("72A58FF8-227D-11D2-A8B5-0000F8084F96") IDAVNamespaceArbiter : public IUnknown
{
    /// Makes a namespace known. @param pdwNamespaceID Gets its number. @return S_OK, E_INVALIDARG, E_OUTOFMEMORY.
    virtual HRESULT STDMETHODCALLTYPE AddNamespace(LPCSTR pszNamespace, DWORD* pdwNamespaceID) = 0;

    /// The number of a known namespace. @return S_OK; E_INVALIDARG, with DAVNAMESPACE_UNKNOWN for one that is not known.
    virtual HRESULT STDMETHODCALLTYPE GetNamespaceID(LPCSTR pszNamespace, DWORD* pdwNamespaceID) = 0;

    /// The prefix it has in generated XML. @return S_OK, E_INVALIDARG, E_OUTOFMEMORY.
    virtual HRESULT STDMETHODCALLTYPE GetNamespacePrefix(DWORD dwNamespaceID, LPSTR* ppszNamespacePrefix) = 0;
};

/// Changes of properties: PROPPATCH.
POSTHORN_LEGACY_INTERFACE("AB8B8D2A-227F-11D2-A8B5-0000F8084F96") IPropPatchRequest : public IDAVNamespaceArbiter
{
    virtual HRESULT STDMETHODCALLTYPE SetProperty(DWORD dwNamespaceID, LPCSTR pszPropertyName, LPCSTR pszNewValue) = 0;
    virtual HRESULT STDMETHODCALLTYPE RemoveProperty(DWORD dwNamespaceID, LPCSTR pszPropertyName)                  = 0;

    /// The body of the request. @param pszXML Gets it.
    virtual HRESULT STDMETHODCALLTYPE GenerateXML(LPSTR* pszXML) = 0;
};

/// Which properties are wanted: PROPFIND.
POSTHORN_LEGACY_INTERFACE("5CFC6308-0544-11D2-A894-0000F8084F96") IPropFindRequest : public IDAVNamespaceArbiter
{
    virtual HRESULT STDMETHODCALLTYPE AddProperty(DWORD dwNamespaceID, LPCSTR pszPropertyName) = 0;

    /// The body of the request. @param pszXML Gets it.
    virtual HRESULT STDMETHODCALLTYPE GenerateXML(LPSTR* pszXML) = 0;
};

/// The properties of one resource.
POSTHORN_LEGACY_INTERFACE("8A523716-0548-11D2-A894-0000F8084F96") IPropFindResponse : public IUnknown
{
    virtual BOOL STDMETHODCALLTYPE    IsComplete()             = 0; ///< Whether all of it has arrived.
    virtual HRESULT STDMETHODCALLTYPE GetHref(LPSTR* ppszHref) = 0; ///< The resource's URL.
    virtual HRESULT STDMETHODCALLTYPE
    GetProperty(DWORD dwNamespaceID, LPCSTR pszPropertyName, LPSTR* ppszPropertyValue) = 0;
};

/// The properties of many resources.
POSTHORN_LEGACY_INTERFACE("0DEE87DE-0547-11D2-A894-0000F8084F96") IPropFindMultiResponse : public IUnknown
{
    virtual BOOL STDMETHODCALLTYPE    IsComplete()                = 0; ///< Whether all of it has arrived.
    virtual HRESULT STDMETHODCALLTYPE GetLength(ULONG* pulLength) = 0; ///< How many resources so far.

    /// One of them, with a reference added.
    virtual HRESULT STDMETHODCALLTYPE GetResponse(ULONG ulIndex, IPropFindResponse** ppResponse) = 0;
};

#endif
