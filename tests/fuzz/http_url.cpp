//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// URLs: what is accepted can be sent as it is, reads back as itself, and no reference smuggles anything into a request.
// A line feed separates a base from a reference.

#include <posthorn/core/ascii.hpp>
#include <posthorn/http/url.hpp>

#include <support/fuzzing.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace http = posthorn::http;
using support::require;

namespace {

void check(http::url const& u)
{
    auto const& target = u.target();
    require(target.substr(0, 1) == "/");
    require(std::none_of(target.begin(), target.end(), [](char c) {
        return posthorn::ascii::is_control(c) || posthorn::ascii::is_eight_bit(c) || std::string_view(" \"<>#\\").find(c) != std::string_view::npos;
    }));
    require(std::string(u.path()) + std::string(u.query()) == target);
    require(!u.origin().host.empty() && u.origin().port != 0);
    require(u.origin().host.find_first_of("/?#@\\ ") == std::string::npos);
    auto const again = http::url::read(u.str());
    if (u.str().size() <= http::url::longest)
    {
        require(again && *again == u);
        require(same_resource(u, *again));
        require(http::url(u).resolve(u.str()) == u);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    std::string_view const in(reinterpret_cast<char const*>(data), size);
    auto const             line      = in.substr(0, in.find('\n'));
    auto const             reference = line.size() == in.size() ? in : in.substr(line.size() + 1);
    for (auto const hash : {http::hash_sign::fragment, http::hash_sign::literal})
    {
        auto const base = http::url::read(line, hash);
        if (base)
            check(*base);
        http::url const from = base ? *base : http::url("http://h.example/a/b?c");
        if (auto const to = from.resolve(reference, hash))
            check(*to);
        check(from.with_target(reference));
    }
    require(http::percent_decode(http::percent_encode(in)) == in);
    return 0;
}
