//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/root.hpp>

#include <doctest/doctest.h>

#include <support/responses.hpp>

#include <string>

namespace dav  = posthorn::dav;
namespace http = posthorn::http;
using namespace posthorn::httpmail;
using support::response_with;

TEST_SUITE_BEGIN("httpmail/root");

TEST_CASE("the URLs of the root are absolute, or relative, or missing, or empty")
{
    http::url const at("http://mail.example/hm/");
    auto const      root =
        read_root(response_with("<hm:inbox> http://mail.example/hm/ACTIVE/ </hm:inbox><hm:drafts>drafts/</hm:drafts><hm:outbox/>"
                                "<hm:sendmsg>/hm/##DavMailSubmissionURI##</hm:sendmsg><h:sig>-- &amp;amp;</h:sig><h:adbar>A=B*</h:adbar>"
                                "<hm:junkemail>http://</hm:junkemail><hm:contacts>http://other.example/c/</hm:contacts>"),
                  at, foreign_urls::refuse);
    CHECK(root.at == at);
    CHECK(root.inbox.str() == "http://mail.example/hm/ACTIVE/");
    CHECK(root.drafts.str() == "http://mail.example/hm/drafts/");
    CHECK(root.outbox.empty());
    CHECK(root.junk_email.empty());
    CHECK(root.folder_root.empty());
    CHECK(root.send_message.target() == "/hm/%23%23DavMailSubmissionURI%23%23");
    CHECK(root.contacts.str() == "http://other.example/c/"); // whether it is used is decided elsewhere
    CHECK(root.signature == "-- &amp;");
    CHECK(root.adbar == "A=B*");
    CHECK_FALSE(root.polling_interval);
}

TEST_CASE("a server behind a proxy does not know its name")
{
    http::url const at("https://mail.example/x/");
    auto const root = read_root(response_with("<hm:inbox>http://internal:8080/x/Inbox</hm:inbox>"), at, foreign_urls::rewrite);
    CHECK(root.inbox.str() == "https://mail.example/x/Inbox");
}

TEST_CASE("the polling interval is in minutes, at least one")
{
    http::url const at("http://mail.example/");
    auto const      interval = [&](std::string const& text) {
        auto const p = read_root(response_with("<h:maxpoll>" + text + "</h:maxpoll>"), at, foreign_urls::refuse).polling_interval;
        return p ? static_cast<long long>(p->count()) : -1;
    };
    CHECK(interval("30") == 30);
    CHECK(interval(" 0 ") == 1);
    CHECK(interval("-5") == -1);
    CHECK(interval("often") == -1);
    CHECK(interval("99999999999") == 7 * 24 * 60);
}

TEST_CASE("what is asked for")
{
    CHECK(root_question(std::nullopt).some().size() == 11);
    CHECK(root_question(dialect::hotmail).some() == root_question(std::nullopt).some());
    auto const exchange = root_question(dialect::exchange);
    for (auto const& n : exchange.some())
        CHECK(n.space == dav::httpmail_space);
    CHECK(root_question(dialect::dav).some().size() == 11);
}

TEST_SUITE_END();
