//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The one gate through which commands reach the wire: every octet is checked here, and nowhere else.

#ifndef POSTHORN_SMTP_COMMAND_HPP
#define POSTHORN_SMTP_COMMAND_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/codec/xtext.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/detail/command_line.hpp>
#include <posthorn/smtp/detail/parameter_text.hpp>
#include <posthorn/smtp/domain.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/verb.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace posthorn::smtp {

/// An attribute of XCLIENT or XFORWARD.
struct proxy_attribute
{
    std::string_view name;  ///< E.g. "ADDR".
    std::string_view value; ///< Not encoded; empty for "[UNAVAILABLE]".
};

/** Appends command lines to a buffer, each checked octet by octet.

    A function either appends exactly one line that ends in CRLF or returns an error and leaves the readable
    part of the buffer as it was; detail() then tells the offence. Refused in every argument: octets 0 to 31
    and 127 (errc::bad_argument), octets above 127 unless SMTPUTF8 is in effect for this very command
    (errc::smtputf8_required), ill-formed UTF-8, and lines longer than 512 octets plus what the extensions in
    use allow (errc::line_too_long).

    Nothing is allocated while the buffer has room.
*/
class command_writer
{
public:
    /// The limit of RFC 5321, 4.5.3.1.4, CRLF included.
    static constexpr std::size_t max_line = 512;
    /// The limit for lines of an AUTH exchange (RFC 4954, 4).
    static constexpr std::size_t max_auth_line = 12288;

    /// @param out Must outlive the writer.
    explicit command_writer(byte_buffer& out) noexcept : out_(&out) {}

    std::error_code ehlo(std::string_view name) { return hello(verb::ehlo, "EHLO ", name); }
    std::error_code helo(std::string_view name) { return hello(verb::helo, "HELO ", name); }
    std::error_code lhlo(std::string_view name) { return hello(verb::lhlo, "LHLO ", name); }
    std::error_code starttls() { return plain(verb::starttls, "STARTTLS"); }
    std::error_code data() { return plain(verb::data, "DATA"); }
    std::error_code rset() { return plain(verb::rset, "RSET"); }
    std::error_code quit() { return plain(verb::quit, "QUIT"); }

    std::error_code noop(std::string_view argument = {})
    {
        return with_text(verb::noop, "NOOP", argument, false);
    }
    std::error_code help(std::string_view argument = {})
    {
        return with_text(verb::help, "HELP", argument, false);
    }

    /// @param smtputf8 Add the SMTPUTF8 parameter (RFC 6531, 3.7.4.2), which allows UTF-8 in `text`.
    std::error_code vrfy(std::string_view text, bool smtputf8 = false)
    {
        return lookup(verb::vrfy, "VRFY", text, smtputf8);
    }
    std::error_code expn(std::string_view text, bool smtputf8 = false)
    {
        return lookup(verb::expn, "EXPN", text, smtputf8);
    }
    std::error_code etrn(std::string_view node) { return lookup(verb::etrn, "ETRN", node, false); }

    /** AUTH without initial response.
        @param mechanism 1 to 20 letters, digits, "-", "_".
    */
    std::error_code auth(std::string_view mechanism) { return auth_line(mechanism, nullptr, max_line); }

    /** AUTH with an initial response.
        @param initial_response The octets themselves; they are sent as base64, none of them as "=".
        @param limit The longest line. RFC 4954 keeps 512 here; for servers known to take more, up to
            max_auth_line.
    */
    std::error_code auth(std::string_view mechanism, std::string_view initial_response,
                         std::size_t limit = max_line)
    {
        return auth_line(mechanism, &initial_response, limit);
    }

    /// A response to a challenge. @param response The octets themselves; none of them make an empty line.
    std::error_code auth_response(std::string_view response)
    {
        if (response.size() > max_auth_line ||
            codec::base64_encoded_size(response.size()) + 2 > max_auth_line)
            return fail(errc::line_too_long, "the authentication response");
        detail::line_builder b(*out_, codec::base64_encoded_size(response.size()));
        b.append_base64(response);
        return done(verb::auth_response, b);
    }

    /// Cancels an AUTH exchange.
    std::error_code auth_cancel() { return plain(verb::auth_response, "*"); }

