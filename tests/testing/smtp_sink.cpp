//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/coro/scope.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/sync_wait.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/server_thread.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <support/tls_server_settings.hpp>
#include <support/wire.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace posthorn;
using testing::smtp_reply;
using testing::smtp_sink;
using testing::smtp_sink_message;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("testing/smtp_sink");

namespace {

using sink_thread = testing::server_thread<smtp_sink>;

/// A dialogue without a network.
struct talk
{
    explicit talk(smtp_sink_settings s = smtp_sink_settings())
        : settings(std::move(s)), record(settings), dialogue(settings, record, 1)
    {
        record.opened(1);
        dialogue.greet();
        greeting = take();
    }

    /// Gives all of it at once. @return The replies.
    std::string say(std::string_view bytes)
    {
        pending += bytes;
        std::size_t const used = dialogue.feed(pending);
        REQUIRE(used <= pending.size());
        pending.erase(0, used);
        return take();
    }

    /// Says a line. @return The code of the reply, which must be one reply.
    int code(std::string_view line)
    {
        std::string const reply = say(std::string(line) + "\r\n");
        if (reply.size() < 5 || reply.find("\r\n") != reply.size() - 2)
            return -1;
        return std::stoi(reply.substr(0, 3));
    }

    /// All codes of a conversation, of the last lines of the replies.
    std::vector<int> codes(std::string_view bytes) { return codes_of(say(bytes)); }

    static std::vector<int> codes_of(std::string_view replies)
    {
        std::vector<int> all;
        while (!replies.empty())
        {
            std::size_t const end = replies.find("\r\n");
            REQUIRE(end != replies.npos);
            if (replies[3] == ' ')
                all.push_back(std::stoi(std::string(replies.substr(0, 3))));
            replies.remove_prefix(end + 2);
        }
        return all;
    }

    /// Greets and opens a transaction with one recipient.
    talk& open(std::string_view mail_parameters = {})
    {
        say(settings.lmtp ? "LHLO me.test\r\n" : "EHLO me.test\r\n");
        REQUIRE(code("MAIL FROM:<a@x.test>" + std::string(mail_parameters)) == 250);
        REQUIRE(code("RCPT TO:<b@x.test>") == 250);
        return *this;
    }

    std::string take()
    {
        std::string const text(dialogue.output().data());
        dialogue.output().clear();
        return text;
    }

    bool closes() const { return dialogue.next() == testing::detail::smtp_dialogue::wish::close; }

    smtp_sink_settings             settings;
    testing::detail::smtp_record   record;
    testing::detail::smtp_dialogue dialogue;
    std::string                    greeting;
    std::string                    pending;
};

using codes = std::vector<int>;

/// All strings over the alphabet up to a length.
template <class F>
void for_all_strings(std::string_view alphabet, std::size_t most, F f)
{
    std::vector<std::string> now{""};
    for (std::size_t length = 0;; ++length)
    {
        for (auto const& s : now)
            f(s);
        if (length == most)
            break;
        std::vector<std::string> longer;
        for (auto const& s : now)
            for (char const c : alphabet)
                longer.push_back(s + c);
        now = std::move(longer);
    }
}

/// The rules of RFC 5321 4.5.2 in another way: on the whole text, with the end of the command line before it.
struct decoded
{
    std::string content;
    std::size_t bare = 0;
    std::size_t used = 0;
};

std::size_t count_bare(std::string_view raw)
{
    std::size_t bare = 0;
    for (std::size_t i = 0; i < raw.size(); ++i)
    {
        if (raw[i] == '\r' && (i + 1 == raw.size() || raw[i + 1] != '\n'))
            ++bare;
        if (raw[i] == '\n' && (i == 0 || raw[i - 1] != '\r'))
            ++bare;
    }
    return bare;
}

decoded decode(std::string const& wire)
{
    std::string const text = "\r\n" + wire;
    std::size_t const end  = text.find("\r\n.\r\n");
    REQUIRE(end != text.npos);
    std::string raw = text.substr(0, end + 2);
    decoded     d;
    d.used = end + 5 - 2;
    d.bare = count_bare(raw);
    for (std::size_t at = 0; (at = raw.find("\r\n.", at)) != raw.npos; at += 2)
        raw.erase(at + 2, 1);
    d.content = raw.substr(2);
    return d;
}

net::tls_context server_context(testing::certificate_authority const& ca)
{
    return net::tls_context(support::tls_server_settings(ca.issue({"sink.test"})));
}

net::tls_context client_context(testing::certificate_authority const& ca)
{
    net::tls_settings s;
    s.ca_pem = ca.pem();
    return net::tls_context(s);
}

} // namespace

// ---- content -----------------------------------------------------------------------------------------------

TEST_CASE("content is decoded as RFC 5321 says, for all short texts and all ways to cut them")
{
    for_all_strings("\r\n.x", 5, [](std::string const& begin) {
        std::string const wire     = begin + "\r\n.\r\nMAIL";
        decoded const     expected = decode(wire);
        for (std::size_t cut = 0; cut <= wire.size(); ++cut)
        {
            testing::detail::dot_decoder decoder;
            std::string                  content;
            auto const                   add  = [&content](std::string_view piece) { content += piece; };
            std::size_t                  used = 0;
            for (std::string const& piece : {wire.substr(0, cut), wire.substr(cut)})
                if (!decoder.done())
                    used += decoder.feed(piece, add);
            CAPTURE(wire);
            CAPTURE(cut);
            REQUIRE(decoder.done());
            REQUIRE(content == expected.content);
            REQUIRE(decoder.bare_newlines() == expected.bare);
            REQUIRE(used == expected.used);
        }
        testing::detail::dot_decoder decoder;
        std::string                  content;
        std::size_t                  used = 0;
        for (char const& c : wire)
            if (!decoder.done())
                used += decoder.feed(std::string_view(&c, 1),
                                     [&content](std::string_view piece) { content += piece; });
        REQUIRE(content == expected.content);
        REQUIRE(decoder.bare_newlines() == expected.bare);
        REQUIRE(used == expected.used);
    });
}

TEST_CASE("bare newlines are counted the same however the octets are cut")
{
    for_all_strings("\r\nx", 6, [](std::string const& text) {
        std::size_t const expected = count_bare(text);
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
        {
            testing::detail::newline_check check;
            check.feed(std::string_view(text).substr(0, cut));
            check.feed(std::string_view(text).substr(cut));
            check.finish();
            CAPTURE(text);
            REQUIRE(check.bare() == expected);
        }
    });
}

TEST_CASE("a fingerprint does not depend on the cuts, and sees changed, swapped, lost and doubled octets")
{
    using testing::fingerprint;
    std::string text;
    for (int i = 0; i != 300; ++i)
        text += static_cast<char>(i * 7);
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
    {
        fingerprint f;
        f.feed(std::string_view(text).substr(0, cut));
        f.feed(std::string_view(text).substr(cut));
        REQUIRE(f.value() == fingerprint::of(text));
    }
    std::set<std::uint64_t> seen{fingerprint::of(text)};
    for (std::size_t i = 0; i + 1 < text.size(); ++i)
    {
        std::string swapped = text;
        std::swap(swapped[i], swapped[i + 1]);
        std::string changed = text;
        changed[i]          = static_cast<char>(changed[i] ^ 1);
        seen.insert(fingerprint::of(swapped));
        seen.insert(fingerprint::of(changed));
        seen.insert(fingerprint::of(text.substr(0, i) + text.substr(i + 1)));
    }
    CHECK(seen.size() == 1 + 3 * (text.size() - 1));
    CHECK(fingerprint::of(std::string(1, '\0')) != fingerprint::of(std::string(2, '\0')));
}

