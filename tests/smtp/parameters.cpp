//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/parameters.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::errc;
using smtp::mail_parameters;
using smtp::rcpt_parameters;

namespace {

smtp::capabilities offering(std::string_view lines)
{
    return smtp::capabilities(smtp::reply(250, "mx.example\n" + std::string(lines)));
}

struct demand
{
    char const*     keyword; ///< What must be offered.
    mail_parameters p;
    bool            droppable;
};

/// One for each parameter of MAIL.
std::vector<demand> demands()
{
    std::vector<demand> all;
    auto const          add = [&](char const* keyword, bool droppable, auto set) {
        demand d;
        d.keyword   = keyword;
        d.droppable = droppable;
        set(d.p);
        all.push_back(d);
    };
    add("SIZE", true, [](auto& p) { p.size = 10; });
    add("8BITMIME", true, [](auto& p) { p.body = smtp::body_type::seven_bit; });
    add("8BITMIME", false, [](auto& p) { p.body = smtp::body_type::eight_bit; });
    add("BINARYMIME", false, [](auto& p) { p.body = smtp::body_type::binary; });
    add("SMTPUTF8", false, [](auto& p) { p.smtputf8 = true; });
    add("DSN", true, [](auto& p) { p.ret = smtp::return_content::full; });
    add("DSN", true, [](auto& p) { p.envid = "x"; });
    add("AUTH", true, [](auto& p) { p.auth = smtp::reverse_path(); });
    add("REQUIRETLS", false, [](auto& p) { p.require_tls = true; });
    add("MT-PRIORITY", true, [](auto& p) { p.mt_priority = 1; });
    add("DELIVERBY", true, [](auto& p) {
        p.by          = smtp::deliver_by();
        p.by->seconds = 100;
    });
    add("FUTURERELEASE", true, [](auto& p) { p.hold_for = 100; });
    add("FUTURERELEASE", true, [](auto& p) { p.hold_until = "2026-08-21T10:20:30Z"; });
    return all;
}

} // namespace

TEST_SUITE_BEGIN("smtp/parameters");

TEST_CASE("each parameter of MAIL needs its extension, which the defect names")
{
    for (auto const& d : demands())
    {
        CAPTURE(d.keyword);
        auto const missing = smtp::check(d.p, offering("X-OTHER"));
        CHECK(missing.code == errc::extension_missing);
        CHECK(missing.detail == d.keyword);
        CHECK_FALSE(smtp::check(d.p, offering(std::string(d.keyword) + "\nCHUNKING")));
        auto masked = offering(std::string(d.keyword) + "\nCHUNKING");
        masked.disable(*smtp::detail::find_feature(d.keyword));
        CHECK(smtp::check(d.p, masked).code == errc::extension_missing);
    }
    CHECK_FALSE(smtp::check(mail_parameters(), offering("X-OTHER")));
}

TEST_CASE("binary content needs BDAT as well")
{
    mail_parameters p;
    p.body = smtp::body_type::binary;
    CHECK(smtp::check(p, offering("BINARYMIME")).detail == "CHUNKING");
}

TEST_CASE("values are compared to what the server announces")
{
    mail_parameters p;
    p.size = 1001;
    CHECK(smtp::check(p, offering("SIZE 1000")).code == errc::message_too_big);
    CHECK_FALSE(smtp::check(p, offering("SIZE 1001")));
    CHECK_FALSE(smtp::check(p, offering("SIZE 0")));
    CHECK_FALSE(smtp::check(p, offering("SIZE 99999999999999999999")));

    mail_parameters by;
    by.by          = smtp::deliver_by();
    by.by->seconds = 99;
    CHECK(smtp::check(by, offering("DELIVERBY 100")).code == errc::bad_parameter);
    CHECK_FALSE(smtp::check(by, offering("DELIVERBY 99")));
    by.by->mode = smtp::deliver_by::on_failure::notify_delay;
    CHECK_FALSE(smtp::check(by, offering("DELIVERBY 100")));

    mail_parameters hold;
    hold.hold_for = 101;
    CHECK(smtp::check(hold, offering("FUTURERELEASE 100")).code == errc::bad_parameter);
    CHECK_FALSE(smtp::check(hold, offering("FUTURERELEASE 101")));
}

TEST_CASE("what the message can do without is dropped on request, what it promises is not")
{
    for (auto d : demands())
    {
        CAPTURE(d.keyword);
        auto const dropped = smtp::drop_unsupported(d.p, offering("X-OTHER"));
        CHECK(dropped.size() == (d.droppable ? 1U : 0U));
        if (d.droppable)
            CHECK(dropped.front() == d.keyword);
        CHECK(static_cast<bool>(smtp::check(d.p, offering("X-OTHER"))) != d.droppable);
    }
    for (auto d : demands())
        CHECK(smtp::drop_unsupported(d.p, offering(std::string(d.keyword) + "\nCHUNKING")).empty());
}

TEST_CASE("the parameters of RCPT")
{
    rcpt_parameters notify;
    notify.notify_on = smtp::notify::success;
    rcpt_parameters orcpt;
    orcpt.orcpt = smtp::original_recipient("a@b");
    rcpt_parameters since;
    since.valid_since = smtp::require_valid_since("2014-04-03T23:01:00Z");
    for (auto p : {notify, orcpt})
    {
        CHECK(smtp::check(p, offering("X-OTHER")).detail == "DSN");
        CHECK_FALSE(smtp::check(p, offering("DSN")));
        CHECK(smtp::drop_unsupported(p, offering("DSN")).empty());
        CHECK(smtp::drop_unsupported(p, offering("X-OTHER")) == std::vector<std::string_view>{"DSN"});
        CHECK_FALSE(smtp::check(p, offering("X-OTHER")));
    }
    CHECK(smtp::check(since, offering("DSN")).detail == "RRVS");
    CHECK(smtp::drop_unsupported(since, offering("DSN")).empty());
    CHECK_FALSE(smtp::check(since, offering("RRVS")));
    CHECK_FALSE(smtp::check(rcpt_parameters(), offering("X-OTHER")));
}

TEST_CASE("notify is a set")
{
    using smtp::notify;
    auto const set = notify::success | notify::delay;
    CHECK(smtp::contains(set, notify::success));
    CHECK(smtp::contains(set, notify::delay));
    CHECK_FALSE(smtp::contains(set, notify::failure));
    CHECK_FALSE(smtp::contains(notify::unspecified, notify::never));
}

TEST_SUITE_END();
