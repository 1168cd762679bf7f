//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/hex.hpp>
#include <posthorn/crypto/digest.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/httpmail_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <doctest/doctest.h>

#include <support/raw_http.hpp>
#include <support/wire.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace posthorn;
using support::bulk_body;
using support::http_reply;
using support::patch_body;
using support::propfind_body;
using support::raw_http;
using testing::httpmail_fault;
using testing::httpmail_server;
using testing::httpmail_server_settings;

TEST_SUITE_BEGIN("testing/httpmail_server");

namespace {

using server_thread = testing::server_thread<httpmail_server>;

constexpr std::string_view lunch =
    "From: \"Bob Example\" <bob@example.net>\r\nTo: alice@example.com\r\nSubject: Lunch & more\r\n"
    "Date: Thu, 10 Jun 2004 10:12:09 +0000\r\n\r\nTwelve?\r\n.\r\n";

std::string const base = "/cgi-bin/hmdata/alice@example.com/";

/// Hotmail's dialect without redirect and login.
httpmail_server_settings open_settings()
{
    httpmail_server_settings s;
    s.auth.required = false;
    s.tree.entry    = "/cgi-bin/hmdata";
    return s;
}

std::string basic(std::string const& user = "alice@example.com", std::string const& password = "open sesame")
{
    return "Basic " + codec::base64_encode(user + ":" + password);
}

std::string between(std::string_view text, std::string_view before, std::string_view after)
{
    std::size_t const at = text.find(before);
    if (at == text.npos)
        return {};
    text.remove_prefix(at + before.size());
    return std::string(text.substr(0, text.find(after)));
}

std::string md5(std::string const& s)
{
    return codec::hex_encode(crypto::digest(crypto::hash::md5, s).view());
}

/// What a client has to send. An empty `nc`: without qop.
std::string digest(std::string const& nonce, std::string const& method, std::string const& uri,
                   std::string const& nc = "00000001", std::string const& password = "open sesame")
{
    std::string const ha1 = md5("alice@example.com:hotmail.com:" + password), ha2 = md5(method + ":" + uri);
    std::string text = "Digest username=\"alice@example.com\", realm=\"hotmail.com\", nonce=\"" + nonce +
                       "\", uri=\"" + uri + "\", ";
    if (nc.empty())
        return text + "response=\"" + md5(ha1 + ":" + nonce + ":" + ha2) + "\"";
    return text + "qop=auth, nc=" + nc + ", cnonce=\"0a4f113b\", response=\"" +
           md5(ha1 + ":" + nonce + ":" + nc + ":0a4f113b:auth:" + ha2) + "\"";
}

httpmail_fault fault(httpmail_fault::what kind, std::string method = {})
{
    httpmail_fault f;
    f.kind   = kind;
    f.method = std::move(method);
    return f;
}

} // namespace

TEST_CASE("the way into a Hotmail mailbox: redirect, challenge, properties")
{
    server_thread server(httpmail_server_settings::hotmail());
    raw_http      client(server->port());
    auto const    body  = propfind_body({"h:adbar", "hm:contacts", "hm:inbox", "hm:outbox", "hm:sendmsg",
                                         "hm:msgfolderroot", "h:maxpoll", "h:sig"});
    auto const    first = client.ask("PROPFIND", "/svcs/hotmail/httpmail.asp", {{"Depth", "0"}}, body);
    CHECK(first.status == 302);
    CHECK(first.field("Location") == "http://" + client.host() + "/cgi-bin/hmdata?");

    auto const second = client.ask("PROPFIND", "/cgi-bin/hmdata?", {{"Depth", "0"}}, body);
    CHECK(second.status == 401);
    CHECK(second.field("X-Dav-Error") == "401 Wrong email address");
    CHECK(second.field("Connection") == "close");
    auto const challenge = second.field("WWW-Authenticate");
    CHECK(challenge.starts_with("Digest realm=\"hotmail.com\", nonce=\""));
    CHECK(challenge.ends_with("\", qop=\"auth\""));

    client.reconnect();
    auto const nonce = between(challenge, "nonce=\"", "\"");
    auto const third =
        client.ask("PROPFIND", "/cgi-bin/hmdata?",
                   {{"Depth", "0"}, {"Authorization", digest(nonce, "PROPFIND", "/cgi-bin/hmdata?")}}, body);
    CHECK(third.status == 207);
    CHECK(third.reason == "Multi-Status");
    CHECK(third.field("Content-Type") == "text/xml");
    CHECK(third.field("X-Dav-Error") == "200 No error");
    CHECK(third.field("X-Timestamp").starts_with("folders="));
    auto const root = "http://" + client.host() + base;
    CHECK(third.body.starts_with(
        "<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\r\n<D:multistatus xmlns:D=\"DAV:\""));
    CHECK(third.contains("\t\t\t\t<hm:contacts>" + root + "abdata/</hm:contacts>\r\n"));
    CHECK(third.contains("<hm:inbox>" + root + "folders/ACTIVE/</hm:inbox>"));
    CHECK(third.contains("<hm:sendmsg>" + root + "sendmsg</hm:sendmsg>"));
    CHECK(third.contains("<hm:msgfolderroot>" + root + "folders/</hm:msgfolderroot>"));
    CHECK(third.contains("<h:maxpoll>30</h:maxpoll>"));
    CHECK(third.contains("<h:sig/>"));
    CHECK(third.contains(
        "<hm:outbox/>\r\n\t\t\t</D:prop>\r\n\t\t\t<D:status>HTTP/1.1 404 Not Found</D:status>"));
    CHECK(support::well_formed(third.body));
    CHECK(server->requests("PROPFIND").size() == 3);
    CHECK(server->requests()[0].head.starts_with("PROPFIND /svcs/hotmail/httpmail.asp HTTP/1.1\r\nHost: "));
    CHECK(server->requests()[0].body == body);
}