// ---- the dialogue without a network ------------------------------------------------------------------------

TEST_CASE("a conversation gives the same replies and the same mail however it is cut")
{
    std::string const all =
        "EHLO me.test\r\nMAIL FROM:<a@x.test> SIZE=10\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<no@x.test>\r\n"
        "DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"
        "MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<\"q >\"@x.test> NOTIFY=NEVER\r\nBDAT 3\r\n\n.\rBDAT 0\r\n"
        "BDAT 5 LAST\r\n\r\n.\r\nRSET\r\nAUTH PLAIN AHUAcA==\r\nNOOP\r\nnonsense\r\nQUIT\r\n";
    smtp_sink_settings settings;
    settings.users["u"]          = "p";
    settings.refuse["no@x.test"] = smtp_reply(550, "5.1.1 nobody");
    talk              whole(settings);
    std::string const expected = whole.say(all);
    CHECK(talk::codes_of(expected) ==
          codes{250, 250, 250, 550, 354, 250, 250, 250, 250, 250, 250, 250, 235, 250, 500, 221});
    auto const check = [&](talk& t, std::string const& replies) {
        REQUIRE(replies == expected);
        REQUIRE(t.closes());
        auto const messages = t.record.messages();
        REQUIRE(messages.size() == 2);
        REQUIRE(messages[0].content == "Subject: x\r\n\r\n.dot\r\n");
        REQUIRE(messages[0].recipients.size() == 1);
        REQUIRE(messages[1].content == "\n.\r\r\n.\r\n");
        REQUIRE(messages[1].chunks == 3);
        REQUIRE(messages[1].recipients[0].address == "\"q >\"@x.test");
        REQUIRE(messages[1].fingerprint == testing::fingerprint::of("\n.\r\r\n.\r\n"));
    };
    check(whole, expected);
    for (std::size_t cut = 1; cut != all.size(); ++cut)
    {
        talk        t(settings);
        std::string replies = t.say(all.substr(0, cut));
        replies += t.say(all.substr(cut));
        CAPTURE(cut);
        check(t, replies);
    }
    talk        t(settings);
    std::string replies;
    for (char const& c : all)
        replies += t.say(std::string_view(&c, 1));
    check(t, replies);
    CHECK(t.record.commands().size() == 15);
}

TEST_CASE("commands that are malformed get the reply that the RFCs ask for")
{
    struct
    {
        char const* line;
        int         code;
    } const table[] = {
        {"", 500},
        {"XYZZY", 500},
        {"MAILFROM:<a@x.test>", 500},
        {" NOOP", 500},
        {"NOOP anything", 250},
        {"noop", 250},
        {"HELP", 214},
        {"VRFY", 501},
        {"VRFY someone", 252},
        {"EXPN list", 502},
        {"RSET", 250},
        {"RSET ", 501},
        {"RSET now", 501},
        {"QUIT now", 501},
        {"STARTTLS", 502},
        {"STARTTLS now", 501},
        {"AUTH", 501},
        {"AUTH PLAIN", 502},
        {"LHLO me.test", 500},
        {"EHLO", 501},
        {"EHLO ", 501},
        {"EHLO two words", 501},
        {"EHLO -x.test", 501},
        {"EHLO x-.test", 501},
        {"EHLO x..test", 501},
        {"EHLO x.test.", 501},
        {"EHLO []", 501},
        {"HELO [192.0.2.1]", 250},
        {"HELO [IPv6:2001:db8::1]", 250},
        {"DATA now", 501},
        {"BDAT", 501},
        {"BDAT x", 501},
        {"BDAT -1", 501},
        {"BDAT +1", 501},
        {"BDAT 1 FIRST", 501},
        {"BDAT 1  LAST", 501},
        {"BDAT 1 LAST ", 501},
        {"BDAT 99999999999999999999", 501},
        {"BDAT 0 LAST", 503},
        {"RCPT TO:<a@x.test>", 503},
        {"DATA", 503},
        {"MAIL", 501},
        {"MAIL <a@x.test>", 501},
        {"MAIL FROM <a@x.test>", 501},
        {"MAIL FROM: <a@x.test>", 501},
        {"MAIL FROM:a@x.test", 501},
        {"MAIL FROM:<a@x.test", 501},
        {"MAIL FROM:<a@x.test>x", 501},
        {"MAIL FROM:<a@x.test> ", 501},
        {"MAIL FROM:<a@x.test>  SIZE=1", 501},
        {"MAIL FROM:<a@x.test> SIZE=", 501},
        {"MAIL FROM:<a@x.test> SIZE=x", 501},
        {"MAIL FROM:<a@x.test> SIZE=1=2", 501},
        {"MAIL FROM:<a@x.test> =1", 501},
        {"MAIL FROM:<a@x.test> -A=1", 501},
        {"MAIL FROM:<a@x.test> SIZE=1 SIZE=1", 501},
        {"MAIL FROM:<a@x.test> SIZE=1 size=2", 501},
        {"MAIL FROM:<a@x.test> SMTPUTF8=1", 501},
        {"MAIL FROM:<a@x.test> BODY=9BIT", 501},
        {"MAIL FROM:<a@x.test> RET=SOME", 501},
        {"MAIL FROM:<a@x.test> ENVID=a+b", 501},
        {"MAIL FROM:<a@x.test> NOTIFY=NEVER", 555},
        {"MAIL FROM:<a@x.test> XFOO=1", 555},
        {"MAIL FROM:<a@x.test> REQUIRETLS", 555},
        {"MAIL FROM:<a@x.test> AUTH=<>", 555},
        {"MAIL FROM:<a@x.test> SIZE=99999999999", 552},
        {"MAIL FROM:<a>", 501},
        {"MAIL FROM:<a@>", 501},
        {"MAIL FROM:<@x.test>", 501},
        {"MAIL FROM:<@y.test:>", 501},
        {"MAIL FROM:<a b@x.test>", 501},
        {"MAIL FROM:<a..b@x.test>", 501},
        {"MAIL FROM:<.a@x.test>", 501},
        {"MAIL FROM:<a.@x.test>", 501},
        {"MAIL FROM:<\"a@x.test>", 501},
        {"MAIL FROM:<\"a\"b@x.test>", 501},
        {"MAIL FROM:<\"a\\\"@x.test>", 501},
        {"MAIL FROM:<a@x_y.test>", 501},
        {"MAIL FROM:<a@x.test\xff>", 501},
        {"MAIL FROM:<\xc3\xa4@x.test>", 553},
        {"MAIL FROM:<postmaster>", 501},
        {"MAIL\tFROM:<a@x.test>", 500},
    };
    for (auto const& row : table)
    {
        talk t;
        t.say("EHLO me.test\r\n");
        CAPTURE(row.line);
        CHECK(t.code(row.line) == row.code);
        CHECK(t.record.messages().empty());
    }
}

