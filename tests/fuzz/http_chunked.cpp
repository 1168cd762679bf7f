//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Chunked bodies: the outcome does not depend on the cuts, and what is accepted is what a plain reading of the coding gives.
// The first octet chooses limits and cuts.

#include <posthorn/http/body_decoder.hpp>

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
    std::string     body;
    std::error_code ec;
    std::size_t     taken = 0;
    bool            done  = false;
    http::headers   trailers;
};

result decode(std::string_view in, http::framing f, http::head_limits const& limits, std::size_t piece)
{
    result             r;
    http::body_decoder decoder(f, limits);
    while (r.taken != in.size() && !r.ec && !decoder.done())
    {
        auto const                chunk = in.substr(r.taken, piece);
        support::exact_copy const copy(chunk);
        std::string_view rest = copy.view();
        while (!rest.empty() && !r.ec && !decoder.done())
        {
            std::string_view out;
            auto const       taken = decoder.decode(rest, out, r.ec);
            require(taken != 0 && taken <= rest.size());
            r.body.append(out);
            rest.remove_prefix(taken);
            r.taken += taken;
        }
    }
    require(decoder.octets() == r.body.size());
    r.done     = decoder.done();
    r.trailers = decoder.trailers();
    std::error_code end;
    decoder.finish(end);
    require(static_cast<bool>(end) != (r.done || f.end == http::body_end::close));
    return r;
}

/// The data of a coding that is known to be right.
std::string plainly(std::string_view in)
{
    std::string body;
    for (;;)
    {
        auto const line = in.substr(0, in.find("\r\n"));
        auto const size = std::strtoull(std::string(line).c_str(), nullptr, 16);
        if (size == 0)
            return body;
        body.append(in.substr(line.size() + 2, size));
        in.remove_prefix(line.size() + 2 + size + 2);
    }
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
        limits.line   = 20;
        limits.total  = 60;
        limits.fields = 2;
    }
    http::framing const chunked(http::body_end::chunked, 0);
    auto const          whole = decode(in, chunked, limits, in.size() + 1);
    auto const          cut   = decode(in, chunked, limits, 1 + data[0] % 7);
    require(whole.ec == cut.ec && whole.done == cut.done && whole.trailers == cut.trailers && whole.body == cut.body);
    if (whole.done)
        require(whole.taken == cut.taken && whole.body == plainly(in));
    for (auto const end : {http::body_end::length, http::body_end::close, http::body_end::none})
    {
        auto const plain = decode(in, http::framing(end, data[0]), limits, 1 + data[0] % 7);
        require(!plain.ec && plain.body == in.substr(0, plain.taken));
    }
    return 0;
}
