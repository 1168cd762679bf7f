//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The methods of an SMTP transport that need a connection, with arguments that are in order.

#ifndef POSTHORN_TESTS_SUPPORT_LEGACY_METHODS_HPP
#define POSTHORN_TESTS_SUPPORT_LEGACY_METHODS_HPP

#include <posthorn/legacy/imnxport.h>

#include "support/legacy_client.hpp"

#include <functional>
#include <vector>

namespace support {

/// As old interfaces want it. It is not written to.
inline char* as_text(char const* t)
{
    return const_cast<char*>(t);
}

/// Every method that needs a connection, with good arguments.
struct method
{
    char const*                              name;
    std::function<HRESULT(ISMTPTransport2&)> call;
};

inline std::vector<method> commands()
{
    return {{"CommandMAIL", [](ISMTPTransport2& t) { return t.CommandMAIL(as_text("a@x.test")); }},
            {"CommandRCPT", [](ISMTPTransport2& t) { return t.CommandRCPT(as_text("a@x.test")); }},
            {"CommandRCPT2", [](ISMTPTransport2& t) { return t.CommandRCPT2(as_text("a@x.test"), ADDR_TO); }},
            {"CommandEHLO", [](ISMTPTransport2& t) { return t.CommandEHLO(); }},
            {"CommandHELO", [](ISMTPTransport2& t) { return t.CommandHELO(); }},
            {"CommandAUTH", [](ISMTPTransport2& t) { return t.CommandAUTH(as_text("PLAIN")); }},
            {"CommandQUIT", [](ISMTPTransport2& t) { return t.CommandQUIT(); }},
            {"CommandRSET", [](ISMTPTransport2& t) { return t.CommandRSET(); }},
            {"CommandDATA", [](ISMTPTransport2& t) { return t.CommandDATA(); }}};
}

inline std::vector<method> content_commands()
{
    return {{"CommandDOT", [](ISMTPTransport2& t) { return t.CommandDOT(); }},
            {"SendDataStream", [](ISMTPTransport2& t) {
                 auto const s = stream_of("text\r\n");
                 return t.SendDataStream(s.get(), 0);
             }}};
}

inline std::vector<method> messages()
{
    return {{"SendMessage",
             [](ISMTPTransport2& t) {
                 legacy_message m("a@x.test", {"b@x.test"}, "Subject: s\r\n\r\n");
                 return t.SendMessage(&m.message);
             }},
            {"SendMessage2", [](ISMTPTransport2& t) {
                 legacy_message m("a@x.test", {"b@x.test"}, "Subject: s\r\n\r\n");
                 SMTPMESSAGE2   two = {};
                 two.smtpMsg        = m.message;
                 return t.SendMessage2(&two);
             }}};
}

inline std::vector<method> all_methods()
{
    auto all = commands();
    for (auto const& more : {content_commands(), messages()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

} // namespace support

#endif