TEST_CASE("well-formed paths and parameters are accepted and kept")
{
    struct
    {
        char const* line;
        char const* address;
    } const table[] = {
        {"MAIL FROM:<>", ""},
        {"mail from:<a@x.test>", "a@x.test"},
        {"MAIL FROM:<@y.test,@z.test:a@x.test>", "a@x.test"},
        {"MAIL FROM:<\"a b\\\"c>\"@x.test>", "\"a b\\\"c>\"@x.test"},
        {"MAIL FROM:<a+b=c/d@[192.0.2.1]>", "a+b=c/d@[192.0.2.1]"},
        {"MAIL FROM:<\xc3\xa4@x.test> SMTPUTF8", "\xc3\xa4@x.test"},
        {"MAIL FROM:<a@x.test> SIZE=1 BODY=8BITMIME RET=HDRS ENVID=a+2Bb", "a@x.test"},
        {"MAIL FROM:<a@x.test> body=binarymime ret=full", "a@x.test"},
        {"MAIL FROM:<a@x.test> AUTH=<> BY=-10;NT MT-PRIORITY=-3 HOLDFOR=60 XFOO=bar", "a@x.test"},
        {"MAIL FROM:<a@x.test> HOLDUNTIL=2030-01-01T00:00:00Z AUTH=e+3Dmc2@x.test", "a@x.test"},
    };
    for (auto const& row : table)
    {
        smtp_sink_settings s;
        s.users["u"] = "p";
        s.offer("DELIVERBY 10")
            .offer("MT-PRIORITY MIXER")
            .offer("FUTURERELEASE 100 2030-01-01T00:00:00Z")
            .offer("XFOO");
        talk t(s);
        t.say("EHLO me.test\r\n");
        CAPTURE(row.line);
        CHECK(t.code(row.line) == 250);
        CHECK(t.code("RCPT TO:<b@x.test> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b+2Bc@x.test") == 250);
        CHECK(t.code("RCPT TO:<Postmaster> NOTIFY=NEVER") == 250);
        CHECK(t.code("RCPT TO:<>") == 501);
        CHECK(t.code("RCPT TO:<b@x.test> NOTIFY=NEVER,DELAY") == 501);
        CHECK(t.code("RCPT TO:<b@x.test> NOTIFY=") == 501);
        CHECK(t.code("RCPT TO:<b@x.test> ORCPT=rfc822") == 501);
        CHECK(t.code("RCPT TO:<b@x.test> SIZE=1") == 555);
        CHECK(t.codes("BDAT 0 LAST\r\n") == codes{250});
        auto const messages = t.record.messages();
        REQUIRE(messages.size() == 1);
        CHECK(messages[0].from.address == row.address);
        CHECK(messages[0].recipients.size() == 2);
        CHECK(messages[0].recipients[0].parameter("notify") ==
              std::optional<std::string>("SUCCESS,FAILURE,DELAY"));
        CHECK(messages[0].recipients[1].address == "Postmaster");
        CHECK(messages[0].from.parameter("NONE") == std::nullopt);
    }
}

TEST_CASE("commands in a wrong order get 503, and a failed MAIL opens nothing")
{
    talk t;
    CHECK(t.code("MAIL FROM:<a@x.test>") == 503); // no EHLO
    CHECK(t.code("HELO me.test") == 250);
    CHECK(t.code("MAIL FROM:<a@x.test> SIZE=1") == 555); // HELO offers nothing
    t.say("EHLO me.test\r\n");
    CHECK(t.code("MAIL FROM:<a@>") == 501);
    CHECK(t.code("RCPT TO:<b@x.test>") == 503);
    CHECK(t.code("DATA") == 503);
    CHECK(t.codes("BDAT 2 LAST\r\nxx") == codes{503});
    CHECK(t.code("MAIL FROM:<a@x.test>") == 250);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 503);
    CHECK(t.code("DATA") == 554); // no recipient
    CHECK(t.codes("BDAT 2\r\nxx") == codes{554});
    CHECK(t.code("RCPT TO:<b@x.test>") == 250);
    CHECK(t.codes("BDAT 2\r\nxx") == codes{250});
    CHECK(t.code("RCPT TO:<b@x.test>") == 503); // the content has begun
    CHECK(t.code("DATA") == 503);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 503);
    CHECK(t.code("RSET") == 250);
    CHECK(t.code("RCPT TO:<b@x.test>") == 503);
    t.open();
    t.say("EHLO me.test\r\n"); // ends the transaction
    CHECK(t.code("RCPT TO:<b@x.test>") == 503);
    t.open(" BODY=BINARYMIME");
    CHECK(t.code("DATA") == 503);
    CHECK(t.record.messages().empty());
    CHECK(t.record.violations().empty());
}

TEST_CASE("after the content the transaction is over, whatever became of it")
{
    smtp_sink_settings s;
    s.on_message = [](smtp_sink_message const& m) {
        return m.content == "bad\r\n" ? smtp_reply(554, "5.7.1 no") : smtp_reply();
    };
    talk t(s);
    t.open();
    CHECK(t.codes("DATA\r\nbad\r\n.\r\n") == codes{354, 554});
    CHECK(t.code("RCPT TO:<b@x.test>") == 503);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 250);
    CHECK(t.code("RCPT TO:<b@x.test>") == 250);
    CHECK(t.codes("DATA\r\n.\r\n") == codes{354, 250});
    CHECK(t.code("DATA") == 503);
    REQUIRE(t.record.messages().size() == 1);
    CHECK(t.record.messages()[0].content == "");
    REQUIRE(t.record.refused_messages().size() == 1);
    CHECK(t.record.refused_messages()[0].reply.code == 554);
    CHECK(t.record.totals().messages == 1);
    CHECK(t.record.totals().refused == 1);
}

TEST_CASE("chunks are joined; after a refused one the rest is thrown away up to LAST or RSET")
{
    smtp_sink_settings s;
    s.max_message_size = 10;
    talk t(s);
    t.open();
    CHECK(t.codes("BDAT 4\r\nab\r\nBDAT 0\r\nBDAT 3 LAST\r\n.\r\n") == codes{250, 250, 250});
    REQUIRE(t.record.messages().size() == 1);
    CHECK(t.record.messages()[0].content == "ab\r\n.\r\n");
    CHECK(t.record.messages()[0].transfer == "BDAT");
    CHECK(t.record.messages()[0].chunks == 3);

    t.open();
    CHECK(t.codes("BDAT 8\r\nMAIL\r\n\r\nBDAT 8\r\nQUIT\r\n\r\nBDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\n") ==
          codes{250, 552, 503, 503});
    CHECK(t.code("MAIL FROM:<a@x.test>") == 250); // LAST has ended it
    CHECK(t.code("RCPT TO:<b@x.test>") == 250);
    CHECK(t.codes("BDAT 11\r\n12345678901") == codes{552});
    CHECK(t.code("RCPT TO:<b@x.test>") == 503);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 503);
    CHECK(t.code("RSET") == 250);
    t.open();
    CHECK(t.codes("BDAT 11 LAST\r\n12345678901") == codes{552});
    t.open();
    CHECK(t.codes("DATA\r\n123456789\r\n.\r\n") == codes{354, 552});
    t.open();
    CHECK(t.codes("DATA\r\n12345678\r\n.\r\n") == codes{354, 250});
    CHECK(t.record.messages().size() == 2);
    CHECK(t.record.totals().refused == 2);
    CHECK(t.code("MAIL FROM:<a@x.test> SIZE=11") == 552);
    CHECK(t.code("MAIL FROM:<a@x.test> SIZE=10") == 250);
}

TEST_CASE("content that never ended is counted, not kept")
{
    talk t;
    t.open();
    t.say("DATA\r\nhalf a mess");
    t.dialogue.lost("gone");
    CHECK(t.record.totals().incomplete == 1);
    CHECK(t.dialogue.ending() == "gone");
    talk u;
    u.open();
    CHECK(u.codes("BDAT 5\r\nhalf\n") == codes{250});
    u.dialogue.lost("gone");
    CHECK(u.record.totals().incomplete == 1);
    talk v;
    v.open();
    v.dialogue.lost("gone");
    CHECK(v.record.totals().incomplete == 0);
    CHECK(v.record.messages().empty());
}

