//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The bodies of WebDAV requests, spelt as the old servers expect them: usual prefixes, targets first.

#ifndef POSTHORN_DAV_REQUEST_BODY_HPP
#define POSTHORN_DAV_REQUEST_BODY_HPP

#include <posthorn/dav/names.hpp>
#include <posthorn/xml/writer.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::dav {

/// Which properties a PROPFIND asks for.
class property_list
{
public:
    enum class kind : unsigned char
    {
        some,      ///< Those that are named.
        all,       ///< All, with values (RFC 4918: dead ones and those it defines).
        names_only ///< All, without values.
    };

    property_list() = default; ///< None: useful only to see whether a resource is there.
    /// Those given; no initializer_list, which g++ 12 cannot have in an awaited call.
    template <class... Names>
    explicit property_list(xml::name const& first, Names const&... others) : some_{first, others...}
    {
    }
    explicit property_list(std::vector<property_name> some) : some_(std::move(some)) {}

    static property_list all() { return property_list(kind::all); }
    static property_list names_only() { return property_list(kind::names_only); }

    kind                              what() const noexcept { return what_; }
    std::vector<property_name> const& some() const noexcept { return some_; }

private:
    explicit property_list(kind k) noexcept : what_(k) {}

    kind                       what_ = kind::some;
    std::vector<property_name> some_;
};

/** What a PROPPATCH changes, in this order.

    Some servers refuse names of `DAV:` and everything else along with them: do not mix those with others.
*/
class property_update
{
public:
    property_update() = default;

    /** @param value Text.
        @param type  For the attribute `dt`, e.g. "boolean"; empty: none, as most servers want it. */
    property_update& set(property_name name, std::string value, std::string type = {})
    {
        changes_.push_back({std::move(name), std::move(value), std::move(type), false});
        return *this;
    }

    property_update& remove(property_name name)
    {
        changes_.push_back({std::move(name), {}, {}, true});
        return *this;
    }

    /** Each change in an element of its own. lighttpd 1.4 keeps only the first of several properties that stand together, and says
        that it has kept them all. */
    property_update& apart() noexcept
    {
        apart_ = true;
        return *this;
    }
    bool is_apart() const noexcept { return apart_; }

    struct change
    {
        property_name name;
        std::string   value;
        std::string   type;
        bool          removed = false;
    };

    std::vector<change> const& changes() const noexcept { return changes_; }

private:
    std::vector<change> changes_;
    bool                apart_ = false;
};

/// One resource of several that a bulk request is about.
struct target
{
    target() = default;
    target(std::string h) : href(std::move(h)) {}
    target(std::string h, std::string d) : href(std::move(h)), destination(std::move(d)) {}

    std::string href;        ///< As it is to be sent: absolute, or relative to the URL of the request.
    std::string destination; ///< BMOVE and BCOPY: its own one; empty: that of the request.
};

/// A prefix that a namespace shall have in a body, besides the usual ones.
struct bound_prefix
{
    std::string prefix; ///< A name; none of usual_prefix(), and used once.
    std::string space;
};

namespace detail {

inline constexpr xml::name dav_name(std::string_view local) noexcept { return {dav_space, local}; }

/** Declares namespaces: `DAV:`, then those with a usual prefix in the order of prefixes, which is the order in which old clients
    declared them, then the others. */
template <class Range, class Space>
void bind_spaces(xml::writer& w, std::span<bound_prefix const> prefixes, Range const& items, Space space_of)
{
    w.bind("D", dav_space);
    for (auto const& p : prefixes)
        w.bind(p.prefix, p.space);
    std::vector<std::pair<std::string_view, std::string_view>> known;
    for (auto const& item : items)
        if (auto const prefix = usual_prefix(space_of(item)); !prefix.empty())
            known.emplace_back(prefix, space_of(item));
    std::sort(known.begin(), known.end());
    for (auto const& [prefix, space] : known)
        w.bind(prefix, space);
    for (auto const& item : items)
        if (usual_prefix(space_of(item)).empty())
            w.bind(space_of(item));
}

inline void write_targets(xml::writer& w, std::span<target const> targets)
{
    // A target with a destination of its own stands alone.
    for (auto at = targets.begin(); at != targets.end();)
    {
        w.start(dav_name("target"));
        if (!at->destination.empty())
        {
            w.element(dav_name("href"), at->href);
            w.element(dav_name("dest"), at->destination);
            ++at;
        }
        else
            for (; at != targets.end() && at->destination.empty(); ++at)
                w.element(dav_name("href"), at->href);
        w.end();
    }
}

inline void write_changes(xml::writer& w, property_update const& update)
{
    auto const& all = update.changes();
    for (auto at = all.begin(); at != all.end();)
    {
        bool const removed = at->removed;
        w.start(dav_name(removed ? "remove" : "set"));
        w.start(dav_name("prop"));
        do
        {
            w.start(at->name);
            if (!at->type.empty())
                w.attribute({datatypes_space, "dt"}, at->type);
            if (!at->value.empty())
                w.text(at->value);
            w.end();
            ++at;
        } while (at != all.end() && at->removed == removed && !update.is_apart());
        w.end();
        w.end();
    }
}

} // namespace detail

