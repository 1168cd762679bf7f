//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/environment.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/source/memory.hpp>

#include <doctest/doctest.h>

#include <support/dav_site.hpp>
#include <support/failures.hpp>
#include <support/http_server.hpp>
#include <support/multistatus.hpp>
#include <support/peak_memory.hpp>
#include <support/run_task.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace posthorn;
using support::code_of_failure;
using support::http_request;
using support::http_response;

namespace {

constexpr xml::name hm_read{dav::httpmail_space, "read"};

std::string xml_response(std::string const& status, std::string const& body)
{
    return http_response(status, body, "Content-Type: text/xml; charset=utf-8\r\n");
}

std::string item(std::string const& href, std::string const& inside = {})
{
    return "<D:response><D:href>" + href + "</D:href>" + inside + "</D:response>";
}

std::string multistatus(std::string const& items)
{
    return "<D:multistatus xmlns:D='DAV:' xmlns:hm='urn:schemas:httpmail:'>" + items + "</D:multistatus>";
}

std::string status(std::string const& line) { return "<D:status>HTTP/1.1 " + line + "</D:status>"; }

/// A server with its handler, and a client, in the event loop of the running task.
struct site
{
    site(asio::any_io_executor const& ex, support::detail::http_responder::handler h)
        : server(ex, std::move(h)), dav(web)
    {
    }

    support::http_server server;
    http::client         web;
    dav::client          dav;
};

/// Runs `body(site&)` against a server that answers by `handler`.
void with_site(support::detail::http_responder::handler handler, std::function<task<void>(site&)> body)
{
    support::run([&]() -> task<void> {
        auto const ex = co_await this_coro::executor;
        site       s(ex, handler);
        co_await body(s);
    });
}

/// Against a server that always gives the same answer.
void with_answer(std::string const& answer, std::function<task<void>(site&)> body)
{
    with_site([answer](http_request const&) { return answer; }, std::move(body));
}

task<std::vector<std::string>> all_of(dav::multistatus list)
{
    std::vector<std::string> seen;
    dav::response            r;
    for (;;)
    {
        bool const found = co_await list.next(r);
        if (!found)
            co_return seen;
        seen.push_back(support::describe(r));
    }
}

template <class... Hrefs>
std::vector<dav::target> targets(Hrefs... hrefs)
{
    std::vector<dav::target> t;
    (t.emplace_back(hrefs), ...);
    return t;
}

} // namespace

TEST_SUITE_BEGIN("dav/client");

TEST_CASE("PROPFIND says what is wanted, and gives the responses one by one")
{
    with_answer(xml_response("207 Multi-Status", multistatus(item("/dav/") + item("/dav/a") + item("b"))),
                [](site& s) -> task<void> {
                    dav::request_options options;
                    options.brief = true;
                    options.fields.set("X-Timestamp", "folders=1");
                    auto list = co_await s.dav.propfind(s.server.url("/dav/"), dav::depth::one,
                                                        dav::property_list(hm_read), options);
                    CHECK(list.status() == 207);
                    CHECK(list.url() == s.server.url("/dav/"));
                    auto first = co_await list.next();
                    REQUIRE(first);
                    CHECK(first->href() == "/dav/");
                    dav::response second;
                    bool          found = co_await list.next(second);
                    CHECK(found);
                    CHECK(second.href() == "/dav/a");
                    found = co_await list.next(second);
                    CHECK(found);
                    CHECK(list.url_of(second)->str() == s.server.url("/dav/b").str());
                    found = co_await list.next(second);
                    CHECK_FALSE(found);
                    found = co_await list.next(second);
                    CHECK_FALSE(found);

                    auto const& r = s.server.last();
                    CHECK(r.method == "PROPFIND");
                    CHECK(r.target == "/dav/");
                    CHECK(r.field("Depth") == "1");
                    CHECK(r.field("Content-Type") == "text/xml");
                    CHECK(r.field("Content-Length") == std::to_string(r.body.size()));
                    CHECK(r.field("Brief") == "t");
                    CHECK(r.field("X-Timestamp") == "folders=1");
                    CHECK_FALSE(r.has("Translate"));
                    CHECK(r.body == dav::propfind_body(dav::property_list(hm_read)));

                    // The connection is used again.
                    auto again = co_await s.dav.propfind(s.server.url("/dav/"), dav::depth::zero,
                                                         dav::property_list::all());
                    auto all   = co_await again.collect();
                    CHECK(all.size() == 3);
                    CHECK(s.server.last().field("Depth") == "0");
                    CHECK(s.server.connections() == 1);
                });
}