TEST_CASE("extensions that were taken away are neither offered nor accepted")
{
    smtp_sink_settings s;
    s.max_message_size = 1234;
    {
        talk              t(s);
        std::string const hello = t.say("EHLO me.test\r\n");
        for (char const* line :
             {"250-PIPELINING\r\n", "250-SIZE 1234\r\n", "250-8BITMIME\r\n", "250-CHUNKING\r\n",
              "250-DSN\r\n", "250-SMTPUTF8\r\n", "250-BINARYMIME\r\n", "250-ENHANCEDSTATUSCODES\r\n"})
            CHECK(hello.find(line) != hello.npos);
        CHECK(hello.find("STARTTLS") == hello.npos);
        CHECK(hello.find("AUTH") == hello.npos);
        CHECK(t.say("NOOP\r\n") == "250 2.0.0 ok\r\n");
        CHECK(t.say("HELO me.test\r\n") == "250 sink.test greets me.test\r\n");
    }
    s.withdraw("chunking").withdraw("SIZE").withdraw("8BITMIME").withdraw("BINARYMIME").withdraw("DSN");
    s.withdraw("ENHANCEDSTATUSCODES").withdraw("SMTPUTF8");
    talk              t(s);
    std::string const hello = t.say("EHLO me.test\r\n");
    for (char const* word : {"CHUNKING", "SIZE", "8BITMIME", "BINARYMIME", "DSN", "ENHANCED", "SMTPUTF8"})
        CHECK(hello.find(word) == hello.npos);
    CHECK(t.say("NOOP\r\n") == "250 ok\r\n");
    CHECK(t.code("BDAT 0 LAST") == 500);
    for (char const* parameter :
         {"SIZE=1", "BODY=7BIT", "BODY=8BITMIME", "BODY=BINARYMIME", "RET=FULL", "SMTPUTF8"})
        CHECK(t.code(std::string("MAIL FROM:<a@x.test> ") + parameter) == 555);
    s.offer("8BITMIME");
    talk u(s);
    u.say("EHLO me.test\r\n");
    CHECK(u.code("MAIL FROM:<a@x.test> BODY=BINARYMIME") == 555);
    CHECK(u.code("MAIL FROM:<a@x.test> BODY=8BITMIME") == 250);
    CHECK(u.code("RCPT TO:<b@x.test> NOTIFY=NEVER") == 555);
    s.withdraw("8BITMIME").withdraw("PIPELINING").withdraw("HELP");
    talk v(s);
    CHECK(v.say("EHLO me.test\r\n") == "250 sink.test greets me.test\r\n");
}

TEST_CASE("AUTH PLAIN and LOGIN, with and without initial response")
{
    smtp_sink_settings s;
    s.users["user"] = "secret";
    struct
    {
        std::vector<char const*> lines;
        codes                    expected;
        bool                     good;
    } const table[] = {
        {{"AUTH PLAIN AHVzZXIAc2VjcmV0"}, {235}, true}, // \0user\0secret
        {{"auth plain", "AHVzZXIAc2VjcmV0"}, {334, 235}, true},
        {{"AUTH PLAIN dXNlcgB1c2VyAHNlY3JldA=="}, {235}, true},  // user\0user\0secret
        {{"AUTH PLAIN cm9vdAB1c2VyAHNlY3JldA=="}, {535}, false}, // root\0user\0secret
        {{"AUTH PLAIN AHVzZXIAd3Jvbmc="}, {535}, false},         // \0user\0wrong
        {{"AUTH PLAIN AAA="}, {535}, false},                     // \0\0
        {{"AUTH PLAIN ="}, {501}, false},                        // empty
        {{"AUTH PLAIN dXNlcg=="}, {501}, false},                 // user
        {{"AUTH PLAIN AHVzZXIAc2VjcmV0AA=="}, {501}, false},     // one NUL too many
        {{"AUTH PLAIN AHVzZXIAc2VjcmV0="}, {501}, false},        // no base64
        {{"AUTH PLAIN AHVzZXIAc2Vjcm V0"}, {501}, false},
        {{"AUTH PLAIN "}, {501}, false},
        {{"AUTH PLAIN", "*", "NOOP"}, {334, 501, 250}, false},
        {{"AUTH PLAIN", ""}, {334, 501}, false},
        {{"AUTH LOGIN", "dXNlcg==", "c2VjcmV0"}, {334, 334, 235}, true},
        {{"AUTH LOGIN dXNlcg==", "c2VjcmV0"}, {334, 235}, true},
        {{"AUTH LOGIN", "dXNlcg==", "*"}, {334, 334, 501}, false},
        {{"AUTH LOGIN", "dXNlcg==", "d3Jvbmc="}, {334, 334, 535}, false},
        {{"AUTH LOGIN", "dXNlcg"}, {334, 501}, false},
        {{"AUTH LOGIN", "dXNlch=="}, {334, 501}, false}, // bits beyond the last octet
        {{"AUTH CRAM-MD5"}, {504}, false},
        {{"AUTH PLAIN AHVzZXIAc2VjcmV0", "AUTH PLAIN AHVzZXIAc2VjcmV0"}, {235, 503}, true},
        {{"MAIL FROM:<>", "AUTH PLAIN AHVzZXIAc2VjcmV0"}, {250, 503}, false},
    };
    for (auto const& row : table)
    {
        talk t(s);
        t.say("EHLO me.test\r\n");
        codes got;
        for (auto const* line : row.lines)
            got.push_back(t.code(line));
        CAPTURE(row.lines[0]);
        CHECK(got == row.expected);
        CHECK((t.record.connections()[0].user == "user") == row.good);
        CHECK(t.code("NOOP") == 250);
    }
    talk t(s);
    t.say("EHLO me.test\r\n");
    CHECK(t.say("AUTH LOGIN\r\n") == "334 VXNlcm5hbWU6\r\n");
    CHECK(t.say("dXNlcg==\r\n") == "334 UGFzc3dvcmQ6\r\n");
    CHECK(t.say("*\r\n").substr(0, 3) == "501");
    CHECK(t.say("AUTH PLAIN\r\n") == "334 \r\n");
    talk none;
    none.say("EHLO me.test\r\n");
    CHECK(none.code("AUTH PLAIN AHVzZXIAc2VjcmV0") == 502);

    s.mechanisms = {"XOAUTH2", "LOGIN"};
    talk              other(s);
    std::string const hello = other.say("EHLO me.test\r\n");
    CHECK(hello.find("250 AUTH XOAUTH2 LOGIN\r\n") != hello.npos);
    CHECK(other.code("AUTH XOAUTH2 eA==") == 504);
    CHECK(other.code("AUTH PLAIN AHVzZXIAc2VjcmV0") == 504);
    CHECK(other.code("AUTH LOGIN") == 334);
}

