//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A program as they were written for Outlook Express's transports, against imnxport.h and nothing else: it looks into a mailbox, reads
// a message, marks it as read, moves it away, sends one, and lists the contacts. One step follows from the answer to the one before.

#include <imnxport.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char g_szMail[] = "From: alice@example.com\r\n"
                               "To: bob@example.net\r\n"
                               "Subject: Greetings from the past\r\n"
                               "\r\n"
                               "Still here.\r\n";

enum STEP // dwContext of each request
{
    STEP_FOLDERS = 1,
    STEP_MESSAGES,
    STEP_GET,
    STEP_MARK,
    STEP_MOVE,
    STEP_SEND,
    STEP_CONTACTS
};

class CMailCallback : public IHTTPMailCallback
{
public:
    CMailCallback() : m_pTransport(NULL), m_hrResult(E_FAIL), m_pszUser(""), m_pszPassword("")
    {
        m_szMessage[0] = m_szInbox[0] = m_szTrash[0] = '\0';
    }

    // IUnknown
    STDMETHODIMP QueryInterface(REFIID riid, LPVOID* ppv)
    {
        if (ppv == NULL)
            return E_POINTER;
        *ppv = NULL;
        if (IsEqualIID(riid, IID_IUnknown) || IsEqualIID(riid, IID_ITransportCallback) || IsEqualIID(riid, IID_IHTTPMailCallback))
            *ppv = this;
        return *ppv ? S_OK : E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() { return 2; }
    STDMETHODIMP_(ULONG) Release() { return 1; }

    // ITransportCallback
    STDMETHODIMP OnTimeout(DWORD*, IInternetTransport*) { return S_FALSE; }
    STDMETHODIMP OnLogonPrompt(LPINETSERVER pServer, IInternetTransport*)
    {
        if (pServer->szPassword[0] != '\0')
            return S_FALSE; // it was refused
        strncpy(pServer->szUserName, m_pszUser, sizeof(pServer->szUserName) - 1);
        strncpy(pServer->szPassword, m_pszPassword, sizeof(pServer->szPassword) - 1);
        return S_OK;
    }
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
        printf("error 0x%08X\n", (unsigned)pResult->hrResult);
        return S_OK;
    }
    STDMETHODIMP OnCommand(CMDTYPE cmdtype, LPSTR pszLine, HRESULT, IInternetTransport*)
    {
        printf("%s %s\n", cmdtype == CMD_SEND ? "->" : "<-", pszLine);
        return S_OK;
    }

    // IHTTPMailCallback
    STDMETHODIMP GetParentWindow(HWND*) { return E_FAIL; }
    STDMETHODIMP OnResponse(LPHTTPMAILRESPONSE pResponse)
    {
        if (FAILED(pResponse->rIxpResult.hrResult))
        {
            printf("request %u: 0x%08X, %u %s\n", (unsigned)pResponse->dwContext, (unsigned)pResponse->rIxpResult.hrResult,
                   (unsigned)pResponse->rIxpResult.uiServerError, pResponse->rIxpResult.pszResponse ? pResponse->rIxpResult.pszResponse : "");
            m_hrResult = pResponse->rIxpResult.hrResult;
            m_pTransport->Disconnect();
            return S_OK;
        }
        Show(pResponse);
        if (!pResponse->fDone)
            return S_OK;
        HRESULT hr = Next(pResponse);
        if (FAILED(hr))
        {
            m_hrResult = hr;
            m_pTransport->Disconnect();
        }
        return S_OK;
    }

