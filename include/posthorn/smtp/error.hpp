//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The errors of SMTP: broken protocol, refusals, and values that cannot be put on the wire.

#ifndef POSTHORN_SMTP_ERROR_HPP
#define POSTHORN_SMTP_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace posthorn::smtp {

/** Why an SMTP operation failed.

    Compare to posthorn::condition to ask for the kind: protocol, temporary, permanent, tls, authentication.
*/
enum class errc
{
    // The peer does not speak SMTP as it must: the connection is unusable.
    bad_reply = 1,            ///< A line that is no reply: no code from 200 to 599, or a wrong separator.
    mixed_codes,              ///< The lines of one reply carry different codes.
    reply_line_too_long,      ///< One line breaches reply_limits::line.
    reply_too_long,           ///< One reply breaches reply_limits::total.
    reply_too_many_lines,     ///< One reply breaches reply_limits::lines.
    unsolicited_reply,        ///< A reply arrived while none was due.
    unexpected_code,          ///< A code that cannot answer the command, e.g. 250 to DATA.
    tls_leftover,             ///< Plaintext followed the reply to STARTTLS: somebody injects commands.
    tls_where_plain_expected, ///< The server speaks TLS from the first octet: use implicit TLS.
    not_smtp,                 ///< Another protocol answers: HTTP, IMAP, POP3, SSH.
    bad_challenge,            ///< An AUTH challenge is not base64.

    // The server said no.
    greeting_refused,    ///< The greeting is 5xx.
    greeting_deferred,   ///< The greeting is 4xx.
    connection_used_up,  ///< LIMITS MAILMAX (RFC 9422): another connection is needed for more messages.
    service_unavailable, ///< 421: the server closes the connection.
    ehlo_refused,        ///< Neither EHLO nor, where allowed, HELO was accepted.
    command_refused,     ///< A command was answered by 5xx.
    command_deferred,    ///< A command was answered by 4xx.

    // TLS.
    tls_required_unavailable, ///< TLS is required and STARTTLS is not offered.
    tls_refused,              ///< TLS is required and STARTTLS was answered by 4xx or 5xx.

    // Authentication.
    auth_required,    ///< 530: the server wants a login first.
    auth_failed,      ///< 535 and the like: the credentials are wrong.
    auth_temporary,   ///< 454, 432 and the like: the server cannot check them now.
    auth_unavailable, ///< No mechanism of the server is usable and allowed.
    auth_too_weak,    ///< 534: the mechanism is not strong enough for this account.
    auth_needs_tls,   ///< 538: this mechanism is accepted under TLS only.

    // What the caller gave cannot be sent: nothing was written.
    bad_address,       ///< Not a mailbox as RFC 5321 and RFC 6531 define it.
    bad_ehlo_name,     ///< Neither a domain name nor an address literal.
    bad_parameter,     ///< An extension parameter has a value outside its grammar or range.
    bad_argument,      ///< A command argument holds a control character or an octet that is not allowed.
    line_too_long,     ///< The command line would exceed what its RFCs allow.
    extension_missing, ///< The server does not offer the extension that a parameter needs.
    smtputf8_required, ///< A non-ASCII address or argument, and SMTPUTF8 is not in effect.
    message_too_big,   ///< The message is larger than the server's SIZE.
    no_recipients,     ///< The envelope has no recipient.
    too_many_recipients, ///< More than the server takes at once (LIMITS), and the policy is all or nothing.

    // The content cannot be sent as it is.
    eight_bit_refused, ///< 8-bit octets without 8BITMIME.
    binary_refused,    ///< A NUL without BINARYMIME.
    line_length,       ///< A line of more than 998 octets.
    bare_line_ending,  ///< A CR or LF that is not part of CRLF, under line_endings::strict.
    size_mismatch,     ///< The source gave more or fewer octets than it promised.

    // The end of a transaction.
    all_refused,      ///< No recipient was accepted, and none is worth a retry.
    all_deferred,     ///< No recipient was accepted, and a retry may help at least one.
    not_all_accepted, ///< Some recipient was refused and the policy is all or nothing: nothing was delivered.
    message_refused,  ///< The content was answered by 5xx.
    message_deferred, ///< The content was answered by 4xx.
    in_doubt          ///< The content may have been accepted: no reply to its end was seen.
};

namespace detail {

class category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.smtp"; }

    std::string message(int value) const override { return text(static_cast<errc>(value)); }

