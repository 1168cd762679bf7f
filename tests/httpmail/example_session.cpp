//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Whole sessions, byte for byte: what the client sends is compared, what a server answers is played. The client puts the lines of a
// head in another order, which means nothing; every other difference is named here, and nothing else may differ.

#include <posthorn/codec/hex.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/source/memory.hpp>

#include <doctest/doctest.h>

#include <support/example_session.hpp>
#include <support/http_server.hpp>
#include <support/run_task.hpp>
#include <support/tls_pair.hpp>
#include <support/xml_events.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace posthorn;
using namespace posthorn::httpmail;
using support::example_exchange;
using support::example_session;
using support::exchange_session;

namespace {

std::string replaced(std::string text, std::string_view from, std::string_view to)
{
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

std::string crlf(char const* text) { return replaced(text, "\n", "\r\n"); }

std::vector<std::string> lines_of(std::string_view head)
{
    std::vector<std::string> lines;
    while (!head.empty())
    {
        auto const end = std::min(head.find("\r\n"), head.size());
        if (end != 0)
            lines.emplace_back(head.substr(0, end));
        head.remove_prefix(std::min(head.size(), end + 2));
    }
    return lines;
}

/// What the client does otherwise in one exchange: lines of the example that it leaves out, and lines of its own.
struct difference
{
    std::vector<std::string> without, with;
};

/// In another order, the first line being the first.
std::string in_order(std::vector<std::string> lines)
{
    std::sort(lines.begin() + 1, lines.end());
    std::string all;
    for (auto const& l : lines)
        all += l + "\n";
    return all;
}

// ---- Digest ----

std::map<std::string, std::string> parameters_of(std::string const& authorization)
{
    static std::regex const            one("([a-z]+)=(\"[^\"]*\"|[^, ]+)");
    std::map<std::string, std::string> all;
    for (auto i = std::sregex_iterator(authorization.begin(), authorization.end(), one); i != std::sregex_iterator(); ++i)
        CHECK(all.emplace((*i)[1].str(), replaced((*i)[2].str(), "\"", "")).second);
    return all;
}

std::string md5(std::string const& text) { return codec::hex_encode(crypto::digest(crypto::hash::md5, text).view()); }

/// What `response` has to be (RFC 2617, 3.2.2), for the password "open sesame".
std::string digest_response(std::string const& method, std::map<std::string, std::string> const& p)
{
    auto const secret = md5(p.at("username") + ':' + p.at("realm") + ":open sesame");
    return md5(secret + ':' + p.at("nonce") + ':' + p.at("nc") + ':' + p.at("cnonce") + ':' + p.at("qop") + ':' +
               md5(method + ':' + p.at("uri")));
}

/// Takes the line Authorization out of a head.
std::string take_authorization(std::vector<std::string>& lines)
{
    auto const at = std::find_if(lines.begin(), lines.end(), [](auto const& l) { return l.starts_with("Authorization: "); });
    if (at == lines.end())
        return {};
    std::string line = *at;
    lines.erase(at);
    return line;
}

/// Both prove the password; all but the client's nonce and the proof is the same. The algorithm is named where the challenge names one.
void check_digest(std::string const& method, std::string const& sent, std::string const& example)
{
    CHECK(sent.empty() == example.empty());
    if (sent.empty() || example.empty())
        return;
    CHECK(sent.starts_with("Authorization: Digest "));
    auto mine = parameters_of(sent), theirs = parameters_of(example);
    CHECK(theirs.at("response") == digest_response(method, theirs)); // or the formula above is wrong
    CHECK(mine.at("response") == digest_response(method, mine));
    CHECK(mine.at("cnonce").size() >= 16);
    CHECK(theirs.erase("algorithm") == 1);
    for (auto const* own : {"response", "cnonce"})
    {
        mine.erase(own);
        theirs.erase(own);
    }
    CHECK(mine == theirs);
}

// ---- the server ----

/// Answers in the order of the example, with its own names instead of those.
struct player
{
    /// @param names Hosts of the example, and the names that stand for them here.
    player(asio::any_io_executor const& ex, std::span<example_exchange const> script,
           std::map<std::string, std::string> names, std::map<std::size_t, difference> differences,
           std::optional<net::tls_context> tls = {})
        : all(script), hosts(std::move(names)), different(std::move(differences)),
          server(ex, [this](support::http_request const& r) { return play(r); }, std::move(tls))
    {
    }

    std::string authority(std::string const& host) const { return hosts.at(host) + ':' + std::to_string(server.port()); }

    /// As the example would have written it.
    std::string in_example(std::string text) const
    {
        for (auto const& [theirs, mine] : hosts)
        {
            text = replaced(std::move(text), mine + "%3A" + std::to_string(server.port()), theirs); // in forms
            text = replaced(std::move(text), authority(theirs), theirs);
        }
        return text;
    }
    std::string in_here(std::string text) const
    {
        for (auto const& [theirs, mine] : hosts)
            text = replaced(std::move(text), theirs, authority(theirs));
        return text;
    }

    support::http_answer play(support::http_request const& r)
    {
        if (auto const other = aside ? aside(r) : std::nullopt) // what the example leaves out
            return *other;
        REQUIRE(at < all.size());
        CAPTURE(at);
        auto const wanted       = crlf(all[at].request);
        auto const split        = wanted.find("\r\n\r\n") + 4;
        auto const example_body = wanted.substr(split);
        auto const body         = in_example(r.body);
        auto       sent         = lines_of(in_example(r.head));
        auto       example      = lines_of(wanted.substr(0, split));
        auto const differing    = different.contains(at) ? different.at(at) : difference();

        check_digest(r.method, take_authorization(sent), take_authorization(example));
        for (auto const& line : differing.without)
            CHECK(std::erase(example, line) == 1);
        for (auto const& line : differing.with)
        {
            CHECK(std::count(example.begin(), example.end(), line) == 0);
            example.push_back(line);
        }
        // A length is that of the body as it is sent: names have other lengths here, and so have bodies that are written otherwise.
        bool const same_body = !same_in_other_words || !same_in_other_words(at, body, example_body);
        for (auto* head : {&sent, &example})
            for (auto& line : *head)
                if (line.starts_with("Content-Length: "))
                {
                    auto const size = head == &sent ? r.body.size() : example_body.size();
                    CHECK(line == "Content-Length: " + std::to_string(size));
                    line = "Content-Length: its size";
                }
        CHECK(in_order(sent) == in_order(example));
        if (same_body)
            CHECK(body == example_body);

        auto const answer = in_here(replaced(crlf(all[at].response), "domain=.oe.example.com", "domain=localhost"));
        auto const end    = answer.find("\r\n\r\n") + 4;
        ++at;
        auto const length = "Content-Length: " + std::to_string(answer.size() - end);
        support::http_answer a(std::regex_replace(answer.substr(0, end), std::regex("Content-Length: [0-9]+"), length) + answer.substr(end));
        a.close = answer.find("Connection: close") != answer.npos;
        return a;
    }

    std::span<example_exchange const>  all;
    std::map<std::string, std::string> hosts;
    std::map<std::size_t, difference>  different;
    /// Compares bodies that may differ. @return False for those that may not.
    std::function<bool(std::size_t, std::string const&, std::string const&)>     same_in_other_words;
    std::function<std::optional<support::http_answer>(support::http_request const&)> aside;
    std::size_t          at = 0;
    support::http_server server;
};

/// A document without blanks between elements.
std::string meaning(std::string const& document)
{
    std::string plain = document;
    std::erase_if(plain, [](char c) { return c == '\r' || c == '\n' || c == '\t'; });
    auto const r = support::read_xml(plain);
    CHECK_FALSE(r.ec);
    return r.events;
}

std::set<std::string> matches(std::string const& text, char const* pattern)
{
    std::regex const      one(pattern);
    std::set<std::string> all;
    for (auto i = std::sregex_iterator(text.begin(), text.end(), one); i != std::sregex_iterator(); ++i)
        all.insert(i->str());
    return all;
}

void check_all_in(std::set<std::string> const& few, std::set<std::string> const& many)
{
    CHECK_FALSE(few.empty());
    for (auto const& one : few)
    {
        CAPTURE(one);
        CHECK(many.contains(one));
    }
}

std::shared_ptr<source> text(std::string s) { return std::make_shared<string_source>(std::move(s)); }

} // namespace

TEST_SUITE_BEGIN("httpmail/example_session");

TEST_CASE("the session of Hotmail: found, listed, fetched, marked, moved, sent, stored, folders, contacts")
{
    support::run([]() -> task<void> {
        auto const       ex = co_await this_coro::executor;
        // `Accept: */*` says nothing and is not sent. A cookie for a domain that the server is not in is not kept (RFC 6265, 5.3): here
        // the one of the entry, which the example keeps. Renaming never replaces another folder: hence Overwrite.
        std::map<std::size_t, difference> differences;
        for (std::size_t const i : {0U, 1U, 2U, 3U, 4U})
            differences[i].without.emplace_back("Accept: */*");
        for (std::size_t const i : {1U, 2U})
            differences[i].without.emplace_back("Cookie: MSPAuth=9aX2");
        for (std::size_t i = 3; i != std::size(example_session); ++i)
        {
            differences[i].without.emplace_back("Cookie: HMSC=41c7; MSPAuth=9aX2");
            differences[i].with.emplace_back("Cookie: HMSC=41c7");
        }
        differences[14].with.emplace_back("Overwrite: F");
        player p(ex, example_session, {{"services.example.com", "127.0.0.1"}, {"bay15.oe.example.com", "localhost"}}, differences);
        mailbox_settings settings;
        settings.http.login              = {"alice@example.com", "open sesame"};
        settings.http.rules.digest_hosts = {"localhost"};
        settings.http.user_agent         = "Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)";
        for (auto const& n : contact_names) // the list of the example does not ask for what it changes then
            if (n.field > contact_field::email)
                settings.contacts.leave_unasked(n.field);
        mailbox box(http::url("http://" + p.authority("services.example.com") + "/svcs/hotmail/httpmail.asp"), settings);

        auto const root = co_await box.open();
        CHECK(root.signature.empty());
        auto const user = "/cgi-bin/hmdata/alice@example.com/";
        auto const at   = [&](std::string const& rest) { return http::url("http://" + p.authority("bay15.oe.example.com") + user + rest); };

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
        co_await box.change_contact(contacts[0].url, mobile);
        CHECK(p.at == std::size(example_session));
    });
}

TEST_CASE("the session of Exchange: a login form, found, searched, marked, moved, submitted")
{
    net::tls_context const tls(support::tls_server_settings(support::test_authority().issue({"localhost"})));
    support::run([&]() -> task<void> {
        auto const ex = co_await this_coro::executor;
        // Flags are written in one way, in upper case.
        std::map<std::size_t, difference> differences;
        differences[5].without.emplace_back("Overwrite: f");
        differences[5].with.emplace_back("Overwrite: F");
        player p(ex, exchange_session, {{"mail.example.com", "localhost"}}, differences, tls);
        // XML is written as for Hotmail, and lists ask for more.
        p.same_in_other_words = [](std::size_t at, std::string const& sent, std::string const& example) {
            switch (at)
            {
            case 0:
            case 2: // the root: the names of the example, and others
                CHECK(sent.starts_with("<?xml version=\"1.0\"?>\r\n<D:propfind xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\">"));
                check_all_in(matches(meaning(example), "<[^>]+>"), matches(meaning(sent), "<[^>]+>"));
                return true;
            case 3: // the columns of the example, and others; the rest is the same
            {
                auto const from = [](std::string const& text) {
                    auto const rest = text.substr(std::min(text.find("FROM"), text.size()));
                    return replaced(rest.substr(0, rest.find("</")), "\r\n", "\n");
                };
                CHECK(from(sent) == from(example));
                check_all_in(matches(meaning(example), "<[^>]+>|\"[A-Za-z:]+\""), matches(meaning(sent), "<[^>]+>|\"[A-Za-z:]+\""));
                return true;
            }
            case 4:
            case 5: CHECK(meaning(sent) == meaning(example)); return true;
            default: return false;
            }
        };
        std::size_t forms = 0;
        p.aside           = [&forms](support::http_request const& r) -> std::optional<support::http_answer> {
            if (r.method != "GET")
                return std::nullopt;
            CHECK(r.target == "/exchange/alice/");
            ++forms;
            return support::http_response("200 OK",
                                          "<html><form action='/exchweb/bin/auth/owaauth.dll' method=post>"
                                          "<input name=username><input type=password name=password></form>",
                                          "Content-Type: text/html\r\n");
        };
        mailbox_settings settings;
        settings.http.login      = {"EXAMPLE\\alice", "open sesame"};
        settings.http.user_agent = "ExampleClient/1.0";
        settings.http.tls        = support::tls_client_settings();
        settings.dialect         = dialect::exchange;
        settings.page_size       = 50;
        mailbox    box(http::url("https://" + p.authority("mail.example.com") + "/exchange/alice/"), settings);
        auto const at = [&](std::string const& rest) {
            return http::url("https://" + p.authority("mail.example.com") + "/exchange/alice/" + rest);
        };

        auto const root = co_await box.open();
        CHECK(root.inbox == at("Inbox"));
        CHECK(root.deleted_items == at("Deleted%20Items"));
        CHECK(root.send_message == at("%23%23DavMailSubmissionURI%23%23"));
        CHECK(root.folder_root == at(""));

        auto const list = co_await box.list(root.inbox);
        REQUIRE(list.size() == 1);
        CHECK(list[0].url == at("Inbox/Re:%20foo.EML"));
        CHECK(list[0].id == "AQEAAAAAFqBVAAAAAAAAAAAAAAAA");
        CHECK(list[0].read == false);
        CHECK(list[0].has_attachment == false);
        CHECK(list[0].subject == "Re: foo");
        CHECK((list[0].date == dav::to_time("2004-06-10T10:12:09Z")));
        CHECK(list[0].size == 812U);

        std::vector<http::url> const one    = {list[0].url};
        auto const                   marked = co_await box.mark(one, true);
        CHECK(all_done(marked));
        auto const moved = co_await box.move(one, root.deleted_items);
        CHECK(moved[0].ok());
        CHECK(moved[0].status == 201);
        CHECK(moved[0].location == at("Deleted%20Items/Re:%20foo-2.EML"));

        smtp::envelope const envelope("alice@example.com", {"bob@example.net"});
        send_options         options;
        options.save_in_sent = false;
        auto const sent      = co_await box.send(
            envelope,
            text("From: alice@example.com\nTo: bob@example.net\nSubject: hello\nDate: Thu, 10 Jun 2004 10:30:00 +0000\n"
                 "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\nhello\n"),
            options);
        CHECK(sent.accepted());
        CHECK(p.at == std::size(exchange_session));
        CHECK(forms == 1); // the page with the form, which the example leaves out
    });
}

TEST_SUITE_END();