TEST_CASE("AUTH and TLS can be demanded")
{
    smtp_sink_settings s;
    s.users["user"]        = "secret";
    s.require_auth         = true;
    s.require_tls          = true;
    s.require_tls_for_auth = true;
    s.tls                  = smtp_sink_settings::tls_mode::starttls;
    talk        t(s);
    std::string hello = t.say("EHLO me.test\r\n");
    CHECK(hello.find("STARTTLS") != hello.npos);
    CHECK(hello.find("AUTH") == hello.npos);
    CHECK(t.code("AUTH PLAIN AHVzZXIAc2VjcmV0") == 538);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 530);
    CHECK(t.code("STARTTLS") == 220);
    CHECK(t.dialogue.next() == testing::detail::smtp_dialogue::wish::start_tls);
    t.dialogue.secured();
    CHECK(t.code("MAIL FROM:<a@x.test>") == 503); // EHLO again
    hello = t.say("EHLO me.test\r\n");
    CHECK(hello.find("STARTTLS") == hello.npos);
    CHECK(hello.find("AUTH PLAIN LOGIN") != hello.npos);
    CHECK(t.code("STARTTLS") == 503);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 530);
    CHECK(t.code("AUTH PLAIN AHVzZXIAc2VjcmV0") == 235);
    t.open();
    CHECK(t.codes("DATA\r\n.\r\n") == codes{354, 250});
    CHECK(t.record.messages()[0].user == "user");
    CHECK(t.record.messages()[0].secure);
    CHECK(t.record.messages()[0].hello == "me.test");
}

TEST_CASE("LMTP answers for each accepted recipient")
{
    smtp_sink_settings s;
    s.lmtp                = true;
    s.refuse["no@x.test"] = smtp_reply(550, "5.1.1 nobody");
    s.on_delivery         = [](smtp_sink_message const& m, testing::smtp_path const& to) {
        if (to.address == "full@x.test")
            return smtp_reply(452, "4.2.2 full");
        return m.content == "bad" ? smtp_reply(554, "5.7.1 bad") : smtp_reply();
    };
    talk t(s);
    CHECK(t.greeting == "220 sink.test LMTP sink ready\r\n");
    CHECK(t.code("EHLO me.test") == 500);
    CHECK(t.code("HELO me.test") == 500);
    t.say("LHLO me.test\r\n");
    CHECK(t.codes("MAIL FROM:<a@x.test>\r\nRCPT TO:<no@x.test>\r\nDATA\r\n") == codes{250, 550, 503});
    CHECK(t.codes("RCPT TO:<a@x.test>\r\nRCPT TO:<full@x.test>\r\nRCPT TO:<c@x.test>\r\nBDAT 2\r\n\r\nBDAT 3 "
                  "LAST\r\nx\r\n") == codes{250, 250, 250, 250, 250, 452, 250});
    t.open();
    CHECK(t.codes("BDAT 3 LAST\r\nbad") == codes{554});
    auto const messages = t.record.messages();
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].recipients.size() == 3);
    CHECK(messages[0].recipients[1].delivery == smtp_reply(452, "4.2.2 full"));
    CHECK(t.record.totals().recipients == 2);
    CHECK(t.record.refused_messages().size() == 1);
    t.settings.max_message_size = 1;
    t.say("LHLO me.test\r\n");
    CHECK(t.codes("MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nxx\r\n.\r\n") ==
          codes{250, 250, 250, 354, 552, 552});
}

TEST_CASE("PRDR answers for each recipient and for all")
{
    smtp_sink_settings s;
    s.offer("PRDR");
    s.on_delivery = [](smtp_sink_message const&, testing::smtp_path const& to) {
        return to.address == "c@x.test" ? smtp_reply(550, "5.7.1 not me") : smtp_reply();
    };
    talk t(s);
    t.open(" PRDR");
    CHECK(t.code("RCPT TO:<c@x.test>") == 250);
    CHECK(t.codes("DATA\r\n.\r\n") == codes{354, 353, 250, 550, 250});
    CHECK(t.code("MAIL FROM:<> PRDR") == 250);
    CHECK(t.code("RCPT TO:<c@x.test>") == 250);
    CHECK(t.codes("DATA\r\n.\r\n") == codes{354, 353, 550, 550});
    CHECK(t.record.totals().recipients == 1);
    CHECK(t.record.totals().refused == 1);
    t.open();
    CHECK(t.codes("DATA\r\n.\r\n") == codes{354, 250}); // not asked for
}

TEST_CASE("lines that are too long or end wrongly are refused without losing track")
{
    smtp_sink_settings s;
    s.max_command_line = 512;
    s.users["u"]       = "p";
    talk t(s);
    t.say("EHLO me.test\r\n");
    CHECK(t.code("NOOP " + std::string(505, 'x')) == 250); // 512 with CRLF
    CHECK(t.code("NOOP " + std::string(506, 'x')) == 500);
    CHECK(t.code("NOOP " + std::string(100000, 'x')) == 500);
    CHECK(t.codes("NOOP\nNOOP\r\n") == codes{500, 250});
    CHECK(t.codes("NOOP\rNOOP\r\nNOOP\r\n") == codes{500, 250});
    CHECK(t.codes(std::string_view("NO\0OP\r\n", 7)) == codes{500});
    CHECK(t.codes("\n") == codes{500});
    CHECK(t.code("AUTH PLAIN") == 334);
    CHECK(t.code(std::string(12286, 'A')) == 501); // no PLAIN message, but not too long
    CHECK(t.code("AUTH PLAIN") == 334);
    CHECK(t.code(std::string(12287, 'A')) == 500);
    CHECK(t.code("NOOP") == 250);
    CHECK(t.record.violations().size() == 7);
}

TEST_CASE("what a client may not do but no reply can tell is noted")
{
    struct
    {
        char const* what;
        char const* bytes;
        char const* noted; // empty: nothing
    } const table[] = {
        {"a group", "RSET\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", ""},
        {"a group of chunks",
         "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nBDAT 1\r\nxBDAT 1 LAST\r\nyMAIL FROM:<>\r\n", ""},
        {"NOOP within a group", "NOOP\r\nNOOP\r\n", "octets before the reply to NOOP"},
        {"EHLO within a group", "EHLO me.test\r\nMAIL FROM:<>\r\n", "octets before the reply to EHLO"},
        {"content without waiting", "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nx\r\n.\r\n",
         "octets before the reply to DATA"},
        {"something after QUIT", "QUIT\r\nNOOP\r\n", "octets after QUIT"},
        {"bare LF in DATA", "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n!x\ny\r\n.\r\n", "CR or LF alone"},
        {"bare CR in BDAT", "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nBDAT 3\r\nx\ryBDAT 1 LAST\r\n\r",
         "CR or LF alone"},
        {"a pair cut by chunks", "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nBDAT 2\r\nx\rBDAT 1 LAST\r\n\n", ""},
        {"bare CR in BINARYMIME",
         "MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<b@x.test>\r\nBDAT 2 LAST\r\n\r\xff", ""},
        {"8 bit",
         "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nBDAT 9 LAST\r\n1234567\xff"
         "9",
         "8-bit content"},
        {"8 bit, announced",
         "MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<b@x.test>\r\nBDAT 9 LAST\r\n12345678\xff", ""},
        {"8 bit under SMTPUTF8", "MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<b@x.test>\r\nBDAT 2 LAST\r\n\xc3\xa4",
         ""},
        {"a burst", "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n!.\r\nMAIL FROM:<>\r\n", ""},
    };
    for (auto const& row : table)
    {
        talk t;
        t.say("EHLO me.test\r\n");
        // "!" marks where the client waits
        std::string rest = row.bytes;
        if (std::size_t const wait = rest.find('!'); wait != rest.npos)
        {
            t.say(rest.substr(0, wait));
            rest.erase(0, wait + 1);
        }
        t.say(rest);
        CAPTURE(row.what);
        auto const violations = t.record.violations();
        if (std::string_view(row.noted).empty())
            CHECK(violations.empty());
        else
        {
            REQUIRE(violations.size() == 1);
            CAPTURE(violations[0]);
            CHECK(violations[0].find(row.noted) != std::string::npos);
            CHECK(violations[0].substr(0, 14) == "connection 1: ");
        }
    }

    smtp_sink_settings s;
    s.withdraw("PIPELINING");
    s.tls = smtp_sink_settings::tls_mode::starttls;
    talk t(s);
    t.say("EHLO me.test\r\n");
    CHECK(t.codes("MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\n") == codes{250, 250});
    CHECK(t.record.violations().size() == 1);
    CHECK(t.codes("BDAT 1\r\nx") == codes{250});
    CHECK(t.record.violations().size() == 1);
    CHECK(t.codes("BDAT 1 LAST\r\nxNOOP\r\n") == codes{250, 250});
    CHECK(t.record.violations().size() == 2);
    CHECK(t.codes("STARTTLS\r\nNOOP\r\n") == codes{220}); // the rest is thrown away (RFC 3207 4.2)
    CHECK(t.record.violations().size() == 3);
    CHECK(t.record.totals().violations == 3);
}

