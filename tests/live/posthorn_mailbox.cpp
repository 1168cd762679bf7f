//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The program posthorn-mailbox, run as a process against the server of testing/httpmail_server.hpp and against Apache's mod_dav:
// what the program prints, what it returns, and what the server has afterwards.

#include <posthorn/codec/base64.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/certificates.hpp>
#include <posthorn/testing/httpmail_server.hpp>
#include <posthorn/testing/server_thread.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <support/apache.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>
#include <support/tool_run.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using nlohmann::json;
using posthorn::testing::httpmail_fault;
using posthorn::testing::httpmail_folder;
using posthorn::testing::httpmail_response;
using posthorn::testing::httpmail_server;
using posthorn::testing::httpmail_server_settings;
using support::message_file;
using strings = std::vector<std::string>;

constexpr char const* password       = "xyzzy-Plugh-42";
constexpr char const* wrong_password = "wrong-Frobozz-7";

strings operator+(strings a, strings const& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string replaced(std::string text, std::string const& from, std::string const& to)
{
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

/// A URL as the program takes it, of one in which the server is called H.
std::string at_origin(json const& url, std::string const& origin) { return origin + url.get<std::string>().substr(1); }

/// What the program did. In texts the server is called H.
struct result
{
    int         status = 0;
    std::string out;
    std::string err;

    json object() const
    {
        auto const all = json::parse(out);
        if (!all.is_array() || all.size() != 1)
            throw std::runtime_error("not one record: " + out + err);
        return all[0];
    }
    json rows() const
    {
        auto const all = json::parse(out);
        if (!all.is_array())
            throw std::runtime_error("no array: " + out + err);
        return all;
    }
};

/// Runs the program. No secret may ever be in what it writes.
result run_tool(strings const& arguments, std::string const& origin = "", std::filesystem::path const& input = {},
                strings const& environment = {})
{
    support::tool_run process(strings{support::tool_path("POSTHORN_MAILBOX_PATH", "posthorn-mailbox")} + arguments, input,
                              environment);
    result            r;
    r.status       = process.status();
    r.out          = process.out();
    r.err          = process.err();
    auto const all = r.out + r.err;
    for (std::string const secret : {password, wrong_password})
    {
        CHECK_FALSE(contains(all, secret));
        for (auto const* user : {"alice", "alice@example.com"}) // as in Basic
        {
            auto const encoded = posthorn::codec::base64_encode(user + (':' + secret));
            CHECK_FALSE(contains(all, encoded.substr(0, encoded.size() - 4)));
        }
        CHECK_FALSE(contains(all, posthorn::codec::base64_encode(secret).substr(0, 16))); // as in b1gMail's cookie
    }
    if (!origin.empty())
    {
        r.out = replaced(r.out, origin, "H");
        r.err = replaced(r.err, origin, "H");
    }
    return r;
}

std::string mail(std::string const& subject)
{
    return "From: Bob Example <bob@example.net>\r\nTo: alice@example.com\r\nSubject: " + subject +
           "\r\nDate: Thu, 10 Jun 2004 10:12:09 +0000\r\n\r\nThis is " + subject + ".\r\n";
}

httpmail_server_settings settings_of(std::string const& kind)
{
    auto s = kind == "hotmail"    ? httpmail_server_settings::hotmail()
             : kind == "exchange" ? httpmail_server_settings::exchange()
             : kind == "b1gmail"  ? httpmail_server_settings::b1gmail()
                                  : httpmail_server_settings::dav();
    s.password = password;
    s.now      = [] { return std::int64_t(1086862329); };
    return s;
}

/// A server with three messages in the inbox, a folder and a contact; and the program run against it.
class site
{
public:
    explicit site(httpmail_server_settings s) : server(s), user_(s.user)
    {
        for (auto const* subject : {"one", "two", "three"})
            server->add_message("inbox", mail(subject), subject == std::string("two"));
        server->add_folder("Personal");
    }
    explicit site(std::string const& kind) : site(settings_of(kind)) {}

    strings login() const { return {"--url", server->url(), "--user", user_, "--password", password}; }

    result run(strings const& arguments) const { return run_tool(login() + arguments, server->origin()); }

    json rows(strings const& arguments) const
    {
        auto const r = run(arguments + strings{"--json"});
        INFO(r.err);
        REQUIRE(r.status == 0);
        CHECK(r.err.empty());
        return r.rows();
    }

    /// The URL of the message with this subject, as the program lists it.
    std::string url_of(std::string const& folder, std::string const& subject) const
    {
        for (auto const& m : rows({"list", folder}))
            if (m.at("subject") == subject)
                return at_origin(m.at("href"), server->origin());
        throw std::runtime_error("there is no message " + subject + " in " + folder);
    }

    httpmail_folder folder(std::string const& which) const { return server->folder(which).value(); }

    std::string subjects(std::string const& which) const
    {
        strings all;
        for (auto const& item : folder(which).items)
        {
            auto const at = item.content.find("Subject: ") + 9;
            // A server of plain WebDAV knows only what was stored beside a message.
            auto const stored = item.properties.find(posthorn::testing::httpmail_name("urn:schemas:httpmail:", "read"));
            bool const read   = stored == item.properties.end() ? item.read : stored->second == "1";
            all.push_back(item.content.substr(at, item.content.find("\r\n", at) - at) + (read ? "+" : "-"));
        }
        std::sort(all.begin(), all.end());
        std::string text;
        for (auto const& one : all)
            text += one + ' ';
        return text;
    }

    mutable posthorn::testing::server_thread<httpmail_server> server; ///< The site is the same whatever happens there.

private:
    std::string user_;
};

/// Checks a run that succeeds. What differs from run to run is gone: numbers of messages, names made up.
void check_text(result const& r, std::string const& expected)
{
    INFO(r.err);
    CHECK(r.status == 0);
    CHECK(r.err.empty());
    auto text = std::regex_replace(r.out, std::regex("MSG[0-9]+\\.([0-9]+)"), "MSG.$1");
    text      = std::regex_replace(text, std::regex("[0-9a-f]{16}\\.EML"), "NAME.EML");
    CHECK(text == expected);
}

/// Checks a run that fails.
void check_failure(result const& r, int status, strings const& said)
{
    INFO(r.err);
    CHECK(r.status == status);
    for (auto const& part : said)
        CHECK(contains(r.err, part));
}

} // namespace

TEST_SUITE_BEGIN("live/posthorn_mailbox");

TEST_CASE("Hotmail: tables of what is there")
{
    site const s("hotmail");
    s.server->add_contact({{"cn", "Bob Example"}, {"email1", "bob@example.net"}});
    std::string const top = "H/cgi-bin/hmdata/alice@example.com/";

    check_text(s.run({"props"}), "href           H/cgi-bin/hmdata?\n"
                                 "dialect        hotmail\n"
                                 "msgfolderroot  " + top + "folders/\n"
                                 "inbox          " + top + "folders/ACTIVE/\n"
                                 "sentitems      " + top + "folders/sAVeD/\n"
                                 "drafts         " + top + "folders/drAfT/\n"
                                 "deleteditems   " + top + "folders/trAsH/\n"
                                 "outbox         -\n"
                                 "junkemail      -\n"
                                 "contacts       " + top + "abdata/\n"
                                 "calendar       -\n"
                                 "sendmsg        " + top + "sendmsg\n"
                                 "maxpoll        30\n"
                                 "sig            -\n"
                                 "adbar          AdPane=Off*\n");
    check_text(s.run({"folders"}), "displayname  special  unreadcount  visiblecount  href\n"
                                   "inbox        inbox    2            3             " + top + "folders/ACTIVE/\n"
                                   "sent         sent     0            0             " + top + "folders/sAVeD/\n"
                                   "deleted      deleted  0            0             " + top + "folders/trAsH/\n"
                                   "drafts       drafts   0            0             " + top + "folders/drAfT/\n"
                                   "junk         junk     0            0             " + top + "folders/HM_BuLkMail_/\n"
                                   "Personal     folder   0            0             " + top + "folders/Personal/\n");
    check_text(s.run({"list", "inbox"}),
               "date                  read  hasattachment  from         subject  getcontentlength  href\n"
               "2004-06-10T10:12:09Z  no    no             Bob Example  one      129               " + top + "folders/ACTIVE/MSG.1\n"
               "2004-06-10T10:12:09Z  yes   no             Bob Example  two      129               " + top + "folders/ACTIVE/MSG.2\n"
               "2004-06-10T10:12:09Z  no    no             Bob Example  three    133               " + top + "folders/ACTIVE/MSG.3\n");
    check_text(s.run({"list", "drafts"}), "date  read  hasattachment  from  subject  getcontentlength  href\n");
    check_text(s.run({"list", "inbox", "--limit", "1"}),
               "date                  read  hasattachment  from         subject  getcontentlength  href\n"
               "2004-06-10T10:12:09Z  no    no             Bob Example  one      129               " + top + "folders/ACTIVE/MSG.1\n");
    check_text(s.run({"contacts", "list"}), "cn           givenName  sn  email1           href\n"
                                            "Bob Example  -          -   bob@example.net  " + top + "abdata/C4\n");
}

TEST_CASE("Exchange: tables of what is there")
{
    site const        s("exchange");
    std::string const top = "H/exchange/alice/";

    auto const props = s.run({"props"});
    CHECK(props.status == 0);
    CHECK(contains(props.out, "dialect        exchange\nmsgfolderroot  " + top + "\ninbox          " + top + "Inbox\n"));
    CHECK(contains(props.out, "\nsendmsg        " + top + "%23%23DavMailSubmissionURI%23%23\n"));
    check_text(s.run({"folders"}), "displayname    special   unreadcount  visiblecount  href\n"
                                   "Inbox          inbox     2            3             " + top + "Inbox/\n"
                                   "Sent Items     sent      0            0             " + top + "Sent%20Items/\n"
                                   "Deleted Items  deleted   0            0             " + top + "Deleted%20Items/\n"
                                   "Drafts         drafts    0            0             " + top + "Drafts/\n"
                                   "Junk E-mail    folder    0            0             " + top + "Junk%20E-mail/\n"
                                   "Outbox         outbox    0            0             " + top + "Outbox/\n"
                                   "Contacts       contacts  0            0             " + top + "Contacts/\n"
                                   "Personal       folder    0            0             " + top + "Personal/\n");
    auto const made = s.run({"mkdir", "Personal/", "Deep down"});
    check_text(made, "href\n" + top + "Personal/Deep%20down/\n");
    auto const tree = s.run({"folders"});
    CHECK(contains(tree.out, "\nPersonal       folder    0            0             " + top + "Personal/\n"
                             "  Deep down    folder    0            0             " + top + "Personal/Deep%20down/\n"));
    check_text(s.run({"folders", "Personal/"}), "displayname  special  unreadcount  visiblecount  href\n"
                                                "Deep down    folder   0            0             " + top + "Personal/Deep%20down/\n");
    auto const list = s.run({"list", "inbox", "--limit", "2"});
    CHECK(std::regex_match(list.out, std::regex(
        "date +read  hasattachment  from +subject  getcontentlength  href\n"
        "2004-06-10T10:\\d\\d:\\d\\dZ  no    no             Bob Example <bob@example.net>  three    133               H/exchange/alice/Inbox/three.EML\n"
        "2004-06-10T10:\\d\\d:\\d\\dZ  yes   no             Bob Example <bob@example.net>  two      129               H/exchange/alice/Inbox/two.EML\n")));
}

TEST_CASE("JSON: arrays of objects with the names of properties")
{
    for (auto const* kind : {"hotmail", "exchange", "dav"})
    {
        CAPTURE(std::string(kind));
        site const s(kind);
        auto const props = s.rows({"props"});
        REQUIRE(props.size() == 1);
        CHECK(props[0].at("dialect") == kind);
        for (auto const* name : {"href", "msgfolderroot", "inbox", "sentitems", "drafts", "deleteditems"})
            CHECK(contains(props[0].at(name).get<std::string>(), "H/"));
        CHECK(props[0].at("calendar").is_null());
        if (kind == std::string("hotmail"))
            CHECK(props[0].at("maxpoll") == 30);

        auto const folders = s.rows({"folders"});
        auto const inbox   = std::find_if(folders.begin(), folders.end(), [](json const& f) { return f.at("special") == "inbox"; });
        REQUIRE(inbox != folders.end());
        bool const counts = kind != std::string("dav");
        CHECK(inbox->at("unreadcount") == (counts ? json(2) : json(nullptr)));
        CHECK(inbox->at("visiblecount") == (counts ? json(3) : json(nullptr)));
        CHECK(inbox->at("depth") == 0);

        auto const list = s.rows({"list", "inbox"});
        REQUIRE(list.size() == 3);
        for (auto const& m : list)
        {
            auto const subject = m.at("subject").get<std::string>();
            CHECK(m.at("read") == (subject == "two"));
            CHECK(m.at("hasattachment") == false);
            CHECK(contains(m.at("from").get<std::string>(), "Bob Example"));
            CHECK(m.at("to") == "alice@example.com");
            CHECK(m.at("getcontentlength") == mail(subject).size());
            CHECK(contains(m.at("date").get<std::string>(), "2004-06-10T10:"));
            CHECK(contains(m.at("href").get<std::string>(), "H/"));
        }
    }
}

TEST_CASE("JSON: the text of a list")
{
    site const        s("hotmail");
    std::string const inbox = "H/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/";
    auto const        row   = [&](std::string const& subject, std::string const& read, std::string const& number) {
        return R"({"date":"2004-06-10T10:12:09Z","read":)" + read + R"(,"hasattachment":false,"from":"Bob Example",)" +
               R"("fromaddr":"bob@example.net","to":"alice@example.com","subject":")" + subject + R"(","getcontentlength":)" +
               std::to_string(mail(subject).size()) + R"(,"id":null,"href":")" + inbox + "MSG." + number + "\"}";
    };
    check_text(s.run({"--json", "list", "inbox"}),
               "[" + row("one", "false", "1") + "," + row("two", "true", "2") + "," + row("three", "false", "3") + "]\n");
    check_text(s.run({"list", "drafts", "--json"}), "[]\n");
    check_text(s.run({"mkdir", ".", "A \"b\"", "--json"}),
               R"([{"href":"H/cgi-bin/hmdata/alice@example.com/folders/A%20%22b%22/"}])" "\n");
    check_text(s.run({"mark", "read", s.url_of("inbox", "one"), "--json"}),
               R"([{"outcome":"done","status":200,"href":")" + inbox + R"(MSG.1","location":null,"text":null}])" "\n");
}

