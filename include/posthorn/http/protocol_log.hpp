//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What goes over a connection as text, line by line: safe to show and free of secrets.

#ifndef POSTHORN_HTTP_PROTOCOL_LOG_HPP
#define POSTHORN_HTTP_PROTOCOL_LOG_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/http/event.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::http {

/** An event handler that hands each event as lines to a function.

    `C: ` begins what the client sends, `S: ` what the server does. Control characters but tabs are shown as `\xNN`; bodies that are not XML as
    their size only.

    @par Example
    @code
    settings.on_event = http::protocol_log([](std::string_view line) { std::cerr << line << '\n'; });
    @endcode
*/
class protocol_log
{
public:
    using sink = std::function<void(std::string_view line)>;

    explicit protocol_log(sink s) : sink_(std::move(s)) {}

    void operator()(event const& e) const
    {
        bool const        client = e.what == event::kind::request_head || e.what == event::kind::request_body;
        bool const        body   = e.what == event::kind::request_body || e.what == event::kind::response_body;
        std::string const mark   = client ? "C: " : "S: ";
        if (body && e.text.empty())
            return sink_(mark + '[' + std::to_string(e.octets) + " octets]");
        for (auto text = e.text; !text.empty();)
        {
            auto const end  = std::min(text.find('\n'), text.size());
            auto       line = text.substr(0, end);
            text.remove_prefix(std::min(text.size(), end + 1));
            if (!line.empty() && line.back() == '\r')
                line.remove_suffix(1);
            sink_(mark + shown(line));
        }
        if (!body)
            sink_(mark);
    }

private:
    /// Tabs do no harm, and XML is full of them.
    static std::string shown(std::string_view line)
    {
        std::string out;
        for (;;)
        {
            auto const tab = line.find('\t');
            out += printable(line.substr(0, tab), std::numeric_limits<std::size_t>::max());
            if (tab == line.npos)
                return out;
            out += '\t';
            line.remove_prefix(tab + 1);
        }
    }

    sink sink_;
};

} // namespace posthorn::http

#endif