TEST_CASE("bare newlines can be refused")
{
    smtp_sink_settings s;
    s.refuse_bare_newlines = true;
    talk t(s);
    t.open();
    CHECK(t.codes("DATA\r\nx\ny\r\n.\r\n") == codes{354, 550});
    CHECK(t.record.refused_messages()[0].bare_newlines == 1);
    CHECK(t.record.messages().empty());
}

TEST_CASE("hooks decide; a hook that throws is a temporary failure")
{
    smtp_sink_settings s;
    s.on_connect = [](std::uint64_t n) { return smtp_reply(220, "hello\nnumber " + std::to_string(n)); };
    s.on_mail    = [](testing::smtp_path const& p) {
        return p.address == "x@x.test" ? smtp_reply(450, "4.7.1 later") : smtp_reply();
    };
    s.on_rcpt = [](testing::smtp_path const& p) -> smtp_reply {
        if (p.address == "throw@x.test")
            throw std::runtime_error("no idea");
        return p.address == "out@x.test" ? smtp_reply(251, "2.1.5 will forward") : smtp_reply();
    };
    s.on_data = [](smtp_sink_message const& m) {
        return m.recipients.size() == 2 ? smtp_reply(451, "4.3.0 two") : smtp_reply();
    };
    s.on_message = [](smtp_sink_message const& m) {
        return smtp_reply(m.size == 3 ? 421 : 250, "done\nwell");
    };
    talk t(s);
    CHECK(t.greeting == "220-hello\r\n220 number 1\r\n");
    t.say("EHLO me.test\r\n");
    CHECK(t.code("MAIL FROM:<x@x.test>") == 450);
    CHECK(t.code("RCPT TO:<a@x.test>") == 503);
    CHECK(t.code("MAIL FROM:<y@x.test>") == 250);
    CHECK(t.code("RCPT TO:<throw@x.test>") == 451);
    CHECK(t.code("RCPT TO:<out@x.test>") == 251);
    CHECK(t.code("RCPT TO:<b@x.test>") == 250);
    CHECK(t.code("DATA") == 451);
    CHECK(t.say("BDAT 1 LAST\r\nx") == "250-done\r\n250 well\r\n");
    CHECK(t.record.violations() == std::vector<std::string>{"connection 1: a hook failed: no idea"});
    t.open();
    CHECK(t.codes("BDAT 3 LAST\r\nxxx") == codes{421});
    CHECK(t.closes());
    CHECK(t.dialogue.ending() == "421");
}

TEST_CASE("a connection turned away by its greeting can only quit")
{
    smtp_sink_settings s;
    s.on_connect = [](std::uint64_t) { return smtp_reply(554, "no service"); };
    talk t(s);
    CHECK(t.greeting == "554 no service\r\n");
    CHECK(t.code("EHLO me.test") == 503);
    CHECK(t.code("QUIT") == 221);
    CHECK(t.closes());
}

TEST_CASE("the numbers of recipients and messages are bounded")
{
    smtp_sink_settings s;
    s.max_recipients              = 2;
    s.max_messages_per_connection = 1;
    talk t(s);
    t.open();
    CHECK(t.code("RCPT TO:<c@x.test>") == 250);
    CHECK(t.code("RCPT TO:<d@x.test>") == 452);
    CHECK(t.codes("BDAT 0 LAST\r\n") == codes{250});
    CHECK(t.code("MAIL FROM:<>") == 421);
    CHECK(t.closes());
}

TEST_CASE("memory does not grow when only sums are kept")
{
    smtp_sink_settings s;
    s.retention = smtp_sink_settings::keep::totals;
    s.log       = false;
    talk t(s);
    for (int i = 0; i != 3; ++i)
    {
        t.open();
        CHECK(t.codes("BDAT 5 LAST\r\nabc\r\n") == codes{250});
    }
    CHECK(t.record.messages().empty());
    CHECK(t.record.commands().empty());
    CHECK(t.record.connections().empty());
    CHECK(t.record.totals().messages == 3);
    CHECK(t.record.totals().recipients == 3);
    CHECK(t.record.totals().octets == 15);
    CHECK(t.record.totals().fingerprints == 3 * testing::fingerprint::of("abc\r\n"));
    CHECK(t.record.totals().commands == 12);

    s.retention = smtp_sink_settings::keep::fingerprints;
    talk u(s);
    u.open();
    CHECK(u.codes("BDAT 5 LAST\r\nabc\r\n") == codes{250});
    REQUIRE(u.record.messages().size() == 1);
    CHECK(u.record.messages()[0].content.empty());
    CHECK(u.record.messages()[0].size == 5);
    CHECK(u.record.messages()[0].fingerprint == testing::fingerprint::of("abc\r\n"));
    u.record.forget();
    CHECK(u.record.messages().empty());
    CHECK(u.record.totals().messages == 0);
    CHECK(u.record.totals().open == 1);
}

// ---- over sockets ------------------------------------------------------------------------------------------

TEST_CASE("a group of commands gets all its replies in one write")
{
    sink_thread   sink;
    support::wire client(sink->port());
    CHECK(client.receive_line() == "220 sink.test ESMTP sink ready\r\n");
    client.ask("EHLO me.test");
    client.send("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nDATA\r\n");
    CHECK(client.receive_until("354 ").find("250 2.1.5 ok\r\n250 2.1.5 ok\r\n354 ") != std::string::npos);
    client.receive_line();
    client.send("x\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nBDAT 2 LAST\r\n\r\nQUIT\r\n");
    CHECK(talk::codes_of(client.receive_all()) == codes{250, 250, 250, 250, 221});
    sink.call(sink->until_idle());
    auto const connections = sink->connections();
    REQUIRE(connections.size() == 1);
    CHECK(connections[0].round_trips == 3);
    CHECK(connections[0].ending == "QUIT");
    CHECK(connections[0].commands == 9);
    CHECK(connections[0].messages == 2);
    CHECK_FALSE(connections[0].open);
    CHECK(sink->messages()[0].recipients.size() == 2);
    CHECK(sink->commands(1)[0] == "EHLO me.test");
    CHECK(sink->commands(2).empty());
    CHECK(sink->violations().empty());
}