TEST_CASE("messages are fetched, stored, marked, copied, moved, deleted")
{
    for (auto const* kind : {"hotmail", "exchange", "dav", "b1gmail"})
    {
        CAPTURE(std::string(kind));
        bool const b1gmail  = kind == std::string("b1gmail"); // which adds a line to what it stores, and takes no name for a folder
        site const s(kind);
        auto const one      = s.url_of("inbox", "one");
        auto const two      = s.url_of("inbox", "two");
        auto const three    = s.url_of("inbox", "three");
        auto const personal = b1gmail ? std::string("1/") : std::string("Personal/");

        auto const got = s.run({"get", one});
        CHECK(got.status == 0);
        CHECK(got.out == s.folder("inbox").items[0].content);
        support::temp_dir const dir("out");
        auto const              file  = (dir / "one.eml").string();
        auto const              saved = s.run({"get", one, "-o", file, "--json"});
        CHECK(saved.object().at("file") == file);
        CHECK(saved.object().at("getcontentlength") == s.folder("inbox").items[0].content.size());
        CHECK(support::read_file(file) == got.out);

        message_file const draft(mail("draft"));
        auto const         stored = s.rows({"put", "drafts", draft.path()});
        CHECK(stored[0].at("outcome") == "done");
        CHECK(stored[0].at("status") == 201);
        CHECK(stored[0].at("octets") == mail("draft").size());
        CHECK(stored[0].at("href").is_string() != b1gmail); // which tells the folder only
        auto const input = run_tool(s.login() + strings{"put", "drafts", "-"}, s.server->origin(), draft.path());
        CHECK(input.status == 0);
        REQUIRE(s.folder("drafts").items.size() == 2);
        for (auto const& item : s.folder("drafts").items)
            CHECK(item.content == mail("draft") + (b1gmail ? "\r\n" : ""));

        auto const marked = s.rows({"mark", "read", one, three});
        REQUIRE(marked.size() == 2);
        CHECK(marked[1].at("outcome") == "done");
        CHECK(marked[1].at("href") == replaced(three, s.server->origin(), "H"));
        CHECK(s.subjects("inbox") == "one+ three+ two+ ");
        CHECK(s.run({"mark", "unread", two}).status == 0);
        CHECK(s.subjects("inbox") == "one+ three+ two- ");

        auto const copied = s.rows({"copy", personal, one});
        CHECK(copied[0].at("outcome") == "done");
        CHECK(s.subjects("inbox") == "one+ three+ two- ");
        CHECK(s.subjects("Personal") == "one+ ");
        auto const moved = s.run({"move", personal, two});
        CHECK(moved.status == 0);
        CHECK(contains(moved.out, "done"));
        CHECK(contains(moved.out, replaced(two, s.server->origin(), "H")));
        CHECK(s.subjects("inbox") == "one+ three+ ");
        CHECK(s.subjects("Personal") == "one+ two- ");

        CHECK(s.run({"delete", one}).status == 0);
        CHECK(s.subjects("inbox") == "three+ ");
        CHECK(s.subjects("deleteditems") == "one+ ");
        CHECK(s.run({"delete", s.url_of("deleted", "one")}).status == 0);
        CHECK(s.subjects("deleteditems").empty());
        CHECK(s.run({"delete", "--for-good", three}).status == 0);
        CHECK(s.subjects("inbox").empty());
        CHECK(s.subjects("deleteditems").empty());
    }
}

