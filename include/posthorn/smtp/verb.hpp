//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The kinds of command lines, and what of a line may be shown.

#ifndef POSTHORN_SMTP_VERB_HPP
#define POSTHORN_SMTP_VERB_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::smtp {

/// What kind of line was written.
enum class verb
{
    none,
    ehlo,
    helo,
    lhlo,
    starttls,
    auth,
    auth_response, ///< A line in answer to a 334 challenge.
    mail,
    rcpt,
    data,
    bdat,
    rset,
    noop,
    vrfy,
    expn,
    help,
    quit,
    etrn,
    xclient,
    xforward,
    raw
};

/// The part of a command line that may be shown, and whether something was left out.
struct visible_command
{
    std::string_view text;
    bool             redacted = false;
};

/// Hides what AUTH carries. @param line As written, with or without line end.
inline visible_command visible(verb v, std::string_view line) noexcept
{
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
        line.remove_suffix(1);
    visible_command shown;
    shown.text = line;
    if (v == verb::auth_response)
    {
        shown.redacted = line != "*";
        if (shown.redacted)
            shown.text = {};
        return shown;
    }
    // By the text, not by the verb: a raw line can be an AUTH as well.
    std::size_t at        = 0;
    auto const  next_word = [&] {
        while (at < line.size() && ascii::is_blank(line[at]))
            ++at;
        std::size_t const begin = at;
        while (at < line.size() && !ascii::is_blank(line[at]))
            ++at;
        return line.substr(begin, at - begin);
    };
    auto const name = next_word();
    if (ascii::iequals(name, "AUTH") || ascii::iequals(name, "X-EXPS"))
    {
        next_word(); // the mechanism
        shown.redacted = at != line.size();
        shown.text     = line.substr(0, at);
    }
    return shown;
}

/// A command line for logs, errors and terminals: printable, AUTH payloads replaced by "***".
inline std::string describe(verb v, std::string_view line)
{
    auto const  shown = visible(v, line);
    std::string text  = printable(shown.text);
    if (shown.redacted)
        text += text.empty() ? "***" : " ***";
    return text;
}

} // namespace posthorn::smtp

#endif
