//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A whole session, byte for byte: what the client sends is compared, what a server answers is played.

#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/source/memory.hpp>

#include <doctest/doctest.h>

#include <support/example_session.hpp>
#include <support/http_server.hpp>
#include <support/run_task.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace posthorn::httpmail;
using support::example_session;

namespace {

std::string replaced(std::string text, std::string_view from, std::string_view to)
{
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

std::string crlf(char const* text) { return replaced(text, "\n", "\r\n"); }

/// The lines of a head in an order of their own, without what differs for good reasons.
std::string comparable_head(std::string const& text)
{
    std::vector<std::string> lines;
    for (std::string_view rest = text; !rest.empty();)
    {
        auto const end  = std::min(rest.find("\r\n"), rest.size());
        auto       line = std::string(rest.substr(0, end));
        rest.remove_prefix(std::min(rest.size(), end + 2));
        if (line.starts_with("Cookie: ")) // of a domain that the server is not in: RFC 6265 forbids to keep it
            continue;
        if (line == "Accept: */*") // says nothing
            continue;
        if (line == "Overwrite: F") // more careful than the example: nothing is lost to a folder of the same name
            continue;
        lines.push_back(std::regex_replace(line, std::regex(", (cnonce=\"[^\"]*\"|response=\"[^\"]*\"|algorithm=MD5)"), ""));
    }
    std::sort(lines.begin() + 1, lines.end());
    std::string all;
    for (auto const& l : lines)
        all += l + "\n";
    return all;
}

/// Answers in the order of the example, with its own hosts instead of those.
struct player
{
    explicit player(asio::any_io_executor const& ex) : server(ex, [this](support::http_request const& r) { return play(r); }) {}

    std::string entry() const { return "127.0.0.1:" + std::to_string(server.port()); }
    std::string cluster() const { return "localhost:" + std::to_string(server.port()); }

    support::http_answer play(support::http_request const& r)
    {
        REQUIRE(at < std::size(example_session));
        CAPTURE(at);
        auto const wanted = crlf(example_session[at].request);
        auto const split  = wanted.find("\r\n\r\n") + 4;
        auto const head   = replaced(replaced(r.head, entry(), "services.example.com"), cluster(), "bay15.oe.example.com");
        CHECK(comparable_head(head) == comparable_head(wanted.substr(0, split)));
        // Names of contacts come with the declarations in another order.
        std::string const body = replaced(r.body, " xmlns:h=\"http://schemas.microsoft.com/hotmail/\" xmlns:c=\"urn:schemas:contacts:\"",
                                          " xmlns:c=\"urn:schemas:contacts:\" xmlns:h=\"http://schemas.microsoft.com/hotmail/\"");
        CHECK(body == wanted.substr(split));

        auto const answer = replaced(crlf(example_session[at].response), "bay15.oe.example.com", cluster());
        auto const end    = answer.find("\r\n\r\n") + 4;
        ++at;
        auto const length = "Content-Length: " + std::to_string(answer.size() - end);
        support::http_answer a(std::regex_replace(answer.substr(0, end), std::regex("Content-Length: [0-9]+"), length) + answer.substr(end));
        a.close = answer.find("Connection: close") != answer.npos;
        return a;
    }

    std::size_t          at = 0;
    support::http_server server;
};

std::shared_ptr<source> text(std::string s) { return std::make_shared<string_source>(std::move(s)); }

} // namespace

TEST_SUITE_BEGIN("httpmail/example_session");

TEST_CASE("the session of Hotmail: found, listed, fetched, marked, moved, sent, stored, folders, contacts")
{
    support::run([]() -> task<void> {
        auto const       ex = co_await this_coro::executor;
        player           p(ex);
        mailbox_settings settings;
        settings.http.login              = {"alice@example.com", "open sesame"};
        settings.http.rules.digest_hosts = {"localhost"};
        settings.http.user_agent         = "Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)";
        for (auto const& n : contact_names)
            if (n.field > contact_field::email)
                settings.contacts.drop(n.field);
        mailbox    box(http::url("http://" + p.entry() + "/svcs/hotmail/httpmail.asp"), settings);

        auto const root = co_await box.open();
        CHECK(root.signature.empty());
        auto const user = "/cgi-bin/hmdata/alice@example.com/";
        auto const at   = [&](std::string const& rest) { return http::url("http://" + p.cluster() + user + rest); };

        auto const folders = co_await box.folders();
        REQUIRE(folders.size() == 5);
        CHECK(folders[0].kind == folder_kind::inbox);
        CHECK(folders[4].name() == "caf\xc3\xa9");
        CHECK(folders[4].url == at("folders/caf%E9/"));

        auto const list = co_await box.list(root.inbox);
        REQUIRE(list.size() == 2);
        CHECK(list[0].from_address == "bob@example.net");
        CHECK(list[0].subject == "Lunch & more");
        CHECK(list[1].from == "List <list@example.org>");
        CHECK(list[1].read == true);

        auto const mail = co_await box.fetch_text(list[0].url);
        CHECK(mail.size() == 371);
        CHECK(mail.ends_with("\r\n.\r\n-- \r\nBob\r\n"));

        co_await box.mark(list[0].url, true);
        std::vector<http::url> const both   = {list[0].url, list[1].url};
        auto const                   marked = co_await box.mark(both, false);
        CHECK(marked[0].ok());
        CHECK(marked[1].error == dav::errc::not_found);

        std::vector<http::url> const one   = {list[0].url};
        auto const                   moved = co_await box.move(one, root.deleted_items);
        CHECK(moved[0].location == at("folders/trAsH/MSG1086862331.2"));
        auto const again = co_await box.move(list[0].url, root.deleted_items);
        CHECK(again == moved[0].location);
        std::vector<http::url> const trash = {*again};
        auto const                   gone  = co_await box.remove(trash, deletion::to_deleted_items);
        CHECK(all_done(gone));

        smtp::envelope const envelope("alice@example.com", {"bob@example.net", "carol@example.org"});
        auto const sent = co_await box.send(
            envelope, text("From: \"Alice\" <alice@example.com>\nTo: \"Bob Example\" <bob@example.net>\nBcc: carol@example.org\n"
                           "Subject: Re: Lunch & more\nDate: Thu, 10 Jun 2004 10:20:00 +0000\nMessage-ID: <20040610102000.1@example.com>\n"
                           "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\nYes.\n"));
        CHECK(sent.accepted());
        CHECK(sent.location == at("folders/sAVeD/MSG1086862800.7"));
        auto const stored = co_await box.append(
            root.drafts, text("From: \"Alice\" <alice@example.com>\nTo: bob@example.net\nSubject: draft\nDate: Thu, 10 Jun 2004 10:25:00 +0000\n"
                              "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n(unfinished)\n"));
        CHECK(stored.location == at("folders/drAfT/MSG1086863100.8"));

        auto const made = co_await box.create_folder(root.folder_root, "Projects");
        CHECK(made == at("folders/F0007/"));
        auto const renamed = co_await box.rename_folder(made, "Archive");
        CHECK(renamed == made);
        co_await box.delete_folder(renamed);

        auto const contacts = co_await box.contacts();
        REQUIRE(contacts.size() == 1);
        CHECK(contacts[0].get(contact_field::email) == "bob@example.net");
        std::map<contact_field, std::string> const mobile = {{contact_field::mobile_phone, "+1 555 0100"}};
        // The list of the example does not ask for the field that it changes then.
        auto const update = contact_update(mobile, contact_map());
        auto const done   = co_await box.dav().proppatch(contacts[0].url, update);
        CHECK(done.ok());
        CHECK(p.at == std::size(example_session));
    });
}

TEST_SUITE_END();
