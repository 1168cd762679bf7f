//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One feature after another, where the server offers it and where it does not.

#include <posthorn/codec/idna.hpp>
#include <posthorn/coro/async_generator.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/generator.hpp>
#include <posthorn/source/memory.hpp>
#include <posthorn/source/source.hpp>
#include <posthorn/testing/script.hpp>
#include <posthorn/testing/smtp_sink.hpp>

#include <doctest/doctest.h>

#include <support/dialogue.hpp>
#include <support/temp_dir.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

using namespace posthorn;
using support::failure_of;
using support::lines;
using support::mail;
using support::talk;
using testing::script;
using testing::smtp_reply;
using testing::smtp_sink;
using testing::smtp_sink_message;
using testing::smtp_sink_settings;

TEST_SUITE_BEGIN("smtp/extensions");

namespace {

constexpr auto accepted = smtp::disposition::accepted;
constexpr auto perm     = smtp::disposition::refused_permanently;
constexpr auto temp     = smtp::disposition::refused_temporarily;
constexpr auto not_sent = smtp::disposition::not_sent;
using dispositions      = std::vector<smtp::disposition>;

constexpr char const* u_domain = "b\xc3\xbc"
                                 "cher.test";
constexpr char const* a_domain = "xn--bcher-kva.test";

/// How a domain beyond ASCII is sent where SMTPUTF8 is offered.
constexpr char const* sent_domain = codec::has_idna ? a_domain : u_domain;
/// What the text says if that is impossible.
constexpr char const* why_domain = codec::has_idna ? "IDNA" : "libidn2";

// A client and a sink ----------------------------------------------------------------------------------------

/// What became of messages that were sent one after another.
struct delivered
{
    std::vector<smtp::report>      reports;
    std::vector<std::error_code>   codes; ///< Empty ones where nothing was thrown.
    std::string                    what;  ///< Of the last exception.
    std::vector<smtp_sink_message> messages;
    lines                          commands; ///< But those that open and end a connection.
    lines                          violations;
    std::size_t                    connections = 0;

    smtp::report const& report() const { return reports.back(); }
    std::error_code     code() const { return codes.back(); }

    dispositions outcomes() const
    {
        dispositions all;
        for (auto const& one : report().recipients())
            all.push_back(one.outcome);
        return all;
    }

    lines dropped() const { return {report().dropped().begin(), report().dropped().end()}; }

    /// Does the error tell about this?
    bool tells(std::string_view text) const { return what.find(text) != what.npos; }
};

using settings_change = std::function<void(smtp::client_settings&)>;
using client_step     = std::function<task<void>(smtp::client&)>;

task<void> send_one(smtp::client& c, smtp::message const& m, smtp::send_options const& o, delivered& into)
{
    into.reports.emplace_back();
    into.codes.emplace_back();
    try
    {
        co_await c.send(m, o, into.reports.back());
    }
    catch (smtp::session_error const& e)
    {
        into.codes.back() = e.code();
        into.what         = e.what();
    }
}

task<void> deliver_all(smtp_sink_settings how, std::vector<smtp::message> const& all, smtp::send_options o,
                       settings_change change, client_step before, delivered& into)
{
    auto const ex    = co_await this_coro::executor;
    how.tls_context  = support::server_tls();
    auto const place = how.listen.path;
    smtp_sink  sink(ex, std::move(how));
    sink.start();
    {
        auto settings = place.empty() ? support::client_settings(sink.port())
                                      : smtp::client_settings("lmtp+unix:" + place);
        if (change)
            change(settings);
        smtp::client client(std::move(settings));
        if (before)
            co_await before(client);
        for (auto const& m : all)
            co_await send_one(client, m, o, into);
        co_await client.quit();
    }
    co_await sink.until_idle();
    into.messages    = sink.messages();
    into.violations  = sink.violations();
    into.connections = sink.connections().size();
    for (auto const& one : sink.commands())
        if (one.line.find("HLO ") != 1 && one.line != "QUIT" && one.line != "STARTTLS")
            into.commands.push_back(one.line);
}

/// Sends messages by a client, and looks at the sink afterwards.
delivered deliver(smtp_sink_settings const& how, std::vector<smtp::message> const& all,
                  smtp::send_options const& o = {}, settings_change change = {}, client_step before = {})
{
    delivered result;
    sync_wait(with_timeout(deliver_all(how, all, o, std::move(change), std::move(before), result),
                           support::no_hang));
    CHECK(result.violations == lines());
    return result;
}

delivered deliver(smtp_sink_settings const& how, smtp::message const& m, smtp::send_options const& o = {},
                  settings_change change = {})
{
    return deliver(how, std::vector<smtp::message>{m}, o, std::move(change));
}

smtp_sink_settings offering(std::vector<std::string> const& more = {})
{
    smtp_sink_settings s;
    for (auto const& line : more)
        s.offer(line);
    return s;
}

smtp_sink_settings lacking(std::vector<std::string> const& less)
{
    smtp_sink_settings s;
    for (auto const& keyword : less)
        s.withdraw(keyword);
    return s;
}

smtp::send_options options(std::function<void(smtp::send_options&)> const& change)
{
    smtp::send_options o;
    change(o);
    return o;
}

smtp::send_options dropping()
{
    return options([](auto& o) { o.unsupported = smtp::unsupported::drop; });
}

smtp::send_options with_policy(smtp::recipient_policy p)
{
    return options([p](auto& o) { o.policy = p; });
}

void under_tls(smtp::client_settings& s) { s.tls = smtp::tls_mode::required; }

smtp_sink_settings with_tls(smtp_sink_settings s)
{
    s.tls = smtp_sink_settings::tls_mode::starttls;
    return s;
}

smtp::message mail_with(std::function<void(smtp::envelope&)> const& change,
                        std::string                                 text = "Subject: t\r\n\r\nHello\r\n")
{
    auto m = mail(std::move(text));
    change(m.envelope);
    return m;
}

smtp::message mail_from_to(std::string_view from, std::vector<std::string> const& to,
                           std::string text = "Subject: t\r\n\r\nHello\r\n")
{
    smtp::message m(from, {}, std::move(text));
    for (auto const& one : to)
        m.envelope.add(one);
    return m;
}

/// n recipients of one domain.
smtp::message mail_to(std::size_t n, std::string const& domain = "y.test")
{
    std::vector<std::string> to;
    for (std::size_t i = 0; i != n; ++i)
        to.push_back("r" + std::to_string(i) + '@' + domain);
    return mail_from_to("a@b.test", to);
}

std::vector<std::size_t> sizes_of(std::vector<smtp_sink_message> const& all)
{
    std::vector<std::size_t> sizes;
    for (auto const& m : all)
        sizes.push_back(m.recipients.size());
    return sizes;
}

/// Every recipient that was accepted is in the sink exactly once, and no other.
void check_each_once(delivered const& d)
{
    std::map<std::string, int> got;
    for (auto const& m : d.messages)
        for (auto const& r : m.recipients)
            ++got[r.address];
    std::size_t expected = 0;
    for (auto const& r : d.report().recipients())
        if (r.accepted())
        {
            ++expected;
            CHECK(got[r.address] == 1);
        }
    CHECK(got.size() == expected);
}

/// A parameter of an extension.
struct parameter
{
    char const*                          offer; ///< The line of EHLO.
    std::function<void(smtp::envelope&)> ask;
    char const*                          name; ///< As the server gets it.
    char const*                          value;
    bool                                 droppable = true;
    bool                                 of_rcpt   = false;
};

/// Sends it where it is offered, where it is not, and there again with the wish to drop it.
void check_parameter(parameter const& p)
{
    CAPTURE(p.offer);
    CAPTURE(p.name);
    std::string const keyword(
        p.offer, std::min(std::string_view(p.offer).find(' '), std::string_view(p.offer).size()));
    auto const m        = mail_with(p.ask);
    auto const value_in = [&](delivered const& d) {
        REQUIRE(d.messages.size() == 1);
        auto const& path = p.of_rcpt ? static_cast<testing::smtp_path const&>(d.messages[0].recipients.at(0))
                                     : d.messages[0].from;
        return path.parameter(p.name);
    };

    auto const offered = deliver(offering({p.offer}), m);
    CHECK(offered.code() == std::error_code());
    CHECK(offered.report().all_accepted());
    CHECK(offered.dropped() == lines());
    CHECK(value_in(offered) == std::string(p.value));

    auto const lacks = deliver(lacking({keyword}), m);
    CHECK(lacks.code() == smtp::errc::extension_missing);
    CHECK(lacks.code() == condition::permanent);
    CHECK(lacks.tells(keyword));
    CHECK(lacks.outcomes() == dispositions{not_sent});
    CHECK(lacks.report().recipients()[0].text ==
          "the server does not offer a required extension: " + keyword);
    CHECK(lacks.commands == lines());

    auto const drops = deliver(lacking({keyword}), m, dropping());
    if (p.droppable)
    {
        CHECK(drops.code() == std::error_code());
        CHECK(drops.report().all_accepted());
        CHECK(drops.dropped() == lines{keyword});
        CHECK_FALSE(value_in(drops));
    }
    else
    {
        CHECK(drops.code() == smtp::errc::extension_missing);
        CHECK(drops.commands == lines());
    }
}

/// A source that can be read once.
std::shared_ptr<source> once(std::string text)
{
    auto const blocks = [](std::string all) -> async_generator<std::string> { co_yield std::move(all); };
    return std::make_shared<generator_source>(blocks(std::move(text)));
}

/// In the clear, with greeting and EHLO said.
task<void> open(smtp::session& s)
{
    std::ignore = co_await s.greet();
    co_await s.hello();
}

} // namespace