TEST_CASE("octet by octet over a socket")
{
    sink_thread   sink;
    support::wire client(sink->port());
    for (char const& c : std::string_view(
             "EHLO me.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n..\r\n.\r\nQUIT\r\n"))
        client.send(std::string_view(&c, 1));
    CHECK(talk::codes_of(client.receive_all()) == codes{220, 250, 250, 250, 354, 250, 221});
    CHECK(sink->messages()[0].content == ".\r\n");
}

TEST_CASE("STARTTLS, and what was said in the clear is forgotten")
{
    testing::certificate_authority const ca;
    smtp_sink_settings                   s;
    s.tls         = smtp_sink_settings::tls_mode::starttls;
    s.tls_context = server_context(ca);
    sink_thread   sink(s);
    support::wire client(sink->port());
    client.receive_line();
    client.ask("EHLO me.test");
    CHECK(client.ask("STARTTLS") == "220 2.0.0 go ahead\r\n");
    CHECK(client.start_tls(client_context(ca), "sink.test") == "");
    CHECK(client.ask("MAIL FROM:<a@x.test>").substr(0, 3) == "503");
    CHECK(client.ask("EHLO me.test").find("STARTTLS") == std::string::npos);
    std::string const content(100000, 'x');
    client.send("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nBDAT 100000 LAST\r\n" + content + "QUIT\r\n");
    CHECK(talk::codes_of(client.receive_all()) == codes{250, 250, 250, 221});
    CHECK_FALSE(client.was_truncated());
    sink.call(sink->until_idle());
    REQUIRE(sink->messages().size() == 1);
    CHECK(sink->messages()[0].secure);
    CHECK(sink->messages()[0].content == content);
    CHECK(sink->connections()[0].secure);
    CHECK(sink->totals().secured == 1);
    CHECK(sink->violations().empty());
}

TEST_CASE("octets injected before the handshake are thrown away and noted")
{
    testing::certificate_authority const ca;
    smtp_sink_settings                   s;
    s.tls         = smtp_sink_settings::tls_mode::starttls;
    s.tls_context = server_context(ca);
    sink_thread   sink(s);
    support::wire client(sink->port());
    client.receive_line();
    client.ask("EHLO me.test");
    client.send("STARTTLS\r\nNOOP\r\n");
    CHECK(client.receive_line().substr(0, 3) == "220");
    CHECK(client.start_tls(client_context(ca), "sink.test") == "");
    CHECK(client.ask("EHLO me.test").substr(0, 3) == "250");
    CHECK(sink->violations().size() == 1);
    CHECK(sink->commands(1) == std::vector<std::string>{"EHLO me.test", "STARTTLS", "EHLO me.test"});
}

TEST_CASE("implicit TLS, also for a client that is turned away")
{
    testing::certificate_authority const ca;
    smtp_sink_settings                   s;
    s.tls             = smtp_sink_settings::tls_mode::implicit;
    s.tls_context     = server_context(ca);
    s.max_connections = 1;
    sink_thread   sink(s);
    support::wire client(sink->port());
    REQUIRE(client.start_tls(client_context(ca), "sink.test") == "");
    CHECK(client.receive_line().substr(0, 3) == "220");
    support::wire second(sink->port());
    REQUIRE(second.start_tls(client_context(ca), "sink.test") == "");
    CHECK(second.receive_all().substr(0, 3) == "421");
    CHECK(client.ask("QUIT").substr(0, 3) == "221");
    client.close();
    sink.call(sink->until_idle(2));
    CHECK(sink->totals().turned_away == 1);
    CHECK(sink->totals().peak == 2);
    CHECK(sink->connections()[1].ending == "421");
    support::wire third(sink->port());
    CHECK(third.start_tls(client_context(ca), "other.test") != ""); // not its name
    third.drop();
    sink.call(sink->until_idle(3));
    CHECK(sink->connections()[2].ending.find("ertificate") != std::string::npos);
}

TEST_CASE("without a TLS context TLS cannot be offered")
{
    asio::io_context   loop;
    smtp_sink_settings s;
    s.tls = smtp_sink_settings::tls_mode::starttls;
    CHECK_THROWS_AS(smtp_sink(loop.get_executor(), s), error);
}

