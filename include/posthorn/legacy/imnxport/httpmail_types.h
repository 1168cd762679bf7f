//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What the HTTPMail transport asks and answers: properties, messages, folders, contacts.

#ifndef POSTHORN_LEGACY_IMNXPORT_HTTPMAIL_TYPES_H
#define POSTHORN_LEGACY_IMNXPORT_HTTPMAIL_TYPES_H

#include "../com.h"
#include "dav.h"
#include "transport.h"

struct IHTTPMailTransport;

/// Properties of an account.
typedef enum tagHTTPMAILPROPTYPE POSTHORN_LEGACY_INT
{
    HTTPMAIL_PROP_INVALID            = 0,
    HTTPMAIL_PROP_ADBAR              = 1,
    HTTPMAIL_PROP_CONTACTS           = 2,
    HTTPMAIL_PROP_INBOX              = 3,
    HTTPMAIL_PROP_OUTBOX             = 4,
    HTTPMAIL_PROP_SENDMSG            = 5, ///< Where messages are posted to.
    HTTPMAIL_PROP_SENTITEMS          = 6,
    HTTPMAIL_PROP_DELETEDITEMS       = 7,
    HTTPMAIL_PROP_DRAFTS             = 8,
    HTTPMAIL_PROP_MSGFOLDERROOT      = 9, ///< The folder of all folders.
    HTTPMAIL_PROP_SIG                = 10,
    HTTPMAIL_PROP_MAXPOLLINGINTERVAL = 11, ///< A number: GetPropertyDw. Not in the oldest headers.
    HTTPMAIL_PROP_LAST               = 12  ///< No property: one above the last.
} HTTPMAILPROPTYPE;

/// What a folder is for.
typedef enum tagHTTPMAILSPECIALFOLDER POSTHORN_LEGACY_INT
{
    HTTPMAIL_SF_NONE         = 0, ///< Nothing special.
    HTTPMAIL_SF_UNRECOGNIZED = 1, ///< Something that has no name here.
    HTTPMAIL_SF_INBOX        = 2,
    HTTPMAIL_SF_DELETEDITEMS = 3,
    HTTPMAIL_SF_DRAFTS       = 4,
    HTTPMAIL_SF_OUTBOX       = 5,
    HTTPMAIL_SF_SENTITEMS    = 6,
    HTTPMAIL_SF_CONTACTS     = 7,
    HTTPMAIL_SF_CALENDAR     = 8,
    HTTPMAIL_SF_MSNPROMO     = 9,
    HTTPMAIL_SF_BULKMAIL     = 10, ///< Not in the oldest headers.
    HTTPMAIL_SF_LAST         = 11  ///< No folder: one above the last.
} HTTPMAILSPECIALFOLDER;

typedef enum tagHTTPMAILCONTACTTYPE POSTHORN_LEGACY_INT
{
    HTTPMAIL_CT_CONTACT = 0,
    HTTPMAIL_CT_GROUP   = 1,
    HTTPMAIL_CT_LAST    = 2
} HTTPMAILCONTACTTYPE;

/// Which properties MemberInfo asks for.
typedef DWORD MEMBERINFOFLAGS;
#define HTTP_MEMBERINFO_COMMONPROPS 0x0
#define HTTP_MEMBERINFO_FOLDERPROPS 0x1
#define HTTP_MEMBERINFO_MESSAGEPROPS 0x2
#define HTTP_MEMBERINFO_ALLPROPS (HTTP_MEMBERINFO_FOLDERPROPS | HTTP_MEMBERINFO_MESSAGEPROPS)

typedef enum tagHTTPMAILCOMMAND POSTHORN_LEGACY_INT
{
    HTTPMAIL_NONE         = 0,
    HTTPMAIL_GETPROP      = 1,
    HTTPMAIL_GET          = 2,
    HTTPMAIL_PUT          = 3,
    HTTPMAIL_POST         = 4,
    HTTPMAIL_DELETE       = 5,
    HTTPMAIL_BDELETE      = 6,
    HTTPMAIL_PROPFIND     = 7,
    HTTPMAIL_PROPPATCH    = 8,
    HTTPMAIL_MKCOL        = 9,
    HTTPMAIL_COPY         = 10,
    HTTPMAIL_BCOPY        = 11,
    HTTPMAIL_MOVE         = 12,
    HTTPMAIL_BMOVE        = 13,
    HTTPMAIL_MEMBERINFO   = 14,
    HTTPMAIL_FINDFOLDERS  = 15,
    HTTPMAIL_MARKREAD     = 16,
    HTTPMAIL_SENDMESSAGE  = 17,
    HTTPMAIL_LISTCONTACTS = 18,
    HTTPMAIL_CONTACTINFO  = 19,
    HTTPMAIL_POSTCONTACT  = 20,
    HTTPMAIL_PATCHCONTACT = 21
} HTTPMAILCOMMAND;