// How commands and content travel ----------------------------------------------------------------------------

TEST_CASE("PIPELINING: the envelope is one flight where it is offered, and nowhere else")
{
    auto const m = mail_to(3);
    CHECK(deliver(offering(), m).report().round_trips() == 2); // the envelope with DATA, the content
    CHECK(deliver(lacking({"PIPELINING"}), m).report().round_trips() == 6);
    auto const declined = options([](auto& o) { o.pipelining = false; });
    CHECK(deliver(offering(), m, declined).report().round_trips() == 6);
}

TEST_CASE("CHUNKING: content goes by BDAT on request, in chunks of the size asked for")
{
    auto const  on   = options([](auto& o) {
        o.chunking   = smtp::chunking::on;
        o.chunk_size = 1000;
    });
    std::string text = "Subject: t\r\n\r\n";
    while (text.size() < 2500)
        text += ".a line that begins with a dot\r\n";
    auto const m = mail(text);

    auto const by_bdat = deliver(offering(), m, on);
    REQUIRE(by_bdat.messages.size() == 1);
    CHECK(by_bdat.messages[0].transfer == "BDAT");
    CHECK(by_bdat.messages[0].chunks == 3);
    CHECK(by_bdat.messages[0].content == text);
    CHECK(by_bdat.report().transfer() == smtp::transfer::bdat);
    CHECK(by_bdat.report().round_trips() == 1);

    auto const sequential = deliver(lacking({"PIPELINING"}), m, on);
    REQUIRE(sequential.messages.size() == 1);
    CHECK(sequential.messages[0].chunks == 3);
    CHECK(sequential.report().round_trips() == 5);

    auto const lacks = deliver(lacking({"CHUNKING", "BINARYMIME"}), m, on);
    CHECK(lacks.code() == smtp::errc::extension_missing);
    CHECK(lacks.tells("CHUNKING"));
    CHECK(lacks.commands == lines());

    auto const by_data = deliver(offering(), m);
    REQUIRE(by_data.messages.size() == 1);
    CHECK(by_data.messages[0].transfer == "DATA");
    CHECK(by_data.messages[0].content == text);
}

TEST_CASE("BDAT by itself: refused where CHUNKING is not offered, which would take content for commands")
{
    auto const offered = talk(script()
                                  .opening({"CHUNKING"})
                                  .expect("MAIL FROM:<a@b.test>")
                                  .reply("250 ok")
                                  .expect("RCPT TO:<x@y.test>")
                                  .reply("250 ok")
                                  .expect("BDAT 6")
                                  .expect_bytes("QUIT\r\n")
                                  .reply("250 ok")
                                  .expect("BDAT 0 LAST")
                                  .reply("250 queued")
                                  .expect_close(),
                              [](smtp::session& s) -> task<void> {
                                  co_await open(s);
                                  smtp::reverse_path const    from("a@b.test");
                                  smtp::address const         to("x@y.test");
                                  smtp::mail_parameters const of_mail;
                                  smtp::rcpt_parameters const of_rcpt;
                                  std::ignore       = co_await s.mail(from, of_mail);
                                  std::ignore       = co_await s.rcpt(to, of_rcpt);
                                  auto const first  = co_await s.bdat("QUIT\r\n", false);
                                  auto const second = co_await s.bdat("", true);
                                  CHECK(first.code() == 250);
                                  CHECK(second.text() == "queued");
                              });
    CHECK_PLAYED(offered);
    auto const lacks = talk(script().opening().expect("NOOP").reply("250 ok").expect_close(),
                            [](smtp::session& s) -> task<void> {
                                co_await open(s);
                                auto const e = co_await failure_of(s.bdat("QUIT\r\n", true));
                                REQUIRE(e);
                                CHECK(e->code() == smtp::errc::extension_missing);
                                auto const reply = co_await s.noop();
                                CHECK(reply.positive());
                            });
    CHECK_PLAYED(lacks);
}

TEST_CASE("BINARYMIME: it carries NULs, long lines and bare line ends, which are errors elsewhere")
{
    struct row
    {
        std::string        text;
        smtp::line_endings endings;
        smtp::errc         otherwise;
        std::string_view   hint;
    };
    auto const normalise = smtp::line_endings::normalise;
    row const  rows[]{
         {std::string("Subject: t\r\n\r\na\0b\r\n", 19), normalise, smtp::errc::binary_refused, "base64"},
         {"Subject: t\r\n\r\n" + std::string(5000, 'x') + "\r\n", normalise, smtp::errc::line_length,
          "quoted-printable"},
         {"Subject: t\r\n\r\nbare \n and \r.\n.\n", smtp::line_endings::verbatim,
          smtp::errc::extension_missing, "BINARYMIME"},
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.otherwise);
        auto const o = options([&](auto& set) { set.endings = r.endings; });
        auto const m = mail(r.text);
        auto const d = deliver(offering(), m, o);
        CHECK(d.report().all_accepted());
        REQUIRE(d.messages.size() == 1);
        CHECK(d.messages[0].transfer == "BDAT");
        CHECK(d.messages[0].from.parameter("BODY") == "BINARYMIME");
        CHECK(d.messages[0].content == r.text);

        auto const lacks = deliver(lacking({"CHUNKING", "BINARYMIME"}), m, o);
        CHECK(lacks.code() == r.otherwise);
        CHECK(lacks.tells(r.hint));
        CHECK(lacks.commands == lines());
    }
    auto const off = options([](auto& o) { o.chunking = smtp::chunking::off; });
    CHECK(deliver(offering(), mail(std::string("a\0b", 3)), off).code() == smtp::errc::binary_refused);
    auto const asked = mail_with([](auto& e) { e.parameters.body = smtp::body_type::binary; });
    CHECK(deliver(offering(), asked).messages.at(0).from.parameter("BODY") == "BINARYMIME");
    CHECK(deliver(lacking({"BINARYMIME"}), asked, dropping()).code() == smtp::errc::extension_missing);
    CHECK(deliver(offering(), asked, off).code() == smtp::errc::bad_parameter);
}

