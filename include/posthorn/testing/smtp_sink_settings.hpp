//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What an smtp_sink offers, demands and refuses, and what it keeps of the mail it was given.

#ifndef POSTHORN_TESTING_SMTP_SINK_SETTINGS_HPP
#define POSTHORN_TESTING_SMTP_SINK_SETTINGS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/listener.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing {

/** A reply of an SMTP server.

    Hooks return one; the empty reply (code 0) means: answer as without a hook.
*/
struct smtp_reply
{
    smtp_reply() = default;
    smtp_reply(int c, std::string t) : code(c), text(std::move(t)) {}

    int         code = 0;
    std::string text; ///< With the enhanced status code, if there is one. LF separates lines.

    bool empty() const noexcept { return code == 0; }
    bool positive() const noexcept { return code >= 200 && code < 400; }

    friend bool operator==(smtp_reply const&, smtp_reply const&) = default;
};

/// A parameter of MAIL or RCPT: `SIZE=1000` has keyword "SIZE" and value "1000".
struct smtp_parameter
{
    smtp_parameter() = default;
    smtp_parameter(std::string k, std::string v) : keyword(std::move(k)), value(std::move(v)) {}

    std::string keyword; ///< In upper case.
    std::string value;   ///< As it was sent; empty if there was none.

    friend bool operator==(smtp_parameter const&, smtp_parameter const&) = default;
};

/// What MAIL or RCPT named.
struct smtp_path
{
    smtp_path() = default;

    std::string                 address; ///< Without angle brackets and source route; empty for `<>`.
    std::vector<smtp_parameter> parameters;

    /// The value of a parameter, or nothing if it was not given.
    std::optional<std::string> parameter(std::string_view keyword) const
    {
        for (auto const& p : parameters)
            if (ascii::iequals(p.keyword, keyword))
                return p.value;
        return std::nullopt;
    }
};

/// A recipient that was accepted.
struct smtp_sink_recipient : smtp_path
{
    smtp_sink_recipient() = default;
    explicit smtp_sink_recipient(smtp_path path) : smtp_path(std::move(path)) {}

    smtp_reply delivery; ///< What LMTP and PRDR answered for it after the content.
};

/// A message as it arrived.
struct smtp_sink_message
{
    smtp_sink_message() = default;

    std::uint64_t                    connection = 0; ///< The number of the connection, from 1.
    std::string                      hello;          ///< The argument of EHLO, HELO or LHLO.
    std::string                      user;           ///< Who was authenticated; empty if nobody.
    bool                             secure = false; ///< Sent under TLS.
    smtp_path                        from;
    std::vector<smtp_parameter>      xclient;  ///< What the last XCLIENT told, decoded.
    std::vector<smtp_parameter>      xforward; ///< What XFORWARD told about this message, decoded.
    std::vector<smtp_sink_recipient> recipients; ///< Those that were accepted.

    std::string   transfer;              ///< "DATA" or "BDAT".
    std::size_t   chunks = 0;            ///< Number of BDAT commands.
    std::string   content;               ///< Decoded; empty unless the sink keeps it.
    std::uint64_t size          = 0;     ///< Octets of the decoded content.
    std::uint64_t fingerprint   = 0;     ///< testing::fingerprint of the decoded content.
    std::size_t   bare_newlines = 0;     ///< CRs and LFs in it that were not a pair.
    bool          eight_bit     = false; ///< There are octets above 127 in it.

    smtp_reply reply; ///< The answer to the content.
};

/// A line that a client sent, without its end.
struct smtp_sink_command
{
    std::uint64_t connection = 0;
    std::string   line;
};

/// What happened on a connection.
struct smtp_sink_connection
{
    smtp_sink_connection() = default;

    std::uint64_t number = 0; ///< From 1, in the order in which they were accepted.
    bool          open   = true;
    bool          secure = false;
    std::string   hello;
    std::string   user;
    std::size_t   commands = 0;
    std::size_t   messages = 0; ///< Accepted.
    std::size_t   reads    = 0; ///< How often input was read.
    std::size_t   round_trips =
        0;              ///< How often the client got an answer to what it had sent: batches of replies.
    std::string ending; ///< Why it ended, e.g. "QUIT", "closed by the client"; empty while it is open.
};

/// Sums over all connections.
struct smtp_sink_totals
{
    std::uint64_t connections  = 0; ///< Accepted, including those that were turned away.
    std::uint64_t open         = 0; ///< Now.
    std::uint64_t peak         = 0; ///< The most that were open at the same time.
    std::uint64_t turned_away  = 0; ///< Got 421 because there were too many.
    std::uint64_t secured      = 0; ///< TLS handshakes that succeeded.
    std::uint64_t messages     = 0; ///< Accepted.
    std::uint64_t refused      = 0; ///< Messages refused after their content.
    std::uint64_t incomplete   = 0; ///< The connection ended within the content.
    std::uint64_t recipients   = 0; ///< Of the accepted messages.
    std::uint64_t octets       = 0; ///< Content of the accepted messages.
    std::uint64_t fingerprints = 0; ///< Sum of their fingerprints modulo 2^64: the order makes no difference.
    std::uint64_t commands     = 0;
    std::uint64_t reads        = 0; ///< How often input was read.
    std::uint64_t round_trips  = 0; ///< How often a client got an answer: batches of replies.
    std::uint64_t violations   = 0;
};