/// Names relative to a collection, or the addresses of recipients.
typedef struct tagHTTPTARGETLIST
{
    ULONG   cTarget;
    LPCSTR* prgTarget;
} HTTPTARGETLIST, *LPHTTPTARGETLIST;

/// A property of the account.
typedef struct tagHTTPMAILGETPROP
{
    HTTPMAILPROPTYPE type;
    LPSTR            pszProp; ///< Of properties that are texts.
    DWORD            dwProp;  ///< Of properties that are numbers. Not in the oldest headers.
} HTTPMAILGETPROP, *LPHTTPMAILGETPROP;

/// A piece of a body that arrives.
typedef struct tagHTTPMAILGET
{
    BOOL   fTotalKnown;    ///< Whether cbTotal is known.
    DWORD  cbIncrement;    ///< Bytes in this piece.
    DWORD  cbCurrent;      ///< Bytes so far.
    DWORD  cbTotal;        ///< Bytes in all.
    LPVOID pvBody;         ///< This piece.
    LPSTR  pszContentType; ///< E.g. "text/html".
} HTTPMAILGET, *LPHTTPMAILGET;

/// How far a body has gone out.
typedef struct tagHTTPMAILPOST
{
    LPSTR pszLocation; ///< Where the server put it; in the last answer, if it tells.
    BOOL  fResend;     ///< Whether it had to start again, with cbCurrent at 0.
    DWORD cbIncrement; ///< Bytes since the last time.
    DWORD cbCurrent;   ///< Bytes so far.
    DWORD cbTotal;     ///< Bytes in all.
} HTTPMAILPOST, *LPHTTPMAILPOST;

typedef struct tagHTTPMAILPROPFIND
{
    IPropFindMultiResponse* pMultiResponse; ///< Add a reference to keep it.
} HTTPMAILPROPFIND, *LPHTTPMAILPROPFIND;

typedef struct tagHTTPMAILLOCATION
{
    LPSTR pszLocation; ///< Where the new resource is, or NULL.
} HTTPMAILLOCATION, *LPHTTPMAILLOCATION;

/// What became of one resource of BCOPY or BMOVE.
typedef struct tagHTTPMAILBCOPYMOVE
{
    LPSTR   pszHref;     ///< The resource.
    LPSTR   pszLocation; ///< Where it is now.
    HRESULT hrResult;
} HTTPMAILBCOPYMOVE, *LPHTTPMAILBCOPYMOVE;

typedef struct tagHTTPMAILBCOPYMOVELIST
{
    ULONG               cBCopyMove;
    LPHTTPMAILBCOPYMOVE prgBCopyMove;
} HTTPMAILBCOPYMOVELIST, *LPHTTPMAILBCOPYMOVELIST;

/// What became of one resource of MarkRead or BDELETE.
typedef struct tagHTTPMEMBERERROR
{
    LPSTR   pszHref;
    HRESULT hrResult;
} HTTPMEMBERERROR, *LPHTTPMEMBERERROR;

typedef struct tagHTTPMEMBERERRORLIST
{
    ULONG             cMemberError;
    LPHTTPMEMBERERROR prgMemberError;
} HTTPMEMBERERRORLIST, *LPHTTPMEMBERERRORLIST;

/// A folder or a message. What was not asked for is NULL or 0.
typedef struct tagHTTPMEMBERINFO
{
    LPSTR pszHref;
    BOOL  fIsFolder;

    // With HTTP_MEMBERINFO_FOLDERPROPS
    LPSTR                 pszDisplayName;
    BOOL                  fHasSubs;
    BOOL                  fNoSubs;
    DWORD                 dwUnreadCount;
    DWORD                 dwVisibleCount;
    HTTPMAILSPECIALFOLDER tySpecial;

    // With HTTP_MEMBERINFO_MESSAGEPROPS
    BOOL  fRead;
    BOOL  fHasAttachment;
    LPSTR pszTo;
    LPSTR pszFrom;
    LPSTR pszSubject;
    LPSTR pszDate;
    DWORD dwContentLength;
} HTTPMEMBERINFO, *LPHTTPMEMBERINFO;

