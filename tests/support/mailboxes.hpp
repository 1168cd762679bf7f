//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Mailboxes of the three dialects against scripted servers, and short forms for what tests of them say.

#ifndef POSTHORN_TESTS_SUPPORT_MAILBOXES_HPP
#define POSTHORN_TESTS_SUPPORT_MAILBOXES_HPP

#include <posthorn/httpmail/mailbox.hpp>
#include <posthorn/source/memory.hpp>

#include <support/mail_site.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support::mailboxes {

using namespace posthorn;
using namespace posthorn::httpmail;


inline constexpr char const* root_request = "<?xml version=\"1.0\"?>\r\n"
                                     "<D:propfind xmlns:D=\"DAV:\" xmlns:h=\"http://schemas.microsoft.com/hotmail/\" "
                                     "xmlns:hm=\"urn:schemas:httpmail:\">\r\n"
                                     "\t<D:prop>\r\n\t\t<h:adbar/>\r\n\t\t<hm:contacts/>\r\n\t\t<hm:inbox/>\r\n\t\t<hm:outbox/>\r\n"
                                     "\t\t<hm:sendmsg/>\r\n\t\t<hm:sentitems/>\r\n\t\t<hm:deleteditems/>\r\n\t\t<hm:drafts/>\r\n"
                                     "\t\t<hm:msgfolderroot/>\r\n\t\t<h:maxpoll/>\r\n\t\t<h:sig/>\r\n\t</D:prop>\r\n</D:propfind>\r\n";

/// The root as Hotmail tells it, below /hm/.
inline mail_answer hotmail_root()
{
    return mail_answer::list(member("$H/hm", "<h:adbar>AdPane=Off*</h:adbar><hm:contacts>$H/hm/abdata/</hm:contacts>"
                                             "<hm:inbox>$H/hm/folders/ACTIVE/</hm:inbox><hm:sendmsg>$H/hm/sendmsg</hm:sendmsg>"
                                             "<hm:sentitems>$H/hm/folders/sAVeD/</hm:sentitems>"
                                             "<hm:deleteditems>$H/hm/folders/trAsH/</hm:deleteditems>"
                                             "<hm:drafts>$H/hm/folders/drAfT/</hm:drafts>"
                                             "<hm:msgfolderroot>$H/hm/folders/</hm:msgfolderroot><h:maxpoll>30</h:maxpoll><h:sig/>"),
                             "X-Dav-Error: 200 No error\r\nX-Timestamp: folders=1086862002, ACTIVE=1086862331\r\n");
}

inline mail_answers hotmail(mail_answers more = {})
{
    more.insert({"PROPFIND /hm?", {hotmail_root()}});
    return more;
}

inline mail_answers exchange(mail_answers more = {})
{
    mail_answer root("207 Multi-Status",
                     "<?xml version=\"1.0\"?><a:multistatus xmlns:d=\"urn:schemas:httpmail:\" xmlns:a=\"DAV:\"><a:response><a:href>"
                     "https://internal.example/x/alice/</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop>"
                     "<d:inbox>https://internal.example/x/alice/Inbox</d:inbox>"
                     "<d:deleteditems>https://internal.example/x/alice/Deleted%20Items</d:deleteditems>"
                     "<d:sendmsg>https://internal.example/x/alice/##DavMailSubmissionURI##</d:sendmsg>"
                     "<d:contacts>https://internal.example/x/alice/Contacts</d:contacts>"
                     "<d:msgfolderroot>https://internal.example/x/alice/</d:msgfolderroot></a:prop></a:propstat></a:response>"
                     "</a:multistatus>",
                     "Content-Type: text/xml\r\nMS-Exchange-Permanent-URL: https://internal.example/p/\r\n");
    more.insert({"PROPFIND /x/alice/", {root}});
    return more;
}

inline mail_answers plain_dav(mail_answers more = {})
{
    more.insert({"PROPFIND /dav/", {mail_answer::list("<D:response><D:href>/dav/</D:href></D:response>")}});
    return more;
}

inline void with_hotmail(mail_answers more, std::function<task<void>(mail_site&)> body)
{
    with_mailbox(hotmail(std::move(more)), mailbox_settings(), "/hm?", std::move(body));
}

inline void with_exchange(mail_answers more, std::function<task<void>(mail_site&)> body)
{
    with_mailbox(exchange(std::move(more)), mailbox_settings(), "/x/alice/", std::move(body));
}

inline void with_dav(mail_answers more, std::function<task<void>(mail_site&)> body)
{
    with_mailbox(plain_dav(std::move(more)), mailbox_settings(), "/dav/", std::move(body));
}

inline std::string const inbox = "/hm/folders/ACTIVE/";

inline std::vector<http::url> urls(mail_site const& s, std::string const& folder, int count)
{
    std::vector<http::url> all;
    for (int i = 1; i <= count; ++i)
        all.push_back(s.url(folder + "MSG" + std::to_string(i)));
    return all;
}

inline std::string fates(std::vector<item_outcome> const& items)
{
    std::string text;
    for (auto const& i : items)
        text += (text.empty() ? "" : " ") + std::string(to_string(i.fate)) + ':' + std::to_string(i.status);
    return text;
}

inline std::shared_ptr<source> text(std::string s) { return std::make_shared<string_source>(std::move(s)); }

inline smtp::envelope to_bob()
{
    return smtp::envelope("alice@example.com", {"bob@example.net", "carol@example.org"});
}

inline std::string joined(std::vector<message_info> const& all)
{
    std::string seen;
    for (auto const& m : all)
        seen += std::string(dav::last_segment(m.url.target())) + ' ';
    return seen;
}

} // namespace support::mailboxes

#endif
