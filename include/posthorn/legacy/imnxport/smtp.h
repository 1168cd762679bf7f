//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The SMTP transport and its callback.

#ifndef POSTHORN_LEGACY_IMNXPORT_SMTP_H
#define POSTHORN_LEGACY_IMNXPORT_SMTP_H

#include "../com.h"
#include "identifiers.h"
#include "transport.h"

#if !defined(_WIN32) && defined(SendMessage)
#undef SendMessage
#endif

struct ISMTPTransport;

/// Whose an address is. The DSN bits (RFC 3461) are ORed to ADDR_TO.
typedef enum tagINETADDRTYPE POSTHORN_LEGACY_INT
{
    ADDR_TO          = 0,   ///< A recipient: To, Cc or Bcc.
    ADDR_FROM        = 1,   ///< The sender.
    ADDR_DSN_NEVER   = 16,  ///< NOTIFY=NEVER, whatever else is set.
    ADDR_DSN_SUCCESS = 32,  ///< NOTIFY=SUCCESS
    ADDR_DSN_FAILURE = 64,  ///< NOTIFY=FAILURE
    ADDR_DSN_DELAY   = 128  ///< NOTIFY=DELAY
} INETADDRTYPE;

#define ADDR_TOFROM_MASK 0x01
#define ADDR_DSN_MASK 0xF0

/// How much of the message a DSN brings back.
typedef enum tagDSNRET POSTHORN_LEGACY_INT
{
    DSNRET_DEFAULT = 0, ///< As the server likes.
    DSNRET_HDRS    = 1, ///< RET=HDRS
    DSNRET_FULL    = 2  ///< RET=FULL
} DSNRET;

typedef struct tagINETADDR
{
    INETADDRTYPE addrtype;
    CHAR         szEmail[CCHMAX_EMAIL_ADDRESS]; ///< mailbox@domain, without angle brackets.
} INETADDR, *LPINETADDR;

typedef struct tagINETADDRLIST
{
    ULONG      cAddress;   ///< How many.
    LPINETADDR prgAddress; ///< The first one.
} INETADDRLIST, *LPINETADDRLIST;

/// A command, or a milestone of the transport.
typedef enum tagSMTPCOMMAND POSTHORN_LEGACY_INT
{
    SMTP_NONE         = 0,
    SMTP_BANNER       = 1,  ///< The server's greeting.
    SMTP_CONNECTED    = 2,  ///< The transport is ready, logged on if that was asked for.
    SMTP_SEND_MESSAGE = 3,  ///< A message is through, or refused.
    SMTP_AUTH         = 4,
    SMTP_EHLO         = 5,
    SMTP_HELO         = 6,
    SMTP_MAIL         = 7,
    SMTP_RCPT         = 8,
    SMTP_RSET         = 9,
    SMTP_QUIT         = 10,
    SMTP_DATA         = 11,
    SMTP_DOT          = 12,
    SMTP_SEND_STREAM  = 13, ///< More of a message has gone out: SMTPRESPONSE::rStreamInfo.
    SMTP_CUSTOM       = 14  ///< Never told here.
} SMTPCOMMAND;

typedef struct tagSMTPSTREAM
{
    DWORD cbIncrement; ///< Bytes since the last time.
    DWORD cbCurrent;   ///< Bytes so far.
    DWORD cbTotal;     ///< Bytes in all.
} SMTPSTREAM, *LPSMTPSTREAM;

/// What the server answered, or how far the transport is.
typedef struct tagSMTPRESPONSE
{
    SMTPCOMMAND     command;    ///< What it answers.
    BOOL            fDone;      ///< Whether this was the last of it, so that another command can be given.
    IXPRESULT       rIxpResult; ///< The result.
    ISMTPTransport* pTransport; ///< Who tells it; no reference is added.
    union
    {
        SMTPSTREAM rStreamInfo; ///< Of SMTP_SEND_STREAM only.
    };
} SMTPRESPONSE, *LPSMTPRESPONSE;

POSTHORN_LEGACY_INTERFACE("1F636C02-364E-11D0-81D3-00C04FD85AB4") ISMTPCallback : public ITransportCallback
{
    /// Called for every reply and every milestone. @param pResponse Valid during the call only. @return S_OK.
    virtual HRESULT STDMETHODCALLTYPE OnResponse(LPSMTPRESPONSE pResponse) = 0;
};

typedef struct tagSMTPMESSAGE
{
    ULONG        cbSize;       ///< Bytes to send; 0 for all that the stream has.
    LPSTREAM     pstmMsg;      ///< The message, RFC 5322; read from its position.
    INETADDRLIST rAddressList; ///< The sender and the recipients.
} SMTPMESSAGE, *LPSMTPMESSAGE;

