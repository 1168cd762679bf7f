//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// An answer of the HTTPMail transport with all that it points to.

#ifndef POSTHORN_LEGACY_DETAIL_HTTPMAIL_REPLY_HPP
#define POSTHORN_LEGACY_DETAIL_HTTPMAIL_REPLY_HPP

#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/outcome.hpp>
#include <posthorn/legacy/imnxport.h>

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/// A number of octets as old structures have it.
inline DWORD saturated(std::uint64_t n) noexcept
{
    constexpr std::uint64_t most = std::numeric_limits<DWORD>::max();
    return static_cast<DWORD>(n < most ? n : most);
}

/// Pointers in it are good as long as it lives. Not movable.
class httpmail_reply
{
public:
    httpmail_reply(HTTPMAILCOMMAND command, DWORD context, bool done)
    {
        value.command   = command;
        value.dwContext = context;
        value.fDone     = done ? TRUE : FALSE;
    }
    httpmail_reply(httpmail_reply const&)            = delete;
    httpmail_reply& operator=(httpmail_reply const&) = delete;

    /// Keeps a text. @return For a member of a structure.
    LPSTR text(std::string_view t) { return texts_.emplace_back(t).data(); }

    /// The same; NULL for an empty one.
    LPSTR text_or_null(std::string_view t) { return t.empty() ? nullptr : text(t); }

    // Lists that the union points to; see seal().
    std::vector<HTTPMAILBCOPYMOVE> transfers;
    std::vector<HTTPMEMBERERROR>   errors;
    std::vector<HTTPMEMBERINFO>    members;
    std::vector<HTTPCONTACTID>     contact_ids;
    std::vector<HTTPCONTACTINFO>   contacts;

    com_ptr<IPropFindMultiResponse> found;

    outcome          what;
    HTTPMAILRESPONSE value = {};

    /// Puts lists into the union, as the command has them.
    void seal()
    {
        switch (value.command)
        {
        case HTTPMAIL_PROPFIND: value.rPropFindInfo.pMultiResponse = found.get(); break;
        case HTTPMAIL_BCOPY:
        case HTTPMAIL_BMOVE:
            value.rBCopyMoveList.cBCopyMove   = static_cast<ULONG>(transfers.size());
            value.rBCopyMoveList.prgBCopyMove = transfers.empty() ? nullptr : transfers.data();
            break;
        case HTTPMAIL_BDELETE:
        case HTTPMAIL_MARKREAD:
            value.rMemberErrorList.cMemberError   = static_cast<ULONG>(errors.size());
            value.rMemberErrorList.prgMemberError = errors.empty() ? nullptr : errors.data();
            break;
        case HTTPMAIL_MEMBERINFO:
            value.rMemberInfoList.cMemberInfo   = static_cast<ULONG>(members.size());
            value.rMemberInfoList.prgMemberInfo = members.empty() ? nullptr : members.data();
            break;
        case HTTPMAIL_LISTCONTACTS:
            value.rContactIdList.cContactId   = static_cast<ULONG>(contact_ids.size());
            value.rContactIdList.prgContactId = contact_ids.empty() ? nullptr : contact_ids.data();
            break;
        case HTTPMAIL_CONTACTINFO:
            value.rContactInfoList.cContactInfo   = static_cast<ULONG>(contacts.size());
            value.rContactInfoList.prgContactInfo = contacts.empty() ? nullptr : contacts.data();
            break;
        default: break;
        }
    }

private:
    std::deque<std::string> texts_;
};

} // namespace posthorn::legacy::detail

#endif