    bool equivalent(int value, std::error_condition const& c) const noexcept override
    {
        if (c.category() == condition_category())
            return is(static_cast<errc>(value), static_cast<condition>(c.value()));
        return default_error_condition(value) == c;
    }

private:
    static char const* text(errc e) noexcept
    {
        switch (e)
        {
        case errc::bad_reply: return "the server sent a line that is no SMTP reply";
        case errc::mixed_codes: return "the lines of one reply carry different codes";
        case errc::reply_line_too_long: return "the server sent a reply line that is too long";
        case errc::reply_too_long: return "the server sent a reply that is too long";
        case errc::reply_too_many_lines: return "the server sent a reply with too many lines";
        case errc::unsolicited_reply: return "the server sent a reply that nothing asked for";
        case errc::unexpected_code: return "the reply code cannot answer this command";
        case errc::tls_leftover: return "plaintext followed the reply to STARTTLS";
        case errc::tls_where_plain_expected: return "the server speaks TLS where plain SMTP was expected";
        case errc::not_smtp: return "the server speaks another protocol than SMTP";
        case errc::bad_challenge: return "the server sent an authentication challenge that is not base64";
        case errc::greeting_refused: return "the server refuses all service";
        case errc::greeting_deferred: return "the server refuses service for now";
        case errc::connection_used_up: return "the server takes no more messages on this connection";
        case errc::service_unavailable: return "the server closes the connection";
        case errc::ehlo_refused: return "the server refused EHLO and HELO";
        case errc::command_refused: return "the server refused the command";
        case errc::command_deferred: return "the server refused the command for now";
        case errc::tls_required_unavailable: return "TLS is required and the server does not offer it";
        case errc::tls_refused: return "TLS is required and the server refused to start it";
        case errc::auth_required: return "the server requires authentication";
        case errc::auth_failed: return "the server refused the credentials";
        case errc::auth_temporary: return "the server cannot check the credentials now";
        case errc::auth_unavailable: return "no authentication mechanism is both offered and allowed";
        case errc::auth_too_weak: return "the server wants a stronger authentication mechanism";
        case errc::auth_needs_tls: return "the server accepts this authentication under TLS only";
        case errc::bad_address: return "not a valid mail address";
        case errc::bad_ehlo_name: return "not a domain name or address literal";
        case errc::bad_parameter: return "an extension parameter has an invalid value";
        case errc::bad_argument: return "a command argument holds an octet that is not allowed";
        case errc::line_too_long: return "the command line would be too long";
        case errc::extension_missing: return "the server does not offer a required extension";
        case errc::smtputf8_required: return "a non-ASCII address or argument needs SMTPUTF8";
        case errc::message_too_big: return "the message is larger than the server accepts";
        case errc::no_recipients: return "the envelope has no recipient";
        case errc::too_many_recipients:
            return "the server does not take so many recipients at once, and the policy is all or nothing";
        case errc::eight_bit_refused:
            return "the content has 8-bit octets and the server does not offer 8BITMIME";
        case errc::binary_refused: return "the content has a NUL and the server does not offer BINARYMIME";
        case errc::line_length: return "the content has a line of more than 998 octets";
        case errc::bare_line_ending: return "the content has a CR or LF outside of CRLF";
        case errc::size_mismatch: return "the content has another size than was announced";
        case errc::all_refused: return "the server refused every recipient";
        case errc::all_deferred: return "the server accepted no recipient for now";
        case errc::not_all_accepted: return "the server did not accept every recipient";
        case errc::message_refused: return "the server refused the message";
        case errc::message_deferred: return "the server refused the message for now";
        case errc::in_doubt: return "the connection ended before the server told whether it took the message";
        }
        return "unknown error";
    }

    static bool is(errc e, condition c) noexcept
    {
        switch (e)
        {
        case errc::bad_reply:
        case errc::mixed_codes:
        case errc::reply_line_too_long:
        case errc::reply_too_long:
        case errc::reply_too_many_lines:
        case errc::unsolicited_reply:
        case errc::unexpected_code:
        case errc::not_smtp: return c == condition::protocol;
        case errc::tls_leftover:
        case errc::tls_where_plain_expected: return c == condition::protocol || c == condition::tls;
        case errc::bad_challenge: return c == condition::protocol || c == condition::authentication;
        case errc::greeting_deferred:
        case errc::connection_used_up:
        case errc::service_unavailable:
        case errc::command_deferred:
        case errc::all_deferred:
        case errc::message_deferred: return c == condition::temporary;
        case errc::tls_required_unavailable:
        case errc::tls_refused: return c == condition::tls;
        case errc::auth_temporary: return c == condition::authentication || c == condition::temporary;
        case errc::auth_required:
        case errc::auth_failed:
        case errc::auth_unavailable:
        case errc::auth_too_weak:
        case errc::auth_needs_tls: return c == condition::authentication || c == condition::permanent;
        case errc::greeting_refused:
        case errc::ehlo_refused:
        case errc::command_refused:
        case errc::bad_address:
        case errc::bad_ehlo_name:
        case errc::bad_parameter:
        case errc::bad_argument:
        case errc::line_too_long:
        case errc::extension_missing:
        case errc::smtputf8_required:
        case errc::message_too_big:
        case errc::no_recipients:
        case errc::too_many_recipients:
        case errc::eight_bit_refused:
        case errc::binary_refused:
        case errc::line_length:
        case errc::bare_line_ending:
        case errc::size_mismatch:
        case errc::all_refused:
        case errc::message_refused: return c == condition::permanent;
        case errc::not_all_accepted: // the refusals of the recipients tell which of both
        case errc::in_doubt: return false;
        }
        return false;
    }
};

} // namespace detail

/// The category of errc.
inline std::error_category const& category() noexcept
{
    static detail::category_type const instance;
    return instance;
}

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

/** The result of a check without exceptions: true means that something is wrong.

    `detail` lives for ever: it names the offence or the keyword and never quotes the checked text.
*/
struct defect
{
    std::error_code  code;
    std::string_view detail;
    std::size_t      position = 0; ///< Of the offending octet in the checked text, where that makes sense.

    explicit operator bool() const noexcept { return static_cast<bool>(code); }
};

} // namespace posthorn::smtp

template <>
struct std::is_error_code_enum<posthorn::smtp::errc> : std::true_type
{
};

#endif