TEST_CASE("what becomes of several messages is told for each")
{
    for (auto const* kind : {"hotmail", "exchange"})
    {
        CAPTURE(std::string(kind));
        site const s(kind);
        auto const one     = s.url_of("inbox", "one");
        auto const missing = one.substr(0, one.rfind('/') + 1) + "nothing";
        auto const r       = s.run({"move", "Personal/", one, missing});
        check_failure(r, 65, {"posthorn-mailbox: 1 of 2 not done: there is no such resource (look where it is"});
        CHECK(contains(r.out, "outcome  status  href"));
        CHECK(contains(r.out, "\ndone     20"));
        CHECK(contains(r.out, "\nrefused  404     " + replaced(missing, s.server->origin(), "H")));
        CHECK(s.subjects("Personal") == "one- ");
    }
}

TEST_CASE("a message is sent, and a copy kept unless that is not wanted")
{
    for (auto const* kind : {"hotmail", "exchange"})
    {
        CAPTURE(std::string(kind));
        site const         s(kind);
        std::string const  text = "From: alice@example.com\r\nTo: bob@example.net\r\nSubject: hello\r\n\r\n.hello\r\n";
        message_file const message(text);
        strings const      envelope = {"send", "--from", "alice@example.com", "--to", "bob@example.net", "--to", "carol@example.org"};
        auto const         sent     = s.rows(envelope + strings{message.path()});
        CHECK(sent[0].at("outcome") == "done");
        CHECK(sent[0].at("recipients") == json{"bob@example.net", "carol@example.org"});
        CHECK(sent[0].at("octets") == text.size());
        CHECK(s.folder("sentitems").items.size() == 1);
        auto const again = s.run(envelope + strings{"--no-copy", message.path()});
        CHECK(again.status == 0);
        CHECK(contains(again.out, "recipients  bob@example.net, carol@example.org\n"));
        CHECK(s.folder("sentitems").items.size() == 1);
        auto const mails = s.server->submissions();
        REQUIRE(mails.size() == 2);
        CHECK(mails[0].from == "alice@example.com");
        CHECK(mails[0].recipients == strings{"bob@example.net", "carol@example.org"});
        CHECK(mails[0].content == text);

        check_failure(s.run({"send", "--from", "mallory@example.com", "--to", "bob@example.net", message.path()}), 65,
                      {"the message was not sent: ", "403"});
    }
    site const         plain("dav");
    message_file const message(mail("x"));
    check_failure(plain.run({"send", "--from", "alice@example.com", "--to", "bob@example.net", message.path()}), 65,
                  {"use posthorn-send"});
}