TEST_CASE("8BITMIME: declared for content that needs it, which is not sent where it is not offered")
{
    std::string const eight = "Subject: t\r\n\r\n\xe4\xf6\xfc\r\n";
    CHECK(deliver(offering(), mail(eight)).messages.at(0).from.parameter("BODY") == "8BITMIME");
    CHECK_FALSE(deliver(offering(), mail()).messages.at(0).from.parameter("BODY"));

    auto const lacks = deliver(lacking({"8BITMIME", "BINARYMIME"}), mail(eight));
    CHECK(lacks.code() == smtp::errc::eight_bit_refused);
    CHECK(lacks.tells("quoted-printable"));
    CHECK(lacks.commands == lines());
    CHECK(deliver(lacking({"8BITMIME", "BINARYMIME"}), mail(), dropping()).report().all_accepted());

    // What is not known may be 8-bit, and is watched where it must not be.
    auto unknown    = mail();
    unknown.content = once(eight);
    CHECK(deliver(offering(), unknown).messages.at(0).from.parameter("BODY") == "8BITMIME");
    unknown.content = once(eight);
    auto const late = deliver(lacking({"8BITMIME", "BINARYMIME"}), unknown);
    CHECK(late.code() == smtp::errc::eight_bit_refused);
    CHECK(late.messages.empty());

    check_parameter(
        {"8BITMIME", [](auto& e) { e.parameters.body = smtp::body_type::seven_bit; }, "BODY", "7BIT"});
    auto const lie = mail_with([](auto& e) { e.parameters.body = smtp::body_type::seven_bit; }, eight);
    CHECK(deliver(offering(), lie).code() == smtp::errc::bad_parameter);
}

// Addresses beyond ASCII -------------------------------------------------------------------------------------

TEST_CASE("SMTPUTF8: asked for if a local part or the header section needs it, and only then")
{
    std::string const u = "\xc3\xbc";
    struct row
    {
        char const*   name;
        smtp::message m;
        bool          needed;
        char const*   to; ///< As it is sent; null for the domain beyond ASCII.
    };
    std::string const domain = u_domain;
    row const         rows[]{
                {"plain", mail_from_to("a@b.test", {"x@y.test"}), false, "x@y.test"},
                {"local part", mail_from_to("a@b.test", {u + "@y.test"}), true, "\xc3\xbc@y.test"},
                {"sender", mail_from_to(u + "@b.test", {"x@y.test"}), true, "x@y.test"},
                {"header section", mail_from_to("a@b.test", {"x@y.test"}, "Subject: " + u + "\r\n\r\nx\r\n"), true,
                 "x@y.test"},
                {"body", mail_from_to("a@b.test", {"x@y.test"}, "Subject: x\r\n\r\n" + u + "\r\n"), false,
                 "x@y.test"},
                {"Latin-1 header", mail_from_to("a@b.test", {"x@y.test"}, "Subject: \xfc\r\n\r\nx\r\n"), false,
                 "x@y.test"},
                {"domain", mail_from_to("a@b.test", {"x@" + domain}), !codec::has_idna, nullptr},
                {"domain of the sender", mail_from_to("a@" + domain, {"x@y.test"}), !codec::has_idna, "x@y.test"},
                {"domain beside a local part", mail_from_to("a@b.test", {"x@" + domain, u + "@y.test"}), true,
                 "x@b\xc3\xbc"
                         "cher.test"},
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.name);
        auto const d = deliver(offering(), r.m);
        CHECK(d.report().all_accepted());
        REQUIRE(d.messages.size() == 1);
        CHECK(d.messages[0].from.parameter("SMTPUTF8").has_value() == r.needed);
        CHECK(d.messages[0].recipients.at(0).address == (r.to ? r.to : std::string("x@") + sent_domain));
    }
}

TEST_CASE("SMTPUTF8: domains become A-labels, sender and recipients, wherever it is not asked for")
{
    std::string const domain = u_domain;
    auto const        m      = mail_from_to("a@" + domain, {"x@" + domain, "y@mail." + domain, "z@y.test"});
    for (auto const& sink : {offering(), lacking({"SMTPUTF8"})})
    {
        auto const d = deliver(sink, m);
        if (!codec::has_idna && !sink.offers("SMTPUTF8"))
        {
            CHECK(d.code() == smtp::errc::smtputf8_required);
            CHECK(d.tells(why_domain));
            continue;
        }
        CHECK(d.report().all_accepted());
        REQUIRE(d.messages.size() == 1);
        CHECK(d.messages[0].from.address == std::string("a@") + sent_domain);
        CHECK(d.messages[0].recipients.at(0).address == std::string("x@") + sent_domain);
        CHECK(d.messages[0].recipients.at(1).address == std::string("y@mail.") + sent_domain);
        CHECK(d.messages[0].recipients.at(2).address == "z@y.test");
        CHECK(d.report().recipients()[0].address == "x@" + domain);
    }
}

TEST_CASE("SMTPUTF8: where it is not offered, who cannot be spelled is refused, the others get the mail")
{
    std::string const u = "\xc3\xbc";
    // TR46 knows no such label.
    auto const m =
        mail_from_to("a@b.test", {u + "@y.test", "x@y.test", "z@" + u + "\xef\xbc\xa0w.test", "w@y.test"});
    auto const d = deliver(lacking({"SMTPUTF8"}), m);
    CHECK(d.code() == std::error_code());
    CHECK(d.outcomes() == dispositions{perm, accepted, perm, accepted});
    for (std::size_t const i : {0U, 2U})
    {
        auto const& r = d.report().recipients()[i];
        CHECK(r.phase == smtp::phase::prepare);
        CHECK(r.code == 0);
        REQUIRE(r.enhanced);
        CHECK(r.enhanced->to_string() == "5.6.7");
    }
    CHECK(d.report().recipients()[0].text.find("does not offer") != std::string::npos);
    CHECK(d.report().recipients()[2].text.find(why_domain) != std::string::npos);
    CHECK(d.report().outcome() == smtp::overall::partial);
    check_each_once(d);

    // Where it is offered all of them go, the name that has no A-label too.
    CHECK(deliver(offering(), m).report().all_accepted());
}

TEST_CASE("SMTPUTF8: nothing is sent if all, the sender, or one under all or nothing cannot be spelled")
{
    std::string const u = "\xc3\xbc";
    struct row
    {
        smtp::message          m;
        smtp::recipient_policy policy;
        char const*            tells;
        std::vector<bool>      blamed;
    };
    auto const each = smtp::recipient_policy::each;
    row const  rows[]{
         {mail_from_to("a@b.test", {u + "@y.test"}), each, "local part", {true}},
         {mail_from_to("a@b.test", {u + "@y.test", u + u + "@y.test"}), each, "local part", {true, true}},
         {mail_from_to("a@b.test", {"x@y.test", u + "@y.test"}),
          smtp::recipient_policy::all_or_nothing,
          "all or nothing",
          {false, true}},
         {mail_from_to("a@b.test", {u + "@y.test"}),
          smtp::recipient_policy::at_least_one,
          "local part",
          {true}},
         {mail_from_to(u + "@b.test", {"x@y.test"}), each, "local part", {false}},
         {mail_from_to("a@" + u + "--\xe2\x80\xae.test", {"x@y.test"}), each, why_domain, {false}},
         {mail_from_to("a@b.test", {"x@y.test"}, "Subject: " + u + "\r\n\r\n"), each, "RFC 2047", {false}},
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.tells);
        auto const d = deliver(lacking({"SMTPUTF8"}), r.m, with_policy(r.policy));
        CHECK(d.code() == smtp::errc::smtputf8_required);
        CHECK(d.code() == condition::permanent);
        CHECK(d.tells(r.tells));
        CHECK(d.commands == lines());
        CHECK(d.report().outcome() == smtp::overall::not_sent);
        std::vector<bool> blamed;
        for (auto const& one : d.report().recipients())
        {
            CHECK_FALSE(one.text.empty());
            blamed.push_back(one.enhanced.has_value());
        }
        CHECK(blamed == r.blamed);
    }
}