TEST_CASE("the digest of the published vector is right for its challenge")
{
    CHECK(md5("alice@example.com:hotmail.com:open sesame") == "8bb0c7dd157b17e4fe023866b0983fe6");
    CHECK(md5("PROPFIND:/cgi-bin/hmdata?") == "d59f0ca8a0217597125670c79c445cc2");
}

TEST_CASE("digests are checked for method, URI, count and password, and grow stale")
{
    auto s                 = open_settings();
    s.auth.required        = true;
    s.auth.close_after_401 = false;
    s.auth.nonce_uses      = 3;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    fresh = [&] {
        return between(client.ask("OPTIONS", "/").field("WWW-Authenticate"), "nonce=\"", "\"");
    };
    auto const ask = [&](std::string const& authorization) {
        return client.ask("OPTIONS", "/x?y", {{"Authorization", authorization}});
    };
    auto const nonce = fresh();
    CHECK(ask(digest(nonce, "OPTIONS", "/x?y", "00000001")).status == 200);
    CHECK(ask(digest(nonce, "OPTIONS", "/x?y", "00000001")).status == 401); // used
    CHECK(ask(digest(nonce, "PROPFIND", "/x?y", "00000002")).status == 401);
    CHECK(ask(digest(nonce, "OPTIONS", "/x", "00000002")).status == 400); // as Apache answers
    CHECK(ask(digest(nonce, "OPTIONS", "/x?y", "2")).status == 400);
    CHECK(ask(digest(nonce, "OPTIONS", "/x?y", "")).status == 400); // qop was offered
    auto const wrong = ask(digest(nonce, "OPTIONS", "/x?y", "00000003", "guess"));
    CHECK(wrong.status == 401);
    CHECK(wrong.field("WWW-Authenticate").find("stale") == std::string::npos);
    CHECK(ask("Digest nonce=\"" + nonce).status == 400);

    auto const next = fresh();
    for (char n = '1'; n <= '3'; ++n)
        CHECK(ask(digest(next, "OPTIONS", "/x?y", std::string("0000000") + n)).status == 200);
    auto const old = ask(digest(next, "OPTIONS", "/x?y", "00000004"));
    CHECK(old.status == 401);
    CHECK(old.field("WWW-Authenticate").find("stale=true") != std::string::npos);

    auto const last = fresh();
    server->end_sessions();
    CHECK(ask(digest(last, "OPTIONS", "/x?y")).field("WWW-Authenticate").find("stale=true") !=
          std::string::npos);
}

TEST_CASE("a lax server takes one digest for everything, as Hotmail did")
{
    auto s                 = open_settings();
    s.auth.required        = true;
    s.auth.lax             = true;
    s.auth.close_after_401 = false;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    nonce = between(client.ask("GET", "/").field("WWW-Authenticate"), "nonce=\"", "\"");
    client.always("Authorization", digest(nonce, "PROPFIND", "/cgi-bin/hmdata"));
    CHECK(client.ask("OPTIONS", "/").status == 200);
    CHECK(client.ask("GET", base + "folders/ACTIVE/none").status == 404);
}

TEST_CASE("without qop, with opaque and an algorithm")
{
    auto s                 = open_settings();
    s.auth.required        = true;
    s.auth.qop             = false;
    s.auth.algorithm       = "MD5";
    s.auth.opaque          = "0ff";
    s.auth.close_after_401 = false;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    challenge = client.ask("OPTIONS", "/").field("WWW-Authenticate");
    CHECK(challenge.find("qop") == std::string::npos);
    CHECK(challenge.find("algorithm=MD5") != std::string::npos);
    auto const nonce = between(challenge, "nonce=\"", "\"");
    CHECK(client.ask("OPTIONS", "/", {{"Authorization", digest(nonce, "OPTIONS", "/", "")}}).status ==
          401); // opaque is missing
    CHECK(
        client
            .ask("OPTIONS", "/", {{"Authorization", digest(nonce, "OPTIONS", "/", "") + ", opaque=\"0ff\""}})
            .status == 200);
}