TEST_CASE("folders are made, renamed, deleted")
{
    for (auto const* kind : {"hotmail", "exchange", "dav"})
    {
        CAPTURE(std::string(kind));
        site const s(kind);
        auto const made = s.rows({"mkdir", ".", "New one"});
        CHECK(contains(made[0].at("href").get<std::string>(), "/New%20one/"));
        CHECK(s.server->folder("New one"));
        check_failure(s.run({"mkdir", ".", "New one"}), 65, {"there is such a folder already", "choose another name"});
        CHECK(s.run({"rename", "New%20one/", "Renamed"}).status == 0);
        CHECK(s.server->folder("Renamed"));
        CHECK_FALSE(s.server->folder("New one"));
        CHECK(s.run({"rmdir", "Renamed/"}).status == 0);
        CHECK_FALSE(s.server->folder("Renamed"));
        check_failure(s.run({"rmdir", "inbox"}), 65, {"this folder cannot be renamed or deleted", "name another folder"});
        check_failure(s.run({"rename", "sent", "x"}), 65, {"this folder cannot be renamed or deleted"});
        check_failure(s.run({"mkdir", ".", "a/b"}), 64, {"a folder cannot have this name", "without slashes"});
    }
}

TEST_CASE("contacts are listed, shown, added, edited, removed")
{
    for (auto const* kind : {"hotmail", "exchange"})
    {
        CAPTURE(std::string(kind));
        site const s(kind);
        s.server->add_contact({{"cn", "Bob Example"}, {"email1", "bob@example.net"}});
        auto const list = s.rows({"contacts", "list"});
        REQUIRE(list.size() == 1);
        CHECK(list[0].at("cn") == "Bob Example");
        CHECK(list[0].at("email1") == "bob@example.net");
        auto const added = s.rows({"contacts", "add", "display_name=Carol \xc3\x84hm", "email=carol@example.net", "sn=\xc3\x84hm"});
        CHECK(added[0].at("href").is_string());
        auto const at    = at_origin(added[0].at("href"), s.server->origin());
        auto const shown = s.run({"contacts", "show", at});
        CHECK(shown.status == 0);
        CHECK(contains(shown.out, "cn        Carol \xc3\x84hm\n"));
        CHECK(contains(shown.out, "sn        \xc3\x84hm\nemail1    carol@example.net\n"));
        CHECK(s.run({"contacts", "edit", at, "email=", "nickname=C"}).status == 0);
        auto const edited = s.rows({"contacts", "show", at});
        CHECK(edited[0].at("nickname") == "C");
        CHECK_FALSE(edited[0].contains("email1"));
        CHECK(s.folder("contacts").items.size() == 2);
        CHECK(s.run({"contacts", "remove", at}).status == 0);
        CHECK(s.folder("contacts").items.size() == 1);
        check_failure(s.run({"contacts", "show", at}), 65, {"there is no such resource"});
        auto const two = s.run({"contacts", "remove", at_origin(list[0].at("href"), s.server->origin()), at});
        check_failure(two, 65, {"there is no such resource"});
        CHECK(two.out == "href\n" + list[0].at("href").get<std::string>() + "\n"); // which is gone
        CHECK(s.folder("contacts").items.empty());
        check_failure(s.run({"contacts", "add", "shoe_size=43"}), 64, {"there is no field 'shoe_size'", "given_name"});
        check_failure(s.run({"contacts", "add", "43"}), 64, {"'43' is not FIELD=VALUE"});
    }
    site const plain("dav");
    check_failure(plain.run({"contacts", "list"}), 65, {"the mailbox does not say where this folder is"});
}

