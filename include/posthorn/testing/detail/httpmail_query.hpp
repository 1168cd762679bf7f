//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The query language of SEARCH on Exchange: SELECT, FROM SCOPE, WHERE, GROUP BY, ORDER BY.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_QUERY_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_QUERY_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/httpmail_contents.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// "urn:schemas:httpmail:read" and the like: the namespace ends with the last of : / #.
inline httpmail_name httpmail_split_name(std::string_view text)
{
    std::size_t const end = text.find_last_of(":/#");
    if (end == text.npos)
        return httpmail_name({}, text);
    return httpmail_name(text.substr(0, end + 1), text.substr(end + 1));
}

/// A query, understood.
struct httpmail_query
{
    httpmail_query() = default;

    enum class traversal
    {
        shallow,
        deep,
        hierarchical
    };
    struct column
    {
        httpmail_name name;
        std::string   alias; ///< Empty: none.
    };
    /// The value of a property of a row, or nothing.
    using row = std::function<std::optional<std::string>(httpmail_name const&)>;

    std::vector<column>                         columns; ///< Empty: all.
    std::string                                 scope;   ///< A URL; empty: that of the request.
    traversal                                   how = traversal::shallow;
    std::function<bool(row const&)>             where;
    std::vector<std::pair<httpmail_name, bool>> order; ///< With "descending".
    std::optional<httpmail_name>                group;
};

/// Compares two values: as numbers if both are, as dates if both are, else as text without regard to case.
inline int httpmail_compare(std::string_view a, std::string_view b)
{
    auto const number = [](std::string_view s) -> std::optional<double> {
        double     value = 0;
        auto const end   = std::from_chars(s.data(), s.data() + s.size(), value);
        if (end.ec != std::errc() || end.ptr != s.data() + s.size())
            return std::nullopt;
        return value;
    };
    auto const x = number(a), y = number(b);
    if (x && y)
        return *x < *y ? -1 : *x > *y ? 1 : 0;
    auto const date = [](std::string_view s) {
        std::string text(s);
        if (text.size() >= 19 && (text[4] == '-' || text[4] == '/') && text[7] == text[4])
        {
            text.resize(19);
            text[4] = text[7] = '/';
            text[10]          = ' ';
        }
        return ascii::to_lower(text);
    };
    auto const left = date(a), right = date(b);
    return left < right ? -1 : left > right ? 1 : 0;
}

/// LIKE with % and _, without regard to case.
inline bool httpmail_like(std::string_view text, std::string_view pattern)
{
    std::size_t t = 0, p = 0, star = pattern.npos, mark = 0;
    while (t < text.size())
    {
        if (p < pattern.size() && pattern[p] == '%')
        {
            star = p++;
            mark = t;
        }
        else if (p < pattern.size() &&
                 (pattern[p] == '_' || ascii::to_lower(pattern[p]) == ascii::to_lower(text[t])))
        {
            ++t;
            ++p;
        }
        else if (star != pattern.npos)
        {
            p = star + 1;
            t = ++mark;
        }
        else
            return false;
    }
    while (p < pattern.size() && pattern[p] == '%')
        ++p;
    return p == pattern.size();
}

/// Reads one query.
class httpmail_query_parser
{
public:
    /// @return The query, or nothing if it is none.
    static std::optional<httpmail_query> parse(std::string_view text)
    {
        try
        {
            httpmail_query_parser p(text);
            return p.query();
        }
        catch (std::invalid_argument const&)
        {
            return std::nullopt;
        }
    }

private:
    using row       = httpmail_query::row;
    using predicate = std::function<bool(row const&)>;
    using operand   = std::function<std::optional<std::string>(row const&)>;

    enum class kind
    {
        word,
        name,   ///< In double quotation marks.
        string, ///< In single ones.
        sign,
        end
    };
    struct token
    {
        kind        what = kind::end;
        std::string text;
    };

    static constexpr unsigned most_depth = 50;

    explicit httpmail_query_parser(std::string_view text)
    {
        while (!text.empty())
        {
            char const c = text.front();
            if (ascii::is_blank(c) || c == '\r' || c == '\n')
            {
                text.remove_prefix(1);
                continue;
            }
            if (tokens_.size() > 5000)
                fail();
            token t;
            if (c == '"' || c == '\'')
            {
                t.what        = c == '"' ? kind::name : kind::string;
                std::size_t i = 1;
                for (;; ++i)
                {
                    if (i >= text.size())
                        fail();
                    if (text[i] == c && (i + 1 >= text.size() || text[i + 1] != c))
                        break;
                    i += text[i] == c ? 1U : 0U;
                    t.text += text[i];
                }
                text.remove_prefix(i + 1);
            }
            else if (ascii::is_alnum(c) || c == '_' || c == '-' || c == '.')
            {
                t.what = kind::word;
                while (!text.empty() && (ascii::is_alnum(text.front()) || text.front() == '_' ||
                                         text.front() == '-' || text.front() == '.'))
                {
                    t.text += text.front();
                    text.remove_prefix(1);
                }
            }
            else
            {
                t.what          = kind::sign;
                auto const two  = text.substr(0, 2);
                bool const pair = two == ">=" || two == "<=" || two == "<>" || two == "!=";
                t.text          = std::string(text.substr(0, pair ? 2 : 1));
                if (!pair && std::string_view("(),*=<>").find(c) == std::string_view::npos)
                    fail();
                text.remove_prefix(t.text.size());
            }
            tokens_.push_back(std::move(t));
        }
        tokens_.emplace_back();
    }