TEST_CASE("Basic, a token, a session cookie")
{
    auto s                 = open_settings();
    s.auth.required        = true;
    s.auth.digest          = false;
    s.auth.basic           = true;
    s.auth.bearer          = "t0ken";
    s.auth.lower_case      = true;
    s.auth.challenge_name  = "Www-Authenticate";
    s.auth.close_after_401 = false;
    s.auth.session_cookie  = true;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    first = client.ask("OPTIONS", "/", {{"Authorization", basic()}});
    CHECK(first.status == 401); // the cookie is missing
    CHECK(first.field("Www-Authenticate") == "bearer realm=\"hotmail.com\"");
    auto const cookie = first.field("Set-Cookie");
    CHECK(cookie.starts_with("HMSC="));
    client.always("Cookie", "a=b; " + cookie.substr(0, cookie.find(';')));
    CHECK(client.ask("OPTIONS", "/", {{"Authorization", basic()}}).status == 200);
    CHECK(client.ask("OPTIONS", "/", {{"Authorization", "bearer t0ken"}}).status == 200);
    CHECK(client.ask("OPTIONS", "/", {{"Authorization", "Bearer other"}}).status == 401);
    CHECK(client.ask("OPTIONS", "/", {{"Authorization", basic("alice@example.com", "x")}}).status == 401);
    CHECK(client.ask("OPTIONS", "/", {{"Authorization", "Basic !!"}}).status == 401);
}

TEST_CASE("a login form with 440, good and wrong passwords, an expired session")
{
    auto s      = httpmail_server_settings::exchange();
    s.auth.form = true;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    CHECK(client.ask("PROPFIND", "/exchange/alice/", {{"Depth", "0"}}).status == 440);
    client.reconnect();
    auto const form = [&](std::string const& password) {
        auto const reply = client.ask(
            "POST", "/exchweb/bin/auth/owaauth.dll", {{"Content-Type", "application/x-www-form-urlencoded"}},
            "destination=http%3A%2F%2Fh%2Fexchange%2Falice%2F&flags=4&username=EXAMPLE%5Calice&password=" +
                password + "&trusted=4");
        CHECK(reply.status == 302);
        CHECK(reply.field("Location") == "http://h/exchange/alice/");
        auto const cookie = reply.field("Set-Cookie");
        return cookie.substr(0, cookie.find(';'));
    };
    auto const wrong = form("guess");
    CHECK(client.ask("PROPFIND", "/exchange/alice/", {{"Depth", "0"}, {"Cookie", wrong}}).status == 440);
    client.reconnect();
    auto const right = form("open+sesame");
    CHECK(client.ask("PROPFIND", "/exchange/alice/", {{"Depth", "0"}, {"Cookie", right}}).status == 207);
    server->end_sessions();
    CHECK(client.ask("PROPFIND", "/exchange/alice/", {{"Depth", "0"}, {"Cookie", right}}).status == 440);
}

TEST_CASE("every kind of redirect")
{
    using kind     = testing::httpmail_redirect_options::kind;
    auto const ask = [](kind k, std::string const& target, auto change) {
        auto s           = open_settings();
        s.tree.entry     = "/svcs/hotmail/httpmail.asp";
        s.redirect.first = k;
        change(s);
        server_thread server(std::move(s));
        raw_http      client(server->port());
        auto          reply = client.ask("PROPFIND", target, {{"Depth", "0"}});
        auto const    port  = ":" + std::to_string(server->port());
        for (auto& [name, value] : reply.fields)
            if (std::size_t const at = value.find(port); at != std::string::npos)
                value.replace(at, port.size(), ":P");
        return reply;
    };
    auto const plain = [](auto&) {};
    CHECK(ask(kind::relative, "/svcs/hotmail/httpmail.asp", plain).field("Location") == "/cgi-bin/hmdata?");
    auto const foreign = ask(kind::foreign, "/svcs/hotmail/httpmail.asp", [](auto& s) {
        s.redirect.host   = "localhost";
        s.redirect.status = 307;
    });
    CHECK(foreign.status == 307);
    CHECK(foreign.field("Location") == "http://localhost:P/cgi-bin/hmdata?");
    CHECK(ask(kind::loop, "/svcs/hotmail/httpmail.asp", plain).field("Location") == "/loop");
    CHECK(ask(kind::loop, "/loop", plain).field("Location") == "/svcs/hotmail/httpmail.asp");
    auto const odd = ask(kind::no_location, "/svcs/hotmail/httpmail.asp", plain);
    CHECK(odd.field("Location").empty());
    CHECK(odd.field("Content-Location") == "http://127.0.0.1:P/cgi-bin/hmdata?");
    auto const second = ask(kind::none, "/cgi-bin/hmdata?", [](auto& s) { s.redirect.second = true; });
    CHECK(second.field("Location") == "http://127.0.0.1:P/cgi-bin/cluster");
    CHECK(ask(kind::none, "/cgi-bin/cluster", [](auto& s) { s.redirect.second = true; }).status == 207);
    CHECK(ask(kind::none, "/cgi-bin/hmdata?", [](auto& s) {
              s.redirect.refuses_question_mark = true;
          }).status == 400);
    auto const cookies = ask(kind::absolute, "/svcs/hotmail/httpmail.asp", [](auto& s) {
        s.auth.cookies = {"MSPAuth=9aX2; domain=.oe.example.com; path=/"};
    });
    CHECK(cookies.field("Set-Cookie") == "MSPAuth=9aX2; domain=.oe.example.com; path=/");
}

