//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The HTTPMail transport and its callback.

#ifndef POSTHORN_LEGACY_IMNXPORT_HTTPMAIL_H
#define POSTHORN_LEGACY_IMNXPORT_HTTPMAIL_H

#include "../com.h"
#include "dav.h"
#include "httpmail_types.h"
#include "identifiers.h"
#include "transport.h"

#if !defined(_WIN32) && defined(SendMessage)
#undef SendMessage
#endif

POSTHORN_LEGACY_INTERFACE("19F6481C-E5F0-11D1-A86E-0000F8084F96") IHTTPMailCallback : public ITransportCallback
{
    /// An answer, or a part of one. @param pResponse Valid during the call only. @return S_OK.
    virtual HRESULT STDMETHODCALLTYPE OnResponse(LPHTTPMAILRESPONSE pResponse) = 0;

    /// The window for the transport's dialogs. @return S_OK or E_FAIL.
    virtual HRESULT STDMETHODCALLTYPE GetParentWindow(HWND* phwndParent) = 0;
};

/** HTTPMail: mail by WebDAV.

    Requests are queued; each is answered by IHTTPMailCallback::OnResponse with the `dwContext` it was given. Paths are
    whole URLs. Of texts, lists and data copies are made; streams get a reference.

    Every request returns S_OK, E_INVALIDARG, E_OUTOFMEMORY, IXP_E_NOT_INIT or IXP_E_NOT_CONNECTED.
*/
POSTHORN_LEGACY_INTERFACE("B8BDE03C-E548-11D1-A86E-0000F8084F96") IHTTPMailTransport : public IInternetTransport
{
    /** The first call.

        @param pszUserAgent   Who the client says it is.
        @param pszLogFilePath A file for the protocol, or NULL.
        @param pCallback      Who hears of it all.
        @return S_OK, E_INVALIDARG, E_OUTOFMEMORY, IXP_E_ALREADY_CONNECTED, IXP_E_SOCKET_INIT_ERROR.
    */
    virtual HRESULT STDMETHODCALLTYPE InitNew(LPCSTR pszUserAgent, LPCSTR pszLogFilePath, IHTTPMailCallback* pCallback) = 0;

    /// @param rgszAcceptTypes Types for Accept, ended by NULL; or NULL. @param fTranslate Whether to send "Translate: f".
    virtual HRESULT STDMETHODCALLTYPE
    CommandGET(LPCSTR pszPath, LPCSTR* rgszAcceptTypes, BOOL fTranslate, DWORD dwContext) = 0;

    virtual HRESULT STDMETHODCALLTYPE CommandPUT(LPCSTR pszPath, LPVOID lpvData, ULONG cbSize, DWORD dwContext) = 0;
    virtual HRESULT STDMETHODCALLTYPE
    CommandPOST(LPCSTR pszPath, IStream* pStream, LPCSTR pszContentType, DWORD dwContext)     = 0;
    virtual HRESULT STDMETHODCALLTYPE CommandDELETE(LPCSTR pszPath, DWORD dwContext)          = 0;
    virtual HRESULT STDMETHODCALLTYPE
    CommandBDELETE(LPCSTR pszSourceCollection, LPHTTPTARGETLIST pTargets, DWORD dwContext)    = 0;

    /// @param dwDepth 0, 1 or DEPTH_INFINITY.
    virtual HRESULT STDMETHODCALLTYPE
    CommandPROPFIND(LPCSTR pszPath, IPropFindRequest* pRequest, DWORD dwDepth, DWORD dwContext) = 0;

    virtual HRESULT STDMETHODCALLTYPE CommandPROPPATCH(LPCSTR pszPath, IPropPatchRequest* pRequest, DWORD dwContext) = 0;
    virtual HRESULT STDMETHODCALLTYPE CommandMKCOL(LPCSTR pszPath, DWORD dwContext)                                  = 0;
    virtual HRESULT STDMETHODCALLTYPE
    CommandCOPY(LPCSTR pszPath, LPCSTR pszDestination, BOOL fAllowRename, DWORD dwContext) = 0;

    /// @param pDestinations Names for the copies, as many as targets; or NULL.
    virtual HRESULT STDMETHODCALLTYPE CommandBCOPY(LPCSTR pszSourceCollection, LPHTTPTARGETLIST pTargets,
                                                   LPCSTR pszDestCollection, LPHTTPTARGETLIST pDestinations,
                                                   BOOL fAllowRename, DWORD dwContext) = 0;

    virtual HRESULT STDMETHODCALLTYPE
    CommandMOVE(LPCSTR pszPath, LPCSTR pszDestination, BOOL fAllowRename, DWORD dwContext) = 0;

    /// @param pDestinations New names, as many as targets; or NULL.
    virtual HRESULT STDMETHODCALLTYPE CommandBMOVE(LPCSTR pszSourceCollection, LPHTTPTARGETLIST pTargets,
                                                   LPCSTR pszDestCollection, LPHTTPTARGETLIST pDestinations,
                                                   BOOL fAllowRename, DWORD dwContext) = 0;

    /** A property of the account that is a text.

        @param ppszProp Gets it, to be freed by CoTaskMemFree; NULL to have it told by OnResponse.
        @return S_OK; E_PENDING if OnResponse will tell; E_INVALIDARG; E_FAIL; IXP_E_HTTP_ROOT_PROP_NOT_FOUND.
    */
    virtual HRESULT STDMETHODCALLTYPE GetProperty(HTTPMAILPROPTYPE proptype, LPSTR* ppszProp) = 0;

    /// What a folder holds. @param flags HTTP_MEMBERINFO_... @param fIncludeRoot Whether the folder itself is told too.
    virtual HRESULT STDMETHODCALLTYPE
    MemberInfo(LPCSTR pszPath, MEMBERINFOFLAGS flags, DWORD dwDepth, BOOL fIncludeRoot, DWORD dwContext) = 0;

    /// All folders below one, by SEARCH; told as by MemberInfo.
    virtual HRESULT STDMETHODCALLTYPE FindFolders(LPCSTR pszPath, DWORD dwContext) = 0;

    virtual HRESULT STDMETHODCALLTYPE
    MarkRead(LPCSTR pszPath, LPHTTPTARGETLIST pTargets, BOOL fMarkRead, DWORD dwContext) = 0;

    /// @param pszPath HTTPMAIL_PROP_SENDMSG. @param pTargets All recipients. @param fSaveInSent Whether the server keeps a copy.
    virtual HRESULT STDMETHODCALLTYPE SendMessage(LPCSTR pszPath, LPCSTR pszFrom, LPHTTPTARGETLIST pTargets,
                                                  BOOL fSaveInSent, IStream* pMessageStream, DWORD dwContext) = 0;

    virtual HRESULT STDMETHODCALLTYPE ListContacts(LPCSTR pszPath, DWORD dwContext) = 0;

    /// Told as by ContactInfo. @param pszCollectionPath A folder of contacts.
    virtual HRESULT STDMETHODCALLTYPE ListContactInfos(LPCSTR pszCollectionPath, DWORD dwContext) = 0;

    virtual HRESULT STDMETHODCALLTYPE ContactInfo(LPCSTR pszPath, DWORD dwContext)                              = 0;
    virtual HRESULT STDMETHODCALLTYPE PostContact(LPCSTR pszPath, LPHTTPCONTACTINFO pciInfo, DWORD dwContext)  = 0;
    virtual HRESULT STDMETHODCALLTYPE PatchContact(LPCSTR pszPath, LPHTTPCONTACTINFO pciInfo, DWORD dwContext) = 0;

    /** A property of the account that is a number: HTTPMAIL_PROP_MAXPOLLINGINTERVAL. Results as of GetProperty.

        The documentation has it, the oldest headers do not and nobody tells its slot: here it is the last one, so that all
        others keep theirs.
    */
    virtual HRESULT STDMETHODCALLTYPE GetPropertyDw(HTTPMAILPROPTYPE proptype, LPDWORD lpdwProp) = 0;
};

/// MemberInfo with time stamps, by which the server leaves out what did not change. Its identifier is not authentic.
POSTHORN_LEGACY_INTERFACE("65CD09B6-7D77-4C36-BF8E-AF2E81E88B43") IHTTPMailTransport2 : public IHTTPMailTransport
{
    virtual HRESULT STDMETHODCALLTYPE RootMemberInfo(LPCSTR pszPath, MEMBERINFOFLAGS flags, DWORD dwDepth,
                                                     BOOL fIncludeRoot, DWORD dwContext, LPCSTR pszRootTimeStamp,
                                                     LPCSTR pszInboxTimeStamp) = 0;
    virtual HRESULT STDMETHODCALLTYPE FolderMemberInfo(LPCSTR pszPath, MEMBERINFOFLAGS flags, DWORD dwDepth,
                                                       BOOL fIncludeRoot, DWORD dwContext, LPCSTR pszFolderTimeStamp,
                                                       LPCSTR pszFolderName) = 0;
};

#endif