TEST_CASE("LMTP over a Unix socket, which is removed at the end")
{
    support::temp_dir const dir("sink");
    auto const              path = dir / "lmtp";
    smtp_sink_settings      s;
    s.lmtp        = true;
    s.listen.path = path.string();
    {
        sink_thread   sink(s);
        support::wire client(path);
        client.send("LHLO me.test\r\n");
        client.send(
            "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nBDAT 0 LAST\r\nQUIT\r\n");
        CHECK(talk::codes_of(client.receive_all()) == codes{220, 250, 250, 250, 250, 250, 250, 221});
        CHECK(sink->port() == 0);
        CHECK_THROWS_AS(sink_thread{s}, std::system_error); // taken
        CHECK(std::filesystem::exists(path));               // and still there
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("batches of replies are delayed once for each round trip")
{
    using namespace std::chrono;
    smtp_sink_settings s;
    s.delay = milliseconds(40);
    testing::certificate_authority const ca;
    s.tls         = smtp_sink_settings::tls_mode::starttls;
    s.tls_context = server_context(ca);
    sink_thread   sink(s);
    auto const    begin = steady_clock::now();
    support::wire client(sink->port());
    client.receive_line();
    client.ask("EHLO me.test");
    client.ask("STARTTLS");
    REQUIRE(client.start_tls(client_context(ca), "sink.test") == "");
    client.ask("EHLO me.test");
    client.send("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n");
    for (int i = 0; i != 50; ++i)
        client.send("BDAT 2\r\nx\n"); // if each waited for its reply, this would take two seconds
    client.send("BDAT 0 LAST\r\nQUIT\r\n");
    CHECK(client.receive_all().find("221 ") != std::string::npos);
    auto const took = steady_clock::now() - begin;
    CHECK(took >= milliseconds(5 * 40)); // greeting, EHLO, STARTTLS, EHLO, the rest
    CHECK(took < milliseconds(50 * 40));
    CHECK(sink->messages().size() == 1);
}

TEST_CASE("a connection on which nothing arrives is ended")
{
    smtp_sink_settings s;
    s.idle_timeout = std::chrono::milliseconds(50);
    sink_thread   sink(s);
    support::wire client(sink->port());
    client.receive_line();
    client.send("NO");
    CHECK(client.receive_all() == "421 4.4.2 sink.test nothing arrived in time\r\n");
    sink.call(sink->until_idle());
    CHECK(sink->connections()[0].ending == "idle timeout");
}

TEST_CASE("a client that vanishes within the content leaves nothing but a count")
{
    sink_thread sink;
    {
        support::wire client(sink->port());
        client.send("EHLO me.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nBDAT 100 LAST\r\nhalf");
        client.half_close();
        CHECK(talk::codes_of(client.receive_all()) == codes{220, 250, 250, 250});
    }
    sink.call(sink->until_idle());
    CHECK(sink->totals().incomplete == 1);
    CHECK(sink->messages().empty());
    CHECK(sink->connections()[0].ending == "closed by the client");
}

TEST_CASE("stop() ends open connections and refuses new ones; what was recorded stays")
{
    std::optional<sink_thread> sink(std::in_place);
    std::uint16_t const        port = (*sink)->port();
    support::wire              client(port);
    client.receive_line();
    client.ask("EHLO me.test");
    (*sink)->stop();
    CHECK(client.receive_all() == "");
    sink->call((*sink)->until_messages(1)); // returns, since none will come
    CHECK_THROWS(support::wire(port));
    CHECK((*sink)->commands().size() == 1);
    sink.reset();
}

namespace {

constexpr std::size_t crowd = 1000;

/// Opens when all clients have been greeted.
struct gate
{
    explicit gate(asio::any_io_executor const& ex) : timer(ex, std::chrono::steady_clock::time_point::max())
    {
    }

    asio::steady_timer timer;
    std::size_t        arrived = 0;
};

/// Sends a mail in one flight from a task, and reads to the end.
task<void> send_one(std::uint16_t port, std::string flight, gate& together, std::size_t& complete)
{
    auto const                    ex = co_await this_coro::executor;
    asio::ip::tcp::socket         socket(ex);
    asio::ip::tcp::endpoint const there(asio::ip::make_address("127.0.0.1"), port);
    co_await socket.async_connect(there, use_task);
    net::stream       s(std::move(socket));
    std::string       all;
    std::vector<char> room(4096);
    std::size_t       n = co_await s.read_some(room); // the greeting: accepted
    all.append(room.data(), n);
    if (++together.arrived == crowd)
        together.timer.cancel();
    else
        co_await together.timer.async_wait(use_task_nothrow);
    std::string_view const            piece = flight;
    std::span<std::string_view const> pieces(&piece, 1);
    co_await s.write(pieces);
    while (n != 0)
    {
        n = co_await s.read_some(room);
        all.append(room.data(), n);
    }
    if (talk::codes_of(all) == codes{220, 250, 250, 250, 250, 221})
        ++complete;
}

task<void> send_many(std::size_t& complete)
{
    auto const         ex = co_await this_coro::executor;
    smtp_sink_settings s;
    s.retention = smtp_sink_settings::keep::totals;
    smtp_sink sink(ex, s);
    gate      together(ex);
    sink.start();
    std::string const flight =
        "EHLO me.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nBDAT 5 LAST\r\nabc\r\nQUIT\r\n";
    std::uint16_t const port = sink.port();
    auto const          body = [&](scope& all) -> task<void> {
        for (std::size_t i = 0; i != crowd; ++i)
            all.spawn(send_one(port, flight, together, complete));
        co_return;
    };
    co_await with_scope(body);
    co_await sink.until_idle(crowd);
    CHECK(sink.totals().messages == crowd);
    CHECK(sink.totals().octets == crowd * 5);
    CHECK(sink.totals().fingerprints == crowd * testing::fingerprint::of("abc\r\n"));
    CHECK(sink.totals().connections == crowd);
    CHECK(sink.totals().open == 0);
    CHECK(sink.totals().peak == crowd);
}

} // namespace

TEST_CASE("a thousand connections at once are served in the event loop of their clients")
{
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    rlimit const before = files;
    files.rlim_cur      = std::max<rlim_t>(files.rlim_cur, std::min<rlim_t>(files.rlim_max, 2 * crowd + 200));
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    REQUIRE(files.rlim_cur >= 2 * crowd + 100);
    std::size_t complete = 0;
    sync_wait(send_many(complete));
    CHECK(complete == crowd);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("an event loop that is destroyed under open connections closes them and leaks nothing")
{
    for (int const turns : {0, 1, 2, 3, 4, 50})
    {
        std::optional<asio::io_context> loop(std::in_place);
        std::optional<smtp_sink>        sink(std::in_place, loop->get_executor());
        support::wire                   client(sink->port());
        sink->start();
        client.send("EHLO me.test\r\n");
        for (int i = 0; i != turns; ++i)
            loop->poll_one();
        sink.reset(); // its stop() is never carried out
        loop.reset();
        CHECK(client.receive_all().find("221") == std::string::npos);
    }
}

TEST_CASE("serve() ends with its caller's cancellation, and by stop()")
{
    asio::io_context          loop;
    smtp_sink                 sink(loop.get_executor());
    asio::cancellation_signal signal;
    bool                      cancelled = false;
    spawn(loop, sink.serve(), asio::bind_cancellation_slot(signal.slot(), [&cancelled](std::exception_ptr e) {
              try
              {
                  if (e)
                      std::rethrow_exception(e);
              }
              catch (std::system_error const& why)
              {
                  cancelled = why.code() == condition::canceled;
              }
          }));
    loop.poll();
    signal.emit(asio::cancellation_type::terminal);
    loop.restart();
    loop.run();
    CHECK(cancelled);

    smtp_sink other(loop.get_executor());
    bool      ended = false;
    spawn(loop, other.serve(), [&ended](std::exception_ptr e) { ended = e == nullptr; });
    loop.restart();
    loop.poll();
    other.stop();
    loop.restart();
    loop.run();
    CHECK(ended);
}

TEST_CASE("XCLIENT, XFORWARD and ETRN are known where they are offered")
{
    talk bare;
    bare.say("EHLO me.test\r\n");
    for (auto const* line : {"XCLIENT ADDR=192.0.2.1", "XFORWARD ADDR=192.0.2.1", "ETRN x.test"})
        CHECK(bare.code(line) == 500);

    smtp_sink_settings s;
    s.offer("XCLIENT NAME addr").offer("XFORWARD ADDR SOURCE").offer("ETRN");
    talk t(s);
    t.say("EHLO me.test\r\n");
    CHECK(t.code("ETRN x.test") == 250);
    CHECK(t.code("ETRN") == 501);
    for (auto const* line : {"XCLIENT", "XCLIENT ", "XCLIENT ADDR", "XCLIENT ADDR=", "XCLIENT ADDR=a+2b", "XCLIENT ADDR=a=b",
                             "XCLIENT =a", "XCLIENT PORT=1", "XCLIENT ADDR=a  NAME=b", "XCLIENT ADDR=a ", "XFORWARD NAME=a"})
    {
        CAPTURE(line);
        CHECK(t.code(line) == 501);
    }
    CHECK(t.code("xclient name=a+2Bb Addr=192.0.2.1") == 220);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 503); // it begins anew
    t.say("EHLO me.test\r\n");
    CHECK(t.code("XFORWARD ADDR=192.0.2.2") == 250);
    CHECK(t.code("XFORWARD SOURCE=LOCAL") == 250);
    CHECK(t.code("MAIL FROM:<a@x.test>") == 250);
    CHECK(t.code("XFORWARD ADDR=192.0.2.3") == 503);
    CHECK(t.code("XCLIENT ADDR=192.0.2.3") == 503);
    CHECK(t.codes("RCPT TO:<b@x.test>\r\nDATA\r\n") == codes{250, 354});
    CHECK(t.code(".") == 250);
    CHECK(t.code("XFORWARD ADDR=192.0.2.4") == 250);
    CHECK(t.code("RSET") == 250);
    t.open();
    CHECK(t.codes("DATA\r\n") == codes{354});
    CHECK(t.code(".") == 250);
    auto const all = t.record.messages();
    REQUIRE(all.size() == 2);
    using attributes = std::vector<testing::smtp_parameter>;
    CHECK(all[0].xclient == attributes{{"NAME", "a+b"}, {"ADDR", "192.0.2.1"}});
    CHECK(all[0].xforward == attributes{{"ADDR", "192.0.2.2"}, {"SOURCE", "LOCAL"}});
    CHECK(all[1].xclient == all[0].xclient);
    CHECK(all[1].xforward.empty());
    CHECK(t.record.violations().empty());
    t.say("XCLIENT ADDR=192.0.2.1\r\nEHLO me.test\r\n");
    CHECK(t.record.violations().size() == 1);
}

TEST_SUITE_END();