TEST_CASE("SMTPUTF8: force asks for it always, never does not ask for it")
{
    std::string const u       = "\xc3\xbc";
    auto const        force   = options([](auto& o) { o.smtputf8 = smtp::smtputf8_use::force; });
    auto const        never   = options([](auto& o) { o.smtputf8 = smtp::smtputf8_use::never; });
    auto const        domains = mail_from_to("a@b.test", {std::string("x@") + u_domain});

    auto const forced = deliver(offering(), domains, force);
    REQUIRE(forced.messages.size() == 1);
    CHECK(forced.messages[0].from.parameter("SMTPUTF8"));
    CHECK(forced.messages[0].recipients.at(0).address == std::string("x@") + u_domain);
    for (auto const how : {smtp::unsupported::refuse, smtp::unsupported::drop})
    {
        auto o             = force;
        o.unsupported      = how;
        auto const missing = deliver(lacking({"SMTPUTF8"}), mail(), o);
        CHECK(missing.code() == smtp::errc::extension_missing);
        CHECK(missing.tells("SMTPUTF8"));
        CHECK(missing.commands == lines());
    }
    check_parameter({"SMTPUTF8", [](auto& e) { e.parameters.smtputf8 = true; }, "SMTPUTF8", "", false});

    auto const labels = deliver(offering(), domains, never);
    CHECK(labels.code() ==
          (codec::has_idna ? std::error_code() : make_error_code(smtp::errc::smtputf8_required)));
    if (codec::has_idna)
        CHECK(labels.messages.at(0).recipients.at(0).address == std::string("x@") + a_domain);
    auto const mixed = deliver(offering(), mail_from_to("a@b.test", {u + "@y.test", "x@y.test"}), never);
    CHECK(mixed.outcomes() == dispositions{perm, accepted});
    CHECK(mixed.report().recipients()[0].text.find("never") != std::string::npos);
    CHECK(deliver(offering(), mail_from_to(u + "@b.test", {"x@y.test"}), never).code() ==
          smtp::errc::smtputf8_required);
    auto const header = deliver(lacking({"SMTPUTF8"}), mail("Subject: " + u + "\r\n\r\n"), never);
    CHECK(header.report().all_accepted());
    CHECK(header.messages.at(0).from.parameter("BODY") == "8BITMIME");
}

// Parameters -------------------------------------------------------------------------------------------------

TEST_CASE("SIZE: what is declared counts line ends as they are sent and no stuffed dots")
{
    struct row
    {
        std::string   text;
        std::uint64_t size;
    };
    for (auto const& r :
         {row{"a\nb\n", 6}, row{"a\r\n.b\r\n..\r\n", 11}, row{"no end", 8}, row{"a\rb", 6}, row{"", 0}})
    {
        CAPTURE(r.text);
        auto const d = deliver(offering(), mail(r.text));
        REQUIRE(d.messages.size() == 1);
        CHECK(d.messages[0].from.parameter("SIZE") == std::to_string(r.size));
        CHECK(d.messages[0].size == r.size);
    }
    CHECK_FALSE(deliver(lacking({"SIZE"}), mail()).messages.at(0).from.parameter("SIZE"));
    auto unknown    = mail();
    unknown.content = once("Subject: t\r\n\r\n");
    CHECK_FALSE(deliver(offering(), unknown).messages.at(0).from.parameter("SIZE"));
    check_parameter({"SIZE", [](auto& e) { e.parameters.size = 100; }, "SIZE", "100"});
}

TEST_CASE("SIZE: too big is known before anything is sent, or refused at MAIL or after the content")
{
    auto small             = offering();
    small.max_message_size = 20;
    auto const fits        = std::string(18, 'x') + "\n";
    CHECK(deliver(small, mail(fits)).report().all_accepted());
    auto const early = deliver(small, mail('x' + fits));
    CHECK(early.code() == smtp::errc::message_too_big);
    CHECK(early.commands == lines());
    CHECK(early.outcomes() == dispositions{not_sent});

    // A limit that is not announced.
    auto const at_mail = talk(script()
                                  .opening({"SIZE"})
                                  .expect("MAIL FROM:<a@b.test> SIZE=21")
                                  .reply("552 5.3.4 too big")
                                  .expect_close(),
                              [&](smtp::session& s) -> task<void> {
                                  co_await open(s);
                                  auto const m = mail('x' + fits);
                                  auto const r = co_await s.send(m);
                                  CHECK(r.recipients()[0].outcome == perm);
                                  CHECK(r.recipients()[0].phase == smtp::phase::mail);
                                  CHECK(r.recipients()[0].code == 552);
                              });
    CHECK_PLAYED(at_mail);

    auto unknown    = mail();
    unknown.content = once('x' + fits);
    auto const late = deliver(small, unknown);
    CHECK(late.outcomes() == dispositions{perm});
    CHECK(late.report().recipients()[0].phase == smtp::phase::content);
    CHECK(late.report().recipients()[0].code == 552);
}

TEST_CASE("DSN: RET, ENVID, NOTIFY and ORCPT")
{
    using smtp::notify;
    auto const envid = [](char const* id) { return [id](smtp::envelope& e) { e.parameters.envid = id; }; };
    auto const ask   = [](notify n) {
        return [n](smtp::envelope& e) { e.recipients[0].parameters.notify_on = n; };
    };
    auto const orcpt = [](char const* type, char const* text) {
        return [=](smtp::envelope& e) {
            e.recipients[0].parameters.orcpt = smtp::original_recipient(type, text);
        };
    };
    parameter const rows[]{
        {"DSN", [](auto& e) { e.parameters.ret = smtp::return_content::full; }, "RET", "FULL"},
        {"DSN", [](auto& e) { e.parameters.ret = smtp::return_content::headers; }, "RET", "HDRS"},
        {"DSN", envid("id-1"), "ENVID", "id-1"},
        {"DSN", envid("a+b=c d"), "ENVID", "a+2Bb+3Dc+20d"},
        {"DSN", ask(notify::never), "NOTIFY", "NEVER", true, true},
        {"DSN", ask(notify::delay | notify::success | notify::failure), "NOTIFY", "SUCCESS,FAILURE,DELAY",
         true, true},
        {"DSN", orcpt("", "x+y=z@w.test"), "ORCPT", "rfc822;x+2By+3Dz@w.test", true, true},
        {"DSN", orcpt("x400", "/C=de/"), "ORCPT", "x400;/C+3Dde/", true, true},
        {"DSN", orcpt("", "\xc3\xbc+@w.test"), "ORCPT", "utf-8;\\x{FC}\\x{2B}@w.test", true, true},
    };
    for (auto const& r : rows)
        check_parameter(r);

    // Under SMTPUTF8 the address is spelled as it is (RFC 6533, 3).
    auto const utf8 = mail_with([](auto& e) {
        e.parameters.smtputf8            = true;
        e.recipients[0].parameters.orcpt = smtp::original_recipient("\xc3\xbc@w.test");
    });
    CHECK(deliver(offering(), utf8).messages.at(0).recipients.at(0).parameter("ORCPT") ==
          "utf-8;\xc3\xbc@w.test");

    // One keyword is named once, however many parameters it takes away.
    auto all                      = mail_to(3);
    all.envelope.parameters.envid = "x";
    for (auto& r : all.envelope.recipients)
        r.parameters.notify_on = notify::never;
    auto const dropped = deliver(lacking({"DSN"}), all, dropping());
    CHECK(dropped.dropped() == lines{"DSN"});
    CHECK(dropped.report().all_accepted());
    CHECK(all.envelope.parameters.envid == "x");
    CHECK(all.envelope.recipients[2].parameters.notify_on == notify::never);
}

TEST_CASE("ENHANCEDSTATUSCODES: the codes are in the report, wherever the server gives them")
{
    auto const m = mail_to(2);
    for (bool const offered : {true, false})
    {
        auto sink                = offered ? offering() : lacking({"ENHANCEDSTATUSCODES"});
        sink.refuse["r0@y.test"] = smtp_reply(550, offered ? "5.1.1 nobody" : "nobody");
        auto const d             = deliver(sink, m);
        CHECK(d.outcomes() == dispositions{perm, accepted});
        for (auto const& r : d.report().recipients())
            CHECK(r.enhanced.has_value() == offered);
        if (offered)
            CHECK(d.report().recipients()[0].enhanced->to_string() == "5.1.1");
        CHECK(d.report().recipients()[0].text == "nobody");
    }
}

