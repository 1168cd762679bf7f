//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The form of Exchange's login pages: found in the page, filled in.

#ifndef POSTHORN_HTTPMAIL_LOGIN_FORM_HPP
#define POSTHORN_HTTPMAIL_LOGIN_FORM_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/secret.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::httpmail {

/// What there is to know about a form with a password field. A value.
struct login_form
{
    login_form() = default;

    std::string action;                      ///< As in the page: a reference; empty: the page itself.
    std::string user     = "username";       ///< The names of its fields.
    std::string password = "password";
    std::vector<std::pair<std::string, std::string>> hidden; ///< Fields that go back as they came.
};

namespace detail {

/// The value of an attribute in a tag of HTML, with the few entities that occur there; nothing if it has none.
inline std::optional<std::string> html_attribute(std::string_view tag, std::string_view name)
{
    auto const space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/'; };
    std::size_t i    = 0;
    while (i < tag.size() && !space(tag[i]))
        ++i; // the name of the element
    while (i < tag.size())
    {
        while (i < tag.size() && space(tag[i]))
            ++i;
        auto const begin = i;
        while (i < tag.size() && !space(tag[i]) && tag[i] != '=')
            ++i;
        auto const found = tag.substr(begin, i - begin);
        while (i < tag.size() && space(tag[i]))
            ++i;
        std::string_view value;
        if (i < tag.size() && tag[i] == '=')
        {
            ++i;
            while (i < tag.size() && space(tag[i]) && tag[i] != '/')
                ++i;
            char const quote = i < tag.size() && (tag[i] == '"' || tag[i] == '\'') ? tag[i++] : ' ';
            auto const first = i;
            while (i < tag.size() && (quote == ' ' ? !(space(tag[i]) && tag[i] != '/') : tag[i] != quote))
                ++i;
            value = tag.substr(first, i - first);
            i += quote == ' ' ? 0 : 1;
        }
        if (!ascii::iequals(found, name))
            continue;
        std::string text(value);
        for (auto const& [entity, c] : {std::pair<std::string_view, char>("&quot;", '"'), {"&#39;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}})
            for (auto at = text.find(entity); at != text.npos; at = text.find(entity, at + 1))
                text.replace(at, entity.size(), 1, c);
        return text;
    }
    return std::nullopt;
}

inline void append_encoded(std::string_view text, secret_string& out)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    for (char const c : text)
    {
        auto const u = static_cast<unsigned char>(c);
        if (ascii::is_alnum(c) || std::string_view("-._*").find(c) != std::string_view::npos)
            out.push_back(c);
        else if (c == ' ')
            out.push_back('+');
        else
        {
            char const triplet[] = {'%', digits[u >> 4U], digits[u & 15U]};
            out.append(std::string_view(triplet, 3));
        }
    }
}

} // namespace detail

/// The first form of a page that asks for a password; nothing if there is none.
inline std::optional<login_form> find_login_form(std::string_view html)
{
    std::string const lower = ascii::to_lower(html);
    for (auto at = lower.find("<form"); at != lower.npos; at = lower.find("<form", at + 1))
    {
        auto const end  = std::min(lower.find("</form", at), lower.size());
        auto const open = std::min(lower.find('>', at), end);
        login_form form;
        form.action   = detail::html_attribute(html.substr(at + 1, open - at - 1), "action").value_or("");
        bool secret   = false, named = false;
        for (auto i = lower.find("<input", open); i < end; i = lower.find("<input", i + 1))
        {
            auto const tag  = html.substr(i + 1, std::min(lower.find('>', i), end) - i - 1);
            auto const name = detail::html_attribute(tag, "name").value_or("");
            auto const type = ascii::to_lower(detail::html_attribute(tag, "type").value_or("text"));
            if (name.empty())
                continue;
            if (type == "hidden")
                form.hidden.emplace_back(name, detail::html_attribute(tag, "value").value_or(""));
            else if (type == "password")
            {
                form.password = name;
                secret        = true;
            }
            else if ((type == "text" || type == "email") && !std::exchange(named, true))
                form.user = name;
        }
        if (secret)
            return form;
    }
    return std::nullopt;
}

/** The body that logs in (application/x-www-form-urlencoded).

    Fields that Exchange needs are added where the page has them not: where to go then, and that the computer is a trusted one, which makes
    sessions last longer.
    @param destination The URL that was wanted. */
inline secret_string fill_in(login_form const& form, std::string_view destination, std::string_view user, std::string_view password)
{
    secret_string out;
    auto const    add = [&](std::string_view name, std::string_view value) {
        if (!out.empty())
            out.push_back('&');
        detail::append_encoded(name, out);
        out.push_back('=');
        detail::append_encoded(value, out);
    };
    auto const given = [&](std::string_view name) -> std::optional<std::string_view> {
        for (auto const& [n, v] : form.hidden)
            if (n == name)
                return v;
        return std::nullopt;
    };
    auto const wanted = given("destination").value_or("");
    add("destination", wanted.empty() ? destination : wanted);
    add("flags", "4");
    add(form.user, user);
    add(form.password, password);
    add("trusted", "4");
    for (auto const& [n, v] : form.hidden)
        if (n != "destination" && n != "flags" && n != "trusted")
            add(n, v);
    return out;
}

} // namespace posthorn::httpmail

#endif