TEST_CASE("folders, list, fetch, mark, move, delete over one connection")
{
    server_thread server(open_settings());
    server->add_folder("caf\xc3\xa9");
    auto const one = server->add_message("inbox", std::string(lunch));
    auto const two = server->add_message("inbox", "Subject: two\r\n\r\n", true);
    raw_http   client(server->port());
    auto const folders = client.ask("PROPFIND", base + "folders/", {{"Depth", "1,noroot"}},
                                    propfind_body({"D:isfolder", "D:displayname", "hm:special", "D:hassubs",
                                                   "D:nosubs", "hm:unreadcount", "D:visiblecount"}));
    CHECK(folders.status == 207);
    CHECK(folders.count("<D:response>") == 6);
    CHECK(folders.contains("folders/caf%E9/</D:href>"));
    CHECK(folders.contains("<D:displayname>caf\xe9</D:displayname>"));
    CHECK(folders.contains(
        "<hm:special>inbox</hm:special>\r\n\t\t\t\t<D:hassubs>0</D:hassubs>\r\n\t\t\t\t<D:nosubs>1</"
        "D:nosubs>\r\n"
        "\t\t\t\t<hm:unreadcount>1</hm:unreadcount>\r\n\t\t\t\t<D:visiblecount>2</D:visiblecount>"));
    CHECK_FALSE(folders.contains("abdata"));

    auto const inbox = base + "folders/ACTIVE/";
    auto const list  = client.ask("PROPFIND", inbox, {{"Depth", "1"}},
                                  propfind_body({"D:isfolder", "hm:read", "m:to", "m:from", "m:subject",
                                                 "m:date", "D:getcontentlength"}));
    CHECK(list.count("<D:response>") == 3); // with the folder itself
    CHECK(list.contains("<D:href>http://" + client.host() + one + "</D:href>"));
    CHECK(list.contains("<m:subject>Lunch &amp; more</m:subject>"));
    CHECK(list.contains("<m:date>2004-06-10T10:12:09</m:date>"));
    CHECK(list.contains("<m:from>\"Bob Example\" &lt;bob@example.net&gt;</m:from>"));
    CHECK(list.contains("<D:getcontentlength>" + std::to_string(lunch.size()) + "</D:getcontentlength>"));

    auto const got = client.ask("GET", one, {{"Accept", "message/rfc822, */*"}, {"Translate", "f"}});
    CHECK(got.status == 200);
    CHECK(got.field("Content-Type") == "message/rfc822");
    CHECK(got.body == lunch);
    CHECK(client.ask("HEAD", one).field("Content-Length") == std::to_string(lunch.size()));

    CHECK(client.ask("PROPPATCH", one, {}, patch_body("hm:read", "1")).status == 200);
    CHECK(server->folder("inbox")->items[0].read);
    auto const id   = one.substr(one.rfind('/') + 1);
    auto const bulk = client.ask("BPROPPATCH", inbox, {},
                                 patch_body("hm:read", "0", {id, "MSG1.1", two.substr(two.rfind('/') + 1)}));
    CHECK(bulk.status == 207);
    CHECK(bulk.count("HTTP/1.1 200 OK") == 2);
    CHECK(bulk.count("HTTP/1.1 404 Not Found") == 1);
    CHECK(server->folder("inbox")->unread() == 2);

    auto const trash = "http://" + client.host() + base + "folders/trAsH/";
    auto const moved = client.ask("BMOVE", inbox, {{"Destination", trash}}, bulk_body("move", {id}));
    CHECK(moved.status == 207);
    CHECK(moved.contains("<D:location>" + trash + id + "</D:location>"));
    auto const single = client.ask("MOVE", two, {{"Destination", trash + "MSG7.7"}, {"Allow-Rename", "t"}});
    CHECK(single.status == 201);
    CHECK(single.field("Location") == trash + "MSG7.7");
    CHECK(server->folder("inbox")->items.empty());
    CHECK(server->folder("deleteditems")->items.size() == 2);
    CHECK(client.ask("MOVE", base + "folders/trAsH/MSG7.7", {{"Destination", trash + id}, {"Overwrite", "F"}})
              .status == 412);
    CHECK(client.ask("MOVE", base + "folders/trAsH/MSG7.7", {{"Destination", "http://elsewhere.test/x"}})
              .status == 502);
    CHECK(client
              .ask("MOVE", base + "folders/trAsH/MSG7.7",
                   {{"Destination", "http://" + client.host() + base + "folders/none/x"}})
              .status == 409);

    auto const copied =
        client.ask("BCOPY", base + "folders/trAsH/", {{"Destination", "http://" + client.host() + inbox}},
                   bulk_body("copy", {id}));
    CHECK(copied.status == 207);
    CHECK(server->folder("inbox")->items.size() == 1);
    CHECK(server->lock(base + "folders/trAsH/" + id));
    CHECK(client.ask("DELETE", base + "folders/trAsH/" + id).status == 423);
    CHECK(server->lock(base + "folders/trAsH/" + id, false));
    CHECK(client.ask("BDELETE", base + "folders/trAsH/", {}, bulk_body("delete", {id, "MSG7.7", "MSG8.8"}))
              .count("404 Not Found") == 1);
    CHECK(client.ask("DELETE", inbox + id).status == 200);
    CHECK(client.ask("DELETE", inbox + id).status == 404);
    CHECK(server->totals().connections == 1);
}