TEST_CASE("REQUIRETLS: only under TLS that was verified, and never dropped")
{
    auto const ask  = [](auto& e) { e.parameters.require_tls = true; };
    auto const m    = mail_with(ask);
    auto const sink = with_tls(offering({"REQUIRETLS"}));

    auto const secured = deliver(sink, m, {}, under_tls);
    REQUIRE(secured.messages.size() == 1);
    CHECK(secured.messages[0].from.parameter("REQUIRETLS"));
    CHECK(secured.messages[0].secure);

    for (auto const& o : {smtp::send_options(), dropping()})
    {
        auto const clear = deliver(sink, m, o);
        CHECK(clear.code() == smtp::errc::extension_missing);
        CHECK(clear.tells("REQUIRETLS"));
        CHECK(clear.tells("under TLS only"));
        CHECK(clear.commands == lines());
        auto const lacks = deliver(with_tls(offering()), m, o, under_tls);
        CHECK(lacks.code() == smtp::errc::extension_missing);
        CHECK(lacks.tells("REQUIRETLS"));
        CHECK(lacks.commands == lines());
        auto const anyone = deliver(sink, m, o, [](auto& s) { s.tls = smtp::tls_mode::opportunistic; });
        CHECK(anyone.code() == smtp::errc::tls_required_unavailable);
        CHECK(anyone.tells("verified"));
        CHECK(anyone.commands == lines());
    }
    // Some servers offer it in the clear.
    auto const wrong =
        talk(script().opening({"REQUIRETLS"}).expect_close(), [&](smtp::session& s) -> task<void> {
            co_await open(s);
            auto const e = co_await failure_of(s.send(m));
            REQUIRE(e);
            CHECK(e->code() == smtp::errc::tls_required_unavailable);
            CHECK(e->code() == condition::tls);
        });
    CHECK_PLAYED(wrong);
}

TEST_CASE("REQUIRETLS overrides TLS-Required: No")
{
    std::string const text = "TLS-Required: No\r\nSubject: t\r\n\r\nHello\r\n";
    CHECK(smtp::look_at_header(text).tls_optional);
    auto const m = mail_with([](auto& e) { e.parameters.require_tls = true; }, text);
    auto const d = deliver(with_tls(offering({"REQUIRETLS"})), m, {}, under_tls);
    REQUIRE(d.messages.size() == 1);
    CHECK(d.messages[0].from.parameter("REQUIRETLS"));
    CHECK(d.messages[0].content == text);
    CHECK(deliver(offering({"REQUIRETLS"}), m).commands == lines());
    // The field alone turns nothing off: how the connection is secured is for the settings to say.
    CHECK(deliver(with_tls(offering()), mail(text), {}, under_tls).messages.at(0).secure);
}

TEST_CASE("AUTH=: the submitter is named where AUTH is offered")
{
    struct row
    {
        smtp::reverse_path who;
        char const*        value;
    };
    for (auto const& r :
         {row{smtp::reverse_path("e+mc2@b.test"), "e+2Bmc2@b.test"}, row{smtp::reverse_path(), "<>"}})
    {
        auto const m    = mail_with([&](auto& e) { e.parameters.auth = r.who; });
        auto       sink = offering();
        sink.users      = {{"user", "secret"}};
        CHECK(deliver(sink, m).messages.at(0).from.parameter("AUTH") == r.value);
        auto const lacks = deliver(offering(), m);
        CHECK(lacks.code() == smtp::errc::extension_missing);
        CHECK(lacks.tells("AUTH"));
        CHECK(lacks.commands == lines());
        auto const drops = deliver(offering(), m, dropping());
        CHECK(drops.report().all_accepted());
        CHECK(drops.dropped() == lines{"AUTH"});
    }
}

TEST_CASE("DELIVERBY: time, mode and trace, and the least time the server takes")
{
    auto const by = [](std::int64_t seconds, smtp::deliver_by::on_failure mode, bool trace) {
        return [=](smtp::envelope& e) {
            e.parameters.by          = smtp::deliver_by();
            e.parameters.by->seconds = seconds;
            e.parameters.by->mode    = mode;
            e.parameters.by->trace   = trace;
        };
    };
    using mode = smtp::deliver_by::on_failure;
    check_parameter({"DELIVERBY 100", by(100, mode::return_message, false), "BY", "100;R"});
    check_parameter({"DELIVERBY", by(1, mode::return_message, true), "BY", "1;RT"});
    check_parameter({"DELIVERBY 100", by(-5, mode::notify_delay, false), "BY", "-5;N"});
    for (auto const seconds : {0, 99})
    {
        auto const d =
            deliver(offering({"DELIVERBY 100"}), mail_with(by(seconds, mode::return_message, false)));
        CHECK(d.code() == smtp::errc::bad_parameter);
        CHECK(d.commands == lines());
    }
}

TEST_CASE("FUTURERELEASE: for a time or until a time, and the longest time the server takes")
{
    auto const hold = [](std::uint32_t seconds) {
        return [=](smtp::envelope& e) { e.parameters.hold_for = seconds; };
    };
    auto const until = [](char const* when) {
        return [=](smtp::envelope& e) { e.parameters.hold_until = when; };
    };
    check_parameter({"FUTURERELEASE 86400 2036-01-01T00:00:00Z", hold(86400), "HOLDFOR", "86400"});
    check_parameter(
        {"FUTURERELEASE", until("2030-02-28T10:20:30+01:00"), "HOLDUNTIL", "2030-02-28T10:20:30+01:00"});
    auto const both = [&](smtp::envelope& e) {
        hold(1)(e);
        until("2030-01-01T00:00:00Z")(e);
    };
    for (auto const& ask :
         std::vector<std::function<void(smtp::envelope&)>>{hold(86401), hold(0), until("tomorrow"), both})
    {
        auto const d = deliver(offering({"FUTURERELEASE 86400"}), mail_with(ask));
        CHECK(d.code() == smtp::errc::bad_parameter);
        CHECK(d.commands == lines());
    }
}

TEST_CASE("MT-PRIORITY: from -9 to 9")
{
    auto const priority = [](int p) { return [=](smtp::envelope& e) { e.parameters.mt_priority = p; }; };
    check_parameter({"MT-PRIORITY MIXER", priority(-9), "MT-PRIORITY", "-9"});
    check_parameter({"MT-PRIORITY", priority(9), "MT-PRIORITY", "9"});
    CHECK(deliver(offering({"MT-PRIORITY"}), mail_with(priority(10))).code() == smtp::errc::bad_parameter);
}

TEST_CASE("RRVS: never dropped, since the promise would be broken")
{
    auto const since = [](smtp::require_valid_since what) {
        return [=](smtp::envelope& e) { e.recipients[0].parameters.valid_since = what; };
    };
    using smtp::require_valid_since;
    check_parameter({"RRVS", since(require_valid_since("2014-04-03T23:01:00Z")), "RRVS",
                     "2014-04-03T23:01:00Z", false, true});
    check_parameter({"RRVS",
                     since(require_valid_since("2014-04-03T23:01:00Z", require_valid_since::action::proceed)),
                     "RRVS", "2014-04-03T23:01:00Z;C", false, true});
    CHECK(deliver(offering({"RRVS"}), mail_with(since(require_valid_since("2014")))).code() ==
          smtp::errc::bad_parameter);
}