TEST_CASE("requests of one's own")
{
    for (auto const* kind : {"hotmail", "exchange", "dav"})
    {
        CAPTURE(std::string(kind));
        site const known(kind);
        auto const options = known.run({"raw", "OPTIONS", "inbox"});
        CHECK(options.status == 0);
        CHECK(contains(options.out, "HTTP/1.1 200 OK\r\n"));
        auto const get = known.run({"raw", "GET", known.url_of("inbox", "two"), "--header", "Translate: f"});
        CHECK(get.status == 0);
        CHECK(contains(get.out, "\r\n\r\n" + mail("two")));
    }
    site const         s("b1gmail"); // whose cookie holds the password
    message_file const body("<?xml version='1.0'?><D:propfind xmlns:D='DAV:' xmlns:hm='urn:schemas:httpmail:'><D:prop>"
                            "<hm:unreadcount/></D:prop></D:propfind>");
    strings const      ask = {"raw", "PROPFIND", ".", "--header", "Depth: 1", "--header", "Content-Type: text/xml", "--body", body.path()};
    auto const         r   = s.run(ask);
    CHECK(r.status == 0);
    CHECK(contains(r.out, "HTTP/1.1 207 Multi-Status\r\n"));
    CHECK(contains(r.out, "\r\nSet-Cookie: [hidden]\r\n"));
    CHECK(contains(r.out, "<hm:unreadcount>2</hm:unreadcount>"));
    auto const o = s.run(ask + strings{"--json"}).object();
    CHECK(o.at("status") == 207);
    CHECK(contains(o.at("body").get<std::string>(), "<hm:unreadcount>2</hm:unreadcount>"));
    CHECK(contains(o.at("fields").dump(), R"({"name":"Set-Cookie","value":"[hidden]"})"));
    auto const seen = s.server->requests("PROPFIND");
    CHECK(seen.back().field("Depth") == "1");
    CHECK(seen.back().body == support::read_file(body.path()));

    check_failure(s.run({"raw", "FROB", "inbox"}), 65, {"posthorn-mailbox: FROB H/interface/httpmail.php?/folders/0/: ", "400"});
    check_failure(s.run({"raw", "GET", "inbox", "--header", std::string("Authorization ") + password}), 64, {"give 'NAME: VALUE'"});
    check_failure(s.run({"raw", "GET", "inbox", "--header", std::string("Host: ") + password}), 64, {"Host", "correct --header"});
    check_failure(s.run({"raw", "no verb", "inbox"}), 64, {"not a method of HTTP"});
}