TEST_CASE("the responses are a sequence as well")
{
    with_answer(
        xml_response("207 Multi-Status", multistatus(item("/a") + item("/b"))), [](site& s) -> task<void> {
            auto list =
                co_await s.dav.propfind(s.server.url("/"), dav::depth::infinity, dav::property_list());
            auto        g = dav::responses(std::move(list));
            std::string seen;
            for (;;)
            {
                auto r = co_await g.next();
                if (!r)
                    break;
                seen += std::string(r->href());
            }
            CHECK(seen == "/a/b");
            CHECK(s.server.last().field("Depth") == "infinity");
        });
}

TEST_CASE("a list is the same in chunks of any size")
{
    std::string const body = multistatus(
        item("/a", "<D:propstat><D:prop><hm:read>1</hm:read></D:prop>" + status("200 OK") + "</D:propstat>") +
        item("/caf\xc3\xa9"));
    for (std::size_t size = 1; size <= body.size(); size = size < 20 ? size + 1 : size * 2)
    {
        CAPTURE(size);
        std::string answer =
            "HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < body.size(); at += size)
        {
            auto const chunk = body.substr(at, size);
            char       head[20];
            std::snprintf(head, sizeof head, "%zx\r\n", chunk.size());
            answer += head + chunk + "\r\n";
        }
        with_answer(answer + "0\r\n\r\n", [](site& s) -> task<void> {
            auto list = co_await s.dav.propfind(s.server.url("/"), dav::depth::one, dav::property_list());
            auto seen = co_await all_of(std::move(list));
            CHECK(seen == std::vector<std::string>{"/a {urn:schemas:httpmail:}read=1", "/caf\xc3\xa9"});
        });
    }
}

TEST_CASE("the collection itself is left out, even if the server lists it")
{
    std::string body;
    with_site(
        [&](http_request const& r) {
            std::string const host = *r.field("Host");
            return xml_response("207 Multi-Status",
                                multistatus(item("http://" + host + "/dav/%49nbox") + item("/dav/Inbox/a") +
                                            item("/dav/Inbox/b/")));
        },
        [](site& s) -> task<void> {
            auto list = co_await s.dav.propfind(s.server.url("/dav/Inbox/"), dav::depth::one_noroot,
                                                dav::property_list());
            auto seen = co_await all_of(std::move(list));
            CHECK(seen == std::vector<std::string>{"/dav/Inbox/a", "/dav/Inbox/b/"});
            CHECK(s.server.last().field("Depth") == "1,noroot");
            CHECK(s.server.requests().size() == 1);
        });
}

TEST_CASE("a server that refuses noroot is asked without it, and once only")
{
    with_site(
        [](http_request const& r) {
            if (r.field("Depth")->find("noroot") != std::string::npos)
                return http_response("400 Bad Request", "no");
            return xml_response("207 Multi-Status", multistatus(item("/dav/") + item("/dav/a")));
        },
        [](site& s) -> task<void> {
            for (std::size_t const requests : {2U, 3U})
            {
                auto list = co_await s.dav.propfind(s.server.url("/dav/"), dav::depth::one_noroot,
                                                    dav::property_list());
                auto seen = co_await all_of(std::move(list));
                CHECK(seen == std::vector<std::string>{"/dav/a"});
                CHECK(s.server.requests().size() == requests);
                CHECK(s.server.last().field("Depth") == "1");
            }
            auto list = co_await s.dav.propfind(s.server.url("/dav/"), dav::depth::infinity_noroot,
                                                dav::property_list());
            auto seen = co_await all_of(std::move(list));
            CHECK(seen.size() == 1);
            CHECK(s.server.last().field("Depth") == "infinity");
            CHECK(s.server.connections() == 1);
        });
}

TEST_CASE("400 for another reason is no reason to forget noroot")
{
    int answers = 0;
    with_site(
        [&](http_request const&) {
            return ++answers <= 2 ? http_response("400 Bad Request")
                                  : xml_response("207 Multi-Status", multistatus(""));
        },
        [](site& s) -> task<void> {
            auto const ec = co_await code_of_failure(
                s.dav.propfind(s.server.url("/"), dav::depth::one_noroot, dav::property_list()));
            CHECK(ec == dav::errc::bad_request);
            auto list =
                co_await s.dav.propfind(s.server.url("/"), dav::depth::one_noroot, dav::property_list());
            auto seen = co_await all_of(std::move(list));
            CHECK(seen.empty());
            CHECK(s.server.last().field("Depth") == "1,noroot");
        });
}

