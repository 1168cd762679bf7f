//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The dialogue as text, one line for each line on the wire: safe to show and free of secrets.

#ifndef POSTHORN_SMTP_PROTOCOL_LOG_HPP
#define POSTHORN_SMTP_PROTOCOL_LOG_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/smtp/event.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace posthorn::smtp {

/** An event handler that hands each event as lines to a function.

    `C: ` begins what the client writes, `S: ` what the server says, `*: ` what happens beside. Control characters
    are shown as `\xNN`; content is shown as its size only.

    @par Example
    @code
    settings.on_event = smtp::protocol_log([](std::string_view line) { std::cerr << line << '\n'; });
    @endcode
*/
class protocol_log
{
public:
    using sink = std::function<void(std::string_view line)>;

    explicit protocol_log(sink s) : sink_(std::move(s)) {}

    void operator()(event const& e) const { std::visit(*this, e); }

    void operator()(events::connected const& e) const { write("*: ", "connected to " + printable(e.peer)); }

    void operator()(events::secured const& e) const
    {
        write("*: ", std::string(e.version) + " " + std::string(e.cipher) +
                         (e.verified ? ", certificate verified" : ", certificate NOT verified") +
                         (e.resumed ? ", session resumed" : ""));
    }

    void operator()(events::authenticated const& e) const
    {
        write("*: ", "authenticated with " + printable(e.mechanism));
    }

    void operator()(events::command const& e) const { write("C: ", printable(e.text)); }

    void operator()(events::replied const& e) const
    {
        std::string const code = std::to_string(e.reply.code());
        std::size_t       left = e.reply.line_count();
        for (auto const& line : e.reply)
            write("S: ", code + (--left != 0 ? "-" : " ") + printable(line.raw));
    }

    void operator()(events::progress const& e) const
    {
        write("C: ", "[" + std::to_string(e.increment) + " octets of content]");
    }

    void operator()(events::finished const&) const {}

    void operator()(events::moved const&) const { write("*: ", "moving to a fresh connection"); }

    void operator()(events::closed const& e) const
    {
        write("*: ", e.reason ? "closed: " + e.reason.message() : std::string("closed"));
    }

private:
    void write(std::string_view mark, std::string_view text) const
    {
        std::string line(mark);
        line += text;
        sink_(line);
    }

    sink sink_;
};

} // namespace posthorn::smtp

#endif