    /// MAIL (RFC 5321, 4.1.1.2). Non-ASCII senders need `parameters.smtputf8`.
    std::error_code mail(reverse_path const& sender, mail_parameters const& parameters)
    {
        if (!sender.is_null() && !sender.sender().has_domain())
            return fail(errc::bad_address, "a sender without domain");
        if (sender.needs_smtputf8() && !parameters.smtputf8)
            return fail(errc::smtputf8_required, "the sender's address");
        return envelope(verb::mail, "MAIL FROM:<", sender.view(), parameters, parameters.smtputf8);
    }
    std::error_code mail(reverse_path const& sender) { return mail(sender, mail_parameters()); }

    /// RCPT (RFC 5321, 4.1.1.3). @param smtputf8 The MAIL of this transaction had the SMTPUTF8 parameter.
    std::error_code rcpt(address const& recipient, rcpt_parameters const& parameters, bool smtputf8 = false)
    {
        if (recipient.needs_smtputf8() && !smtputf8)
            return fail(errc::smtputf8_required, "the recipient's address");
        return envelope(verb::rcpt, "RCPT TO:<", recipient.view(), parameters, smtputf8);
    }
    std::error_code rcpt(address const& recipient) { return rcpt(recipient, rcpt_parameters()); }

    /// BDAT (RFC 3030): exactly `size` octets of content follow it.
    std::error_code bdat(std::uint64_t size, bool last)
    {
        detail::line_builder b(*out_, 40);
        b.append("BDAT ");
        b.append_number(size);
        if (last)
            b.append(" LAST");
        return done(verb::bdat, b);
    }

    /// XCLIENT of Postfix. Values are sent as xtext.
    std::error_code xclient(std::span<proxy_attribute const> attributes)
    {
        return proxy(verb::xclient, "XCLIENT", attributes);
    }

    /// XFORWARD of Postfix. Values are sent as xtext.
    std::error_code xforward(std::span<proxy_attribute const> attributes)
    {
        return proxy(verb::xforward, "XFORWARD", attributes);
    }

    /** Any other command.
        @param line Without line end; not empty.
        @param smtputf8 Allow UTF-8.
        @param limit The longest line, CRLF included.
    */
    std::error_code raw(std::string_view line, bool smtputf8 = false, std::size_t limit = max_line)
    {
        if (line.empty())
            return fail(errc::bad_argument, "an empty command");
        if (auto const ec = check_text(line, smtputf8))
            return ec;
        if (line.size() > limit || line.size() + 2 > limit)
            return fail(errc::line_too_long, "the command");
        detail::line_builder b(*out_, line.size());
        b.append(line);
        return done(verb::raw, b);
    }

    /// What the last error was about: an argument, a keyword. Empty after success.
    std::string_view detail() const noexcept { return detail_; }

    /// What was written last.
    verb last_verb() const noexcept { return last_; }

    /// The line written last, CRLF included. Valid until the buffer changes; it may hold credentials.
    std::string_view last_line() const noexcept
    {
        auto const all = out_->data();
        return last_size_ <= all.size() ? all.substr(all.size() - last_size_) : std::string_view();
    }

    /// The line written last, for the protocol log.
    std::string describe_last() const { return describe(last_, last_line()); }

private:
    std::error_code fail(defect const& d) noexcept
    {
        detail_ = d.detail;
        return d.code;
    }

    std::error_code fail(errc code, std::string_view what) noexcept
    {
        detail_ = what;
        return code;
    }

    std::error_code done(verb v, detail::line_builder& b) noexcept
    {
        last_      = v;
        last_size_ = b.commit();
        detail_    = {};
        return {};
    }

    std::error_code check_text(std::string_view text, bool smtputf8) noexcept
    {
        if (ascii::has_control(text))
            return fail(errc::bad_argument, "a control character in an argument");
        if (!ascii::has_eight_bit(text))
            return {};
        if (!smtputf8)
            return fail(errc::smtputf8_required, "a non-ASCII octet in an argument");
        if (!detail::is_clean_utf8(text))
            return fail(errc::bad_argument, "an argument that is not UTF-8");
        return {};
    }

    std::error_code plain(verb v, std::string_view line)
    {
        detail::line_builder b(*out_, line.size());
        b.append(line);
        return done(v, b);
    }

