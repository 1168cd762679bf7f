//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/outcome.hpp>

#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::disposition;
using smtp::overall;
using smtp::phase;

TEST_SUITE_BEGIN("smtp/outcome");

namespace {

std::vector<disposition> const all_dispositions {disposition::accepted, disposition::refused_permanently,
                                                 disposition::refused_temporarily, disposition::not_sent,
                                                 disposition::in_doubt};

/// A report on as many recipients as there are outcomes.
smtp::report report_of(std::vector<disposition> const& outcomes)
{
    smtp::envelope e;
    for (std::size_t i = 0; i != outcomes.size(); ++i)
        e.add(std::to_string(i) + "@there.example");
    smtp::report      r;
    smtp::transaction t;
    static_cast<void>(t.begin(e, e.parameters, {}, r));
    t.withdraw("");
    for (std::size_t i = 0; i != outcomes.size(); ++i)
        r.recipients()[i].outcome = outcomes[i];
    return r;
}

} // namespace

TEST_CASE("every word is unique and known")
{
    std::set<std::string_view> words;
    for (auto const d : all_dispositions)
        words.insert(to_string(d));
    CHECK(words.size() == 5);
    CHECK(words.count("unknown") == 0);
    CHECK(to_string(disposition::refused_permanently) == "refused_permanently");
    CHECK(to_string(static_cast<disposition>(99)) == "unknown");

    words.clear();
    for (auto const o : {overall::accepted, overall::partial, overall::refused, overall::temporary, overall::in_doubt,
                         overall::not_sent})
        words.insert(to_string(o));
    CHECK(words.size() == 6);
    CHECK(words.count("unknown") == 0);
    CHECK(to_string(static_cast<overall>(99)) == "unknown");

    words.clear();
    for (int p = 0; p <= static_cast<int>(phase::command); ++p)
        words.insert(to_string(static_cast<phase>(p)));
    CHECK(words.size() == 14);
    CHECK(words.count("unknown") == 0);
    CHECK(to_string(static_cast<phase>(99)) == "unknown");
}

TEST_CASE("the whole follows from the parts, for every mixture of three")
{
    for (auto const a : all_dispositions)
        for (auto const b : all_dispositions)
            for (auto const c : all_dispositions)
            {
                std::multiset<disposition> const parts {a, b, c};
                auto const n = [&](disposition d) { return parts.count(d); };
                overall    wanted = overall::refused;
                if (n(disposition::in_doubt) != 0)
                    wanted = overall::in_doubt;
                else if (n(disposition::accepted) == 3)
                    wanted = overall::accepted;
                else if (n(disposition::accepted) != 0)
                    wanted = overall::partial;
                else if (n(disposition::refused_temporarily) != 0)
                    wanted = overall::temporary;
                else if (n(disposition::not_sent) != 0)
                    wanted = overall::not_sent;
                auto const r = report_of({a, b, c});
                CHECK(r.outcome() == wanted);
                for (auto const d : all_dispositions)
                    CHECK(r.count(d) == n(d));
                CHECK(r.accepted() == n(disposition::accepted));
                CHECK(r.all_accepted() == (n(disposition::accepted) == 3));
                CHECK(r.recipients()[0].accepted() == (a == disposition::accepted));
            }
}

TEST_CASE("a report about nobody says that nothing was sent")
{
    smtp::report const r;
    CHECK(r.outcome() == overall::not_sent);
    CHECK(r.recipients().empty());
    CHECK(r.accepted() == 0);
    CHECK(r.final_reply().empty());
    CHECK(r.describe() == "");
    CHECK(r.round_trips() == 0);
    CHECK(r.content_bytes() == 0);
}

TEST_CASE("a description has a line for each recipient, with as much as is known")
{
    auto r    = report_of({disposition::accepted, disposition::refused_permanently, disposition::not_sent,
                           disposition::in_doubt});
    auto list = r.recipients();
    list[0].code     = 250;
    list[0].phase    = phase::content;
    list[0].text     = "queued";
    list[1].code     = 550;
    list[1].phase    = phase::rcpt;
    list[1].enhanced = smtp::enhanced_code {5, 1, 1};
    list[2].phase    = phase::mail;
    list[2].text     = "the peer closed the connection";
    CHECK(r.describe() == "0@there.example: accepted (content 250 queued)\n"
                          "1@there.example: refused_permanently (rcpt 550 5.1.1)\n"
                          "2@there.example: not_sent (mail the peer closed the connection)\n"
                          "3@there.example: in_doubt\n");
}

TEST_CASE("the exceptions carry phase, reply and report, and are copied without throwing")
{
    static_assert(std::is_nothrow_copy_constructible_v<smtp::session_error>);
    static_assert(std::is_nothrow_copy_constructible_v<smtp::send_error>);
    posthorn::error_context c;
    c.operation = "RCPT TO:<a@b>";
    c.phase     = "overwritten";
    smtp::reply const         said(550, "5.1.1 no such user");
    smtp::session_error const e(smtp::errc::command_refused, phase::rcpt, c, &said);
    CHECK(e.phase() == phase::rcpt);
    REQUIRE(e.reply() != nullptr);
    CHECK(e.reply()->code() == 550);
    CHECK(e.code() == posthorn::condition::permanent);
    CHECK(std::string(e.what()) == "rcpt: RCPT TO:<a@b>: the server refused the command");

    smtp::reply const         none;
    smtp::session_error const silent(posthorn::errc::timeout, phase::greeting, {}, &none);
    CHECK(silent.reply() == nullptr);
    CHECK(smtp::session_error(posthorn::errc::timeout, phase::greeting, {}).reply() == nullptr);

    smtp::send_error const failed(e, report_of({disposition::in_doubt}));
    CHECK(failed.report().outcome() == overall::in_doubt);
    CHECK(failed.phase() == phase::rcpt);
    CHECK(std::string(failed.what()) == e.what());
    smtp::send_error const copy(failed);
    CHECK(&copy.report() == &failed.report());
    CHECK(copy.reply() == failed.reply());
}

TEST_SUITE_END();