TEST_CASE("what goes wrong has exit codes of its own, and the text says what to do")
{
    for (auto const* kind : {"hotmail", "exchange"})
    {
        CAPTURE(std::string(kind));
        site const         s(kind);
        message_file const message(mail("x"));
        auto const         url = strings{"--url", s.server->url()};
        strings const      wrong = {"--user", s.server->settings().user, "--password", wrong_password};
        check_failure(run_tool(url + wrong + strings{"list", "inbox", "--trace"}), 77,
                      {"the credentials were refused", "check --user and the password", "Authorization: "});
        check_failure(run_tool(url + strings{"props"}), 77, {"the server asks for a login", "give --user NAME and --password-file FILE"});
        check_failure(s.run({"get", "Personal/nothing"}), 65,
                      {"there is no such message", "404", "the command list prints the URLs of messages"});
        check_failure(s.run({"list", "Nothing/"}), 65, {"there is no such resource", "404"});
        check_failure(s.run({"get", "http://elsewhere.example/x"}), 65, {"http://elsewhere.example", "--trust"});
        auto const none = support::free_port();
        check_failure(run_tool({"--url", "http://127.0.0.1:" + std::to_string(none) + "/", "props"}), 69,
                      {"Connection refused", "check --url"});

        httpmail_fault busy;
        busy.kind     = httpmail_fault::what::answer;
        busy.method   = "MKCOL";
        busy.response = httpmail_response(503);
        s.server->fail(busy);
        check_failure(s.run({"mkdir", ".", "x"}), 75, {"the server is busy", "try again later"});
        httpmail_fault silent;
        silent.kind   = httpmail_fault::what::close_after;
        silent.method = kind == std::string("hotmail") ? "POST" : "PUT";
        s.server->fail(silent);
        auto const doubt = s.run({"send", "--from", "alice@example.com", "--to", "bob@example.net", message.path()});
        check_failure(doubt, 74, {"the message was not sent", "look whether it was done"});
        CHECK(contains(doubt.out, "outcome     in_doubt\n"));
        CHECK(s.server->submissions().size() == 1);
    }
    // No server of HTTP, and one of something else.
    support::apache_options options;
    support::apache         web(options);
    check_failure(run_tool({"--url", web.url("/plain/"), "props"}), 65, {"check --url"});
}

TEST_CASE("passwords: from files and the environment, and never in the clear over a network")
{
    site const         s("exchange");
    message_file const secret(std::string(password) + "\r\nsecond line\n");
    strings const      base = {"--url", s.server->url(), "--user", "alice"};
    CHECK(run_tool(base + strings{"--password-file", secret.path(), "props"}).status == 0);
    CHECK(run_tool(base + strings{"--password-env", "SECRET", "props"}, "", {}, {std::string("SECRET=") + password}).status == 0);
    CHECK(run_tool(base + strings{"--password", password, "--auth", "basic", "props"}).status == 0);
    check_failure(run_tool(base + strings{"--password", password, "--auth", "digest", "props"}), 77,
                  {"it offers basic", "leave --auth out"});
    // With a server on another host in play it is not this host alone that would see the password.
    strings const more = {"--password", password, "--trust", "http://mail.example.net", "props"};
    check_failure(run_tool(base + more), 77, {"--allow-plaintext-auth"});
    CHECK(run_tool(base + strings{"--allow-plaintext-auth"} + more).status == 0);

    auto token        = settings_of("exchange");
    token.auth.basic  = false;
    token.auth.bearer = password;
    site const b(token);
    CHECK(run_tool({"--url", b.server->url(), "--auth", "bearer", "--password-file", secret.path(), "props"}).status == 0);

    auto traced = run_tool(base + strings{"--password", password, "--trace", "list", "inbox"}, s.server->origin());
    CHECK(traced.status == 0);
    CHECK(contains(traced.err, "C: PROPFIND /exchange/alice/ HTTP/1.1\n"));
    CHECK(contains(traced.err, "C: Authorization: Basic [hidden]\n"));
    CHECK(contains(traced.err, "S: HTTP/1.1 207 Multi-Status\n"));
    CHECK_FALSE(contains(traced.out, "C: "));
}

TEST_CASE("a mailbox on another server than --url names is used only if that is trusted")
{
    auto settings           = settings_of("hotmail");
    settings.redirect.first = posthorn::testing::httpmail_redirect_options::kind::foreign;
    settings.redirect.host  = "localhost";
    site const s(settings);
    check_failure(s.run({"list", "inbox"}), 77, {"localhost", "name it by --trust"});
    auto const r = s.run({"--trust", "localhost", "list", "inbox"});
    CHECK(r.status == 0);
    CHECK(contains(r.out, "three"));
}

