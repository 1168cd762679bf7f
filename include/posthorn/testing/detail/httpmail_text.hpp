//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Multistatus documents as servers of each dialect write them, with their defects on demand.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_TEXT_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_TEXT_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_charset.hpp>
#include <posthorn/testing/detail/httpmail_xml.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

inline std::string_view httpmail_reason(int status)
{
    switch (status)
    {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 207: return "Multi-Status";
    case 301: return "Moved Permanently";
    case 302: return "Object moved";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Authorization Required";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Request Entity Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Requested Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Entity";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Insufficient Space On Resource";
    case 431: return "Request Header Fields Too Large";
    case 440: return "Login Timeout";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
    }
}

/// A property with its value.
struct httpmail_value
{
    httpmail_value() = default;
    httpmail_value(httpmail_name n, std::string t, std::string dt = {})
        : name(std::move(n)), text(std::move(t)), type(std::move(dt))
    {
    }

    httpmail_name name;
    std::string   text; ///< UTF-8; XML if it begins with httpmail_markup.
    std::string   type; ///< Of dt; empty for strings.
};

/// One `response`: either values by status, or a status for all, or a status with a location.
struct httpmail_entry
{
    httpmail_entry() = default;
    explicit httpmail_entry(std::string h, int s = 0) : href(std::move(h)), status(s) {}

    std::string                                              href;
    int                                                      status = 0;
    std::string                                              location;
    std::vector<std::pair<int, std::vector<httpmail_value>>> propstats;
};

/// Writes one document.
class httpmail_text
{
public:
    httpmail_text(httpmail_text_options const& options, std::uint64_t number)
        : options_(&options), number_(number)
    {
    }

    std::string multistatus(std::vector<httpmail_entry> const& entries)
    {
        std::string body;
        for (auto const& e : entries)
            write(body, e);
        // The prefixes are known when everything is written.
        std::string out = declaration();
        auto const  dav = prefix_of(httpmail_ns_dav);
        out += "<" + dav + ":multistatus";
        for (auto const& [space, prefix] : prefixes_)
        {
            bool const is_dav = space == httpmail_ns_dav;
            if (is_dav && options_->undeclared_prefix)
                continue;
            auto const uri = is_dav && options_->wrong_namespace ? "Dav:" : space;
            out += " xmlns:" + prefix + "=\"" + uri + "\"";
        }
        out += ">" + std::string(line_end()) + body;
        if (options_->cut_short)
            out.resize(out.size() - std::min<std::size_t>(body.size() / 2 + 1, out.size()));
        else
            out += "</" + dav + ":multistatus>" + std::string(line_end());
        return out;
    }

private:
    static constexpr std::string_view ns_types = "urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/";

    using prefix_style = httpmail_text_options::prefix_style;
    using charset      = httpmail_text_options::charset;

    std::string_view line_end() const { return options_->indented ? "\r\n" : ""; }

    std::string declaration() const
    {
        std::string const label    = !options_->label.empty()                      ? options_->label
                                     : options_->encoding == charset::windows_1252 ? "Windows-1252"
                                                                                   : "utf-8";
        std::string const encoding = label == "-" ? std::string() : " encoding=\"" + label + "\"";
        return "<?xml version=\"1.0\"" + encoding + "?>" + std::string(line_end());
    }

    std::string prefix_of(std::string_view space)
    {
        if (prefixes_.empty())
            begin_prefixes();
        for (auto const& [s, prefix] : prefixes_)
            if (s == space)
                return prefix;
        auto const number = prefixes_.size();
        auto       made   = "ns" + std::to_string(number);
        if (options_->prefixes != prefix_style::fixed && letters_ < 26)
            made = std::string(1, letter(letters_++));
        prefixes_.emplace_back(std::string(space), made);
        return made;
    }

    void begin_prefixes()
    {
        std::string const dav(httpmail_ns_dav);
        switch (options_->prefixes)
        {
        case prefix_style::fixed:
            prefixes_ = {{dav, "D"},
                         {std::string(httpmail_ns_header), "m"},
                         {std::string(httpmail_ns_mail), "hm"},
                         {std::string(httpmail_ns_contacts), "c"},
                         {std::string(httpmail_ns_hotmail), "h"}};
            break;
        case prefix_style::lettered: prefixes_ = {{dav, std::string(1, letter(letters_++))}}; break;
        case prefix_style::swapped: prefixes_ = {{dav, "D"}, {std::string(httpmail_ns_hotmail), "hm"}}; break;
        case prefix_style::shuffled: prefixes_ = {{dav, std::string(1, letter(letters_++))}}; break;
        }
    }

    char letter(std::size_t index) const
    {
        bool const shuffled = options_->prefixes == prefix_style::shuffled;
        return static_cast<char>('a' + (shuffled ? index * 7 + number_ * 11 : index) % 26);
    }

    void open_line(std::string& out, unsigned depth) const
    {
        if (options_->indented)
            out.append(depth, '\t');
    }

    void simple(std::string& out, unsigned depth, std::string_view local, std::string_view text)
    {
        auto const tag = prefix_of(httpmail_ns_dav) + ":" + std::string(local);
        open_line(out, depth);
        out += "<" + tag + ">" + encoded(text, false) + "</" + tag + ">";
        out += line_end();
    }

