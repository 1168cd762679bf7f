//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Capabilities: any reply gives consistent answers, whatever its case, and a mask hides what it names.

#include <posthorn/core/ascii.hpp>
#include <posthorn/smtp/capabilities.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtp = posthorn::smtp;
using support::require;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    std::string_view const   in(reinterpret_cast<char const*>(data), size);
    smtp::capabilities       c(smtp::reply(250, in));
    smtp::capabilities const upper(smtp::reply(250, posthorn::ascii::to_upper(in)));
    require(c.keywords().size() <= smtp::capabilities::max_keywords);
    require(c.keywords().size() == upper.keywords().size());
    require(c.max_size() == upper.max_size() && c.max_size() != std::uint64_t{0});
    require(c.limits().rcpt_max == upper.limits().rcpt_max);
    require(c.min_deliver_by() == upper.min_deliver_by());
    require(c.future_release().max_interval == upper.future_release().max_interval);
    require(c.auth_mechanisms().size() == upper.auth_mechanisms().size());
    for (auto const& m : c.auth_mechanisms())
    {
        require(!m.empty() && m.size() <= 20 && c.has_auth(m));
        for (char const ch : m)
            require(posthorn::ascii::is_upper(ch) || posthorn::ascii::is_digit(ch) || ch == '-' || ch == '_');
    }
    for (auto const& k : c.keywords())
        require(!k.keyword.empty() && c.has(k.keyword) && c.find(k.keyword));
    for (unsigned i = 0; i <= static_cast<unsigned>(smtp::feature::x_exps); ++i)
    {
        auto const f = static_cast<smtp::feature>(i);
        require(c.has(f) == upper.has(f) && c.has(f) == c.has(smtp::keyword(f)));
        require(c.has(f) || c.parameters(f).empty());
        require(c.attributes(f).size() <= c.parameters(f).size());
        c.disable(f);
        require(!c.has(f) && !c.has(smtp::keyword(f)) && c.parameters(f).empty());
    }
    require(!c.max_size() && c.auth_mechanisms().empty() && !c.limits().mail_max);
    require(smtp::capabilities::from_helo(smtp::reply(250, in)).keywords().empty());
    return 0;
}
