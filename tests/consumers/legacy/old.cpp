//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Old code: C++98, counted references, one header.

#include <Imnxport.h>
#include <imnxport.h>

#include <stdio.h>
#include <string.h>

#if __cplusplus >= 201103L
#error "this is meant to be compiled as C++98"
#endif

class CCallback : public ISMTPCallback
{
public:
    CCallback() : m_cRef(1), m_cResponses(0) {}

    STDMETHODIMP QueryInterface(REFIID riid, void** ppv)
    {
        if (IsEqualIID(riid, IID_IUnknown) || IsEqualIID(riid, IID_ITransportCallback) || riid == IID_ISMTPCallback)
        {
            *ppv = static_cast<ISMTPCallback*>(this);
            AddRef();
            return S_OK;
        }
        *ppv = NULL;
        return E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() { return InterlockedIncrement(&m_cRef); }
    STDMETHODIMP_(ULONG) Release() { return InterlockedDecrement(&m_cRef); }

    STDMETHODIMP OnTimeout(DWORD* pdwTimeout, IInternetTransport*)
    {
        *pdwTimeout += 30;
        return S_OK;
    }
    STDMETHODIMP OnLogonPrompt(LPINETSERVER pServer, IInternetTransport*)
    {
        strcpy(pServer->szUserName, "me");
        return S_OK;
    }
    STDMETHODIMP_(INT) OnPrompt(HRESULT hr, LPCTSTR, LPCTSTR, UINT uType, IInternetTransport*)
    {
        return hr == IXP_E_INVALID_CERT_DATE && (uType & MB_YESNO) ? IDYES : IDNO;
    }
    STDMETHODIMP OnStatus(IXPSTATUS, IInternetTransport*) { return S_OK; }
    STDMETHODIMP OnError(IXPSTATUS, LPIXPRESULT, IInternetTransport*) { return S_OK; }
    STDMETHODIMP OnCommand(CMDTYPE, LPSTR, HRESULT, IInternetTransport*) { return S_OK; }
    STDMETHODIMP OnResponse(LPSMTPRESPONSE pResponse)
    {
        switch (pResponse->rIxpResult.hrResult)
        {
        case IXP_S_SMTP_250_MAIL_ACTION_OKAY: ++m_cResponses; break;
        default: break;
        }
        return S_OK;
    }

    LONG m_cRef;
    int  m_cResponses;
};

static int failed(const char* what)
{
    printf("%s\n", what);
    return 1;
}

int main()
{
    if (FAILED(CoInitialize(NULL)))
        return failed("CoInitialize");

    // A message in memory
    LPSTREAM pStream = NULL;
    if (FAILED(CreateStreamOnHGlobal(NULL, TRUE, &pStream)))
        return failed("CreateStreamOnHGlobal");
    const char    szText[] = "Subject: old\r\n\r\ncode\r\n";
    ULONG         cb       = 0;
    LARGE_INTEGER li;
    LISet32(li, 0);
    if (FAILED(pStream->Write(szText, sizeof(szText) - 1, &cb)) || cb != sizeof(szText) - 1)
        return failed("Write");
    if (FAILED(pStream->Seek(li, STREAM_SEEK_SET, NULL)))
        return failed("Seek");
    STATSTG stat;
    if (FAILED(pStream->Stat(&stat, STATFLAG_NONAME)) || stat.cbSize.LowPart != cb)
        return failed("Stat");

    // A description of it
    INETADDR rgAddress[2];
    ZeroMemory(rgAddress, sizeof(rgAddress));
    rgAddress[0].addrtype = ADDR_FROM;
    rgAddress[1].addrtype = static_cast<INETADDRTYPE>(ADDR_TO | ADDR_DSN_FAILURE);
    SMTPMESSAGE message = {cb, pStream, {2, rgAddress}};
    if (message.rAddressList.prgAddress[1].addrtype != 64)
        return failed("SMTPMESSAGE");

    // The callback, as a transport calls it
    CCallback    callback;
    SMTPRESPONSE response;
    ZeroMemory(&response, sizeof(response));
    response.rIxpResult.hrResult = IXP_S_SMTP_250_MAIL_ACTION_OKAY;
    ISMTPCallback* pCallback     = &callback;
    void*          pv            = NULL;
    if (FAILED(pCallback->OnResponse(&response)) || callback.m_cResponses != 1)
        return failed("OnResponse");
    if (FAILED(pCallback->QueryInterface(IID_ISMTPCallback, &pv)) || pv != pCallback || pCallback->Release() != 1)
        return failed("QueryInterface");

    // An error in words
    LPSTR pszText = NULL;
    if (FormatMessage(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM, NULL, IXP_E_CANT_FIND_HOST, 0,
                      reinterpret_cast<LPSTR>(&pszText), 0, NULL) == 0)
        return failed("FormatMessage");
    printf("%s", pszText);
    LocalFree(pszText);

    // A class that is not there
    if (CoCreateInstance(CLSID_ImnAccountManager, NULL, CLSCTX_INPROC_SERVER, IID_IUnknown, &pv) != REGDB_E_CLASSNOTREG)
        return failed("CoCreateInstance");

    pStream->Release();
    CoUninitialize();
    return 0;
}
