//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a delivery fails with that no reply of the server is about: the content, and whatever its source throws.

#ifndef POSTHORN_SMTP_DETAIL_REASONS_HPP
#define POSTHORN_SMTP_DETAIL_REASONS_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/session_error.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

namespace posthorn::smtp::detail {

/// The encoder found something in the content that cannot be sent.
inline session_error content_error(conversation const& c, std::error_code ec, std::uint64_t offset)
{
    return c.make_error(ec, phase::content, "content", nullptr,
                        "at octet " + std::to_string(offset) + " of the content");
}

/// Whatever ended a delivery, as an error of the session.
inline session_error as_session_error(conversation const& c, std::exception_ptr const& e, phase where)
{
    std::error_code code = posthorn::errc::invalid_argument;
    std::string     detail;
    try
    {
        std::rethrow_exception(e);
    }
    catch (session_error const& s)
    {
        return s;
    }
    catch (std::system_error const& s)
    {
        code   = s.code();
        detail = printable(s.what());
    }
    catch (std::exception const& s)
    {
        detail = printable(s.what());
    }
    catch (...)
    {
        detail = "an exception of unknown type";
    }
    return c.make_error(code, where, "reading the content", nullptr, std::move(detail));
}

} // namespace posthorn::smtp::detail

#endif