TEST_CASE("extra parameters are sent as they are, unknown keywords can be looked at")
{
    auto const ask = [](auto& e) {
        e.parameters.extra.emplace_back("X-FLAG");
        e.parameters.extra.emplace_back("X-VALUE", "a+20b");
        e.recipients[0].parameters.extra.emplace_back("X-RCPT", "1");
    };
    auto const sink = offering({"X-FLAG", "X-VALUE", "X-RCPT", "X-UNKNOWN some parameters"});
    auto const look = [](smtp::client& c) -> task<void> {
        co_await c.connect();
        auto const& server = c.current()->capabilities();
        CHECK(server.has("x-unknown"));
        REQUIRE(server.find("X-UNKNOWN") != nullptr);
        CHECK(server.find("X-UNKNOWN")->parameters == "some parameters");
        CHECK_FALSE(server.has("X-OTHER"));
        CHECK(std::any_of(server.keywords().begin(), server.keywords().end(),
                          [](auto const& k) { return k.keyword == "X-UNKNOWN"; }));
    };
    auto const d = deliver(sink, {mail_with(ask)}, {}, {}, look);
    REQUIRE(d.messages.size() == 1);
    CHECK(d.messages[0].from.parameter("X-FLAG") == "");
    CHECK(d.messages[0].from.parameter("X-VALUE") == "a+20b");
    CHECK(d.messages[0].recipients.at(0).parameter("X-RCPT") == "1");

    // Nothing is known about them, so it is for the server to refuse.
    auto const refused = deliver(offering(), mail_with(ask), dropping());
    CHECK(refused.outcomes() == dispositions{perm});
    CHECK(refused.report().recipients()[0].code == 555);
    CHECK(refused.dropped() == lines());
    auto const twice = mail_with([](auto& e) { e.parameters.extra.emplace_back("SIZE", "1"); });
    CHECK(deliver(offering(), twice).code() == smtp::errc::bad_parameter);
}

// Many recipients --------------------------------------------------------------------------------------------

TEST_CASE("LIMITS RCPTMAX: recipients are parted into transactions, with one report")
{
    auto const m = mail_to(25);
    for (bool const pipelined : {true, false})
    {
        auto sink           = offering({"LIMITS RCPTMAX=10"});
        sink.max_recipients = 10;
        if (!pipelined)
            sink.withdraw("PIPELINING");
        for (auto const how : {smtp::chunking::automatic, smtp::chunking::on})
        {
            auto const d = deliver(sink, m, options([&](auto& o) { o.chunking = how; }));
            CHECK(d.code() == std::error_code());
            CHECK(d.report().all_accepted());
            CHECK(sizes_of(d.messages) == std::vector<std::size_t>{10, 10, 5});
            for (auto const& one : d.messages)
                CHECK(one.content == "Subject: t\r\n\r\nHello\r\n");
            check_each_once(d);
            CHECK(d.connections == 1);
        }
    }
    CHECK(sizes_of(deliver(offering(), m).messages) == std::vector<std::size_t>{25});
}

TEST_CASE("LIMITS RCPTDOMAINMAX: who shares a domain shares a transaction")
{
    std::vector<std::string> to;
    for (int i = 0; i != 12; ++i)
        to.push_back("r" + std::to_string(i) +
                     (i % 3 == 0   ? "@one.test"
                      : i % 3 == 1 ? "@two.test"
                                   : "@ONE.test"));
    auto const m = mail_from_to("a@b.test", to);

    auto const one = deliver(offering({"LIMITS RCPTDOMAINMAX=1"}), m);
    CHECK(one.report().all_accepted());
    CHECK(sizes_of(one.messages) == std::vector<std::size_t>{8, 4});
    check_each_once(one);
    CHECK(one.report().recipients()[1].address == "r1@two.test");

    auto const both = deliver(offering({"LIMITS RCPTDOMAINMAX=1 RCPTMAX=3"}), m);
    CHECK(both.report().all_accepted());
    CHECK(sizes_of(both.messages) == std::vector<std::size_t>{3, 3, 2, 3, 1});
    check_each_once(both);
    CHECK(sizes_of(deliver(offering({"LIMITS RCPTDOMAINMAX=2"}), m).messages) ==
          std::vector<std::size_t>{12});
}

TEST_CASE("LIMITS: all or nothing with too many recipients is an error before anything is sent")
{
    auto const policy = with_policy(smtp::recipient_policy::all_or_nothing);
    auto const many   = deliver(offering({"LIMITS RCPTMAX=10"}), mail_to(11), policy);
    CHECK(many.code() == smtp::errc::too_many_recipients);
    CHECK(many.commands == lines());
    CHECK(many.report().count(not_sent) == 11);
    CHECK(many.tells("LIMITS"));
    CHECK(deliver(offering({"LIMITS RCPTMAX=10"}), mail_to(10), policy).report().all_accepted());
    auto const domains = mail_from_to("a@b.test", {"x@one.test", "y@two.test"});
    CHECK(deliver(offering({"LIMITS RCPTDOMAINMAX=1"}), domains, policy).code() ==
          smtp::errc::too_many_recipients);
}

TEST_CASE("LIMITS MAILMAX: a client opens another connection when the server has had enough")
{
    auto sink                        = offering({"LIMITS MAILMAX=2"});
    sink.max_messages_per_connection = 2;
    auto const d                     = deliver(sink, {mail(), mail(), mail(), mail(), mail()});
    CHECK(d.messages.size() == 5);
    CHECK(d.connections == 3);
    for (auto const& r : d.reports)
        CHECK(r.all_accepted());

    // The parts of one message need it all the same; who had none is told so, and can be sent to again.
    auto both                        = offering({"LIMITS MAILMAX=2 RCPTMAX=10"});
    both.max_messages_per_connection = 2;
    auto const parts                 = deliver(both, mail_to(25));
    CHECK(parts.code() == std::error_code());
    CHECK(parts.report().accepted() == 20);
    CHECK(parts.report().count(not_sent) == 5);
    CHECK(parts.report().recipients()[24].text.find("on this connection") != std::string::npos);
    check_each_once(parts);
}

TEST_CASE("LIMITS MAILMAX: a session says that it is used up")
{
    auto const result =
        talk(script()
                 .opening({"LIMITS MAILMAX=1"})
                 .expect_prefix("MAIL")
                 .reply("250 ok")
                 .expect_prefix("RCPT")
                 .reply("250 ok")
                 .expect("DATA")
                 .reply("354 go")
                 .expect_data()
                 .reply("250 ok")
                 .expect_close(),
             [](smtp::session& s) -> task<void> {
                 co_await open(s);
                 CHECK_FALSE(s.used_up());
                 auto const m = mail();
                 auto const r = co_await s.send(m);
                 CHECK(r.all_accepted());
                 CHECK(s.used_up());
                 auto const e = co_await failure_of(s.send(m));
                 REQUIRE(e);
                 CHECK(e->code() == smtp::errc::connection_used_up);
                 CHECK(std::string_view(e->what()).find("another connection") != std::string_view::npos);
             });
    CHECK_PLAYED(result);
}

TEST_CASE("452 for too many recipients: the others have further transactions if content can be reread")
{
    support::temp_dir const dir;
    std::string const       text = "Subject: t\r\n\r\nHello\r\n";
    support::write_file(dir / "mail.eml", text);
    auto sink           = offering();
    sink.max_recipients = 7;
    for (std::string const from : {"memory", "file", "once"})
    {
        CAPTURE(from);
        for (auto const how : {smtp::chunking::automatic, smtp::chunking::on})
        {
            auto m = mail_to(25);
            if (from == "file")
                m.content = std::make_shared<file_source>(dir / "mail.eml");
            if (from == "once")
                m.content = once(text);
            auto const d = deliver(sink, m, options([&](auto& o) { o.chunking = how; }));
            CHECK(d.code() == std::error_code());
            check_each_once(d);
            for (auto const& one : d.messages)
                CHECK(one.content == text);
            if (from != "once")
            {
                CHECK(d.report().all_accepted());
                CHECK(sizes_of(d.messages) == std::vector<std::size_t>{7, 7, 7, 4});
                continue;
            }
            CHECK(sizes_of(d.messages) == std::vector<std::size_t>{7});
            CHECK(d.report().count(temp) == 18);
            CHECK(d.report().recipients()[7].code == 452);
        }
    }
}