TEST_CASE("a login by a form shows nothing in the trace")
{
    auto form       = settings_of("exchange");
    form.auth.form  = true;
    form.auth.basic = false;
    site const s(form);
    auto const r = s.run({"--trace", "list", "inbox"});
    INFO(r.err);
    CHECK(r.status == 0);
    CHECK(contains(r.out, "three.EML"));
    CHECK(contains(r.err, "C: POST /exchweb/bin/auth/owaauth.dll HTTP/1.1\n"));
    CHECK(contains(r.err, "S: Set-Cookie: [hidden]\n"));
    check_failure(run_tool({"--url", s.server->url(), "--user", "alice", "--password", wrong_password, "--trace", "props"}), 77, {});
}

TEST_CASE("TLS: the authority has to be known")
{
    posthorn::testing::certificate_authority const authority;
    auto const                                     identity = authority.issue({"localhost", "127.0.0.1"});
    posthorn::net::tls_settings                    tls;
    tls.certificate_pem = identity.chain_pem;
    tls.key_pem         = identity.key_pem;
    auto settings        = settings_of("exchange");
    settings.tls_context = posthorn::net::tls_context(tls);
    site const         s(settings);
    message_file const ca(authority.pem());
    check_failure(s.run({"props"}), 76, {"give it by --ca"});
    CHECK(s.run({"--ca", ca.path(), "props"}).status == 0);
    message_file const no_ca("nothing");
    check_failure(s.run({"--ca", no_ca.path(), "props"}), 64, {"--ca: "});
}

TEST_CASE("what cannot be obeyed is a usage error that says what to do")
{
    struct expectation
    {
        strings     arguments;
        std::string said;
    };
    strings const     base  = {"--url", "http://127.0.0.1:1/"};
    strings const     login = {"--user", "alice", "--password", password};
    expectation const all[] = {
        {{}, "--url is required"},
        {base, "subcommand is required"},
        {base + strings{"frobnicate"}, "subcommand is required"},
        {{"--url", "ftp://127.0.0.1/", "props"}, "give https://HOST"},
        {{"--url", std::string("http://alice:") + password + "@127.0.0.1/", "props"}, "the user by --user"},
        {base + strings{"--pasword", password, "props"}, "--help"},
        {base + strings{std::string("--pasword=") + password, "props"}, "--pasword"},
        {base + strings{"--user", "alice", "--password", "a", password, "props"}, "not expected: [...]"},
        {base + strings{"--user", "alice", "props"}, "add --password-file FILE"},
        {base + strings{"--password", password, "props"}, "add --user NAME"},
        {base + login + strings{"--password-env", "X", "props"}, "more than once"},
        {base + strings{"--user", "alice", "--password-env", "NOWHERE", "props"}, "set and export it"},
        {base + strings{"--user", "alice", "--password-file", "/nowhere", "props"}, "cannot read '/nowhere'"},
        {base + strings{"--user", "alice", "--password", "", "props"}, "the password is empty"},
        {base + strings{"--auth", "basic", "props"}, "add --user NAME"},
        {base + strings{"--auth", "kerberos", "props"}, "kerberos not in {"},
        {base + strings{"--dialect", "imap", "props"}, "imap not in {"},
        {base + strings{"--trust", "a/b", "props"}, "give https://HOST[:PORT], HOST or *.DOMAIN"},
        {base + strings{"--ca", "/nowhere", "props"}, "cannot read '/nowhere'"},
        {base + strings{"mark", "maybe", "x"}, "maybe not in {"},
        {base + strings{"mark", "read"}, "MESSAGE is required"},
        {base + strings{"move", "drafts"}, "MESSAGE is required"},
        {base + strings{"list"}, "FOLDER is required"},
        {base + strings{"list", ""}, "the name of the folder is empty"},
        {base + strings{"list", "inbox", "--limit", "x"}, "--limit"},
        {base + strings{"list", "http://"}, "is no URL"},
        {base + strings{"delete", "inbox"}, "name a message by its URL"},
        {base + strings{"get", "--json", "x"}, "add -o FILE"},
        {base + strings{"put", "drafts", "/nowhere"}, "cannot read '/nowhere'"},
        {base + strings{"put", "drafts", "/tmp"}, "is a folder; name a file"},
        {base + strings{"send", "--from", "a@b", "--to", "no address", "/dev/null"}, "--to: 'no address'"},
        {base + strings{"send", "--from", "a@b", "/dev/null"}, "--to is required"},
        {base + strings{"contacts"}, "subcommand is required"},
        {base + strings{"props", "more"}, "not expected: more"},
    };
    for (auto const& one : all)
    {
        CAPTURE(one.said);
        auto const r = run_tool(one.arguments);
        check_failure(r, 64, {one.said});
        CHECK(r.out.empty());
    }
    auto const help = run_tool({"--help"});
    CHECK(help.status == 0);
    for (auto const* text : {"posthorn-mailbox", "--password-file", "--json", "contacts", "Exit codes: 0 done"})
        CHECK(contains(help.out, text));
}

