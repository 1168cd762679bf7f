//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The bodies of DAV requests as the HTTPMail server reads them, by Expat: names, targets, changes, a query.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_XML_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_XML_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/httpmail_contents.hpp>

#include <expat.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

inline constexpr std::string_view httpmail_ns_dav      = "DAV:";
inline constexpr std::string_view httpmail_ns_hotmail  = "http://schemas.microsoft.com/hotmail/";
inline constexpr std::string_view httpmail_ns_mail     = "urn:schemas:httpmail:";
inline constexpr std::string_view httpmail_ns_header   = "urn:schemas:mailheader:";
inline constexpr std::string_view httpmail_ns_contacts = "urn:schemas:contacts:";
inline constexpr std::string_view httpmail_ns_exchange = "http://schemas.microsoft.com/exchange/";

/// Stands before the values of properties that are XML: no text of XML can begin so.
inline constexpr char httpmail_markup = '\x01';

/// A property in a request, with the prefix it was written with.
struct httpmail_asked
{
    httpmail_name name;
    std::string   prefix;
};

/// Sets or removes a property.
struct httpmail_change
{
    httpmail_name name;
    std::string   value; ///< XML if it begins with httpmail_markup.
    bool          remove = false;
};

/// A resource that a B method is about.
struct httpmail_target
{
    std::string href;
    std::string destination; ///< Its own, if one was given.
};

/// A body, understood.
struct httpmail_document
{
    httpmail_document() = default;

    bool                         good = false; ///< Well-formed XML, within the limits, without DOCTYPE.
    httpmail_name                root;
    bool                         all        = false; ///< allprop
    bool                         names_only = false; ///< propname
    std::vector<httpmail_asked>  names;
    std::vector<httpmail_target> targets;
    bool                         target_first = true; ///< No set, remove or prop stood before the target.
    std::vector<httpmail_change> changes;
    std::string                  sql;
};

/// Reads one body.
class httpmail_xml_reader
{
public:
    static httpmail_document read(std::string_view body)
    {
        httpmail_xml_reader reader;
        httpmail_document&  d = reader.document_;
        if (body.size() > static_cast<std::size_t>(INT_MAX) || reader.parser_ == nullptr)
            return std::move(d);
        auto const status =
            XML_Parse(reader.parser_.get(), body.data(), static_cast<int>(body.size()), XML_TRUE);
        d.good = status == XML_STATUS_OK && !reader.failed_;
        return std::move(d);
    }

private:
    static constexpr std::size_t most_depth = 32;
    static constexpr std::size_t most_parts = 100000;

    struct parser_free
    {
        void operator()(XML_Parser p) const noexcept { XML_ParserFree(p); }
    };

    httpmail_xml_reader() : parser_(XML_ParserCreateNS(nullptr, '\n'))
    {
        if (parser_ == nullptr)
            return;
        XML_SetUserData(parser_.get(), this);
        XML_SetReturnNSTriplet(parser_.get(), 1);
        XML_SetElementHandler(
            parser_.get(),
            [](void* self, XML_Char const* name, XML_Char const**) {
                static_cast<httpmail_xml_reader*>(self)->guarded([&](auto& r) { r.start(name); });
            },
            [](void* self, XML_Char const*) {
                static_cast<httpmail_xml_reader*>(self)->guarded([](auto& r) { r.end(); });
            });
        XML_SetCharacterDataHandler(parser_.get(), [](void* self, XML_Char const* text, int size) {
            static_cast<httpmail_xml_reader*>(self)->guarded([&](auto& r) {
                r.text({text, static_cast<std::size_t>(size)});
            });
        });
        XML_SetStartDoctypeDeclHandler(parser_.get(),
                                       [](void* self, XML_Char const*, XML_Char const*, XML_Char const*,
                                          int) { static_cast<httpmail_xml_reader*>(self)->fail(); });
    }

    /// No exception may pass through Expat.
    template <class Function>
    void guarded(Function f) noexcept
    {
        try
        {
            if (!failed_)
                f(*this);
        }
        catch (...)
        {
            fail();
        }
    }