TEST_CASE("folders are made, renamed and deleted, with segments of the server's own")
{
    auto s         = open_settings();
    s.tree.folders = testing::httpmail_tree_options::naming::assigned;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    root = "http://" + client.host() + base + "folders/";
    auto const    made = client.ask("MKCOL", base + "folders/Projects/", {{"Content-Type", "text/xml"}});
    CHECK(made.status == 201);
    CHECK(made.field("Location") == root + "F0001/");
    CHECK(client.ask("MKCOL", base + "folders/Projects/").status == 405);
    auto const renamed = client.ask("MOVE", base + "folders/F0001/", {{"Destination", root + "Archive/"}});
    CHECK(renamed.status == 201);
    CHECK(renamed.field("Location") == root + "F0001/");
    CHECK(server->folder("Archive")->path == base + "folders/F0001/");
    CHECK(client.ask("MOVE", base + "folders/ACTIVE/", {{"Destination", root + "x/"}}).status == 403);
    CHECK(client.ask("DELETE", base + "folders/ACTIVE/").status == 403);
    CHECK(client.ask("DELETE", base + "folders/F0001/").status == 200);
    CHECK_FALSE(server->folder("Archive").has_value());
}

TEST_CASE("sending: envelope, copy, own address, refusals")
{
    server_thread server(open_settings());
    raw_http      client(server->port());
    auto const    send = [&](std::string const& envelope, raw_http::fields more = {}) {
        more.emplace_back("Content-Type", "message/rfc821");
        return client.ask("POST", base + "sendmsg", more, envelope + "\r\nSubject: x\r\n\r\n.\r\n");
    };
    std::string const good =
        "MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\nrcpt to:<carol@example.org>\r\n";
    auto const sent = send(good, {{"SAVEINSENT", "t"}});
    CHECK(sent.status == 201);
    CHECK(sent.field("Location").find("/folders/sAVeD/MSG") != std::string::npos);
    CHECK(send(good, {{"SaveInSent", "f"}}).field("Location").empty());
    auto const all = server->submissions();
    REQUIRE(all.size() == 2);
    CHECK(all[0].from == "alice@example.com");
    CHECK(all[0].recipients == std::vector<std::string>{"bob@example.net", "carol@example.org"});
    CHECK(all[0].content == "Subject: x\r\n\r\n.\r\n");
    CHECK(all[0].save == true);
    CHECK(all[1].save == false);
    CHECK(server->folder("sentitems")->items.size() == 1);
    CHECK(send("MAIL FROM:<alice@example.com>\r\nRCPT TO:<alice@example.com>\r\n").status == 201);
    CHECK(server->folder("inbox")->items.at(0).content == "Subject: x\r\n\r\n.\r\n");
    CHECK(send("MAIL FROM:<mallory@example.com>\r\nRCPT TO:<b@example.net>\r\n").status == 403);
    CHECK(send("MAIL FROM:<alice@example.com>\r\n").status == 403);
    CHECK(send("HELO x\r\n").status == 403);
    CHECK(client.ask("POST", base + "sendmsg", {{"Content-Type", "message/rfc822"}}, "Subject: x\r\n\r\n")
              .status == 403);
    CHECK(server->submissions().size() == 3);

    auto const stored = client.ask("POST", base + "folders/drAfT/", {{"Content-Type", "message/rfc822"}},
                                   "Subject: d\r\n\r\n");
    CHECK(stored.status == 201);
    CHECK(stored.field("Location").find("/folders/drAfT/MSG") != std::string::npos);
    CHECK(server->folder("drafts")->items.at(0).content == "Subject: d\r\n\r\n");
}

