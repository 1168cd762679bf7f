//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The cookies of a client (RFC 6265, section 5): stored by the rules, given back to whom they are for and to nobody else.

#ifndef POSTHORN_HTTP_COOKIE_JAR_HPP
#define POSTHORN_HTTP_COOKIE_JAR_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/http/cookie.hpp>
#include <posthorn/http/url.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::http {

/** Cookies, bound to who set them.

    A cookie without Domain goes to its origin only (or, if plain http on port 80 set it, to https on port 443 of the same host); one
    with Domain to hosts under that domain. What https set never goes to http. There is no list of public suffixes: a Domain
    without an inner dot is refused.

    Times are seconds since 1970, given by the caller.
    Thread-safe like std::vector.
*/
class cookie_jar
{
public:
    cookie_jar() = default;

    static constexpr std::size_t most            = 1000; ///< Cookies; older ones make room.
    static constexpr std::size_t most_per_domain = 50;

    /** Stores what one Set-Cookie field says, or removes what it lets expire.
        @param from Who sent it. @return Whether it was accepted. */
    bool store(url const& from, std::string_view set_cookie, std::int64_t now)
    {
        auto parsed = parse_cookie(set_cookie, now);
        if (!parsed)
            return false;
        entry e;
        e.setter   = from.origin();
        e.domain   = parsed->domain;
        e.used     = ++clock_;
        e.created  = e.used;
        if (parsed->secure && !from.secure())
            return false; // could only be meant to overwrite one of https
        if (!e.domain.empty())
        {
            if (!domain_matches(e.domain, from.origin().host))
            {
                auto const listed = std::find(foreign_.begin(), foreign_.end(), e.domain);
                if (listed == foreign_.end())
                    return false;
            }
            if (is_address(from.origin().host) || e.domain.find('.') == e.domain.npos)
            {
                if (e.domain != from.origin().host)
                    return false;
                e.domain.clear();
            }
        }
        e.path = parsed->path.substr(0, 1) == "/" ? parsed->path : default_path(from.path());
        e.what = std::move(*parsed);
        drop_expired(now);
        auto const same = std::find_if(entries_.begin(), entries_.end(), [&e](entry const& o) { return e.replaces(o); });
        if (same != entries_.end())
        {
            if (same->setter.secure && !from.secure())
                return false; // plain http cannot change what https set
            e.created = same->created;
            entries_.erase(same);
        }
        if (e.expired(now))
            return true;
        make_room(e);
        entries_.push_back(std::move(e));
        return true;
    }

    /** The value of the Cookie field for a request; empty for none. Longer paths first, then older ones (RFC 6265, 5.4). */
    secret_string field(url const& to, std::int64_t now)
    {
        drop_expired(now);
        std::vector<entry*> found;
        for (auto& e : entries_)
            if (e.goes_to(to))
                found.push_back(&e);
        std::sort(found.begin(), found.end(), [](entry const* a, entry const* b) {
            return a->path.size() != b->path.size() ? a->path.size() > b->path.size() : a->created < b->created;
        });
        secret_string value;
        for (auto* e : found)
        {
            e->used = ++clock_;
            value.append(value.empty() ? "" : "; ");
            value.append(e->what.name);
            value.append(e->what.name.empty() ? "" : "=");
            value.append(e->what.value.view());
        }
        return value;
    }

    /// Lets servers set cookies for a domain they do not belong to, as Hotmail did. @param domain In lower case, without a dot before it.
    void allow_foreign_domain(std::string domain) { foreign_.push_back(std::move(domain)); }

    std::size_t size() const noexcept { return entries_.size(); }
    void        clear() noexcept { entries_.clear(); }

private:
    static bool is_address(std::string_view host) noexcept { return net::is_ipv4_literal(host) || host.find(':') != host.npos; }

    static bool domain_matches(std::string_view domain, std::string_view host) noexcept
    {
        if (domain == host)
            return true;
        return host.size() > domain.size() && host.substr(host.size() - domain.size()) == domain &&
               host[host.size() - domain.size() - 1] == '.' && !is_address(host);
    }

    static std::string default_path(std::string_view path)
    {
        auto const slash = path.rfind('/');
        return slash == path.npos || slash == 0 ? "/" : std::string(path.substr(0, slash));
    }

    static bool path_matches(std::string_view cookie, std::string_view request) noexcept
    {
        if (request.substr(0, cookie.size()) != cookie)
            return false;
        return request.size() == cookie.size() || cookie.back() == '/' || request[cookie.size()] == '/';
    }

    struct entry
    {
        cookie        what;
        origin        setter;
        std::string   domain; ///< Empty: for the setter only.
        std::string   path;
        std::uint64_t created = 0;
        std::uint64_t used    = 0;

        bool expired(std::int64_t now) const noexcept { return what.expires && *what.expires <= now; }

        bool replaces(entry const& o) const noexcept
        {
            bool const same_place = domain.empty() ? o.domain.empty() && o.setter.host == setter.host && o.setter.port == setter.port
                                                   : o.domain == domain;
            return same_place && o.what.name == what.name && o.path == path;
        }

        bool goes_to(url const& to) const
        {
            auto const& o = to.origin();
            if ((what.secure || setter.secure) && !o.secure)
                return false;
            if (!path_matches(path, to.path()))
                return false;
            if (!domain.empty())
                return domain_matches(domain, o.host);
            bool const upgraded = !setter.secure && o.secure && setter.port == 80 && o.port == 443;
            return o.host == setter.host && (o == setter || upgraded);
        }
    };

    void drop_expired(std::int64_t now)
    {
        std::erase_if(entries_, [now](entry const& e) { return e.expired(now); });
    }

    /// The least recently used ones go.
    void make_room(entry const& fresh)
    {
        auto const same   = [&fresh](entry const& e) { return e.domain.empty() ? e.setter.host == fresh.setter.host : e.domain == fresh.domain; };
        auto const oldest = [this](auto counts) {
            auto victim = entries_.end();
            for (auto i = entries_.begin(); i != entries_.end(); ++i)
                if (counts(*i) && (victim == entries_.end() || i->used < victim->used))
                    victim = i;
            if (victim != entries_.end())
                entries_.erase(victim);
        };
        while (static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), same)) >= most_per_domain)
            oldest(same);
        while (entries_.size() >= most)
            oldest([](entry const&) { return true; });
    }

    std::vector<entry>       entries_;
    std::vector<std::string> foreign_;
    std::uint64_t            clock_ = 0;
};

} // namespace posthorn::http

#endif
