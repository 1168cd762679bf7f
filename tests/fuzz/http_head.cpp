//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Heads of responses: the outcome does not depend on the cuts, limits hold, and what is accepted can be written and read again.
// The first octet chooses limits and cuts.

#include <posthorn/http/framing.hpp>
#include <posthorn/http/head_parser.hpp>
#include <posthorn/http/syntax.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace http = posthorn::http;
using support::require;

namespace {

struct result
{
    http::response_head head;
    std::error_code     ec;
    std::size_t         taken = 0;
    bool                done  = false;
};

result parse(std::string_view in, http::head_limits const& limits, std::size_t piece)
{
    result            r;
    http::head_parser parser(limits);
    while (r.taken != in.size() && !r.ec && !parser.done())
    {
        auto const                chunk = in.substr(r.taken, piece);
        support::exact_copy const copy(chunk);
        auto const taken = parser.parse(copy.view(), r.ec);
        require(taken <= chunk.size() && (taken == chunk.size() || r.ec || parser.done()));
        r.taken += taken;
    }
    require(!posthorn::ascii::has_control(parser.detail()));
    r.done = parser.done();
    if (r.done)
        r.head = parser.take();
    return r;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    if (size == 0)
        return 0;
    std::string_view const in(reinterpret_cast<char const*>(data) + 1, size - 1);
    http::head_limits      limits;
    if (data[0] & 128U)
    {
        limits.line   = 20U + data[0] % 32;
        limits.total  = 100;
        limits.fields = 3;
    }
    auto const whole = parse(in, limits, in.size() + 1);
    auto const cut   = parse(in, limits, 1 + data[0] % 7);
    require(whole.ec == cut.ec && whole.done == cut.done && whole.head.fields == cut.head.fields && whole.head.reason == cut.head.reason);
    if (!whole.done)
        return 0;
    require(whole.taken == cut.taken && whole.taken <= limits.total && whole.head.fields.size() <= limits.fields);
    auto const& h = whole.head;
    require(h.status >= 100 && h.status <= 999);
    std::string again = "HTTP/1." + std::to_string(h.minor_version) + ' ' + std::to_string(h.status) + ' ' + h.reason + "\r\n";
    for (auto const& f : h.fields)
    {
        require(http::is_token(f.name) && http::is_field_value(f.value));
        again += f.name + ": " + f.value + "\r\n";
    }
    auto const second = parse(again + "\r\n", {}, 3);
    require(second.done && second.head.fields == h.fields && second.head.reason == h.reason && second.head.status == h.status);
    std::error_code ec;
    for (char const* method : {"GET", "HEAD", "CONNECT"})
    {
        auto const f = http::frame_of(h, method, ec);
        require(!ec || (f.end == http::body_end::none && !f.reusable));
        require(!f.reusable || f.end != http::body_end::close);
    }
    http::keep_alive_of(h);
    return 0;
}