/// What an smtp_sink is and does. The default accepts everything that is correct.
struct smtp_sink_settings
{
    smtp_sink_settings() = default;

    enum class tls_mode
    {
        none,
        starttls,
        implicit
    };
    enum class keep
    {
        everything,   ///< Messages with their content.
        fingerprints, ///< Messages without it.
        totals        ///< Only sums: for load, where memory must not grow.
    };

    listen_settings listen;
    std::string     host = "sink.test"; ///< The name it greets with.
    bool            lmtp = false;       ///< Speak LMTP (RFC 2033): LHLO, and a reply for each recipient.

    tls_mode                        tls = tls_mode::none;
    std::optional<net::tls_context> tls_context; ///< Needed for the other modes.

    /** What EHLO offers besides STARTTLS and AUTH, whole lines as in "LIMITS RCPTMAX=10".

        "SIZE" gets the limit as its argument. A parameter of MAIL or RCPT is accepted only if its extension is
        offered; the values of REQUIRETLS, MT-PRIORITY, DELIVERBY, FUTURERELEASE, RRVS and PRDR are understood as well,
        and a parameter with the name of any other keyword is accepted as it is. "ETRN", "XCLIENT ADDR NAME ..." and
        "XFORWARD ADDR NAME ..." turn on the commands of these names.
    */
    std::vector<std::string> keywords = {"PIPELINING", "SIZE", "8BITMIME", "BINARYMIME",
                                         "CHUNKING",   "DSN",  "SMTPUTF8", "ENHANCEDSTATUSCODES",
                                         "HELP"};

    std::map<std::string, std::string> users; ///< Passwords by name. AUTH is offered if there is one.
    /// Offered in this order. Others than PLAIN and LOGIN are answered by 504.
    std::vector<std::string> mechanisms  = {"PLAIN", "LOGIN"};
    bool                     require_tls = false; ///< No MAIL without TLS.
    bool require_tls_for_auth            = false; ///< AUTH is neither offered nor accepted without TLS.
    bool require_auth                    = false; ///< No MAIL without AUTH.

    std::map<std::string, smtp_reply> refuse; ///< What RCPT answers for some addresses.

    std::uint64_t max_message_size            = 64 * 1024 * 1024; ///< Octets of decoded content; 0 for any.
    std::size_t   max_recipients              = 1000;             ///< For one message; 452 for more.
    std::size_t   max_connections             = 0; ///< At the same time; 421 for more. 0 for any number.
    std::size_t   max_messages_per_connection = 0; ///< MAIL is answered by 421 after that. 0 for any number.
    std::size_t   max_command_line            = 2048; ///< Octets with CRLF; 500 for longer ones.
    std::size_t   max_auth_line = 12288; ///< Octets with CRLF of an answer to a challenge (RFC 4954 4).
    bool refuse_bare_newlines   = false; ///< Refuse content with a CR or LF alone; else it is only noted.

    /** How long each batch of replies is on its way. Batches travel at the same time, as on a long line.

        What a client does in one round trip takes this time once, however much it sends.
    */
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds idle_timeout{
        0}; ///< 421 and close when nothing arrives for so long; 0 for never.

    keep retention = keep::everything;
    bool log       = true; ///< Keep the lines received, and facts about each connection.

    // Hooks run on the executor of the sink. If one throws, the answer is 451 and the text becomes a violation.
    // A reply of 421 closes the connection.
    std::function<smtp_reply(std::uint64_t connection)> on_connect;
    std::function<smtp_reply(smtp_path const&)>         on_mail;
    std::function<smtp_reply(smtp_path const&)>         on_rcpt;    ///< Asked after `refuse`.
    std::function<smtp_reply(smtp_sink_message const&)> on_data;    ///< Before the content of DATA.
    std::function<smtp_reply(smtp_sink_message const&)> on_message; ///< After the content.
    /// After the content, for each recipient: in LMTP and under PRDR.
    std::function<smtp_reply(smtp_sink_message const&, smtp_path const&)> on_delivery;

    /// Is the extension in `keywords`?
    bool offers(std::string_view keyword) const
    {
        return std::any_of(keywords.begin(), keywords.end(), [&](std::string const& line) {
            return ascii::iequals(std::string_view(line).substr(0, line.find(' ')), keyword);
        });
    }

    /// What follows the keyword in `keywords`.
    std::string parameters_of(std::string_view keyword) const
    {
        for (auto const& line : keywords)
            if (std::size_t const end = line.find(' ');
                end != line.npos && ascii::iequals(std::string_view(line).substr(0, end), keyword))
                return line.substr(end + 1);
        return {};
    }

    /// Takes an extension away, as many servers have one less.
    smtp_sink_settings& withdraw(std::string_view keyword)
    {
        std::erase_if(keywords, [&](std::string const& line) {
            return ascii::iequals(std::string_view(line).substr(0, line.find(' ')), keyword);
        });
        return *this;
    }

    /// Adds an extension, in the place of one with the same keyword.
    smtp_sink_settings& offer(std::string line)
    {
        withdraw(std::string_view(line).substr(0, line.find(' ')));
        keywords.push_back(std::move(line));
        return *this;
    }
};

} // namespace posthorn::testing

#endif