TEST_CASE("200 instead of 207 is taken, if it is a multistatus")
{
    with_answer(xml_response("200 OK", multistatus(item("/a"))), [](site& s) -> task<void> {
        auto list = co_await s.dav.propfind(s.server.url("/"), dav::depth::zero, dav::property_list());
        auto seen = co_await all_of(std::move(list));
        CHECK(seen == std::vector<std::string>{"/a"});
    });
}

TEST_CASE("what is no multistatus is an error that tells what it is")
{
    struct
    {
        char const*     name;
        std::string     answer;
        std::error_code expected;
    } const cases[] = {
        {"a page",
         http_response("200 OK", "<!DOCTYPE html><html><p>Hello</html>", "Content-Type: text/html\r\n"),
         dav::errc::not_multistatus},
        {"text", http_response("207 Multi-Status", "nothing here"), dav::errc::not_multistatus},
        {"other XML", xml_response("207 Multi-Status", "<D:error xmlns:D='DAV:'/>"),
         dav::errc::not_multistatus},
        {"a login page",
         http_response("200 OK", "<html>" + std::string(40'000, ' ') +
                                     "<form action='x'><br><input type='password'></form></html>"),
         dav::errc::session_expired},
        {"nothing", http_response("207 Multi-Status"), xml::errc::empty},
        {"half", xml_response("207 Multi-Status", "<D:multistatus xmlns:D='DAV:'><D:response>"),
         xml::errc::truncated},
        {"an unknown charset",
         http_response("207 Multi-Status", "<?xml version='1.0' encoding='x-foo'?><a/>"),
         xml::errc::unsupported_charset},
    };
    for (auto const& c : cases)
    {
        CAPTURE(c.name);
        with_answer(c.answer, [&c](site& s) -> task<void> {
            auto list = co_await s.dav.propfind(s.server.url("/"), dav::depth::zero, dav::property_list());
            auto const ec = co_await code_of_failure(list.next());
            CHECK(ec == c.expected);
        });
    }
}

TEST_CASE("a body that is cut off gives what was complete, then the error")
{
    std::string const    answer = xml_response("207 Multi-Status", multistatus(item("/a") + item("/b")));
    support::http_answer cut(answer.substr(0, answer.find("/b")));
    cut.close = true;
    with_site([cut](http_request const&) { return cut; },
              [](site& s) -> task<void> {
                  auto list =
                      co_await s.dav.propfind(s.server.url("/"), dav::depth::one, dav::property_list());
                  auto one = co_await list.next();
                  REQUIRE(one);
                  CHECK(one->href() == "/a");
                  auto const ec = co_await code_of_failure(list.next());
                  CHECK(ec == http::errc::truncated_body);
              });
}

TEST_CASE("a list can be dropped in the middle: its connection is closed, the client goes on")
{
    with_answer(xml_response("207 Multi-Status", multistatus(item("/a") + item(std::string(500'000, 'x')))),
                [](site& s) -> task<void> {
                    {
                        auto list =
                            co_await s.dav.propfind(s.server.url("/"), dav::depth::one, dav::property_list());
                        auto one = co_await list.next();
                        CHECK(one.has_value());
                    }
                    auto list =
                        co_await s.dav.propfind(s.server.url("/"), dav::depth::one, dav::property_list());
                    auto one = co_await list.next();
                    CHECK(one.has_value());
                    CHECK(s.server.connections() == 2);
                });
}

TEST_CASE("collect() stops where it is told to")
{
    with_answer(
        xml_response("207 Multi-Status", multistatus(item("/a") + item("/b"))), [](site& s) -> task<void> {
            auto list     = co_await s.dav.propfind(s.server.url("/"), dav::depth::one, dav::property_list());
            auto const ec = co_await code_of_failure(list.collect(1));
            CHECK(ec == posthorn::errc::limit_exceeded);
        });
}

TEST_CASE("a refusal says what the server said")
{
    with_answer(http_response("402 Please subscribe at http://join.example", "", "X-Dav-Error: 402 No\r\n"),
                [](site& s) -> task<void> {
                    std::string what;
                    try
                    {
                        auto list = co_await s.dav.propfind(s.server.url("/"), dav::depth::zero,
                                                            dav::property_list());
                    }
                    catch (dav::status_error const& e)
                    {
                        what = e.what();
                        CHECK(e.code() == dav::errc::subscription_required);
                        CHECK(e.reason() == "Please subscribe at http://join.example");
                        CHECK(e.dav_error() == "402 No");
                        CHECK(e.method() == "PROPFIND");
                    }
                    CHECK(what.find("the account needs a subscription") != std::string::npos);
                });
}

TEST_CASE("after a redirect, hrefs are relative to who answered")
{
    with_site(
        [](http_request const& r) {
            if (r.target == "/svcs/httpmail.asp")
                return http_response("302 Object moved", "", "Location: /cgi-bin/hmdata?\r\n");
            return xml_response("207 Multi-Status", multistatus(item("folders/")));
        },
        [](site& s) -> task<void> {
            auto list = co_await s.dav.propfind(s.server.url("/svcs/httpmail.asp"), dav::depth::zero,
                                                dav::property_list());
            auto one  = co_await list.next();
            REQUIRE(one);
            CHECK(list.url_of(*one)->target() == "/cgi-bin/folders/");
            CHECK(s.server.last().target == "/cgi-bin/hmdata?");
            CHECK(s.server.last().body == dav::propfind_body(dav::property_list()));
        });
}

TEST_CASE("PROPPATCH: all well, by 200, 204 and 207")
{
    for (auto const& answer :
         {http_response("200 OK"), std::string("HTTP/1.1 204 No Content\r\n\r\n"),
          http_response("201 Created"),
          xml_response("207 Multi-Status",
                       multistatus(item("/a", "<D:propstat>" + status("200 OK") +
                                                  "<D:prop><hm:read/></D:prop></D:propstat>"))),
          xml_response("200 OK", multistatus(item("/a")))})
        with_answer(answer, [](site& s) -> task<void> {
            dav::property_update update;
            update.set(hm_read, "1");
            dav::request_options options;
            options.if_match = "*";
            auto const o     = co_await s.dav.proppatch(s.server.url("/a"), update, options);
            CHECK(o.ok());
            CHECK_FALSE(o.error());
            CHECK(s.server.last().method == "PROPPATCH");
            CHECK(s.server.last().field("If-Match") == "*");
            CHECK(s.server.last().body == dav::proppatch_body(update));
        });
}

TEST_CASE("PROPPATCH: what was refused is told, property by property")
{
    with_answer(
        xml_response(
            "207 Multi-Status",
            multistatus(item("/a", "<D:propstat><D:prop><D:getetag/></D:prop>" + status("403 Forbidden") +
                                       "<D:error><D:cannot-modify-protected-property/></D:error></D:propstat>"
                                       "<D:propstat><D:prop><hm:read/></D:prop>" +
                                       status("424 Failed Dependency") + "</D:propstat>"))),
        [](site& s) -> task<void> {
            dav::property_update update;
            update.set(hm_read, "1").set(dav::names::getetag, "x");
            auto const o = co_await s.dav.proppatch(s.server.url("/a"), update);
            CHECK_FALSE(o.ok());
            CHECK(o.error() == dav::errc::forbidden);
            REQUIRE(o.details.size() == 1);
            CHECK(support::describe(o.details[0]) == "/a condition={DAV:}cannot-modify-protected-property "
                                                     "{DAV:}getetag!403= {urn:schemas:httpmail:}read!424=");
        });
}

TEST_CASE("MKCOL takes the name the server gives")
{
    with_answer(http_response("201 Created", "", "Location: httpmail.php?/folders/17/\r\n"),
                [](site& s) -> task<void> {
                    auto const o =
                        co_await s.dav.mkcol(s.server.url("/interface/httpmail.php?/folders/Work"));
                    CHECK(o.status == 201);
                    REQUIRE(o.location);
                    CHECK(o.location->target() == "/interface/httpmail.php?/folders/17/");
                    auto const& r = s.server.last();
                    CHECK(r.method == "MKCOL");
                    CHECK(r.target == "/interface/httpmail.php?/folders/Work");
                    CHECK(r.field("Content-Type") == "text/xml");
                    CHECK(r.body.empty());
                    dav::property_update update;
                    update.set(dav::property_name(dav::exchange_space, "outlookfolderclass"), "IPF.Note");
                    auto const done1 =
                        co_await s.dav.mkcol(s.server.url("/x/"), update, dav::request_options());
                    CHECK(done1.ok());
                    CHECK(s.server.last().body == dav::proppatch_body(update));
                });
}

TEST_CASE("a conflict is an error that can be told from others")
{
    with_answer(http_response("409 Conflict"), [](site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.dav.mkcol(s.server.url("/a/b/")));
        CHECK(ec == dav::errc::conflict);
    });
    with_answer(http_response("405 Method Not Allowed"), [](site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.dav.mkcol(s.server.url("/a/")));
        CHECK(ec == dav::errc::not_supported);
    });
}

TEST_CASE("MOVE and COPY name the destination, and keep its slash like that of the source")
{
    with_answer(http_response("201 Created", "", "Location: /dav/Other/a-2\r\n"), [](site& s) -> task<void> {
        dav::transfer_options options;
        options.overwrite    = false;
        options.allow_rename = true;
        auto const moved =
            co_await s.dav.move(s.server.url("/dav/Inbox/a"), s.server.url("/dav/Other/a"), options);
        CHECK(moved.location->target() == "/dav/Other/a-2");
        CHECK(s.server.last().method == "MOVE");
        CHECK(s.server.last().field("Destination") == s.server.url("/dav/Other/a").str());
        CHECK(s.server.last().field("Overwrite") == "F");
        CHECK(s.server.last().field("Allow-Rename") == "t");
        CHECK_FALSE(s.server.last().has("Depth"));

        auto const done2 =
            co_await s.dav.move(s.server.url("/p?/folders/0/8/"), s.server.url("/p?/folders/-5/8"));
        CHECK(done2.ok());
        CHECK(s.server.last().target == "/p?/folders/0/8/");
        CHECK(s.server.last().field("Destination") == s.server.url("/p?/folders/-5/8/").str());
        CHECK_FALSE(s.server.last().has("Overwrite"));

        options.reach    = dav::depth::zero;
        auto const done3 = co_await s.dav.copy(s.server.url("/a/"), s.server.url("/b/"), options);
        CHECK(done3.ok());
        CHECK(s.server.last().method == "COPY");
        CHECK(s.server.last().field("Depth") == "0");
    });
}

TEST_CASE("a destination without slash can be tried again with one")
{
    for (auto const* refused : {"400 Bad Request", "404 Not Found", "409 Conflict"})
        with_site(
            [refused](http_request const& r) {
                return r.field("Destination")->ends_with('/') ? http_response("201 Created")
                                                              : http_response(refused);
            },
            [](site& s) -> task<void> {
                dav::transfer_options options;
                auto const            ec =
                    co_await code_of_failure(s.dav.move(s.server.url("/a"), s.server.url("/b"), options));
                CHECK(ec);
                CHECK(s.server.requests().size() == 1);
                options.retry_with_slash = true;
                auto const o = co_await s.dav.move(s.server.url("/a"), s.server.url("/b"), options);
                CHECK(o.status == 201);
                CHECK(s.server.last().target == "/a");
                CHECK(s.server.requests().size() == 3);
            });
    with_answer(http_response("412 Precondition Failed"), [](site& s) -> task<void> {
        dav::transfer_options options;
        options.retry_with_slash = true;
        auto const ec = co_await code_of_failure(s.dav.move(s.server.url("/a"), s.server.url("/b"), options));
        CHECK(ec == dav::errc::conflict);
        CHECK(s.server.requests().size() == 1);
    });
}

TEST_CASE("DELETE, and a collection of which a part stays")
{
    with_answer("HTTP/1.1 204 No Content\r\n\r\n", [](site& s) -> task<void> {
        auto const o = co_await s.dav.remove(s.server.url("/a"));
        CHECK(o.ok());
        CHECK(s.server.last().method == "DELETE");
    });
    with_answer(xml_response("207 Multi-Status", multistatus(item("/a/locked", status("423 Locked")))),
                [](site& s) -> task<void> {
                    auto const o = co_await s.dav.remove(s.server.url("/a/"));
                    CHECK_FALSE(o.ok());
                    CHECK(o.error() == dav::errc::locked);
                    CHECK(o.details.at(0).href() == "/a/locked");
                });
}

TEST_CASE("PUT and GET")
{
    with_site(
        [](http_request const& r) {
            if (r.method == "PUT")
                return http_response("201 Created", "", "ETag: \"7\"\r\n");
            if (r.has("If-None-Match"))
                return std::string("HTTP/1.1 304 Not Modified\r\n\r\n");
            return r.target == "/gone" ? http_response("404 Not Found", "gone")
                                       : http_response("200 OK", "Subject: x\r\n\r\nhello\r\n");
        },
        [](site& s) -> task<void> {
            dav::request_options options;
            options.if_none_match = "*";
            options.translate     = false;
            auto       content    = std::make_shared<string_source>("Subject: x\r\n\r\nhello\r\n");
            auto const put = co_await s.dav.put(s.server.url("/a.eml"), content, "message/rfc822", options);
            CHECK(put.status == 201);
            CHECK(put.etag == "\"7\"");
            CHECK(s.server.last().field("Translate") == "f");
            CHECK(s.server.last().field("If-None-Match") == "*");
            CHECK(s.server.last().field("Content-Type") == "message/rfc822");
            CHECK(s.server.last().body == "Subject: x\r\n\r\nhello\r\n");
            auto       answer = co_await s.dav.get(s.server.url("/a.eml"));
            auto const text   = co_await answer.text();
            CHECK(text == "Subject: x\r\n\r\nhello\r\n");
            options.if_none_match = "\"7\"";
            auto unchanged        = co_await s.dav.get(s.server.url("/a.eml"), options);
            CHECK(unchanged.status() == 304);
            auto const ec = co_await code_of_failure(s.dav.get(s.server.url("/gone")));
            CHECK(ec == dav::errc::not_found);
        });
}

TEST_CASE("any other request is judged the same way")
{
    with_answer(http_response("201 Created", "", "Location: httpmail.php?/folders/1/\r\n"),
                [](site& s) -> task<void> {
                    http::request post("POST", s.server.url("/interface/httpmail.php?/folders/1/"));
                    post.set_body("Subject: x\r\n\r\ny\r\n", "message/rfc822");
                    auto const o = co_await s.dav.send(std::move(post));
                    CHECK(o.status == 201);
                    REQUIRE(o.location);
                    CHECK(o.location->target() == "/interface/httpmail.php?/folders/1/");
                });
    with_answer(http_response("403 Forbidden"), [](site& s) -> task<void> {
        http::request post("POST", s.server.url("/sendmsg"));
        auto const    ec = co_await code_of_failure(s.dav.send(std::move(post)));
        CHECK(ec == dav::errc::forbidden);
    });
}

TEST_CASE("an expired session is seen behind any verb")
{
    with_answer(http_response("200 OK", "<html><form><input type=password></form></html>",
                              "Content-Type: text/html\r\n"),
                [](site& s) -> task<void> {
                    auto const removed = co_await code_of_failure(s.dav.remove(s.server.url("/a")));
                    CHECK(removed == dav::errc::session_expired);
                    auto const moved = co_await code_of_failure(s.dav.bmove(
                        s.server.url("/a/"), s.server.url("/b/"), targets("x"), dav::transfer_options()));
                    CHECK(moved == dav::errc::session_expired);
                });
    with_answer(http_response("440 Login Timeout"), [](site& s) -> task<void> {
        auto const ec = co_await code_of_failure(s.dav.remove(s.server.url("/a")));
        CHECK(ec == dav::errc::session_expired);
    });
}

TEST_CASE("SEARCH asks for rows and believes what is answered")
{
    with_site(
        [](http_request const& r) {
            if (r.field("Range") == "rows=100-149")
                return http_response("416 Requested Range Not Satisfiable");
            return http_response("207 Multi-Status", multistatus(item("/a")),
                                 "Content-Type: text/xml\r\nContent-Range: rows 0-8; total=9\r\n");
        },
        [](site& s) -> task<void> {
            auto list = co_await s.dav.search(s.server.url("/Inbox/"), "SELECT \"DAV:uid\" FROM \"\"",
                                              dav::row_range(0, 2), dav::request_options());
            CHECK(s.server.last().method == "SEARCH");
            CHECK(s.server.last().field("Range") == "rows=0-2");
            CHECK(s.server.last().body == dav::search_body("SELECT \"DAV:uid\" FROM \"\""));
            CHECK(list.rows() == dav::row_content{0, 8, 9});
            auto all = co_await list.collect();
            CHECK(all.size() == 1);
            auto const ec = co_await code_of_failure(
                s.dav.search(s.server.url("/Inbox/"), "x", dav::row_range(100, 149), dav::request_options()));
            CHECK(ec == dav::errc::range_end);
            auto plain = co_await s.dav.search(s.server.url("/Inbox/"), "x");
            CHECK_FALSE(s.server.last().has("Range"));
        });
}

TEST_CASE("BPROPFIND asks for several resources of a collection")
{
    with_answer(xml_response("207 Multi-Status", multistatus(item("/a/1") + item("/a/2"))),
                [](site& s) -> task<void> {
                    auto list = co_await s.dav.bpropfind(s.server.url("/a"), targets("1", "2"),
                                                         dav::depth::zero, dav::property_list(hm_read));
                    auto all  = co_await list.collect();
                    CHECK(all.size() == 2);
                    CHECK(s.server.last().method == "BPROPFIND");
                    CHECK(s.server.last().target == "/a/");
                    CHECK(s.server.last().field("Depth") == "0");
                    CHECK(s.server.last().body ==
                          dav::propfind_body(dav::property_list(hm_read), targets("1", "2")));
                });
}

TEST_CASE("bulk: every target has its outcome, and one that is not named has succeeded")
{
    with_site(
        [](http_request const& r) {
            std::string const base = "http://" + *r.field("Host") + "/dav/Inbox/";
            return xml_response(
                "207 Multi-Status",
                multistatus(item(base + "c", status("404 Not Found") +
                                                 "<D:responsedescription>gone</D:responsedescription>") +
                            item(base + "%61/", "<D:location>" + base + "../Other/a-2</D:location>" +
                                                    status("201 Created")) +
                            item("/somewhere/else", status("500 Oops"))));
        },
        [](site& s) -> task<void> {
            auto const result = co_await s.dav.bmove(s.server.url("/dav/Inbox"), s.server.url("/dav/Other"),
                                                     targets("a", "b", "c"), dav::transfer_options());
            CHECK(s.server.last().method == "BMOVE");
            CHECK(s.server.last().target == "/dav/Inbox/");
            CHECK(s.server.last().field("Destination") == s.server.url("/dav/Other/").str());
            REQUIRE(result.items.size() == 3);
            CHECK(result.items[0].href == "a");
            CHECK(result.items[0].status == 201);
            REQUIRE(result.items[0].location);
            CHECK(result.items[0].location->target().ends_with("/Other/a-2"));
            CHECK(result.items[1].ok());
            CHECK_FALSE(result.items[1].location);
            CHECK(result.items[2].error() == dav::errc::not_found);
            CHECK(result.items[2].description == "gone");
            REQUIRE(result.others.size() == 1);
            CHECK(result.others[0].href() == "/somewhere/else");
            CHECK_FALSE(result.all_ok());
        });
}

TEST_CASE("bulk: with the tree in the query the last segment tells which target is meant")
{
    with_site(
        [](http_request const& r) {
            return xml_response(
                "207 Multi-Status",
                multistatus(
                    item("http://" + *r.field("Host") + "/httpmail.php?/folders/0/12/", status("200 OK")) +
                    item("http://" + *r.field("Host") + "/httpmail.php?/folders/0/11/",
                         status("403 Forbidden"))));
        },
        [](site& s) -> task<void> {
            dav::property_update update;
            update.set(hm_read, "1");
            auto const result = co_await s.dav.bproppatch(s.server.url("/httpmail.php?/folders/0/"),
                                                          targets("11", "12"), update);
            CHECK(s.server.last().target == "/httpmail.php?/folders/0/");
            CHECK(s.server.last().body == dav::proppatch_body(update, targets("11", "12")));
            CHECK(result.items.at(0).status == 403);
            CHECK(result.items.at(1).status == 200);
            CHECK(result.others.empty());
        });
}

TEST_CASE("bulk: success without a body is success for all")
{
    for (auto const* answer :
         {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 207 Multi-Status\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 201 Created\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 201 Created\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\n<p>done",
          "HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"})
        with_answer(answer, [](site& s) -> task<void> {
            auto const result = co_await s.dav.bdelete(s.server.url("/trash/"), targets("a", "b"));
            CHECK(result.all_ok());
            CHECK(result.items.size() == 2);
            CHECK(s.server.last().method == "BDELETE");
            auto const copied = co_await s.dav.bcopy(s.server.url("/a/"), s.server.url("/b/"), targets("a"),
                                                     dav::transfer_options());
            CHECK(copied.all_ok());
            CHECK(s.server.last().method == "BCOPY");
        });
}

TEST_CASE("bulk: a refusal of the whole, and an error page, are errors")
{
    for (auto const* refused : {"405 Method Not Allowed", "501 Not Implemented"})
        with_answer(http_response(refused), [](site& s) -> task<void> {
            auto const ec = co_await code_of_failure(s.dav.bdelete(s.server.url("/a/"), targets("x")));
            CHECK(ec == dav::errc::not_supported);
        });
    with_answer(http_response("200 OK", "<html>sorry</html>", "Content-Type: text/html\r\n"),
                [](site& s) -> task<void> {
                    auto const ec = co_await code_of_failure(s.dav.bdelete(s.server.url("/a/"), targets("x")));
                    CHECK(ec == dav::errc::not_multistatus);
                });
}

TEST_CASE("OPTIONS tells classes and methods")
{
    with_answer(http_response("200 OK", "",
                              "DAV: 1,2\r\nDAV: <http://apache.org/dav/propset/fs/1>\r\nAllow: OPTIONS, "
                              "GET,PROPFIND\r\nPublic: BMOVE\r\nMS-Author-Via: DAV\r\n"),
                [](site& s) -> task<void> {
                    auto const f = co_await s.dav.options(s.server.url("/"));
                    CHECK(f.has_class("1"));
                    CHECK(f.has_class("2"));
                    CHECK_FALSE(f.has_class("3"));
                    CHECK(f.has_method("PROPFIND"));
                    CHECK(f.has_method("BMOVE"));
                    CHECK_FALSE(f.has_method("SEARCH"));
                    CHECK(f.fields.get("MS-Author-Via") == "DAV");
                });
}

TEST_CASE("100 000 responses come through a connection with constant memory")
{
    support::http_answer answer(
        "HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n"
        "<D:multistatus xmlns:D='DAV:' xmlns:hm='urn:schemas:httpmail:'>");
    answer.pattern = item("/dav/Inbox/MSG1086862331.2",
                          "<D:propstat><D:prop><hm:read>1</hm:read><D:displayname>" + std::string(200, 'x') +
                              "</D:displayname></D:prop>" + status("200 OK") + "</D:propstat>");
    answer.times   = 100'000;
    answer.end     = "</D:multistatus>";
    answer.close   = true;
    with_site([&](http_request const&) { return answer; },
              [](site& s) -> task<void> {
                  auto          list = co_await s.dav.propfind(s.server.url("/dav/Inbox/"), dav::depth::one,
                                                               dav::property_list(hm_read));
                  dav::response r;
                  std::size_t   count = 0;
                  std::optional<support::peak_memory> memory;
                  for (;;)
                  {
                      bool const more = co_await list.next(r);
                      if (!more)
                          break;
                      if (++count == 1000)
                          memory.emplace();
                  }
                  CHECK(count == 100'000);
                  REQUIRE(memory);
                  CHECK(memory->within(std::size_t(1) << 20)); // of 37 MB
              });
}

TEST_CASE("a list without end is cut off at the limit")
{
    support::http_answer answer(
        "HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n"
        "<D:multistatus xmlns:D='DAV:'>");
    answer.pattern = item("/a");
    answer.times   = 1'000'000'000;
    with_site([&](http_request const&) { return answer; },
              [](site& s) -> task<void> {
                  dav::client_settings settings;
                  settings.limits.responses = 1000;
                  dav::client bounded(s.web, settings);
                  auto        list =
                      co_await bounded.propfind(s.server.url("/"), dav::depth::one, dav::property_list());
                  auto const ec = co_await code_of_failure(list.collect(5000));
                  CHECK(ec == dav::errc::too_many_responses);
              });
}

TEST_CASE("a list that stops coming can be given up: the client stays usable")
{
    support::http_answer slow(
        "HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n"
        "<D:multistatus xmlns:D='DAV:'>" +
        item("/a"));
    slow.hold = true;
    with_site(
        [&](http_request const& r) {
            return r.target == "/slow" ? slow : xml_response("207 Multi-Status", multistatus(item("/b")));
        },
        [](site& s) -> task<void> {
            auto list = co_await s.dav.propfind(s.server.url("/slow"), dav::depth::one, dav::property_list());
            auto one  = co_await list.next();
            CHECK(one.has_value());
            auto const ec = co_await code_of_failure(with_timeout(list.next(), std::chrono::milliseconds(20)));
            CHECK(ec == condition::timeout);
            auto other = co_await s.dav.propfind(s.server.url("/"), dav::depth::one, dav::property_list());
            one        = co_await other.next();
            CHECK(one.has_value());
        });
}

TEST_CASE("what cannot be written is refused before anything is sent")
{
    with_answer(http_response("200 OK"), [](site& s) -> task<void> {
        xml::name const bad{dav::dav_space, "0x8104"};
        auto            ec =
            co_await code_of_failure(s.dav.propfind(s.server.url("/"), dav::depth::zero, dav::property_list(bad)));
        CHECK(ec == xml::errc::bad_name);
        dav::property_update update;
        update.set(hm_read, "\x01");
        ec = co_await code_of_failure(s.dav.proppatch(s.server.url("/"), update));
        CHECK(ec == xml::errc::bad_text);
        dav::request_options options;
        options.if_match = "x\r\nInjected: y";
        ec               = co_await code_of_failure(s.dav.remove(s.server.url("/"), options));
        CHECK(ec == http::errc::bad_header);
        CHECK(s.server.connections() == 0);
    });
}

TEST_SUITE_END();