    [[noreturn]] static void fail() { throw std::invalid_argument("query"); }

    token const& peek() const { return tokens_[at_]; }
    token        take()
    {
        auto t = tokens_[at_];
        if (t.what != kind::end)
            ++at_;
        return t;
    }

    bool accept(std::string_view word)
    {
        bool const plain = peek().what == kind::word || peek().what == kind::sign;
        if (!plain || !ascii::iequals(peek().text, word))
            return false;
        take();
        return true;
    }

    void expect(std::string_view word)
    {
        if (!accept(word))
            fail();
    }

    httpmail_name name()
    {
        auto const t = take();
        if (t.what != kind::name && t.what != kind::word)
            fail();
        return httpmail_split_name(t.text);
    }

    httpmail_query query()
    {
        httpmail_query q;
        expect("SELECT");
        if (!accept("*"))
            do
            {
                httpmail_query::column c;
                c.name = name();
                if (accept("AS"))
                    c.alias = take().text;
                q.columns.push_back(std::move(c));
            } while (accept(","));
        if (accept("FROM"))
            from(q);
        if (accept("WHERE"))
            q.where = either(0);
        if (accept("GROUP"))
        {
            expect("BY");
            q.group = name();
        }
        if (accept("ORDER"))
        {
            expect("BY");
            do
            {
                auto const by   = name();
                bool const down = accept("DESC");
                if (!down)
                    accept("ASC");
                q.order.emplace_back(by, down);
            } while (accept(","));
        }
        if (peek().what != kind::end)
            fail();
        return q;
    }

    void from(httpmail_query& q)
    {
        if (peek().what == kind::name)
        {
            q.scope = take().text;
            return;
        }
        expect("SCOPE");
        expect("(");
        auto const inner = take(); // 'SHALLOW TRAVERSAL OF "url"'
        if (inner.what != kind::string)
            fail();
        expect(")");
        std::string_view  text  = inner.text;
        std::size_t const quote = text.find('"');
        std::size_t const last  = text.rfind('"');
        if (quote == text.npos || last == quote)
            fail();
        q.scope         = std::string(text.substr(quote + 1, last - quote - 1));
        auto const word = ascii::to_upper(ascii::trim(text.substr(0, quote)));
        if (word.starts_with("DEEP"))
            q.how = httpmail_query::traversal::deep;
        else if (word.starts_with("HIERARCHICAL"))
            q.how = httpmail_query::traversal::hierarchical;
        else if (!word.starts_with("SHALLOW"))
            fail();
        if (!word.ends_with("TRAVERSAL OF"))
            fail();
    }

    predicate either(unsigned depth)
    {
        auto left = both(depth);
        while (accept("OR"))
            left = [a = std::move(left), b = both(depth)](row const& r) { return a(r) || b(r); };
        return left;
    }

    predicate both(unsigned depth)
    {
        auto left = negation(depth);
        while (accept("AND"))
            left = [a = std::move(left), b = negation(depth)](row const& r) { return a(r) && b(r); };
        return left;
    }

    predicate negation(unsigned depth)
    {
        if (depth > most_depth)
            fail();
        if (accept("NOT"))
            return [inner = negation(depth + 1)](row const& r) { return !inner(r); };
        if (accept("("))
        {
            auto inner = either(depth + 1);
            expect(")");
            return inner;
        }
        return comparison();
    }

    predicate comparison()
    {
        auto left = value();
        if (accept("IS"))
        {
            bool const negative = accept("NOT");
            expect("NULL");
            return [left, negative](row const& r) { return left(r).has_value() == negative; };
        }
        if (accept("LIKE"))
            return [left, right = value()](row const& r) {
                auto const a = left(r), b = right(r);
                return a && b && httpmail_like(*a, *b);
            };
        auto const sign = take();
        if (sign.what != kind::sign)
            fail();
        bool const less = sign.text == "<" || sign.text == "<=" || sign.text == "<>" || sign.text == "!=";
        bool const more = sign.text == ">" || sign.text == ">=" || sign.text == "<>" || sign.text == "!=";
        bool const same = sign.text == "=" || sign.text == "<=" || sign.text == ">=";
        if (!less && !more && !same)
            fail();
        return [left, right = value(), less, more, same](row const& r) {
            auto const a = left(r), b = right(r);
            if (!a || !b)
                return false;
            int const c = httpmail_compare(*a, *b);
            return (c < 0 && less) || (c > 0 && more) || (c == 0 && same);
        };
    }

    operand value()
    {
        if (accept("CAST"))
        {
            expect("(");
            auto inner = take().text;
            expect("AS");
            take();
            expect(")");
            return literal(std::move(inner));
        }
        auto t = take();
        if (t.what == kind::name)
            return [name = httpmail_split_name(t.text)](row const& r) { return r(name); };
        if (t.what == kind::string)
            return literal(std::move(t.text));
        if (t.what != kind::word)
            fail();
        if (ascii::iequals(t.text, "true") || ascii::iequals(t.text, "false"))
            return literal(ascii::iequals(t.text, "true") ? "1" : "0");
        return literal(std::move(t.text));
    }

    static operand literal(std::string text)
    {
        return [text = std::move(text)](row const&) { return std::optional<std::string>(text); };
    }

    std::vector<token> tokens_;
    std::size_t        at_ = 0;
};

} // namespace posthorn::testing::detail

#endif
