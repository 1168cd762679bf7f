//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A program as they were written for Outlook Express's transports, against imnxport.h and nothing else: a callback class whose
// references count nothing, a message loop, everything on the stack.

#include <imnxport.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char g_szMail[] = "From: sender@example.test\r\n"
                               "To: one@example.test, two@example.test\r\n"
                               "Subject: Greetings from the past\r\n"
                               "\r\n"
                               "Still here.\r\n"
                               ".\r\n"
                               "(A dot of its own is no end.)\r\n";

class CSmtpCallback : public ISMTPCallback
{
public:
    CSmtpCallback() : m_pTransport(NULL), m_hrResult(E_FAIL) {}

    // IUnknown
    STDMETHODIMP QueryInterface(REFIID riid, LPVOID* ppv)
    {
        if (ppv == NULL)
            return E_POINTER;
        *ppv = NULL;
        if (IsEqualIID(riid, IID_IUnknown) || IsEqualIID(riid, IID_ITransportCallback) || IsEqualIID(riid, IID_ISMTPCallback))
            *ppv = this;
        return *ppv ? S_OK : E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() { return 2; }
    STDMETHODIMP_(ULONG) Release() { return 1; }

    // ITransportCallback
    STDMETHODIMP OnTimeout(DWORD*, IInternetTransport*) { return S_FALSE; }
    STDMETHODIMP OnLogonPrompt(LPINETSERVER, IInternetTransport*) { return S_FALSE; }
    STDMETHODIMP_(INT) OnPrompt(HRESULT, LPCTSTR pszText, LPCTSTR pszCaption, UINT, IInternetTransport*)
    {
        printf("%s: %s\n", pszCaption, pszText);
        return IDNO;
    }
    STDMETHODIMP OnStatus(IXPSTATUS ixpstatus, IInternetTransport*)
    {
        printf("status %d\n", (int)ixpstatus);
        if (ixpstatus == IXP_DISCONNECTED)
            PostQuitMessage(0);
        return S_OK;
    }
    STDMETHODIMP OnError(IXPSTATUS, LPIXPRESULT pResult, IInternetTransport*)
    {
        m_hrResult = pResult->hrResult;
        printf("error 0x%08X, socket error %u\n", (unsigned)pResult->hrResult, (unsigned)pResult->dwSocketError);
        return S_OK;
    }
    STDMETHODIMP OnCommand(CMDTYPE cmdtype, LPSTR pszLine, HRESULT, IInternetTransport*)
    {
        printf("%s %s\n", cmdtype == CMD_SEND ? "->" : "<-", pszLine);
        return S_OK;
    }

    // ISMTPCallback
    STDMETHODIMP OnResponse(LPSMTPRESPONSE pResponse)
    {
        switch (pResponse->command)
        {
        case SMTP_CONNECTED:
            if (FAILED(Send()))
                m_pTransport->Disconnect();
            break;
        case SMTP_SEND_STREAM:
            printf("%u of %u bytes\n", (unsigned)pResponse->rStreamInfo.cbCurrent, (unsigned)pResponse->rStreamInfo.cbTotal);
            break;
        case SMTP_SEND_MESSAGE:
            m_hrResult = pResponse->rIxpResult.hrResult;
            if (FAILED(m_hrResult))
                printf("refused: %s %s\n", pResponse->rIxpResult.pszResponse ? pResponse->rIxpResult.pszResponse : "",
                       pResponse->rIxpResult.pszProblem ? pResponse->rIxpResult.pszProblem : "");
            m_pTransport->Disconnect();
            break;
        default: break;
        }
        return S_OK;
    }

    HRESULT Run(const char* pszHost, DWORD dwPort, BOOL fSSL)
    {
        HRESULT hr = CoCreateInstance(CLSID_ISMTPTransport, NULL, CLSCTX_INPROC_SERVER, IID_ISMTPTransport, (LPVOID*)&m_pTransport);
        if (FAILED(hr))
            return hr;
        hr = m_pTransport->InitNew(NULL, this);

        INETSERVER rServer;
        ZeroMemory(&rServer, sizeof(rServer));
        strncpy(rServer.szAccount, "Example", sizeof(rServer.szAccount) - 1);
        strncpy(rServer.szServerName, pszHost, sizeof(rServer.szServerName) - 1);
        rServer.dwPort    = dwPort;
        rServer.fSSL      = fSSL;
        rServer.dwTimeout = 30;
        rServer.dwFlags   = ISF_QUERYDSNSUPPORT;
        if (SUCCEEDED(hr))
            hr = m_pTransport->Connect(&rServer, iitDONT_AUTHENTICATE, iitENABLE_ONCOMMAND);

        if (SUCCEEDED(hr))
        {
            MSG msg;
            while (GetMessage(&msg, NULL, 0, 0) > 0)
            {
                TranslateMessage(&msg);
                DispatchMessage(&msg);
            }
            hr = m_hrResult;
        }
        m_pTransport->HandsOffCallback();
        m_pTransport->Release();
        m_pTransport = NULL;
        return hr;
    }

private:
    HRESULT Send()
    {
        IStream* pStream = NULL;
        HRESULT  hr      = CreateStreamOnHGlobal(NULL, TRUE, &pStream);
        if (FAILED(hr))
            return hr;
        ULONG         cb = 0;
        LARGE_INTEGER liStart;
        liStart.QuadPart = 0;
        pStream->Write(g_szMail, sizeof(g_szMail) - 1, &cb);
        pStream->Seek(liStart, STREAM_SEEK_SET, NULL);

        INETADDR rgAddress[3];
        ZeroMemory(rgAddress, sizeof(rgAddress));
        rgAddress[0].addrtype = ADDR_FROM;
        strncpy(rgAddress[0].szEmail, "sender@example.test", CCHMAX_EMAIL_ADDRESS - 1);
        rgAddress[1].addrtype = ADDR_TO;
        strncpy(rgAddress[1].szEmail, "one@example.test", CCHMAX_EMAIL_ADDRESS - 1);
        rgAddress[2].addrtype = (INETADDRTYPE)(ADDR_TO | ADDR_DSN_FAILURE);
        strncpy(rgAddress[2].szEmail, "two@example.test", CCHMAX_EMAIL_ADDRESS - 1);

        SMTPMESSAGE rMessage;
        ZeroMemory(&rMessage, sizeof(rMessage));
        rMessage.cbSize                  = sizeof(g_szMail) - 1;
        rMessage.pstmMsg                 = pStream;
        rMessage.rAddressList.cAddress   = 3;
        rMessage.rAddressList.prgAddress = rgAddress;
        hr                               = m_pTransport->SendMessage(&rMessage);
        pStream->Release();
        return hr;
    }

    ISMTPTransport* m_pTransport;
    HRESULT         m_hrResult;
};

static CSmtpCallback g_Callback;

int main(int argc, char** argv)
{
    if (argc != 3 && !(argc == 4 && strcmp(argv[3], "ssl") == 0))
    {
        fprintf(stderr, "usage: legacy_smtp HOST PORT [ssl]\n");
        return 64;
    }
    CoInitialize(NULL);
    HRESULT hr = g_Callback.Run(argv[1], (DWORD)atoi(argv[2]), argc == 4);
    CoUninitialize();
    printf("result 0x%08X\n", (unsigned)hr);
    return SUCCEEDED(hr) ? 0 : 1;
}
