//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The result codes of the transports: general ones, HTTP, Winsock and SMTP.

#ifndef POSTHORN_LEGACY_IMNXPORT_CODES_H
#define POSTHORN_LEGACY_IMNXPORT_CODES_H

#include "../com.h"

// A failure, a success and the number in them. Failures and successes share numbers: compare whole codes.
#ifndef HR_E
#define HR_E(n) MAKE_SCODE(SEVERITY_ERROR, FACILITY_INTERNET, n)
#endif
#ifndef HR_S
#define HR_S(n) MAKE_SCODE(SEVERITY_SUCCESS, FACILITY_INTERNET, n)
#endif
#ifndef HR_CODE
#define HR_CODE(hr) (static_cast<INT>((hr) & 0xFFFF))
#endif

// General
#define IXP_E_LOAD_SICILY_FAILED HR_E(0xCC00)    // NTLM cannot be used
#define IXP_E_INVALID_CERT_CN HR_E(0xCC01)       // the certificate is for another host
#define IXP_E_INVALID_CERT_DATE HR_E(0xCC02)     // the certificate is not valid at this time
#define IXP_E_ALREADY_CONNECTED HR_E(0xCC03)     // the transport is connected
#define IXP_E_CONN HR_E(0xCC04)                  // the connection failed
#define IXP_E_NOT_CONNECTED HR_E(0xCC05)         // there is no connection
#define IXP_E_CONN_SEND HR_E(0xCC06)             // sending failed
#define IXP_E_WOULD_BLOCK HR_E(0xCC07)           // the operation would have to wait
#define IXP_E_INVALID_STATE HR_E(0xCC08)         // not allowed in this state
#define IXP_E_CONN_RECV HR_E(0xCC09)             // receiving failed
#define IXP_E_INCOMPLETE HR_E(0xCC0A)            // data are missing
#define IXP_E_BUSY HR_E(0xCC0B)                  // another command is running
#define IXP_E_NOT_INIT HR_E(0xCC0C)              // InitNew was not called
#define IXP_E_CANT_FIND_HOST HR_E(0xCC0D)        // the host's name has no address
#define IXP_E_FAILED_TO_CONNECT HR_E(0xCC0E)     // no address of the host answers
#define IXP_E_CONNECTION_DROPPED HR_E(0xCC0F)    // the server ended the connection
#define IXP_E_INVALID_ADDRESS HR_E(0xCC10)       // an address cannot be used
#define IXP_E_INVALID_ADDRESS_LIST HR_E(0xCC11)  // the list of addresses has entries that cannot be used
#define IXP_E_SOCKET_READ_ERROR HR_E(0xCC12)     // reading from the socket failed
#define IXP_E_SOCKET_WRITE_ERROR HR_E(0xCC13)    // writing to the socket failed
#define IXP_E_SOCKET_INIT_ERROR HR_E(0xCC14)     // no socket could be made
#define IXP_E_SOCKET_CONNECT_ERROR HR_E(0xCC15)  // the socket could not be connected
#define IXP_E_INVALID_ACCOUNT HR_E(0xCC16)       // the account cannot be used
#define IXP_E_USER_CANCEL HR_E(0xCC17)           // the user cancelled
#define IXP_E_SICILY_LOGON_FAILED HR_E(0xCC18)   // the logon was refused, by whatever mechanism
#define IXP_E_TIMEOUT HR_E(0xCC19)               // the server was silent for too long
#define IXP_E_SECURE_CONNECT_FAILED HR_E(0xCC1A) // TLS could not be set up

// HTTP statuses
#define IXP_E_HTTP_USE_PROXY HR_E(0xCC30)            // 305
#define IXP_E_HTTP_BAD_REQUEST HR_E(0xCC31)          // 400
#define IXP_E_HTTP_UNAUTHORIZED HR_E(0xCC32)         // 401
#define IXP_E_HTTP_FORBIDDEN HR_E(0xCC33)            // 403
#define IXP_E_HTTP_NOT_FOUND HR_E(0xCC34)            // 404
#define IXP_E_HTTP_METHOD_NOT_ALLOW HR_E(0xCC35)     // 405
#define IXP_E_HTTP_NOT_ACCEPTABLE HR_E(0xCC36)       // 406
#define IXP_E_HTTP_PROXY_AUTH_REQ HR_E(0xCC37)       // 407
#define IXP_E_HTTP_REQUEST_TIMEOUT HR_E(0xCC38)      // 408
#define IXP_E_HTTP_CONFLICT HR_E(0xCC39)             // 409
#define IXP_E_HTTP_GONE HR_E(0xCC3A)                 // 410
#define IXP_E_HTTP_LENGTH_REQUIRED HR_E(0xCC3B)      // 411
#define IXP_E_HTTP_PRECOND_FAILED HR_E(0xCC3C)       // 412
#define IXP_E_HTTP_INTERNAL_ERROR HR_E(0xCC3D)       // 500
#define IXP_E_HTTP_NOT_IMPLEMENTED HR_E(0xCC3E)      // 501
#define IXP_E_HTTP_BAD_GATEWAY HR_E(0xCC3F)          // 502
#define IXP_E_HTTP_SERVICE_UNAVAIL HR_E(0xCCF0)      // 503
#define IXP_E_HTTP_GATEWAY_TIMEOUT HR_E(0xCCF1)      // 504
#define IXP_E_HTTP_VERS_NOT_SUP HR_E(0xCCF2)         // 505
#define IXP_E_HTTP_INSUFFICIENT_STORAGE HR_E(0xCCF3) // 425, 507
#define IXP_E_HTTP_ROOT_PROP_NOT_FOUND HR_E(0xCCF4)  // the account has no such property