    void fail() noexcept
    {
        failed_ = true;
        XML_StopParser(parser_.get(), XML_FALSE);
    }

    static httpmail_asked split(std::string_view triplet)
    {
        httpmail_asked    asked;
        std::size_t const first = triplet.find('\n');
        if (first == triplet.npos)
        {
            asked.name.local = std::string(triplet);
            return asked;
        }
        std::size_t const second = triplet.find('\n', first + 1);
        asked.name =
            httpmail_name(triplet.substr(0, first),
                          triplet.substr(first + 1, second == triplet.npos ? second : second - first - 1));
        if (second != triplet.npos)
            asked.prefix = std::string(triplet.substr(second + 1));
        return asked;
    }

    static bool is_dav(httpmail_name const& n, std::string_view local)
    {
        return n.local == local && ascii::iequals(n.space, httpmail_ns_dav);
    }

    void start(XML_Char const* triplet)
    {
        auto asked = split(triplet);
        if (path_.size() >= most_depth || ++parts_ > most_parts)
            return fail();
        std::size_t const depth = path_.size();
        if (depth == 0)
            document_.root = asked.name;
        else if (depth == 1)
        {
            document_.all |= is_dav(asked.name, "allprop");
            document_.names_only |= is_dav(asked.name, "propname");
            if (is_dav(asked.name, "target") && (!document_.names.empty() || !document_.changes.empty()))
                document_.target_first = false;
        }
        else if (depth == 2 && is_dav(path_[1], "prop"))
            document_.names.push_back(asked);
        else if (depth == 2 && is_dav(path_[1], "target") && is_dav(asked.name, "href"))
            document_.targets.emplace_back();
        else if (depth == 3 && is_dav(path_[2], "prop") &&
                 (is_dav(path_[1], "set") || is_dav(path_[1], "remove")))
            document_.changes.push_back({asked.name, {}, is_dav(path_[1], "remove")});
        else if (depth > 3 && in_change())
        {
            auto& value = document_.changes.back().value;
            if (!value.starts_with(httpmail_markup))
                value = httpmail_markup + escaped(value);
            value += "<" + asked.name.local + " xmlns=\"" + escaped(asked.name.space) + "\">";
        }
        path_.push_back(asked.name);
    }

    void end()
    {
        auto const name = path_.back();
        path_.pop_back();
        if (path_.size() > 3 && in_change())
            document_.changes.back().value += "</" + name.local + ">";
    }

    void text(std::string_view piece)
    {
        if (in_change())
        {
            auto& value = document_.changes.back().value;
            value += value.starts_with(httpmail_markup) ? escaped(piece) : std::string(piece);
        }
        else if (path_.size() == 3 && is_dav(path_[1], "target") && !document_.targets.empty())
        {
            if (is_dav(path_[2], "href"))
                document_.targets.back().href += piece;
            else if (is_dav(path_[2], "dest"))
                document_.targets.back().destination += piece;
        }
        else if (path_.size() == 2 && is_dav(path_[1], "sql"))
            document_.sql += piece;
    }

    bool in_change() const
    {
        return path_.size() >= 4 && is_dav(path_[2], "prop") &&
               (is_dav(path_[1], "set") || is_dav(path_[1], "remove")) && !document_.changes.empty();
    }

    static std::string escaped(std::string_view text)
    {
        std::string out;
        for (char const c : text)
            out += c == '&'   ? "&amp;"
                   : c == '<' ? "&lt;"
                   : c == '>' ? "&gt;"
                   : c == '"' ? "&quot;"
                              : std::string(1, c);
        return out;
    }

    std::unique_ptr<std::remove_pointer_t<XML_Parser>, parser_free> parser_;
    httpmail_document                                               document_;
    std::vector<httpmail_name>                                      path_;
    std::size_t                                                     parts_  = 0;
    bool                                                            failed_ = false;
};

} // namespace posthorn::testing::detail

#endif