/// SMTP (RFC 5321). Each command answers at once whether it was taken, and by ISMTPCallback::OnResponse how it went.
POSTHORN_LEGACY_INTERFACE("0DF2C7E2-3435-11D0-81D0-00C04FD85AB4") ISMTPTransport : public IInternetTransport
{
    /** The first call.

        @param pszLogFilePath A file for the protocol, or NULL.
        @param pCallback      Who hears of it all.
        @return S_OK, E_INVALIDARG, E_OUTOFMEMORY, IXP_E_ALREADY_CONNECTED.
    */
    virtual HRESULT STDMETHODCALLTYPE InitNew(LPSTR pszLogFilePath, ISMTPCallback* pCallback) = 0;

    /** Sends a message. Of the description a copy is made, the stream gets a reference.

        @return S_OK, E_INVALIDARG, E_OUTOFMEMORY, IXP_E_NOT_INIT, IXP_E_NOT_CONNECTED, IXP_E_BUSY,
                IXP_E_INVALID_STATE, IXP_E_INVALID_ADDRESS_LIST, IXP_S_SMTP_NO_DSN_SUPPORT.
    */
    virtual HRESULT STDMETHODCALLTYPE SendMessage(LPSMTPMESSAGE pMessage) = 0;

    /** @name Single commands
        @return S_OK if it was taken; E_INVALIDARG if there is an argument that it cannot be; E_OUTOFMEMORY; IXP_E_NOT_INIT;
                IXP_E_NOT_CONNECTED; IXP_E_BUSY; IXP_E_INVALID_STATE after CommandDATA, or, of CommandDOT and SendDataStream,
                without it; IXP_E_SOCKET_WRITE_ERROR if the connection turns out to be gone. */
    virtual HRESULT STDMETHODCALLTYPE CommandMAIL(LPSTR pszEmailFrom) = 0; ///< MAIL FROM; SMTP_MAIL answers.
    virtual HRESULT STDMETHODCALLTYPE CommandRCPT(LPSTR pszEmailTo)   = 0; ///< RCPT TO; SMTP_RCPT answers.
    virtual HRESULT STDMETHODCALLTYPE CommandEHLO()                   = 0; ///< EHLO; SMTP_EHLO answers, once for each line.
    virtual HRESULT STDMETHODCALLTYPE CommandHELO()                   = 0; ///< HELO; SMTP_HELO answers.
    virtual HRESULT STDMETHODCALLTYPE CommandAUTH(LPSTR pszAuthType)  = 0; ///< AUTH and all that follows; SMTP_AUTH answers.
    virtual HRESULT STDMETHODCALLTYPE CommandQUIT()                   = 0; ///< QUIT; SMTP_QUIT answers, then the connection ends.
    virtual HRESULT STDMETHODCALLTYPE CommandRSET()                   = 0; ///< RSET; SMTP_RSET answers.
    virtual HRESULT STDMETHODCALLTYPE CommandDATA()                   = 0; ///< DATA; SMTP_DATA answers.
    virtual HRESULT STDMETHODCALLTYPE CommandDOT()                    = 0; ///< The dot that ends a message; SMTP_DOT answers.

    /// The text of a message, after CommandDATA, and the dot. SMTP_SEND_STREAM and SMTP_DOT answer. @param cbSize In bytes.
    virtual HRESULT STDMETHODCALLTYPE SendDataStream(IStream* pStream, ULONG cbSize) = 0;
};

/// A message with wishes about DSN (RFC 3461).
typedef struct tagSMTPMESSAGE2
{
    SMTPMESSAGE smtpMsg;
    LPSTR       pszDSNENVID; ///< ENVID, or NULL.
    DSNRET      dsnRet;      ///< RET
    DWORD       dwReserved;
    DWORD       dwReserved2;
} SMTPMESSAGE2, *LPSMTPMESSAGE2;

POSTHORN_LEGACY_INTERFACE("0DF2C7EC-3435-11D0-81D0-00C04FD85AB4") ISMTPTransport2 : public ISMTPTransport
{
    /// Callbacks come to the calling thread from now on. NOERROR, IXP_E_NOT_INIT, IXP_E_CONN if the connection is gone, E_FAIL
    /// for a transport that has an executor, E_UNEXPECTED while it runs on another thread.
    virtual HRESULT STDMETHODCALLTYPE SetWindow() = 0;

    /// Callbacks wait until SetWindow. NOERROR, IXP_E_NOT_INIT, E_UNEXPECTED if they wait already, or as for SetWindow.
    virtual HRESULT STDMETHODCALLTYPE ResetWindow() = 0;

    /// SendMessage with wishes about DSN, for which EHLO must have been used. Returns the same.
    virtual HRESULT STDMETHODCALLTYPE SendMessage2(LPSMTPMESSAGE2 pMessage) = 0;

    /// CommandRCPT with the bits ADDR_DSN_... of `atDSN`. Returns the same, and IXP_S_SMTP_NO_DSN_SUPPORT.
    virtual HRESULT STDMETHODCALLTYPE CommandRCPT2(LPSTR pszEmailTo, INETADDRTYPE atDSN) = 0;
};

/** Makes an SMTP transport; InitNew is its first call.

    @param ppTransport Gets it.
    @return S_OK, E_INVALIDARG, E_OUTOFMEMORY.
*/
extern "C" HRESULT WINAPI CreateSMTPTransport(ISMTPTransport** ppTransport);

#endif