    HRESULT Run(const char* pszUrl, const char* pszUser, const char* pszPassword)
    {
        m_pszUser     = pszUser;
        m_pszPassword = pszPassword;
        HRESULT hr = CoCreateInstance(CLSID_IHTTPMailTransport, NULL, CLSCTX_INPROC_SERVER, IID_IHTTPMailTransport, (LPVOID*)&m_pTransport);
        if (FAILED(hr))
            return hr;
        hr = m_pTransport->InitNew("Outlook-Express/6.0 (MSIE 6.0; example)", NULL, this);

        INETSERVER rServer;
        ZeroMemory(&rServer, sizeof(rServer));
        strncpy(rServer.szAccount, "Example", sizeof(rServer.szAccount) - 1);
        strncpy(rServer.szServerName, pszUrl, sizeof(rServer.szServerName) - 1);
        rServer.dwTimeout = 30;
        if (SUCCEEDED(hr))
            hr = m_pTransport->Connect(&rServer, iitAUTHENTICATE, iitENABLE_ONCOMMAND);
        if (SUCCEEDED(hr))
            hr = m_pTransport->GetProperty(HTTPMAIL_PROP_MSGFOLDERROOT, NULL); // the answer comes to OnResponse

        if (hr == E_PENDING)
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
    // What a response says, whether it is the last one or not.
    void Show(LPHTTPMAILRESPONSE pResponse)
    {
        ULONG i;
        switch (pResponse->command)
        {
        case HTTPMAIL_MEMBERINFO:
            for (i = 0; i < pResponse->rMemberInfoList.cMemberInfo; i++)
            {
                LPHTTPMEMBERINFO pInfo = &pResponse->rMemberInfoList.prgMemberInfo[i];
                if (pInfo->fIsFolder)
                    printf("folder %s: %u messages, %u unread\n", pInfo->pszHref, (unsigned)pInfo->dwVisibleCount, (unsigned)pInfo->dwUnreadCount);
                else
                {
                    printf("message %s: %s, %u bytes\n", pInfo->fRead ? "read" : "unread", pInfo->pszSubject ? pInfo->pszSubject : "",
                           (unsigned)pInfo->dwContentLength);
                    if (m_szMessage[0] == '\0')
                        strncpy(m_szMessage, pInfo->pszHref, sizeof(m_szMessage) - 1);
                }
                if (pInfo->tySpecial == HTTPMAIL_SF_INBOX)
                    strncpy(m_szInbox, pInfo->pszHref, sizeof(m_szInbox) - 1);
                if (pInfo->tySpecial == HTTPMAIL_SF_DELETEDITEMS)
                    strncpy(m_szTrash, pInfo->pszHref, sizeof(m_szTrash) - 1);
            }
            break;
        case HTTPMAIL_GET:
            printf("%u of %u bytes\n", (unsigned)pResponse->rGetInfo.cbCurrent, (unsigned)pResponse->rGetInfo.cbTotal);
            if (pResponse->rGetInfo.pvBody != NULL)
                fwrite(pResponse->rGetInfo.pvBody, 1, pResponse->rGetInfo.cbIncrement, stdout);
            break;
        case HTTPMAIL_SENDMESSAGE:
            printf("%u of %u bytes sent\n", (unsigned)pResponse->rSendMessageInfo.cbCurrent, (unsigned)pResponse->rSendMessageInfo.cbTotal);
            break;
        case HTTPMAIL_CONTACTINFO:
            for (i = 0; i < pResponse->rContactInfoList.cContactInfo; i++)
                printf("contact %s <%s>\n", pResponse->rContactInfoList.prgContactInfo[i].pszDisplayName,
                       pResponse->rContactInfoList.prgContactInfo[i].pszEmail);
            break;
        default: break;
        }
    }

    // What follows after a request.
    HRESULT Next(LPHTTPMAILRESPONSE pResponse)
    {
        HRESULT hr = S_OK;
        LPSTR   psz = NULL;
        if (pResponse->command == HTTPMAIL_GETPROP)
            return m_pTransport->MemberInfo(pResponse->rGetPropInfo.pszProp, HTTP_MEMBERINFO_FOLDERPROPS, 1, FALSE, STEP_FOLDERS);
        switch (pResponse->dwContext)
        {
        case STEP_FOLDERS: return m_pTransport->MemberInfo(m_szInbox, HTTP_MEMBERINFO_MESSAGEPROPS, 1, FALSE, STEP_MESSAGES);
        case STEP_MESSAGES: return m_pTransport->CommandGET(m_szMessage, NULL, TRUE, STEP_GET);
        case STEP_GET:
        {
            LPCSTR         pszName = strrchr(m_szMessage, '/') + 1;
            HTTPTARGETLIST rList;
            rList.cTarget   = 1;
            rList.prgTarget = &pszName;
            return m_pTransport->MarkRead(m_szInbox, &rList, TRUE, STEP_MARK);
        }
        case STEP_MARK:
        {
            LPCSTR         pszName = strrchr(m_szMessage, '/') + 1;
            HTTPTARGETLIST rList;
            rList.cTarget   = 1;
            rList.prgTarget = &pszName;
            return m_pTransport->CommandBMOVE(m_szInbox, &rList, m_szTrash, NULL, TRUE, STEP_MOVE);
        }
        case STEP_MOVE:
            hr = m_pTransport->GetProperty(HTTPMAIL_PROP_SENDMSG, &psz);
            if (hr == S_OK)
                hr = Send(psz);
            CoTaskMemFree(psz);
            return hr;
        case STEP_SEND:
            hr = m_pTransport->GetProperty(HTTPMAIL_PROP_CONTACTS, &psz);
            if (hr == S_OK)
                hr = m_pTransport->ListContactInfos(psz, STEP_CONTACTS);
            CoTaskMemFree(psz);
            return hr;
        default:
            m_hrResult = S_OK;
            return m_pTransport->Disconnect();
        }
    }

    HRESULT Send(LPCSTR pszPath)
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
        LPCSTR         pszTo = "bob@example.net";
        HTTPTARGETLIST rList;
        rList.cTarget   = 1;
        rList.prgTarget = &pszTo;
        hr              = m_pTransport->SendMessage(pszPath, m_pszUser, &rList, TRUE, pStream, STEP_SEND);
        pStream->Release();
        return hr;
    }

    IHTTPMailTransport* m_pTransport;
    HRESULT             m_hrResult;
    const char*         m_pszUser;
    const char*         m_pszPassword;
    char                m_szMessage[1024];
    char                m_szInbox[1024];
    char                m_szTrash[1024];
};

static CMailCallback g_Callback;

int main(int argc, char** argv)
{
    if (argc != 4)
    {
        fprintf(stderr, "usage: legacy_httpmail URL NAME PASSWORD\n");
        return 64;
    }
    CoInitialize(NULL);
    HRESULT hr = g_Callback.Run(argv[1], argv[2], argv[3]);
    CoUninitialize();
    printf("result 0x%08X\n", (unsigned)hr);
    return SUCCEEDED(hr) ? 0 : 1;
}
