//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Replies: the outcome does not depend on where the network cuts, and what is accepted is well-formed.
// The first octet chooses limits and cuts.

#include <posthorn/core/ascii.hpp>
#include <posthorn/smtp/reply.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smtp = posthorn::smtp;
using support::require;

namespace {

struct result
{
    std::vector<smtp::reply> replies;
    std::error_code          ec;
    bool                     in_reply = false;
};

result parse(std::string_view in, smtp::reply_limits const& limits, std::size_t piece)
{
    result             r;
    smtp::reply_parser parser(limits);
    smtp::reply        current;
    while (!in.empty() && !r.ec)
    {
        auto const chunk = in.substr(0, piece);
        in.remove_prefix(chunk.size());
        support::exact_copy const copy(chunk);
        std::string_view rest = copy.view();
        while (!rest.empty() && !r.ec)
        {
            auto const taken = parser.parse(rest, current, r.ec);
            rest.remove_prefix(taken);
            require(current.wire().size() <= limits.total);
            require(r.ec || parser.done() || rest.empty());
            if (parser.done())
                r.replies.push_back(current);
        }
    }
    r.in_reply = parser.in_reply();
    return r;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    if (size == 0)
        return 0;
    std::string_view const in(reinterpret_cast<char const*>(data) + 1, size - 1);
    smtp::reply_limits     limits;
    if (data[0] & 128U)
    {
        limits.line  = 1 + data[0] % 32;
        limits.total = 40;
        limits.lines = 4;
    }
    auto const whole = parse(in, limits, in.size() + 1);
    auto const cut   = parse(in, limits, 1 + data[0] % 7);
    require(whole.ec == cut.ec && whole.in_reply == cut.in_reply &&
            whole.replies.size() == cut.replies.size());
    for (std::size_t i = 0; i < whole.replies.size(); ++i)
    {
        auto const& r = whole.replies[i];
        require(r.wire() == cut.replies[i].wire() && r.code() == cut.replies[i].code());
        require(r.code() >= 200 && r.code() <= 599 && r.line_count() >= 1 && r.line_count() <= limits.lines);
        require(!posthorn::ascii::has_control(r.describe()));
        for (auto const& l : r)
        {
            require(l.raw.find('\n') == l.raw.npos && l.text.size() <= l.raw.size());
            require(!l.enhanced || l.enhanced->status_class == r.code() / 100);
        }
        auto const again = parse(r.wire(), limits, 3);
        require(!again.ec && again.replies.size() == 1 && again.replies[0].text() == r.text());
    }
    return 0;
}