TEST_CASE("contacts are listed, made, changed and deleted")
{
    auto          s = open_settings();
    server_thread server(std::move(s));
    auto const    bob = server->add_contact({{"cn", "Bob Example"}, {"email1", "<bob@example.net>"}});
    raw_http      client(server->port());
    auto const    list = [&] {
        return client.ask("PROPFIND", base + "abdata/", {{"Depth", "1,noroot"}},
                             propfind_body({"D:id", "h:modified", "c:cn", "c:email1", "c:mobile"}));
    };
    auto const before = list();
    CHECK(before.count("<D:response>") == 1);
    CHECK(before.contains("<c:email1>&lt;bob@example.net&gt;</c:email1>"));
    CHECK(before.contains("<h:modified>"));
    auto const made =
        client.ask("POST", base + "abdata/", {{"Content-Type", "text/xml"}}, patch_body("c:cn", "Carol"));
    CHECK(made.status == 201);
    auto const changed = client.ask("PROPPATCH", bob, {}, patch_body("c:mobile", "+1 555 0100"));
    CHECK(changed.status == 207);
    CHECK(changed.contains("<D:id>" + bob.substr(bob.rfind('/') + 1) + "</D:id>"));
    CHECK(changed.contains("<c:mobile/>"));
    auto const after = list();
    CHECK(after.contains("<c:mobile>+1 555 0100</c:mobile>"));
    CHECK(after.contains("<c:cn>Carol</c:cn>"));
    CHECK(client.ask("DELETE", bob).status == 200);
    CHECK(list().count("<D:response>") == 1);
    CHECK(client.ask("POST", base + "abdata/", {}, "nonsense").status == 400);
}

TEST_CASE("X-Timestamp tells what is new")
{
    using stamps   = testing::httpmail_verb_options::timestamps;
    auto s         = open_settings();
    s.verbs.stamps = stamps::not_modified;
    s.now          = [] { return std::int64_t(1086862000); };
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    list = [&](raw_http::fields more) {
        more.emplace_back("Depth", "1");
        return client.ask("PROPFIND", base + "folders/ACTIVE/", more);
    };
    auto const known = list({}).field("X-Timestamp");
    CHECK(known.find(", ACTIVE=10868") != std::string::npos);
    CHECK(list({{"X-Timestamp", known}}).status == 304);
    server->add_message("inbox", "Subject: new\r\n\r\n");
    auto const later = list({{"X-Timestamp", known}});
    CHECK(later.status == 207);
    CHECK(later.field("X-Timestamp") != known);
}

TEST_CASE("quota, size, subscription, throttling, pages with 200")
{
    auto s           = open_settings();
    s.quota          = 100;
    s.quota_status   = 425;
    s.max_message    = 90;
    s.throttle_every = 5;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    store = [&](std::size_t size) {
        return client.ask("POST", base + "folders/drAfT/", {{"Content-Type", "message/rfc822"}},
                             std::string(size, 'x'));
    };
    CHECK(store(91).status == 413);
    CHECK(store(60).status == 201);
    CHECK(store(60).status == 425);
    CHECK(store(40).status == 201);
    auto const busy = store(1);
    CHECK(busy.status == 503);
    CHECK(busy.field("Retry-After") == "1");

    auto poor         = open_settings();
    poor.subscription = false;
    server_thread second(std::move(poor));
    raw_http      other(second->port());
    auto const    reply = other.ask("PROPFIND", "/cgi-bin/hmdata", {{"Depth", "0"}});
    CHECK(reply.status == 402);
    CHECK(reply.reason.find("subscription") != std::string::npos);

    auto pages        = open_settings();
    pages.error_pages = true;
    server_thread third(std::move(pages));
    raw_http      last(third->port());
    auto const    page = last.ask("GET", base + "folders/ACTIVE/none");
    CHECK(page.status == 200);
    CHECK(page.field("Content-Type") == "text/html");
}