TEST_CASE("452 for another reason, or for the first recipient, is what it says")
{
    struct row
    {
        smtp_reply reply;
        bool       again;
    };
    for (auto const& r :
         {row{smtp_reply(452, "4.2.2 over quota"), false}, row{smtp_reply(452, "4.3.1 no space"), false},
          row{smtp_reply(452, "4.5.3 too many"), true}, row{smtp_reply(452, "too many"), true},
          row{smtp_reply(552, "5.5.3 too many"), true}, row{smtp_reply(552, "too many"), false},
          row{smtp_reply(450, "4.5.3 too many"), false}, row{smtp_reply(550, "5.5.3 too many"), false}})
    {
        CAPTURE(r.reply.text);
        int  asked   = 0;
        auto sink    = offering();
        sink.on_rcpt = [&](testing::smtp_path const& p) {
            return p.address == "r1@y.test" && ++asked == 1 ? r.reply : smtp_reply();
        };
        auto const d = deliver(sink, mail_to(3));
        CHECK(asked == (r.again ? 2 : 1));
        CHECK(d.report().accepted() == (r.again ? 3 : 2));
        CHECK(d.messages.size() == (r.again ? 2 : 1));
        check_each_once(d);
    }
    auto none           = offering();
    none.max_recipients = 0;
    auto const d        = deliver(none, mail_to(3));
    CHECK(d.outcomes() == dispositions{temp, temp, temp});
    CHECK(std::count(d.commands.begin(), d.commands.end(), "DATA") <= 1);
}

TEST_CASE("452 for too many recipients under all or nothing: nobody gets the message")
{
    auto sink           = offering();
    sink.max_recipients = 7;
    for (auto const how : {smtp::chunking::automatic, smtp::chunking::on})
    {
        auto o       = with_policy(smtp::recipient_policy::all_or_nothing);
        o.chunking   = how;
        auto const d = deliver(sink, mail_to(25), o);
        CHECK(d.code() == smtp::errc::not_all_accepted);
        CHECK(d.messages.empty());
        CHECK(d.report().accepted() == 0);
        CHECK(d.report().count(not_sent) == 7);
        CHECK(d.report().count(temp) == 18);
        CHECK(std::count_if(d.commands.begin(), d.commands.end(),
                            [](auto const& c) { return c.rfind("MAIL", 0) == 0; }) == 1);
    }
}

TEST_CASE("MAIL refused for a later part decides about the rest, and nothing about the earlier parts")
{
    auto sink    = offering({"LIMITS RCPTMAX=10"});
    int  mails   = 0;
    sink.on_mail = [&](testing::smtp_path const&) {
        return ++mails == 2 ? smtp_reply(450, "4.7.1 too fast") : smtp_reply();
    };
    auto const d = deliver(sink, mail_to(25));
    CHECK(d.code() == std::error_code());
    CHECK(d.report().accepted() == 10);
    CHECK(d.report().count(temp) == 15);
    for (std::size_t i = 10; i != 25; ++i)
    {
        CHECK(d.report().recipients()[i].phase == smtp::phase::mail);
        CHECK(d.report().recipients()[i].code == 450);
    }
    CHECK(mails == 2);
    check_each_once(d);
}

TEST_CASE("parts whose content is refused do not keep others from being accepted")
{
    auto sink       = offering({"LIMITS RCPTMAX=1"});
    int  contents   = 0;
    sink.on_message = [&](smtp_sink_message const&) {
        return ++contents == 2 ? smtp_reply(451, "4.3.0 later") : smtp_reply();
    };
    for (auto const how : {smtp::chunking::automatic, smtp::chunking::on})
    {
        contents     = 0;
        auto const d = deliver(sink, mail_to(3), options([&](auto& o) { o.chunking = how; }));
        CHECK(d.outcomes() == dispositions{accepted, temp, accepted});
        check_each_once(d);
    }
}

TEST_CASE("no recipients at all is an error before anything is sent")
{
    for (auto const& sink : {offering(), offering({"LIMITS RCPTMAX=1 RCPTDOMAINMAX=1"})})
        for (auto const policy : {smtp::recipient_policy::each, smtp::recipient_policy::all_or_nothing})
        {
            auto const d = deliver(sink, mail_to(0), with_policy(policy));
            CHECK(d.code() == smtp::errc::no_recipients);
            CHECK(d.commands == lines());
        }
}

TEST_CASE("a client is fit for the next message whatever could not be sent before")
{
    std::string const u    = "\xc3\xbc";
    auto              sink = lacking({"SMTPUTF8", "DSN"});
    sink.offer("LIMITS RCPTMAX=2 RCPTDOMAINMAX=1");
    auto const dsn = mail_with([](auto& e) { e.parameters.envid = "x"; });
    auto const d =
        deliver(sink, {mail_to(5), mail_from_to("a@b.test", {u + "@y.test"}), mail_to(1), dsn, mail_to(0),
                       mail_from_to("a@b.test", {u + "@y.test", "x@y.test", "x@z.test"}), mail_to(3)});
    REQUIRE(d.reports.size() == 7);
    for (std::size_t const i : {0U, 2U, 6U})
        CHECK(d.reports[i].all_accepted());
    CHECK(d.codes[1] == smtp::errc::smtputf8_required);
    CHECK(d.codes[3] == smtp::errc::extension_missing);
    CHECK(d.codes[4] == smtp::errc::no_recipients);
    CHECK(d.reports[5].accepted() == 2);
    CHECK(d.connections == 1);
}

// A reply for each recipient ---------------------------------------------------------------------------------

TEST_CASE("PRDR: used by itself for several recipients, some of which may be refused after the content")
{
    auto sink        = offering({"PRDR"});
    sink.on_delivery = [](smtp_sink_message const&, testing::smtp_path const& p) {
        return p.address == "r1@y.test" ? smtp_reply(450, "4.2.2 full") : smtp_reply();
    };
    auto const d = deliver(sink, mail_to(3));
    CHECK(d.outcomes() == dispositions{accepted, temp, accepted});
    CHECK(d.report().recipients()[1].phase == smtp::phase::content);
    CHECK(d.report().recipients()[1].code == 450);
    REQUIRE(d.messages.size() == 1);
    CHECK(d.messages[0].from.parameter("PRDR"));

    CHECK_FALSE(deliver(sink, mail_to(1)).messages.at(0).from.parameter("PRDR"));
    CHECK_FALSE(deliver(offering(), mail_to(3)).messages.at(0).from.parameter("PRDR"));
    auto const declined = options([](auto& o) { o.prdr = false; });
    CHECK_FALSE(deliver(sink, mail_to(3), declined).messages.at(0).from.parameter("PRDR"));
    check_parameter({"PRDR", [](auto& e) { e.parameters.prdr = true; }, "PRDR", ""});
}

TEST_CASE("LMTP: over TCP and a Unix socket, by DATA and BDAT, a reply for each accepted recipient")
{
    support::temp_dir const dir;
    for (bool const local : {false, true})
        for (bool const pipelined : {true, false})
            for (auto const how : {smtp::chunking::automatic, smtp::chunking::on})
            {
                CAPTURE(local);
                CAPTURE(pipelined);
                auto sink = pipelined ? offering() : lacking({"PIPELINING"});
                sink.lmtp = true;
                if (local)
                    sink.listen.path = (dir / "lmtp").string();
                sink.refuse["r0@y.test"] = smtp_reply(550, "5.1.1 nobody");
                sink.on_delivery         = [](smtp_sink_message const&, testing::smtp_path const& p) {
                    return p.address == "r2@y.test" ? smtp_reply(452, "4.2.2 full") : smtp_reply();
                };
                auto const d =
                    deliver(sink, {mail_to(4), mail_to(4)}, options([&](auto& o) { o.chunking = how; }),
                            [](auto& s) { s.session.protocol = smtp::protocol::lmtp; });
                CHECK(d.connections == 1);
                REQUIRE(d.messages.size() == 2);
                CHECK(d.messages[0].transfer == (how == smtp::chunking::on ? "BDAT" : "DATA"));
                CHECK(sizes_of(d.messages) == std::vector<std::size_t>{3, 3});
                CHECK(d.outcomes() == dispositions{perm, accepted, temp, accepted});
                CHECK(d.report().recipients()[2].phase == smtp::phase::content);
                CHECK(d.report().recipients()[2].enhanced->to_string() == "4.2.2");
            }
}