TEST_CASE("a file that cannot be written is a usage error, and nothing is left of a message that ends early")
{
    site const s("hotmail");
    auto const one = s.url_of("inbox", "one");
    check_failure(s.run({"get", one, "-o", "/nowhere/file"}), 64, {"cannot write '/nowhere/file'"});
    httpmail_fault early;
    early.kind   = httpmail_fault::what::cut;
    early.method = "GET";
    early.octets = 200;
    s.server->fail(early);
    support::temp_dir const dir("out");
    auto const              file = dir / "one.eml";
    check_failure(s.run({"get", one, "-o", file.string()}), 76, {"the connection ended within the body"});
    CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("the life of a mailbox on Apache's mod_dav")
{
    support::apache_options options;
    options.auth = support::apache_options::login::digest;
    options.users = {{"alice", password}};
    support::apache   server(options);
    auto const        origin = server.url("");
    strings const     login  = {"--url", server.url("/dav/"), "--user", "alice", "--password", password};
    auto const        run    = [&](strings const& more) { return run_tool(login + more, origin); };
    auto const        good   = [&](strings const& more) {
        auto r = run(more);
        INFO(r.err);
        REQUIRE(r.status == 0);
        return r;
    };

    for (auto const* name : {"Inbox", "Drafts", "Deleted Items", "Contacts"})
        good({"mkdir", ".", name});
    auto const properties = [](std::string const& values) {
        return "<?xml version='1.0'?><D:propertyupdate xmlns:D='DAV:' xmlns:hm='urn:schemas:httpmail:' "
               "xmlns:m='urn:schemas:mailheader:'><D:set><D:prop>" + values + "</D:prop></D:set></D:propertyupdate>";
    };
    message_file const places(properties("<hm:inbox>/dav/Inbox/</hm:inbox><hm:drafts>/dav/Drafts/</hm:drafts>"
                                         "<hm:deleteditems>/dav/Deleted%20Items/</hm:deleteditems>"
                                         "<hm:contacts>/dav/Contacts/</hm:contacts>"));
    strings const      xml = {"--header", "Content-Type: text/xml"};
    good(strings{"raw", "PROPPATCH", ".", "--body", places.path()} + xml);
    auto const props = good({"props", "--json"}).object();
    CHECK(props.at("dialect") == "dav");
    CHECK(props.at("msgfolderroot") == "H/dav/");
    CHECK(props.at("inbox") == "H/dav/Inbox/");
    CHECK(props.at("deleteditems") == "H/dav/Deleted%20Items/");
    CHECK(props.at("sendmsg").is_null());

    message_file const message(mail("one"));
    auto const         stored = good({"put", "inbox", message.path(), "--json"}).object();
    CHECK(stored.at("status") == 201);
    auto const one = at_origin(stored.at("href"), origin);
    message_file const about(properties("<m:subject>one</m:subject><m:from>Bob &lt;bob@example.net&gt;</m:from>"
                                        "<m:date>2004-06-10T10:12:09</m:date><hm:read>0</hm:read>"));
    good(strings{"raw", "PROPPATCH", one, "--body", about.path()} + xml);
    auto const table = good({"list", "inbox"}).out;
    CHECK(table == "date                  read  hasattachment  from                   subject  getcontentlength  href\n"
                   "2004-06-10T10:12:09Z  no    -              Bob <bob@example.net>  one      129               " +
                       replaced(one, origin, "H") + "\n");
    CHECK(good({"get", one}).out == mail("one"));
    good({"mark", "read", one});
    CHECK(good({"list", "inbox", "--json"}).object().at("read") == true);
    good({"mark", "unread", one});
    CHECK(good({"list", "inbox", "--json"}).object().at("read") == false);

    good({"copy", "drafts", one});
    CHECK(good({"list", "drafts", "--json"}).object().at("subject") == "one");
    good({"mkdir", ".", "Personal"});
    auto const moved = good({"move", "Personal/", one, "--json"}).object();
    CHECK(moved.at("outcome") == "done");
    CHECK(good({"list", "inbox", "--json"}).rows().empty());
    auto const there = at_origin(good({"list", "Personal/", "--json"}).object().at("href"), origin);
    good({"delete", there});
    CHECK(good({"list", "deleted", "--json"}).rows().size() == 1);
    auto const gone = run({"get", there});
    check_failure(gone, 65, {"there is no such message", "404"});
    good({"delete", "--for-good", at_origin(good({"list", "deleted", "--json"}).object().at("href"), origin)});
    CHECK(good({"list", "deleted", "--json"}).rows().empty());

    good({"rename", "Personal/", "Renamed"});
    CHECK(std::filesystem::exists(server.dav() / "Renamed"));
    auto const folders = good({"folders"}).out;
    CHECK(contains(folders, "displayname"));
    CHECK(contains(folders, "H/dav/Renamed/\n"));
    good({"rmdir", "Renamed/"});
    CHECK_FALSE(std::filesystem::exists(server.dav() / "Renamed"));

    auto const contact = at_origin(good({"contacts", "add", "given_name=Carol", "--json"}).object().at("href"), origin);
    good({"contacts", "edit", contact, "surname=Smith"});
    auto const shown = good({"contacts", "show", contact, "--json"}).object();
    CHECK(shown.at("givenName") == "Carol");
    CHECK(shown.at("sn") == "Smith");
    CHECK(good({"contacts", "list", "--json"}).rows().size() == 1);
    good({"contacts", "remove", contact});
    CHECK(good({"contacts", "list", "--json"}).rows().empty());

    check_failure(run({"send", "--from", "a@b.example", "--to", "c@d.example", message.path()}), 65, {"use posthorn-send"});
    check_failure(run_tool({"--url", server.url("/dav/"), "--user", "alice", "--password", wrong_password, "props"}), 77,
                  {"the credentials were refused"});
}

TEST_SUITE_END();