TEST_CASE("faults: each once, in their turn, before or after the work")
{
    server_thread server(open_settings());
    raw_http      client(server->port());
    auto          f = fault(httpmail_fault::what::answer, "MKCOL");
    f.skip          = 1;
    server->fail(f);
    CHECK(client.ask("MKCOL", base + "folders/a/").status == 201);
    CHECK(client.ask("MKCOL", base + "folders/b/").status == 500);
    CHECK(client.ask("MKCOL", base + "folders/b/").status == 201);
    CHECK_FALSE(server->folder("none").has_value());

    server->fail(fault(httpmail_fault::what::close, "MKCOL"));
    CHECK(client.ask("MKCOL", base + "folders/c/").status == 0);
    CHECK_FALSE(server->folder("c").has_value());

    client.reconnect();
    server->fail(fault(httpmail_fault::what::close_after, "MKCOL"));
    CHECK(client.ask("MKCOL", base + "folders/d/").status == 0);
    CHECK(server->folder("d").has_value());

    client.reconnect();
    auto after     = fault(httpmail_fault::what::answer_after, "MKCOL");
    after.response = testing::httpmail_response(504);
    server->fail(after);
    CHECK(client.ask("MKCOL", base + "folders/e/").status == 504);
    CHECK(server->folder("e").has_value());

    auto cut   = fault(httpmail_fault::what::cut, "OPTIONS");
    cut.octets = 20;
    server->fail(cut);
    CHECK(client.ask("OPTIONS", "/").status == 0);

    client.reconnect();
    auto delay  = fault(httpmail_fault::what::delay);
    delay.pause = std::chrono::milliseconds(20);
    server->fail(delay);
    CHECK(client.ask("OPTIONS", "/").status == 200);

    server->fail(fault(httpmail_fault::what::stall));
    client.connection().send("OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.connection().half_close();
    CHECK(client.connection().receive_all().empty());
    auto const requests = server->requests();
    CHECK(requests.back().status == 0);
    CHECK(server->totals().in_progress == 0);
}

TEST_CASE("framing: chunks both ways, 100-continue, lengths, kept and closed connections")
{
    auto s             = open_settings();
    s.transfer.chunked = true;
    s.transfer.chunk   = 7;
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    list = client.ask("PROPFIND", base + "folders/", {{"Depth", "1"}});
    CHECK(list.field("Transfer-Encoding") == "chunked");
    CHECK(list.whole);
    CHECK(support::well_formed(list.body));

    client.connection().send(
        "POST " + base +
        "folders/drAfT/ HTTP/1.1\r\nHost: x\r\nContent-Type: message/rfc822\r\nExpect: 100-continue\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(client.receive().status == 100);
    client.connection().send("A;x=y\r\nSubject: a\r\n4\r\n\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n");
    CHECK(client.receive().status == 201);
    CHECK(server->folder("drafts")->items.at(0).content == "Subject: a\r\n\r\n");

    client.connection().send("OPTIONS / HTTP/1.0\r\n\r\n");
    auto const old = client.receive();
    CHECK(old.status == 200);
    CHECK(old.field("Connection") == "close");
    CHECK(client.connection().receive_all().empty());

    auto few                             = open_settings();
    few.transfer.requests_per_connection = 2;
    few.transfer.until_close             = false;
    few.transfer.needs_length            = true;
    few.transfer.accepts_expect          = false;
    server_thread second(std::move(few));
    raw_http      other(second->port());
    CHECK(other.ask("OPTIONS", "/").field("Connection").empty());
    CHECK(other.ask("OPTIONS", "/").field("Connection") == "close");
    other.reconnect();
    other.connection().send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    CHECK(other.receive().status == 411);
    other.connection().send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(other.receive().status == 417);

    auto endless                 = open_settings();
    endless.transfer.until_close = true;
    endless.transfer.slow_octets = 100;
    server_thread third(std::move(endless));
    raw_http      last(third->port());
    auto const    reply = last.ask("PROPFIND", base + "folders/", {{"Depth", "1"}});
    CHECK(reply.field("Content-Length").empty());
    CHECK(support::well_formed(reply.body));
}

TEST_CASE("too many connections are turned away")
{
    auto s                     = open_settings();
    s.transfer.max_connections = 1;
    server_thread server(std::move(s));
    raw_http      first(server->port());
    CHECK(first.ask("OPTIONS", "/").status == 200);
    raw_http second(server->port());
    CHECK(second.ask("OPTIONS", "/").status == 503);
    CHECK(first.ask("OPTIONS", "/").status == 200);
}

TEST_CASE("garbage is refused and harms nobody")
{
    auto s              = open_settings();
    s.transfer.max_head = 2000;
    s.transfer.max_body = 1000;
    server_thread server(std::move(s));
    auto const    status = [&](std::string const& bytes) {
        raw_http client(server->port());
        client.connection().send(bytes);
        client.connection().half_close();
        return client.receive().status;
    };
    std::string const host = "Host: x\r\n";
    CHECK(status("nonsense\r\n\r\n") == 400);
    CHECK(status("GET  HTTP/1.1\r\n" + host + "\r\n") == 400);
    CHECK(status("G(T / HTTP/1.1\r\n" + host + "\r\n") == 400);
    CHECK(status("GET / HTTP/2.0\r\n" + host + "\r\n") == 505);
    CHECK(status("GET / HTTP/1.1\r\n\r\n") == 400);
    CHECK(status("GET / HTTP/1.1\r\n" + host + host + "\r\n") == 400);
    CHECK(status("GET / HTTP/1.1\r\n" + host + " folded: x\r\n\r\n") == 400);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n") == 400);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx") == 400);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") ==
          400);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n") == 501);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n") == 400);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n") == 413);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n") == 413);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "X: " + std::string(3000, 'x') + "\r\n\r\n") == 431);
    CHECK(status("GET / HTTP/1.1\r\n" + host + "X: a" + std::string(1, '\0') + "b\r\n\r\n") == 400);
    CHECK(status("GET / HTTP/1.1\r\n" + host) == 0);
    CHECK(status(std::string(64, '\xff')) == 0);
    std::string bombs = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><D:propfind "
                        "xmlns:D=\"DAV:\"><D:prop/></D:propfind>";
    std::string deep;
    for (int i = 0; i < 60; ++i)
        deep += "<a>";
    raw_http client(server->port());
    for (auto const& body : {bombs, deep, std::string("<"), std::string("\0\1\2", 3),
                             std::string("<D:propfind xmlns:D='DAV:'>")})
        CHECK(client.ask("PROPFIND", base + "folders/", {{"Depth", "1"}}, body).status == 400);
    for (auto const* const verb : {"BMOVE", "BDELETE", "BPROPPATCH", "PROPPATCH"})
        CHECK(client.ask(verb, base + "folders/ACTIVE/", {{"Destination", base + "folders/trAsH/"}}, "<x/>")
                  .status == 400);
    CHECK(client.ask("PROPFIND", "/%%%/%zz/../..//", {{"Depth", "0"}}).status == 404);
    CHECK(client.ask("PROPFIND", base + "folders/" + std::string(1500, '/'), {{"Depth", "0"}}).status == 207);
    CHECK(client.ask("PROPFIND", base + "folders/", {{"Depth", "two"}}).status == 400);
    CHECK(client.ask("MOVE", base + "folders/ACTIVE/", {{"Destination", "\x01"}}).status == 400 + 102);
    CHECK(client.ask("LOCK", "/").status == 501);
    CHECK(client.ask("OPTIONS", "*").status == 200);
    CHECK(server->totals().open >= 1);
}