// Winsock
#define IXP_E_WINSOCK_WSASYSNOTREADY HR_E(0xCC40)
#define IXP_E_WINSOCK_WSAVERNOTSUPPORTED HR_E(0xCC41)
#define IXP_E_WINSOCK_WSAEPROCLIM HR_E(0xCC42)
#define IXP_E_WINSOCK_WSAEFAULT HR_E(0xCC43)
#define IXP_E_WINSOCK_FAILED_WSASTARTUP HR_E(0xCC44)
#define IXP_E_WINSOCK_WSAEINPROGRESS HR_E(0xCC45)

// SMTP: replies that refuse
#define IXP_E_SMTP_RESPONSE_ERROR HR_E(0xCC60)        // no reply by the grammar
#define IXP_E_SMTP_UNKNOWN_RESPONSE_CODE HR_E(0xCC61) // a reply code without a name here
#define IXP_E_SMTP_500_SYNTAX_ERROR HR_E(0xCC62)
#define IXP_E_SMTP_501_PARAM_SYNTAX HR_E(0xCC63)
#define IXP_E_SMTP_502_COMMAND_NOTIMPL HR_E(0xCC64)
#define IXP_E_SMTP_503_COMMAND_SEQ HR_E(0xCC65)
#define IXP_E_SMTP_504_COMMAND_PARAM_NOTIMPL HR_E(0xCC66)
#define IXP_E_SMTP_421_NOT_AVAILABLE HR_E(0xCC67)
#define IXP_E_SMTP_450_MAILBOX_BUSY HR_E(0xCC68)
#define IXP_E_SMTP_550_MAILBOX_NOT_FOUND HR_E(0xCC69)
#define IXP_E_SMTP_451_ERROR_PROCESSING HR_E(0xCC6A)
#define IXP_E_SMTP_551_USER_NOT_LOCAL HR_E(0xCC6B)
#define IXP_E_SMTP_452_NO_SYSTEM_STORAGE HR_E(0xCC6C)
#define IXP_E_SMTP_552_STORAGE_OVERFLOW HR_E(0xCC6D)
#define IXP_E_SMTP_553_MAILBOX_NAME_SYNTAX HR_E(0xCC6E)
#define IXP_E_SMTP_554_TRANSACT_FAILED HR_E(0xCC6F)

// SMTP: replies that accept
#define IXP_S_SMTP_211_SYSTEM_STATUS HR_S(0xCC70)
#define IXP_S_SMTP_214_HELP_MESSAGE HR_S(0xCC71)
#define IXP_S_SMTP_220_READY HR_S(0xCC72)
#define IXP_S_SMTP_221_CLOSING HR_S(0xCC73)
#define IXP_S_SMTP_250_MAIL_ACTION_OKAY HR_S(0xCC74)
#define IXP_S_SMTP_251_FORWARDING_MAIL HR_S(0xCC75)
#define IXP_S_SMTP_354_START_MAIL_INPUT HR_S(0xCC76)
#define IXP_S_SMTP_CONTINUE HR_S(0xCC77) // another reply that asks for more
#define IXP_S_SMTP_334_AUTH_READY_RESPONSE HR_S(0xCC78)
#define IXP_S_SMTP_245_AUTH_SUCCESS HR_S(0xCC79) // the reply's number is 235, whatever the name says

// SMTP: what became of a message or a connection
#define IXP_E_SMTP_REJECTED_SENDER HR_E(0xCC78)       // MAIL was refused
#define IXP_E_SMTP_REJECTED_RECIPIENTS HR_E(0xCC79)   // a RCPT was refused
#define IXP_E_SMTP_NO_SENDER HR_E(0xCC7A)             // the message has no ADDR_FROM
#define IXP_E_SMTP_NO_RECIPIENTS HR_E(0xCC7B)         // the message has no ADDR_TO
#define IXP_E_SMTP_530_STARTTLS_REQUIRED HR_E(0xCC7C) // reply 530
#define IXP_E_SMTP_NO_STARTTLS_SUPPORT HR_E(0xCC7D)   // STARTTLS was wanted and is not offered
#define IXP_S_SMTP_NO_DSN_SUPPORT HR_E(0xCC7E)        // DSN was wanted and is not offered: a failure, whatever the name says
#define IXP_E_SMTP_454_STARTTLS_FAILED HR_E(0xCC7F)   // reply 454

#endif