TEST_CASE("LMTP: URLs, and servers that speak something else")
{
    smtp::client_settings const tcp("lmtp://mail.test");
    CHECK(tcp.session.protocol == smtp::protocol::lmtp);
    CHECK(net::to_string(tcp.server) == "mail.test:24");
    CHECK(tcp.tls == smtp::tls_mode::required);
    smtp::client_settings const local("lmtp+unix:/run/lmtp");
    CHECK(local.session.protocol == smtp::protocol::lmtp);
    CHECK(local.server.path() == "/run/lmtp");
    CHECK(local.tls == smtp::tls_mode::none);

    auto const as_lmtp = [](auto& s) { s.session.protocol = smtp::protocol::lmtp; };
    CHECK(deliver(offering(), mail(), {}, as_lmtp).code() == smtp::errc::ehlo_refused);
    auto lmtp = offering();
    lmtp.lmtp = true;
    CHECK(deliver(lmtp, mail()).code() == smtp::errc::ehlo_refused);
    // It is LHLO again after STARTTLS, and PRDR is no business of LMTP.
    lmtp.offer("PRDR");
    auto const secured = deliver(with_tls(lmtp), mail_to(2), {}, [](auto& s) {
        s.session.protocol = smtp::protocol::lmtp;
        s.tls              = smtp::tls_mode::required;
    });
    REQUIRE(secured.messages.size() == 1);
    CHECK(secured.messages[0].secure);
    CHECK_FALSE(secured.messages[0].from.parameter("PRDR"));
}

// Commands ---------------------------------------------------------------------------------------------------

TEST_CASE("XCLIENT and XFORWARD: attributes are sent as xtext; after XCLIENT the session begins anew")
{
    auto const sink  = offering({"XCLIENT NAME ADDR", "XFORWARD NAME ADDR SOURCE"});
    auto const tells = [](smtp::client& c) -> task<void> {
        co_await c.connect();
        auto& s = *c.current();
        CHECK(s.capabilities().attributes(smtp::feature::xclient) == lines{"NAME", "ADDR"});
        std::vector<smtp::proxy_attribute> const who{{"NAME", "a+b c"}, {"ADDR", ""}};
        auto const                               fresh = co_await s.xclient(who);
        CHECK(fresh.code() == 220);
        CHECK(s.capabilities().keywords().empty());
        co_await s.hello();
        CHECK(s.capabilities().has(smtp::feature::xclient));
        std::vector<smtp::proxy_attribute> const from{{"ADDR", "192.0.2.1"}, {"SOURCE", "REMOTE"}};
        auto const                               told = co_await s.xforward(from);
        CHECK(told.code() == 250);
        std::vector<smtp::proxy_attribute> const other{{"PORT", "1"}};
        auto const                               refused = co_await s.xforward(other);
        CHECK(refused.code() == 501);
    };
    auto const d = deliver(sink, {mail(), mail()}, {}, {}, tells);
    CHECK(d.commands.at(0) == "XCLIENT NAME=a+2Bb+20c ADDR=[UNAVAILABLE]");
    CHECK(d.commands.at(1) == "XFORWARD ADDR=192.0.2.1 SOURCE=REMOTE");
    REQUIRE(d.messages.size() == 2);
    using attributes = std::vector<testing::smtp_parameter>;
    for (auto const& m : d.messages)
        CHECK(m.xclient == attributes{{"NAME", "a+b c"}, {"ADDR", "[UNAVAILABLE]"}});
    CHECK(d.messages[0].xforward == attributes{{"ADDR", "192.0.2.1"}, {"SOURCE", "REMOTE"}});
    CHECK(d.messages[1].xforward.empty());

    // Where they are not offered the server says so, and nothing is forgotten.
    auto const not_offered = [](smtp::client& c) -> task<void> {
        co_await c.connect();
        std::vector<smtp::proxy_attribute> const who{{"ADDR", "192.0.2.1"}};
        auto const                               client  = co_await c.current()->xclient(who);
        auto const                               forward = co_await c.current()->xforward(who);
        CHECK(client.code() == 500);
        CHECK(forward.code() == 500);
        CHECK(c.current()->capabilities().has(smtp::feature::pipelining));
    };
    CHECK(deliver(offering(), {mail()}, {}, {}, not_offered).report().all_accepted());
}

TEST_CASE("VRFY, EXPN, HELP, ETRN and NOOP: the reply is the result, whatever it is")
{
    struct row
    {
        char const*                                      line;
        char const*                                      reply;
        std::function<task<smtp::reply>(smtp::session&)> ask;
    };
    row const rows[]{
        {"VRFY someone", "252 2.5.0 try RCPT", [](auto& s) { return s.vrfy("someone"); }},
        {"VRFY gr\xc3\xbcn SMTPUTF8", "250 <gr\xc3\xbcn@y.test>",
         [](auto& s) { return s.vrfy("gr\xc3\xbcn"); }},
        {"EXPN friends", "250-<a@b.test>\r\n250 <x@y.test>", [](auto& s) { return s.expn("friends"); }},
        {"EXPN friends", "502 5.5.1 no", [](auto& s) { return s.expn("friends"); }},
        {"HELP", "214 of course", [](auto& s) { return s.help(""); }},
        {"HELP MAIL", "504 no such topic", [](auto& s) { return s.help("MAIL"); }},
        {"ETRN b.test", "250 2.0.0 queuing started", [](auto& s) { return s.etrn("b.test"); }},
        {"ETRN @b.test", "459 not allowed", [](auto& s) { return s.etrn("@b.test"); }},
        {"NOOP", "250 ok", [](auto& s) { return s.noop(); }},
        {"NOOP", "500 what?", [](auto& s) { return s.noop(); }},
    };
    for (auto const& r : rows)
    {
        CAPTURE(r.line);
        auto const result =
            talk(script().opening({"SMTPUTF8", "ETRN"}).expect(r.line).reply(r.reply).expect_close(),
                 [&](smtp::session& s) -> task<void> {
                     co_await open(s);
                     auto const reply = co_await r.ask(s);
                     CHECK(std::to_string(reply.code()) == std::string(r.reply, 3));
                     CHECK(s.is_open());
                 });
        CHECK_PLAYED(result);
    }
    // What cannot be said is not said.
    row const wrong[]{
        {"", "", [](auto& s) { return s.vrfy(""); }},
        {"", "", [](auto& s) { return s.vrfy("a\r\nQUIT"); }},
        {"", "", [](auto& s) { return s.etrn("b\xc3\xbc.test"); }},
        {"", "", [](auto& s) { return s.vrfy("gr\xc3\xbcn"); }},
        {"", "", [](auto& s) { return s.help(std::string(600, 'x')); }},
    };
    for (auto const& r : wrong)
    {
        auto const result = talk(script().opening().expect("NOOP").reply("250 ok").expect_close(),
                                 [&](smtp::session& s) -> task<void> {
                                     co_await open(s);
                                     auto const e = co_await failure_of(r.ask(s));
                                     REQUIRE(e);
                                     CHECK(e->code() == condition::permanent);
                                     auto const reply = co_await s.noop();
                                     CHECK(reply.positive());
                                 });
        CHECK_PLAYED(result);
    }
}

TEST_CASE("ETRN, VRFY, EXPN, HELP and NOOP with a server that offers some of them")
{
    auto const ask = [](bool etrn) {
        return [etrn](smtp::client& c) -> task<void> {
            co_await c.connect();
            auto&      s       = *c.current();
            auto const started = co_await s.etrn("b.test");
            auto const known   = co_await s.vrfy("x");
            auto const list    = co_await s.expn("x");
            auto const help    = co_await s.help("");
            auto const alive   = co_await s.noop();
            CHECK(started.code() == (etrn ? 250 : 500));
            CHECK(known.code() == 252);
            CHECK(list.code() == 502);
            CHECK(help.code() == 214);
            CHECK(alive.code() == 250);
        };
    };
    deliver(offering({"ETRN"}), std::vector<smtp::message>(), {}, {}, ask(true));
    deliver(offering(), std::vector<smtp::message>(), {}, {}, ask(false));
}

TEST_SUITE_END();