TEST_CASE("a hook answers instead")
{
    auto s       = open_settings();
    s.on_request = [](testing::httpmail_request const& r) {
        return r.target == "/teapot" ? testing::httpmail_response(418, "short").with("X-Stout", "no")
                                     : testing::httpmail_response();
    };
    server_thread server(std::move(s));
    raw_http      client(server->port());
    auto const    reply = client.ask("GET", "/teapot");
    CHECK(reply.status == 418);
    CHECK(reply.body == "short");
    CHECK(client.ask("OPTIONS", "/").status == 200);
}

TEST_CASE("under TLS")
{
    testing::certificate_authority const ca;
    auto const                           issued = ca.issue({"localhost", "127.0.0.1"});
    net::tls_settings                    own;
    own.certificate_pem = issued.chain_pem;
    own.key_pem         = issued.key_pem;
    auto s              = open_settings();
    s.tls_context       = net::tls_context(own);
    server_thread server(std::move(s));
    CHECK(server->url() == "https://localhost:" + std::to_string(server->port()) + "/cgi-bin/hmdata");
    net::tls_settings theirs;
    theirs.ca_pem = ca.pem();
    raw_http client(server->port());
    REQUIRE(client.connection().start_tls(net::tls_context(theirs), "localhost").empty());
    auto const reply = client.ask("PROPFIND", "/cgi-bin/hmdata", {{"Depth", "0"}});
    CHECK(reply.status == 207);
    CHECK(reply.contains("<D:href>https://127.0.0.1:"));
    client.connection().close();
}

TEST_CASE("it waits for requests, and stops with connections open")
{
    server_thread server(open_settings());
    raw_http      client(server->port());
    CHECK(client.ask("OPTIONS", "/").status == 200);
    server.call(server->until_requests(1));
    CHECK(server->totals().responses == 1);
    CHECK(server->totals().octets_in > 20);
    CHECK(server->totals().octets_out > 20);
    server->forget();
    CHECK(server->requests().empty());
    CHECK(server->totals().open == 1);
    client.connection().send("OPTIONS / HTT"); // in the middle of a head
}

TEST_SUITE_END();
