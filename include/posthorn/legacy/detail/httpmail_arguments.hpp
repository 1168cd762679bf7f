//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What clients pass to the HTTPMail transport, checked and copied.

#ifndef POSTHORN_LEGACY_DETAIL_HTTPMAIL_ARGUMENTS_HPP
#define POSTHORN_LEGACY_DETAIL_HTTPMAIL_ARGUMENTS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/httpmail/submission.hpp>
#include <posthorn/legacy/detail/smtp_arguments.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/xml/writer.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/// A whole URL.
inline std::optional<http::url> parse_path_url(LPCSTR text)
{
    return text == nullptr ? std::nullopt : http::url::read(text);
}

/// Can it be the value of a header field?
inline bool is_field_value(std::string_view text) noexcept { return !ascii::has_control(text); }

/** Names of resources of a collection.
    @param destinations Null, or as many names. @return Nothing for NULL in it, for nothing in it, for lists that do not fit. */
inline std::optional<std::vector<dav::target>> parse_targets(HTTPTARGETLIST const* list, HTTPTARGETLIST const* destinations)
{
    if (list == nullptr || list->cTarget == 0 || list->prgTarget == nullptr)
        return std::nullopt;
    if (destinations != nullptr && (destinations->cTarget != list->cTarget || destinations->prgTarget == nullptr))
        return std::nullopt;
    std::vector<dav::target> all;
    for (ULONG i = 0; i != list->cTarget; ++i)
    {
        LPCSTR const from = list->prgTarget[i];
        LPCSTR const to   = destinations == nullptr ? "" : destinations->prgTarget[i];
        if (from == nullptr || to == nullptr || *from == '\0' || !xml::is_text(from) || !xml::is_text(to))
            return std::nullopt;
        all.emplace_back(std::string(from), std::string(to));
    }
    return all;
}

/// Accept, of types that end with NULL. @return Nothing if it cannot be written.
inline std::optional<std::string> parse_accept(LPCSTR const* types)
{
    std::string all;
    for (; types != nullptr && *types != nullptr; ++types)
        all += (all.empty() ? "" : ", ") + std::string(*types);
    return is_field_value(all) ? std::optional(std::move(all)) : std::nullopt;
}

/// The lines before a message. @return Nothing if there is no recipient, or an address is none.
inline std::optional<std::string> parse_envelope(LPCSTR from, HTTPTARGETLIST const* targets)
{
    if (from == nullptr || targets == nullptr || targets->cTarget == 0 || targets->prgTarget == nullptr)
        return std::nullopt;
    auto sender = parse_mail(from);
    if (!sender || !sender->parameters.extra.empty())
        return std::nullopt;
    std::vector<smtp::address> to;
    for (ULONG i = 0; i != targets->cTarget; ++i)
    {
        auto r = targets->prgTarget[i] == nullptr ? std::nullopt : parse_rcpt(targets->prgTarget[i], ADDR_TO);
        if (!r || !r->parameters.extra.empty())
            return std::nullopt;
        to.push_back(std::move(r->address));
    }
    return httpmail::submission_head(sender->path, to);
}

/// Where a server record leads: its name is a URL, as it always was, or that of a host.
inline std::optional<http::url> entry_of(INETSERVER const& s)
{
    auto const name = text_in(s.szServerName);
    if (!name || name->empty() || !text_in(s.szUserName) || !text_in(s.szPassword) || !text_in(s.szAccount))
        return std::nullopt;
    if (name->find("://") != name->npos)
        return http::url::read(*name);
    bool const  tls  = s.fSSL || (s.dwFlags & ISF_SSLONSAMEPORT) != 0;
    std::string text = (tls ? "https://" : "http://") + std::string(*name);
    if (s.dwPort != 0)
        text += ":" + std::to_string(s.dwPort);
    return http::url::read(text + "/");
}

} // namespace posthorn::legacy::detail

#endif
