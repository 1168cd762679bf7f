//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Redirects from the mailbox to a server that nobody has named: what that one says is neither list nor message.

#include <posthorn/httpmail/mailbox.hpp>

#include <doctest/doctest.h>

#include <support/failures.hpp>
#include <support/mailboxes.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

using namespace support::mailboxes;
using support::code_of_failure;
using support::mail_answer;
using support::mail_answers;
using support::mail_site;
using support::member;
using support::with_mailbox;

namespace {

/// The same server by another name is another origin.
mail_answer elsewhere(mail_site const& s, std::string const& target, std::string const& status = "302 Found")
{
    return mail_answer(status, "", "Location: http://localhost:" + std::to_string(s.server.port()) + target + "\r\n");
}

/// What arrived there.
std::size_t asked_there(mail_site const& s)
{
    std::size_t n = 0;
    for (auto const& r : s.server.requests())
        n += r.field("Host").value_or("").starts_with("localhost") ? 1U : 0U;
    return n;
}

/// Is this what a mailbox says when it is led away?
bool is_refusal(std::error_code const& ec)
{
    // A method that is not known to read only is not sent there at all.
    return ec == httpmail::errc::foreign_url || ec == http::errc::redirect_refused;
}

std::string const forged = member("/evil/1", "<D:isfolder>0</D:isfolder><m:subject>forged</m:subject><hm:subject>forged</hm:subject>");

} // namespace

TEST_SUITE_BEGIN("httpmail/foreign_answers");

TEST_CASE("a list of messages, a message, folders, contacts from a server that nobody has named are errors")
{
    for (auto const* status : {"302 Found", "307 Temporary Redirect"})
    {
        CAPTURE(status);
        mail_answers a;
        a["PROPFIND /evil/"] = {mail_answer::list(forged, "X-Timestamp: folders=99\r\n")};
        a["GET /evil/1"]     = {mail_answer("200 OK", "Subject: forged\r\n\r\n")};
        with_hotmail(a, [status](mail_site& s) -> task<void> {
            auto const root = co_await s.box.open();
            for (auto const* key : {"PROPFIND /hm/folders/ACTIVE/", "PROPFIND /hm/folders/", "PROPFIND /hm/abdata/", "PROPFIND /hm/abdata/1"})
                s.answers[key] = {elsewhere(s, "/evil/", status)};
            s.answers["GET " + inbox + "MSG1"] = {elsewhere(s, "/evil/1", status)};

            auto const list = co_await code_of_failure(s.box.list(root.inbox));
            CHECK(list == httpmail::errc::foreign_url);
            auto const folders = co_await code_of_failure(s.box.folders());
            CHECK(folders == httpmail::errc::foreign_url);
            auto const mail = co_await code_of_failure(s.box.fetch_text(s.url(inbox + "MSG1")));
            CHECK(mail == httpmail::errc::foreign_url);
            auto const contacts = co_await code_of_failure(s.box.contacts());
            CHECK(contacts == httpmail::errc::foreign_url);
            auto const contact = co_await code_of_failure(s.box.read_contact(s.url("/hm/abdata/1")));
            CHECK(contact == httpmail::errc::foreign_url);
            auto const poll = co_await code_of_failure(s.box.poll());
            CHECK(poll == httpmail::errc::foreign_url);
            auto const told = s.box.times().str();
            CHECK(told.find("99") == told.npos); // its times are not believed either
            CHECK(asked_there(s) == 6);
        });
    }
}

TEST_CASE("rows of a SEARCH from a server that nobody has named are errors")
{
    mail_answers a;
    a["SEARCH /evil/"]   = {mail_answer::list(forged, "Content-Range: rows 0-0; total=1\r\n")};
    a["PROPFIND /evil/"] = {mail_answer::list(forged)};
    with_exchange(a, [](mail_site& s) -> task<void> {
        auto const root                       = co_await s.box.open();
        s.answers["SEARCH /x/alice/Inbox/"]   = {elsewhere(s, "/evil/")};
        s.answers["PROPFIND /x/alice/Inbox/"] = {elsewhere(s, "/evil/")};
        auto const first                      = co_await code_of_failure(s.box.list(root.inbox));
        CHECK(is_refusal(first));
        // Nor does it end as a server without SEARCH.
        CHECK(s.asked("PROPFIND /x/alice/Inbox/") == 0);
        auto const again = co_await code_of_failure(s.box.list(root.inbox));
        CHECK(is_refusal(again));
    });
}

TEST_CASE("asked again, the entry may lead nowhere else, and the mailbox stays what it was")
{
    mail_answers a;
    a["PROPFIND /evil/"] = {support::mailboxes::hotmail_root()};
    with_hotmail(a, [](mail_site& s) -> task<void> {
        auto const root             = co_await s.box.open();
        s.answers["PROPFIND /hm?"] = {elsewhere(s, "/evil/")};
        auto const ec               = co_await code_of_failure(s.box.reopen());
        CHECK(ec == httpmail::errc::foreign_url);
        CHECK(s.box.root().inbox == root.inbox);
        CHECK(s.box.root().at == root.at);
    });
}

TEST_CASE("a server that was named may answer in place of the mailbox")
{
    mailbox_settings settings;
    settings.http.rules.digest_hosts = {"localhost"};
    mail_answers a;
    a["PROPFIND /there/"] = {mail_answer::list(member("$H/there/1", "<D:isfolder>0</D:isfolder><m:subject>moved</m:subject>"))};
    a["GET /there/1"]     = {mail_answer("200 OK", "Subject: moved\r\n\r\n")};
    with_mailbox(hotmail(a), settings, "/hm?", [](mail_site& s) -> task<void> {
        auto const root                    = co_await s.box.open();
        s.answers["PROPFIND " + inbox]     = {elsewhere(s, "/there/")};
        s.answers["GET " + inbox + "MSG1"] = {elsewhere(s, "/there/1")};
        auto const list                    = co_await s.box.list(root.inbox);
        REQUIRE(list.size() == 1);
        CHECK(list[0].subject == "moved");
        CHECK(list[0].url.origin().host == "localhost");
        auto const mail = co_await s.box.fetch_text(s.url(inbox + "MSG1"));
        CHECK(mail == "Subject: moved\r\n\r\n");
    });
}

TEST_SUITE_END();