typedef struct tagHTTPMEMBERINFOLIST
{
    ULONG            cMemberInfo;
    LPHTTPMEMBERINFO prgMemberInfo;
    LPSTR            pszRootTimeStamp;   ///< Not in the oldest headers.
    LPSTR            pszFolderTimeStamp; ///< Not in the oldest headers.
} HTTPMEMBERINFOLIST, *LPHTTPMEMBERINFOLIST;

typedef struct tagHTTPCONTACTID
{
    LPSTR               pszHref;
    LPSTR               pszId;
    HTTPMAILCONTACTTYPE tyContact;
    LPSTR               pszModified; ///< When it was changed last.
} HTTPCONTACTID, *LPHTTPCONTACTID;

typedef struct tagHTTPCONTACTIDLIST
{
    ULONG           cContactId;
    LPHTTPCONTACTID prgContactId;
} HTTPCONTACTIDLIST, *LPHTTPCONTACTIDLIST;

/// A contact. In PatchContact NULL leaves a property as it is.
typedef struct tagHTTPCONTACTINFO
{
    LPSTR               pszHref;
    LPSTR               pszId;
    HTTPMAILCONTACTTYPE tyContact;
    LPSTR               pszModified;
    LPSTR               pszDisplayName;
    LPSTR               pszGivenName;
    LPSTR               pszSurname;
    LPSTR               pszNickname;
    LPSTR               pszEmail;
    LPSTR               pszHomeStreet;
    LPSTR               pszHomeCity;
    LPSTR               pszHomeState;
    LPSTR               pszHomePostalCode;
    LPSTR               pszHomeCountry;
    LPSTR               pszCompany;
    LPSTR               pszWorkStreet;
    LPSTR               pszWorkCity;
    LPSTR               pszWorkState;
    LPSTR               pszWorkPostalCode;
    LPSTR               pszWorkCountry;
    LPSTR               pszHomePhone;
    LPSTR               pszHomeFax;
    LPSTR               pszWorkPhone;
    LPSTR               pszWorkFax;
    LPSTR               pszMobilePhone;
    LPSTR               pszOtherPhone;
    LPSTR               pszBday;
    LPSTR               pszPager;
} HTTPCONTACTINFO, *LPHTTPCONTACTINFO;

typedef struct tagHTTPCONTACTINFOLIST
{
    ULONG             cContactInfo;
    LPHTTPCONTACTINFO prgContactInfo;
} HTTPCONTACTINFOLIST, *LPHTTPCONTACTINFOLIST;

/// An answer, or a part of one. Which member of the union it has follows from the command.
typedef struct tagHTTPMAILRESPONSE
{
    HTTPMAILCOMMAND     command;
    DWORD               dwContext;  ///< As it was passed with the request.
    BOOL                fDone;      ///< Whether this was the last of it.
    IXPRESULT           rIxpResult; ///< The result.
    IHTTPMailTransport* pTransport; ///< Who tells it; no reference is added.
    union
    {
        HTTPMAILGETPROP       rGetPropInfo;      ///< HTTPMAIL_GETPROP
        HTTPMAILGET           rGetInfo;          ///< HTTPMAIL_GET
        HTTPMAILPOST          rPutInfo;          ///< HTTPMAIL_PUT
        HTTPMAILPOST          rPostInfo;         ///< HTTPMAIL_POST
        HTTPMAILPROPFIND      rPropFindInfo;     ///< HTTPMAIL_PROPFIND
        HTTPMAILLOCATION      rMkColInfo;        ///< HTTPMAIL_MKCOL
        HTTPMAILLOCATION      rCopyMoveInfo;     ///< HTTPMAIL_COPY, HTTPMAIL_MOVE
        HTTPMAILBCOPYMOVELIST rBCopyMoveList;    ///< HTTPMAIL_BCOPY, HTTPMAIL_BMOVE
        HTTPMEMBERINFOLIST    rMemberInfoList;   ///< HTTPMAIL_MEMBERINFO
        HTTPMEMBERERRORLIST   rMemberErrorList;  ///< HTTPMAIL_MARKREAD, HTTPMAIL_BDELETE
        HTTPMAILPOST          rSendMessageInfo;  ///< HTTPMAIL_SENDMESSAGE
        HTTPCONTACTIDLIST     rContactIdList;    ///< HTTPMAIL_LISTCONTACTS
        HTTPCONTACTINFOLIST   rContactInfoList;  ///< HTTPMAIL_CONTACTINFO
        HTTPCONTACTID         rPostContactInfo;  ///< HTTPMAIL_POSTCONTACT
        HTTPCONTACTID         rPatchContactInfo; ///< HTTPMAIL_PATCHCONTACT
    };
} HTTPMAILRESPONSE, *LPHTTPMAILRESPONSE;

#endif
