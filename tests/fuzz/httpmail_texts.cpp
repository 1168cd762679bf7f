//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What servers of mailboxes and callers write: header sections, encoded words, segments of URLs, times, login pages.

#include <posthorn/httpmail/encoded_words.hpp>
#include <posthorn/httpmail/login_form.hpp>
#include <posthorn/httpmail/mail_filter.hpp>
#include <posthorn/httpmail/segment_text.hpp>
#include <posthorn/httpmail/timestamps.hpp>

#include <support/fuzzing.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace posthorn::httpmail;
using support::require;

namespace {

std::string filtered(std::string_view text, std::size_t first, filter_options o)
{
    mail_filter f(o);
    std::string out;
    f.feed(text.substr(0, first), out);
    for (auto rest = text.substr(std::min(first, text.size())); !rest.empty(); rest.remove_prefix(1))
        f.feed(rest.substr(0, 1), out);
    f.finish(out);
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    if (size == 0)
        return 0;
    std::string_view const text(reinterpret_cast<char const*>(data) + 1, size - 1);

    filter_options o;
    o.normalise = (data[0] & 1U) != 0;
    o.drop_bcc  = (data[0] & 2U) != 0;
    auto const whole = filtered(text, text.size(), o);
    require(filtered(text, data[0] >> 2U, o) == whole);
    require(filtered(whole, whole.size(), o) == whole || o.drop_bcc); // once is enough
    if (o.normalise)
        for (std::size_t i = 0; i != whole.size(); ++i)
            require((whole[i] != '\n' || (i != 0 && whole[i - 1] == '\r')) && (whole[i] != '\r' || (i + 1 != whole.size() && whole[i + 1] == '\n')));

    if (detail::is_utf8(text))
        require(detail::is_utf8(decode_words(text)));
    require(detail::is_utf8(segment_text(text)));
    auto const times = parse_timestamps(text);
    require(parse_timestamps(times.str()).str() == times.str());
    if (auto const form = find_login_form(text))
    {
        auto const body = fill_in(*form, "http://h/", "user", "secret");
        require(body.view().find("=secret") != std::string_view::npos);
        for (char const c : body.view())
            require(c > ' ' && c < '\x7f');
    }
    return 0;
}
