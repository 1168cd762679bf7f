//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a server's number means as a result code.

#ifndef POSTHORN_LEGACY_DETAIL_RESULT_CODES_HPP
#define POSTHORN_LEGACY_DETAIL_RESULT_CODES_HPP

#include <posthorn/legacy/imnxport.h>

namespace posthorn::legacy::detail {

/** The code of an SMTP reply.

    Without a name of its own, a number that accepts is S_OK, one that asks for more IXP_S_SMTP_CONTINUE, one that refuses
    IXP_E_SMTP_UNKNOWN_RESPONSE_CODE; what is no reply number is IXP_E_SMTP_RESPONSE_ERROR.
*/
constexpr HRESULT from_smtp_reply(int number) noexcept
{
    switch (number)
    {
    case 211: return IXP_S_SMTP_211_SYSTEM_STATUS;
    case 214: return IXP_S_SMTP_214_HELP_MESSAGE;
    case 220: return IXP_S_SMTP_220_READY;
    case 221: return IXP_S_SMTP_221_CLOSING;
    case 235: return IXP_S_SMTP_245_AUTH_SUCCESS;
    case 245: return IXP_S_SMTP_245_AUTH_SUCCESS;
    case 250: return IXP_S_SMTP_250_MAIL_ACTION_OKAY;
    case 251: return IXP_S_SMTP_251_FORWARDING_MAIL;
    case 334: return IXP_S_SMTP_334_AUTH_READY_RESPONSE;
    case 354: return IXP_S_SMTP_354_START_MAIL_INPUT;
    case 421: return IXP_E_SMTP_421_NOT_AVAILABLE;
    case 450: return IXP_E_SMTP_450_MAILBOX_BUSY;
    case 451: return IXP_E_SMTP_451_ERROR_PROCESSING;
    case 452: return IXP_E_SMTP_452_NO_SYSTEM_STORAGE;
    case 454: return IXP_E_SMTP_454_STARTTLS_FAILED;
    case 500: return IXP_E_SMTP_500_SYNTAX_ERROR;
    case 501: return IXP_E_SMTP_501_PARAM_SYNTAX;
    case 502: return IXP_E_SMTP_502_COMMAND_NOTIMPL;
    case 503: return IXP_E_SMTP_503_COMMAND_SEQ;
    case 504: return IXP_E_SMTP_504_COMMAND_PARAM_NOTIMPL;
    case 530: return IXP_E_SMTP_530_STARTTLS_REQUIRED;
    case 550: return IXP_E_SMTP_550_MAILBOX_NOT_FOUND;
    case 551: return IXP_E_SMTP_551_USER_NOT_LOCAL;
    case 552: return IXP_E_SMTP_552_STORAGE_OVERFLOW;
    case 553: return IXP_E_SMTP_553_MAILBOX_NAME_SYNTAX;
    case 554: return IXP_E_SMTP_554_TRANSACT_FAILED;
    default: break;
    }
    switch (number / 100)
    {
    case 2: return S_OK;
    case 3: return IXP_S_SMTP_CONTINUE;
    case 4:
    case 5: return IXP_E_SMTP_UNKNOWN_RESPONSE_CODE;
    default: return IXP_E_SMTP_RESPONSE_ERROR;
    }
}

/** The code of an HTTP status.

    Without a name of its own, 2xx is S_OK, 5xx IXP_E_HTTP_INTERNAL_ERROR, all else IXP_E_HTTP_BAD_REQUEST.
*/
constexpr HRESULT from_http_status(int number) noexcept
{
    switch (number)
    {
    case 305: return IXP_E_HTTP_USE_PROXY;
    case 400: return IXP_E_HTTP_BAD_REQUEST;
    case 401: return IXP_E_HTTP_UNAUTHORIZED;
    case 403: return IXP_E_HTTP_FORBIDDEN;
    case 404: return IXP_E_HTTP_NOT_FOUND;
    case 405: return IXP_E_HTTP_METHOD_NOT_ALLOW;
    case 406: return IXP_E_HTTP_NOT_ACCEPTABLE;
    case 407: return IXP_E_HTTP_PROXY_AUTH_REQ;
    case 408: return IXP_E_HTTP_REQUEST_TIMEOUT;
    case 409: return IXP_E_HTTP_CONFLICT;
    case 410: return IXP_E_HTTP_GONE;
    case 411: return IXP_E_HTTP_LENGTH_REQUIRED;
    case 412: return IXP_E_HTTP_PRECOND_FAILED;
    case 425: return IXP_E_HTTP_INSUFFICIENT_STORAGE;
    case 500: return IXP_E_HTTP_INTERNAL_ERROR;
    case 501: return IXP_E_HTTP_NOT_IMPLEMENTED;
    case 502: return IXP_E_HTTP_BAD_GATEWAY;
    case 503: return IXP_E_HTTP_SERVICE_UNAVAIL;
    case 504: return IXP_E_HTTP_GATEWAY_TIMEOUT;
    case 505: return IXP_E_HTTP_VERS_NOT_SUP;
    case 507: return IXP_E_HTTP_INSUFFICIENT_STORAGE;
    default: break;
    }
    switch (number / 100)
    {
    case 2: return S_OK;
    case 5: return IXP_E_HTTP_INTERNAL_ERROR;
    default: return IXP_E_HTTP_BAD_REQUEST;
    }
}

} // namespace posthorn::legacy::detail

#endif