    void element(std::string& out, unsigned depth, std::string_view local, bool closing)
    {
        open_line(out, depth);
        out += (closing ? "</" : "<") + prefix_of(httpmail_ns_dav) + ":" + std::string(local) + ">";
        out += line_end();
    }

    static std::string status_line(int status)
    {
        return "HTTP/1.1 " + std::to_string(status) + " " + std::string(httpmail_reason(status));
    }

    void write(std::string& out, httpmail_entry const& e)
    {
        element(out, 1, "response", false);
        simple(out, 2, "href", e.href);
        if (!e.location.empty())
            simple(out, 2, "location", e.location);
        if (e.status != 0)
            simple(out, 2, "status", status_line(e.status));
        for (auto const& [status, values] : e.propstats)
        {
            element(out, 2, "propstat", false);
            if (options_->status_first)
                simple(out, 3, "status", status_line(status));
            element(out, 3, "prop", false);
            for (auto const& v : values)
                write(out, v);
            if (options_->digit_names && status == 200)
                out += "<d:0x8104 xmlns:d=\"http://schemas.microsoft.com/mapi/id/"
                       "{00062003-0000-0000-C000-000000000046}/\">x</d:0x8104>";
            element(out, 3, "prop", true);
            if (!options_->status_first)
                simple(out, 3, "status", status_line(status));
            element(out, 2, "propstat", true);
        }
        element(out, 1, "response", true);
    }

    void write(std::string& out, httpmail_value const& v)
    {
        open_line(out, 4);
        std::string const tag =
            v.name.space.empty() ? v.name.local : prefix_of(v.name.space) + ":" + v.name.local;
        std::string type;
        if (options_->typed && !v.type.empty())
            type = " " + prefix_of(ns_types) + ":dt=\"" + v.type + "\"";
        if (v.text.empty())
            out += "<" + tag + type + "/>";
        else if (v.text.front() == httpmail_markup)
            out += "<" + tag + type + ">" + v.text.substr(1) + "</" + tag + ">";
        else
            out += "<" + tag + type + ">" + text_of(v) + "</" + tag + ">";
        out += line_end();
    }

    std::string text_of(httpmail_value const& v)
    {
        bool const subject = v.name.local == "subject";
        bool const header  = subject || v.name.local == "from" || v.name.local == "to" ||
                            v.name.local == "displayname" || v.name.local == "sig";
        auto text = encoded(v.text, header);
        if (subject && options_->padded_subjects)
            text.insert(0, "  ");
        if (subject && options_->invalid_octets)
            text += '\xff';
        return text;
    }

    /// Octets of the document for a text in UTF-8. @param header Are the defects of header texts meant for it?
    std::string encoded(std::string_view text, bool header) const
    {
        std::string out;
        bool        valid = true;
        while (!text.empty())
        {
            char32_t const c = httpmail_take_utf_8(text, valid);
            add(out, c, header);
        }
        return out;
    }

    void add(std::string& out, char32_t c, bool header) const
    {
        auto const escape = [&](char const* entity) {
            out += header && options_->escaped_twice ? "&amp;" + std::string(entity).substr(1)
                                                     : std::string(entity);
        };
        if (c == '&')
            return header && options_->bare_ampersands ? out.push_back('&') : escape("&amp;");
        if (c == '<')
            return header && options_->bare_angles ? out.push_back('<') : escape("&lt;");
        if (c == '>')
            return header && options_->bare_angles ? out.push_back('>') : escape("&gt;");
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
        {
            if (options_->raw_controls)
                out.push_back(static_cast<char>(static_cast<unsigned char>(c)));
            else if (options_->control_references)
                reference(out, c);
            return;
        }
        if (c >= 0xa0 && c < 0x100 && header && options_->html_entities)
        {
            if (char const* const entity = html_entity(c); entity != nullptr)
            {
                out += entity;
                return;
            }
        }
        if (c > 0xffff && options_->surrogate_references)
        {
            reference(out, 0xd800 + ((c - 0x10000) >> 10U));
            reference(out, 0xdc00 + ((c - 0x10000) & 0x3ffU));
            return;
        }
        if (c == 0xfffe || c == 0xffff)
            c = 0xfffd; // no characters of XML
        if (options_->encoding == charset::utf_8)
            return httpmail_append_utf_8(c, out);
        if (int const octet = httpmail_code_page_octet(c); octet >= 0)
            out.push_back(static_cast<char>(static_cast<unsigned char>(octet)));
        else
            reference(out, c);
    }

    static void reference(std::string& out, char32_t c)
    {
        out += "&#" + std::to_string(static_cast<std::uint32_t>(c)) + ";";
    }

    static char const* html_entity(char32_t c)
    {
        switch (c)
        {
        case 0xa0: return "&nbsp;";
        case 0xa1: return "&iexcl;";
        case 0xdf: return "&szlig;";
        case 0xe0: return "&agrave;";
        case 0xe4: return "&auml;";
        case 0xe8: return "&egrave;";
        case 0xe9: return "&eacute;";
        case 0xf1: return "&ntilde;";
        case 0xf6: return "&ouml;";
        case 0xfc: return "&uuml;";
        default: return nullptr;
        }
    }

    httpmail_text_options const*                     options_;
    std::uint64_t                                    number_;
    std::vector<std::pair<std::string, std::string>> prefixes_;
    std::size_t                                      letters_ = 0;
};

} // namespace posthorn::testing::detail

#endif
