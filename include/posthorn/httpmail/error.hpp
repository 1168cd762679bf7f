//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can go wrong with a mailbox beyond HTTP and WebDAV.

#ifndef POSTHORN_HTTPMAIL_ERROR_HPP
#define POSTHORN_HTTPMAIL_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <string>
#include <system_error>
#include <type_traits>

namespace posthorn::httpmail {

enum class errc
{
    not_a_mailbox = 1, ///< The entry URL has no properties of a mailbox, and those are needed.
    no_such_folder,    ///< The server did not say where this folder is: no deleted items, no contacts ...
    cannot_send,       ///< The server did not say where messages are to be sent to.
    foreign_url,       ///< A URL on a server that is not trusted with this mailbox.
    special_folder,    ///< A folder that must not be renamed or deleted.
    bad_name,          ///< A name that no folder can have.
    folder_exists,     ///< There is a folder of this name, or something else is in the way.
    message_gone,      ///< There is no such message (any more).
    no_recipients,     ///< The envelope has no recipients.
    no_free_name,      ///< Every name that was tried for a new resource is taken.
    in_doubt,          ///< Part of the work may have been done, and nobody knows.
    not_done           ///< Part of the work was not done.
};

namespace detail {

class category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.httpmail"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::not_a_mailbox: return "there is no mailbox at this URL";
        case errc::no_such_folder: return "the mailbox does not say where this folder is";
        case errc::cannot_send: return "the mailbox does not say where to send messages";
        case errc::foreign_url: return "the URL belongs to a server that is not trusted with this mailbox";
        case errc::special_folder: return "this folder cannot be renamed or deleted";
        case errc::bad_name: return "a folder cannot have this name";
        case errc::folder_exists: return "there is such a folder already";
        case errc::message_gone: return "there is no such message";
        case errc::no_recipients: return "the message has no recipients";
        case errc::no_free_name: return "no free name was found";
        case errc::in_doubt: return "it is not known whether all of it was done";
        case errc::not_done: return "some of it was not done";
        }
        return "unknown HTTPMail error";
    }

    bool equivalent(int value, std::error_condition const& c) const noexcept override
    {
        switch (static_cast<errc>(value))
        {
        case errc::in_doubt: return false;
        case errc::not_done: return c == condition::temporary;
        default: return c == condition::permanent;
        }
    }
};

} // namespace detail

/// The category of errc.
inline std::error_category const& category() noexcept
{
    static detail::category_type const instance;
    return instance;
}

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

} // namespace posthorn::httpmail

template <>
struct std::is_error_code_enum<posthorn::httpmail::errc> : std::true_type
{
};

#endif