    template <class Parameters>
    std::error_code envelope(verb v, std::string_view command, std::string_view path,
                             Parameters const& parameters, bool smtputf8)
    {
        detail::parameter_size size;
        if (auto const d = detail::check_parameters(parameters, smtputf8, size))
            return fail(d);
        if (path.size() > max_auth_line || size.bound > max_auth_line)
            return fail(errc::line_too_long, command);
        detail::line_builder b(*out_, command.size() + path.size() + 1 + size.bound);
        b.append(command);
        b.append(path);
        b.push_back('>');
        if (auto const d = detail::append_parameters(parameters, smtputf8, b))
            return fail(d);
        if (b.line().size() + 2 > max_line + size.allowance)
            return fail(errc::line_too_long, command);
        return done(v, b);
    }

    std::error_code hello(verb v, std::string_view command, std::string_view name)
    {
        if (auto const d = check_ehlo_name(name))
            return fail(d);
        detail::line_builder b(*out_, command.size() + name.size());
        b.append(command);
        b.append(name);
        return done(v, b);
    }

    std::error_code with_text(verb v, std::string_view command, std::string_view argument, bool smtputf8)
    {
        if (auto const ec = check_text(argument, smtputf8))
            return ec;
        constexpr std::string_view utf8 = " SMTPUTF8";
        if (argument.size() > max_line || command.size() + argument.size() + 3 > max_line)
            return fail(errc::line_too_long, command);
        detail::line_builder b(*out_, command.size() + argument.size() + 1 + utf8.size());
        b.append(command);
        if (!argument.empty())
        {
            b.push_back(' ');
            b.append(argument);
        }
        if (smtputf8)
            b.append(utf8);
        return done(v, b);
    }

    std::error_code lookup(verb v, std::string_view command, std::string_view argument, bool smtputf8)
    {
        if (argument.empty())
            return fail(errc::bad_argument, "an empty argument");
        return with_text(v, command, argument, smtputf8);
    }

    std::error_code auth_line(std::string_view mechanism, std::string_view const* initial, std::size_t limit)
    {
        bool legal = !mechanism.empty() && mechanism.size() <= 20;
        for (char const c : mechanism)
            legal = legal && (ascii::is_alnum(c) || c == '-' || c == '_');
        if (!legal)
            return fail(errc::bad_argument, "the name of the mechanism");
        std::size_t bound = 5 + mechanism.size();
        if (initial)
        {
            if (initial->size() > max_auth_line)
                return fail(errc::line_too_long, "AUTH");
            bound += 2 + codec::base64_encoded_size(initial->size());
        }
        if (bound + 2 > (limit < max_auth_line ? limit : max_auth_line))
            return fail(errc::line_too_long, "AUTH");
        detail::line_builder b(*out_, bound);
        b.append("AUTH ");
        for (char const c : mechanism)
            b.push_back(ascii::to_upper(c));
        if (initial)
        {
            b.push_back(' ');
            if (initial->empty())
                b.push_back('=');
            else
                b.append_base64(*initial);
        }
        return done(verb::auth, b);
    }

    std::error_code proxy(verb v, std::string_view command, std::span<proxy_attribute const> attributes)
    {
        std::size_t bound = command.size();
        for (auto const& a : attributes)
        {
            if (!detail::is_keyword(a.name))
                return fail(errc::bad_argument, "the name of an attribute");
            if (ascii::has_control(a.value))
                return fail(errc::bad_argument, "a control character in an attribute");
            if (a.name.size() > max_line || a.value.size() > max_line)
                return fail(errc::line_too_long, command);
            bound += 2 + a.name.size() + 3 * a.value.size() + 13;
        }
        if (attributes.empty())
            return fail(errc::bad_argument, "no attribute");
        detail::line_builder b(*out_, bound);
        b.append(command);
        for (auto const& a : attributes)
        {
            b.push_back(' ');
            b.append(a.name);
            b.push_back('=');
            if (a.value.empty())
                b.append("[UNAVAILABLE]");
            else
                codec::xtext_encode(a.value, b);
        }
        if (b.line().size() + 2 > max_line)
            return fail(errc::line_too_long, command);
        return done(v, b);
    }

    byte_buffer*     out_;
    std::string_view detail_;
    std::size_t      last_size_ = 0;
    verb             last_      = verb::none;
};

} // namespace posthorn::smtp

#endif
