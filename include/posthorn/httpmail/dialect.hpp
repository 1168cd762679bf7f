//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The dialects of HTTPMail: who speaks which, and everything in which they differ, in one table.

#ifndef POSTHORN_HTTPMAIL_DIALECT_HPP
#define POSTHORN_HTTPMAIL_DIALECT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/dav/depth.hpp>
#include <posthorn/http/headers.hpp>

#include <optional>
#include <string_view>

namespace posthorn::httpmail {

enum class dialect : unsigned char
{
    hotmail,  ///< As Hotmail, Lycos and b1gMail served it to Outlook Express.
    exchange, ///< Exchange 2000 to 2007.
    dav       ///< A server of WebDAV (RFC 4918) that keeps the properties it is given.
};

constexpr std::string_view to_string(dialect d) noexcept
{
    switch (d)
    {
    case dialect::hotmail: return "hotmail";
    case dialect::exchange: return "exchange";
    case dialect::dav: return "dav";
    }
    return "unknown";
}

/// The dialect of a name, whatever its case; nothing for others, `auto` among them.
constexpr std::optional<dialect> parse_dialect(std::string_view text) noexcept
{
    for (auto const d : {dialect::hotmail, dialect::exchange, dialect::dav})
        if (ascii::iequals(text, to_string(d)))
            return d;
    return std::nullopt;
}

/// What becomes of URLs that a server gives and that belong to another origin.
enum class foreign_urls : unsigned char
{
    refuse,  ///< They are not used, unless http::login_rules trusts that origin.
    rewrite  ///< Their path is taken on the mailbox's own origin: servers behind a proxy do not know their own name.
};

/** How a dialect does what the others do otherwise.

    These are preferences: where a server refuses a form it does not know, another one is tried, and that is remembered.
*/
struct dialect_rules
{
    dialect          is            = dialect::dav;
    bool             search        = false; ///< Messages are listed by SEARCH, in pages, else by PROPFIND.
    dav::depth       listing       = dav::depth::one; ///< Of that PROPFIND.
    bool             bulk          = false; ///< BMOVE, BCOPY, BDELETE and BPROPPATCH are worth a try.
    bool             bare_targets  = false; ///< Targets of those are last segments, else whole URLs.
    bool             bulk_depth    = false; ///< BMOVE and BCOPY carry Depth: 1.
    bool             bulk_rename   = false; ///< BMOVE and BCOPY carry Overwrite and Allow-Rename.
    bool             overwrite     = false; ///< MOVE and COPY of messages may replace: names are unique.
    bool             allow_rename  = false; ///< The server finds a free name, if it is allowed to.
    bool             retry_slash   = false; ///< MOVE is tried again with a slash behind the destination.
    bool             brief         = false; ///< `Brief: t` shortens answers.
    bool             match_any     = false; ///< `If-Match: *` keeps PROPPATCH from making what is not there.
    bool             translate     = true;  ///< Without `Translate: f` GET gives a page made of the message.
    bool             append_by_put = true;  ///< A new message is PUT under a name made up here, else POSTed to the folder.
    bool             send_by_put   = false; ///< Sending is a PUT, else a POST.
    bool             can_send      = false; ///< Messages can be sent at all.
    bool             empty_is_gone = false; ///< A GET of what is not there gives 200 and nothing.
    foreign_urls     foreign       = foreign_urls::refuse;
    std::string_view suffix; ///< Of names made up here.
};

namespace detail {

constexpr dialect_rules hotmail_rules() noexcept
{
    dialect_rules r;
    r.is            = dialect::hotmail;
    r.listing       = dav::depth::one_noroot;
    r.bulk          = true;
    r.bare_targets  = true; // b1gMail takes all digits of a whole URL for the number of a message
    r.bulk_depth    = true;
    r.overwrite     = true;
    r.allow_rename  = true;
    r.retry_slash   = true;
    r.translate     = false;
    r.append_by_put = false;
    r.can_send      = true;
    r.empty_is_gone = true;
    return r;
}

constexpr dialect_rules exchange_rules() noexcept
{
    dialect_rules r;
    r.is            = dialect::exchange;
    r.search        = true;
    r.listing       = dav::depth::one_noroot;
    r.bulk          = true;
    r.bulk_rename   = true;
    r.allow_rename  = true;
    r.brief         = true;
    r.match_any     = true;
    r.translate     = false;
    r.send_by_put   = true;
    r.can_send      = true;
    r.empty_is_gone = true;
    r.foreign       = foreign_urls::rewrite;
    r.suffix        = ".EML";
    return r;
}

constexpr dialect_rules dav_rules() noexcept
{
    dialect_rules r;
    r.suffix = ".eml";
    return r;
}

} // namespace detail

constexpr dialect_rules rules_of(dialect d) noexcept
{
    switch (d)
    {
    case dialect::hotmail: return detail::hotmail_rules();
    case dialect::exchange: return detail::exchange_rules();
    case dialect::dav: break;
    }
    return detail::dav_rules();
}

/** Which dialect is it?
    @param fields  Of the answer to the PROPFIND on the root.
    @param sendmsg The property of this name; empty if there is none.
*/
inline dialect guess_dialect(http::headers const& fields, std::string_view sendmsg) noexcept
{
    if (fields.has("MS-Exchange-Permanent-URL") || sendmsg.find("DavMailSubmissionURI") != sendmsg.npos)
        return dialect::exchange;
    if (!sendmsg.empty() || fields.has("X-Dav-Error") || fields.has("HMServer"))
        return dialect::hotmail;
    return dialect::dav;
}

} // namespace posthorn::httpmail

#endif