/** The body of PROPFIND, and with targets that of BPROPFIND.
    @param prefixes Declared, whether used or not.
    @throws error xml::errc::bad_name, bad_text
*/
inline std::string propfind_body(property_list const& what, std::span<target const> targets = {},
                                 std::span<bound_prefix const> prefixes = {})
{
    std::string out;
    xml::writer w(out);
    detail::bind_spaces(w, prefixes, what.some(), [](auto const& n) { return std::string_view(n.space); });
    w.start(detail::dav_name("propfind"));
    detail::write_targets(w, targets);
    switch (what.what())
    {
    case property_list::kind::all: w.empty(detail::dav_name("allprop")); break;
    case property_list::kind::names_only: w.empty(detail::dav_name("propname")); break;
    case property_list::kind::some:
        w.start(detail::dav_name("prop"));
        for (auto const& n : what.some())
            w.empty(n);
        w.end();
        break;
    }
    w.end();
    return out;
}

/** The body of PROPPATCH, and with targets that of BPROPPATCH; of MKCOL on Exchange, too.
    @param prefixes Declared, whether used or not.
    @throws error xml::errc::bad_name, bad_text
*/
inline std::string proppatch_body(property_update const& update, std::span<target const> targets = {},
                                  std::span<bound_prefix const> prefixes = {})
{
    std::string out;
    xml::writer w(out);
    detail::bind_spaces(w, prefixes, update.changes(), [](auto const& c) { return std::string_view(c.name.space); });
    if (std::any_of(update.changes().begin(), update.changes().end(),
                    [](auto const& c) { return !c.type.empty(); }))
        w.bind("dt", datatypes_space);
    w.start(detail::dav_name("propertyupdate"));
    detail::write_targets(w, targets);
    detail::write_changes(w, update);
    w.end();
    return out;
}

/// What bulk requests with targets and nothing else do.
enum class bulk_verb : unsigned char
{
    copy,
    move,
    remove
};

/** The body of BCOPY, BMOVE or BDELETE. @throws error xml::errc::bad_text */
inline std::string bulk_body(bulk_verb verb, std::span<target const> targets)
{
    std::string out;
    xml::writer w(out);
    w.bind("D", dav_space);
    w.start(detail::dav_name(verb == bulk_verb::copy ? "copy" : verb == bulk_verb::move ? "move" : "delete"));
    detail::write_targets(w, targets);
    w.end();
    return out;
}

/** The body of SEARCH, with SQL as Exchange takes it. @throws error xml::errc::bad_text */
inline std::string search_body(std::string_view sql)
{
    std::string out;
    xml::writer w(out);
    w.bind("D", dav_space);
    w.start(detail::dav_name("searchrequest"));
    w.element(detail::dav_name("sql"), sql);
    w.end();
    return out;
}

/// A property in SQL: `"urn:schemas:httpmail:read"`.
inline std::string sql_name(xml::name const& n)
{
    std::string out = "\"";
    for (auto const part : {n.space, n.local})
        for (char const c : part)
            out.append(c == '"' ? "\"\"" : std::string_view(&c, 1));
    return out + '"';
}

/// A text in SQL: `'it''s'`.
inline std::string sql_text(std::string_view text)
{
    std::string out = "'";
    for (char const c : text)
        out.append(c == '\'' ? "''" : std::string_view(&c, 1));
    return out + '\'';
}

} // namespace posthorn::dav

#endif
