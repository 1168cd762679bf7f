//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The server's side of one SMTP or LMTP connection, without I/O: takes what was read, gives what is to be written.

#ifndef POSTHORN_TESTING_DETAIL_SMTP_DIALOGUE_HPP
#define POSTHORN_TESTING_DETAIL_SMTP_DIALOGUE_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/testing/detail/dot_decoder.hpp>
#include <posthorn/testing/detail/smtp_grammar.hpp>
#include <posthorn/testing/detail/smtp_record.hpp>
#include <posthorn/testing/fingerprint.hpp>
#include <posthorn/testing/smtp_sink_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/** Reads commands and content strictly, decides, and records.

    Answers to everything that one feed() contains are joined in output().
*/
class smtp_dialogue
{
public:
    /// What the connection has to do after output() was written.
    enum class wish : unsigned char
    {
        input,
        start_tls,
        close
    };

    smtp_dialogue(smtp_sink_settings const& settings, smtp_record& record, std::uint64_t number)
        : settings_(&settings), record_(&record), number_(number),
          enhanced_(settings.offers("ENHANCEDSTATUSCODES")), pipelining_(settings.offers("PIPELINING")),
          chunking_(settings.offers("CHUNKING"))
    {
    }

    byte_buffer&       output() noexcept { return output_; }
    wish               next() const noexcept { return wish_; }
    std::string const& ending() const noexcept { return ending_; }

    void greet()
    {
        smtp_reply reply = ask(settings_->on_connect, number_);
        if (reply.empty())
            reply = smtp_reply(220, settings_->host + (settings_->lmtp ? " LMTP" : " ESMTP") + " sink ready");
        turned_away_ = reply.code >= 400;
        say(reply);
    }

    void turn_away()
    {
        record_->turned_away();
        say(own(421, "4.7.0", settings_->host + " too many connections"));
    }

    /// TLS is on; what the client said before does not count any more (RFC 3207 4.2).
    void secured()
    {
        secure_ = true;
        hello_  = hello::none;
        user_.clear();
        name_.clear();
        reset();
        wish_ = wish::input;
        record_->secured(number_);
    }

    void timed_out()
    {
        lost("idle timeout");
        say(own(421, "4.4.2", settings_->host + " nothing arrived in time"));
    }

    /// Nothing more will be read.
    void lost(std::string why)
    {
        if (mode_ == mode::content || bdat_open_)
            record_->incomplete();
        mode_      = mode::command;
        bdat_open_ = false;
        if (ending_.empty())
            ending_ = std::move(why);
    }

    /** Takes the input from where it was left.

        @return How many octets were used. The rest is the beginning of a line, to be given again with what follows.
    */
    std::size_t feed(std::string_view in)
    {
        std::size_t const total = in.size();
        while (wish_ == wish::input && !in.empty())
        {
            std::size_t used = 0;
            switch (mode_)
            {
            case mode::content: used = take_content(in); break;
            case mode::chunk: used = take_chunk(in); break;
            case mode::too_long: used = skip_line(in); break;
            case mode::command:
            case mode::auth_plain:
            case mode::auth_name:
            case mode::auth_password: used = take_line(in); break;
            }
            if (used == 0)
                return total - in.size();
            in.remove_prefix(used);
        }
        if (!in.empty() && wish_ == wish::start_tls)
            violation("octets in the clear after STARTTLS");
        else if (!in.empty() && ending_ == "QUIT")
            violation("octets after QUIT");
        return total;
    }

private:
    enum class mode : unsigned char
    {
        command,
        content,
        chunk,
        too_long,
        auth_plain,
        auth_name,
        auth_password
    };
    enum class hello : unsigned char
    {
        none,
        helo,
        ehlo
    };

    static constexpr bool cannot_be_followed(std::string_view verb)
    {
        // RFC 2920 3.1, RFC 3207 4, RFC 4954 4: last in a group.
        for (std::string_view last :
             {"EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "NOOP", "QUIT", "STARTTLS", "AUTH", "ETRN", "XCLIENT"})
            if (ascii::iequals(verb, last))
                return true;
        return false;
    }

    // ---- replies -------------------------------------------------------------------------------------------

    smtp_reply own(int code, std::string_view enhanced, std::string_view text) const
    {
        smtp_reply reply(code, std::string());
        if (enhanced_)
        {
            reply.text = enhanced;
            reply.text += ' ';
        }
        reply.text += text;
        return reply;
    }

    void say(smtp_reply const& reply)
    {
        std::string const code = std::to_string(reply.code);
        std::string_view  rest = reply.text;
        for (;;)
        {
            std::size_t const lf = rest.find('\n');
            output_.append(code);
            output_.append(lf == rest.npos ? " " : "-");
            output_.append(rest.substr(0, lf));
            output_.append("\r\n");
            if (lf == rest.npos)
                break;
            rest.remove_prefix(lf + 1);
        }
        if (reply.code == 421)
        {
            wish_ = wish::close;
            if (ending_.empty())
                ending_ = "421";
        }
    }

    void say(int code, std::string_view enhanced, std::string_view text) { say(own(code, enhanced, text)); }

    template <class Hook, class... Args>
    smtp_reply ask(Hook const& hook, Args const&... args)
    {
        if (!hook)
            return {};
        try
        {
            return hook(args...);
        }
        catch (std::exception const& e)
        {
            violation("a hook failed: " + printable(e.what()));
        }
        catch (...)
        {
            violation("a hook failed");
        }
        return own(451, "4.3.0", "a hook failed");
    }

    void violation(std::string_view what) { record_->violation(number_, what); }

    // ---- lines ---------------------------------------------------------------------------------------------

    std::size_t take_line(std::string_view in)
    {
        std::size_t const most =
            mode_ == mode::command ? settings_->max_command_line : settings_->max_auth_line;
        std::size_t const lf = in.substr(0, most).find('\n');
        if (lf == in.npos)
        {
            if (in.size() < most)
                return 0;
            mode_ = mode::too_long;
            return most;
        }
        std::string_view line    = in.substr(0, lf);
        bool const       crlf    = !line.empty() && line.back() == '\r';
        bool const       pending = lf + 1 != in.size();
        if (crlf)
            line.remove_suffix(1);
        record_->received_line(number_, line);
        if (!crlf || ascii::has_control(line))
        {
            violation(crlf ? "a control character in a command" : "a line that does not end in CRLF");
            mode_ = mode::command;
            say(500, "5.5.2", "only printable characters and CRLF at the end, please");
            return lf + 1;
        }
        if (mode_ != mode::command)
        {
            take_auth_line(line);
            if (pending)
                violation("octets before the reply to AUTH");
            return lf + 1;
        }
        bool const             may_pipeline = pipelining_ && hello_ == hello::ehlo;
        std::size_t const      space        = line.find(' ');
        std::string_view const verb         = line.substr(0, space);
        bool const             more         = space != line.npos;
        take_command(verb, more ? line.substr(space + 1) : std::string_view(), more);
        bool const content_follows = mode_ == mode::chunk || (chunking_ && ascii::iequals(verb, "BDAT"));
        if (pending && !content_follows && wish_ == wish::input &&
            (!may_pipeline || cannot_be_followed(verb)))
            violation("octets before the reply to " + printable(verb, 20));
        return lf + 1;
    }

    std::size_t skip_line(std::string_view in)
    {
        std::size_t const lf = in.find('\n');
        if (lf == in.npos)
            return in.size();
        mode_ = mode::command;
        violation("a line that is too long");
        say(500, "5.5.6", "the line is too long");
        return lf + 1;
    }

    void take_command(std::string_view verb, std::string_view argument, bool has_argument)
    {
        auto const is = [verb](std::string_view name) { return ascii::iequals(verb, name); };
        if (is("QUIT") && !has_argument)
        {
            ending_ = "QUIT";
            wish_   = wish::close;
            return say(221, "2.0.0", settings_->host + " closes the connection");
        }
        if (turned_away_)
            return say(503, "5.5.1", "only QUIT is left to you");
        if (is("MAIL"))
            return take_mail(argument);
        if (is("RCPT"))
            return take_rcpt(argument);
        if (is("BDAT") && chunking_)
            return take_bdat(argument);
        if (is("EHLO") || is("HELO") || is("LHLO"))
            return take_hello(verb, argument);
        if (is("AUTH") && has_argument)
            return take_auth(argument);
        if (is("NOOP"))
            return say(250, "2.0.0", "ok");
        if (is("HELP"))
            return say(214, "2.0.0", "a sink for mail: it takes everything and delivers nothing");
        if (is("VRFY"))
            return argument.empty() ? say(501, "5.5.4", "whom?") : say(252, "2.5.0", "try RCPT");
        if (is("EXPN"))
            return say(502, "5.5.1", "there are no lists here");
        if (is("ETRN") && settings_->offers("ETRN"))
            return argument.empty() ? say(501, "5.5.4", "for whom?") : say(250, "2.0.0", "queuing started");
        if (is("XCLIENT") && settings_->offers("XCLIENT"))
            return take_xclient(argument);
        if (is("XFORWARD") && settings_->offers("XFORWARD"))
            return take_xforward(argument);
        bool const plain = is("DATA") || is("RSET") || is("QUIT") || is("STARTTLS");
        if (!plain && !is("AUTH"))
            return say(500, "5.5.1", "unknown command");
        if (plain && has_argument)
            return say(501, "5.5.4", "there is nothing to add to this command");
        if (is("DATA"))
            return take_data();
        if (is("RSET"))
        {
            reset();
            return say(250, "2.0.0", "ok");
        }
        if (is("STARTTLS"))
            return take_starttls();
        say(501, "5.5.4", "which mechanism?");
    }

    // ---- the session ---------------------------------------------------------------------------------------

    bool offers_starttls() const
    {
        return settings_->tls == smtp_sink_settings::tls_mode::starttls && !secure_;
    }

    bool offers_auth() const
    {
        return !settings_->users.empty() && !settings_->mechanisms.empty() &&
               (secure_ || !settings_->require_tls_for_auth);
    }

    bool offers(std::string_view keyword) const
    {
        if (keyword == "AUTH")
            return offers_auth();
        if (keyword == "REQUIRETLS" && !secure_)
            return false;
        return settings_->offers(keyword);
    }

    void take_hello(std::string_view verb, std::string_view name)
    {
        bool const lmtp = ascii::iequals(verb, "LHLO");
        if (lmtp != settings_->lmtp)
            return say(500, "5.5.1", settings_->lmtp ? "this is LMTP: LHLO" : "this is SMTP: EHLO");
        if (!is_domain(name))
            return say(501, "5.5.4", "a domain or an address literal, please");
        bool const extended = !ascii::iequals(verb, "HELO");
        hello_              = extended ? hello::ehlo : hello::helo;
        name_               = name;
        reset();
        record_->said_hello(number_, name_);
        smtp_reply reply(250, settings_->host + " greets " + name_);
        if (extended)
        {
            for (auto const& keyword : settings_->keywords)
            {
                if (ascii::iequals(keyword, "REQUIRETLS") && !secure_)
                    continue; // RFC 8689 2
                reply.text += '\n' + keyword;
                if (ascii::iequals(keyword, "SIZE"))
                    reply.text += ' ' + std::to_string(settings_->max_message_size);
            }
            if (offers_starttls())
                reply.text += "\nSTARTTLS";
            if (offers_auth())
            {
                reply.text += "\nAUTH";
                for (auto const& mechanism : settings_->mechanisms)
                    reply.text += ' ' + mechanism;
            }
        }
        say(reply);
    }

    /// The session begins anew, as that of another client.
    void take_xclient(std::string_view argument)
    {
        if (transaction_)
            return say(503, "5.5.1", "not within a transaction");
        auto told = read_attributes(argument, settings_->parameters_of("XCLIENT"));
        if (!told)
            return say(501, "5.5.4", "an attribute is malformed or not offered");
        client_ = std::move(*told);
        hello_  = hello::none;
        user_.clear();
        name_.clear();
        reset();
        say(smtp_reply(220, settings_->host + " sink ready for another client"));
    }

    void take_xforward(std::string_view argument)
    {
        if (transaction_)
            return say(503, "5.5.1", "not within a transaction");
        auto told = read_attributes(argument, settings_->parameters_of("XFORWARD"));
        if (!told)
            return say(501, "5.5.4", "an attribute is malformed or not offered");
        for (auto& one : *told)
            origin_.push_back(std::move(one));
        say(250, "2.0.0", "ok");
    }

    void take_starttls()
    {
        if (secure_ || transaction_)
            return say(503, "5.5.1", secure_ ? "TLS is on already" : "not within a transaction");
        if (!offers_starttls())
            return say(502, "5.5.1", "TLS is not offered");
        wish_ = wish::start_tls;
        say(220, "2.0.0", "go ahead");
    }

    void take_auth(std::string_view argument)
    {
        std::size_t const      space     = argument.find(' ');
        std::string_view const mechanism = argument.substr(0, space);
        std::string_view const initial =
            space == argument.npos ? std::string_view() : argument.substr(space + 1);
        bool const known = std::any_of(settings_->mechanisms.begin(), settings_->mechanisms.end(),
                                       [&](std::string const& m) { return ascii::iequals(m, mechanism); });
        if (settings_->users.empty() || settings_->mechanisms.empty() || hello_ == hello::helo)
            return say(502, "5.5.1", "authentication is not offered");
        if (hello_ == hello::none || transaction_ || !user_.empty())
            return say(503, "5.5.1", "not now");
        if (!offers_auth())
            return say(538, "5.7.11", "the mechanism needs TLS");
        if (known && ascii::iequals(mechanism, "PLAIN"))
            mode_ = mode::auth_plain;
        else if (known && ascii::iequals(mechanism, "LOGIN"))
            mode_ = mode::auth_name;
        else
            return say(504, "5.5.4", "the mechanism is not known here");
        if (initial == "=")
            return take_auth_response(std::string());
        if (!initial.empty())
            return take_auth_line(initial);
        if (space != argument.npos)
        {
            mode_ = mode::command;
            return say(501, "5.5.4", "an empty initial response is written =");
        }
        say(smtp_reply(334, mode_ == mode::auth_plain ? "" : "VXNlcm5hbWU6"));
    }

    void take_auth_line(std::string_view line)
    {
        if (line == "*")
        {
            mode_ = mode::command;
            return say(501, "5.7.0", "cancelled");
        }
        auto response = read_base64(line);
        if (!response)
        {
            mode_ = mode::command;
            return say(501, "5.5.2", "this is not base64");
        }
        take_auth_response(std::move(*response));
    }

    void take_auth_response(std::string response)
    {
        if (mode_ == mode::auth_name)
        {
            login_ = std::move(response);
            mode_  = mode::auth_password;
            return say(smtp_reply(334, "UGFzc3dvcmQ6"));
        }
        if (mode_ == mode::auth_password)
            return finish_auth(login_, response);
        std::size_t const first  = response.find('\0');
        std::size_t const second = first == response.npos ? first : response.find('\0', first + 1);
        if (second == response.npos || response.find('\0', second + 1) != response.npos)
        {
            mode_ = mode::command;
            return say(501, "5.5.2", "this is no PLAIN message");
        }
        std::string const acts_as = response.substr(0, first);
        std::string const user    = response.substr(first + 1, second - first - 1);
        finish_auth(acts_as.empty() || acts_as == user ? user : std::string(), response.substr(second + 1));
    }

    void finish_auth(std::string const& user, std::string const& password)
    {
        mode_            = mode::command;
        auto const found = settings_->users.find(user);
        if (user.empty() || found == settings_->users.end() || found->second != password)
            return say(535, "5.7.8", "the credentials are wrong");
        user_ = user;
        record_->authenticated(number_, user_);
        say(235, "2.7.0", "welcome");
    }

    // ---- the envelope --------------------------------------------------------------------------------------

    void reset()
    {
        transaction_ = bdat_open_ = bdat_failed_ = too_big_ = false;
        message_                                            = smtp_sink_message();
        origin_.clear();
        print_                                              = fingerprint();
        newlines_                                           = newline_check();
    }

    /// After "FROM:" or "TO:"; nothing if the argument does not begin like that.
    static std::optional<std::string_view> after(std::string_view argument, std::string_view word)
    {
        if (!ascii::istarts_with(argument, word))
            return std::nullopt;
        return argument.substr(word.size());
    }

    /// What is wrong with the parameters; an empty reply if nothing is.
    smtp_reply check_parameters(smtp_path const& path, bool of_mail) const
    {
        for (auto const& p : path.parameters)
        {
            auto const* const rule    = find_rule(p.keyword);
            bool const        here    = rule == nullptr || rule->of_mail == of_mail;
            bool              offered = false;
            if (hello_ == hello::ehlo && rule == nullptr)
                offered = settings_->offers(p.keyword);
            else if (hello_ == hello::ehlo)
                offered = offers(rule->extensions[0]) ||
                          (!rule->extensions[1].empty() && offers(rule->extensions[1]));
            if (p.keyword == "BODY" && !ascii::iequals(p.value, "7BIT") && !offers(ascii::to_upper(p.value)))
                offered = offered && !is_one_of(p.value, {"8BITMIME", "BINARYMIME"});
            if (!here || !offered)
                return own(555, "5.5.4", p.keyword + " is not supported here");
            if (rule != nullptr && !rule->valid(p.value))
                return own(501, "5.5.4", p.keyword + " has a malformed value");
        }
        return {};
    }

    void take_mail(std::string_view argument)
    {
        if (hello_ == hello::none || transaction_)
            return say(503, "5.5.1", transaction_ ? "a transaction is open already" : "say hello first");
        if (settings_->require_tls && !secure_)
            return say(530, "5.7.0", "STARTTLS first");
        if (settings_->require_auth && user_.empty())
            return say(530, "5.7.0", "AUTH first");
        auto const text = after(argument, "FROM:");
        if (!text)
            return say(501, "5.5.2", "MAIL FROM:<address>");
        std::string fault;
        auto        path = read_path(*text, true, fault);
        if (!path)
            return say(501, "5.5.2", fault);
        if (smtp_reply const wrong = check_parameters(*path, true); !wrong.empty())
            return say(wrong);
        bool const utf8 = path->parameter("SMTPUTF8").has_value();
        if (!utf8 && ascii::has_eight_bit(path->address))
            return say(553, "5.6.7", "the address needs SMTPUTF8");
        auto const size = path->parameter("SIZE");
        if (size && settings_->max_message_size != 0 && *read_number(*size) > settings_->max_message_size)
            return say(552, "5.3.4", "the message is too big");
        if (settings_->max_messages_per_connection != 0 &&
            sequence_ == settings_->max_messages_per_connection)
            return say(421, "4.7.0", "enough for this connection");
        smtp_reply reply = ask(settings_->on_mail, *path);
        if (reply.empty())
            reply = own(250, "2.1.0", "ok");
        if (reply.positive())
        {
            auto origin = std::move(origin_);
            reset();
            transaction_        = true;
            message_.xclient    = client_;
            message_.xforward   = std::move(origin);
            message_.connection = number_;
            message_.hello      = name_;
            message_.user       = user_;
            message_.secure     = secure_;
            message_.from       = std::move(*path);
            body_               = ascii::to_upper(message_.from.parameter("BODY").value_or("7BIT"));
            utf8_               = utf8;
            prdr_               = message_.from.parameter("PRDR").has_value();
        }
        say(reply);
    }

    void take_rcpt(std::string_view argument)
    {
        if (!transaction_ || bdat_open_ || bdat_failed_)
            return say(503, "5.5.1", transaction_ ? "the content has begun" : "MAIL first");
        auto const text = after(argument, "TO:");
        if (!text)
            return say(501, "5.5.2", "RCPT TO:<address>");
        std::string fault;
        auto        path = read_path(*text, false, fault);
        if (!path)
            return say(501, "5.5.2", fault);
        if (smtp_reply const wrong = check_parameters(*path, false); !wrong.empty())
            return say(wrong);
        if (!utf8_ && ascii::has_eight_bit(path->address))
            return say(553, "5.6.7", "the address needs SMTPUTF8");
        if (message_.recipients.size() >= settings_->max_recipients)
            return say(452, "4.5.3", "too many recipients");
        smtp_reply reply;
        if (auto const found = settings_->refuse.find(path->address); found != settings_->refuse.end())
            reply = found->second;
        if (reply.empty())
            reply = ask(settings_->on_rcpt, *path);
        if (reply.empty())
            reply = own(250, "2.1.5", "ok");
        if (reply.positive())
            message_.recipients.emplace_back(std::move(*path));
        say(reply);
    }

    // ---- the content ---------------------------------------------------------------------------------------

    void take_data()
    {
        if (!transaction_ || bdat_open_ || bdat_failed_)
            return say(503, "5.5.1", transaction_ ? "the content comes by BDAT" : "MAIL first");
        if (message_.recipients.empty())
            return settings_->lmtp ? say(503, "5.5.1", "no valid recipients")
                                   : say(554, "5.5.1", "no valid recipients");
        if (body_ == "BINARYMIME")
            return say(503, "5.5.1", "BINARYMIME needs BDAT");
        message_.transfer = "DATA";
        smtp_reply reply  = ask(settings_->on_data, message_);
        if (reply.empty())
            reply = smtp_reply(354, "end with a dot on a line of its own");
        if (reply.code == 354)
        {
            mode_    = mode::content;
            decoder_ = dot_decoder();
        }
        say(reply);
    }

    std::size_t take_content(std::string_view in)
    {
        std::size_t const used = decoder_.feed(in, [this](std::string_view piece) { store(piece); });
        if (decoder_.done())
        {
            mode_                  = mode::command;
            message_.bare_newlines = decoder_.bare_newlines();
            finish_message();
            if (used != in.size() && !(pipelining_ && hello_ == hello::ehlo))
                violation("octets before the reply to the content");
        }
        return used;
    }

    void take_bdat(std::string_view argument)
    {
        std::size_t const space = argument.find(' ');
        auto const        size  = read_number(argument.substr(0, space));
        bool const        last = space != argument.npos && ascii::iequals(argument.substr(space + 1), "LAST");
        if (!size || (space != argument.npos && !last))
            return say(501, "5.5.4", "BDAT size [LAST]");
        chunk_left_  = *size;
        chunk_last_  = last;
        chunk_fault_ = smtp_reply();
        if (!transaction_ || bdat_failed_)
            chunk_fault_ = own(503, "5.5.1", transaction_ ? "a chunk was refused before" : "MAIL first");
        else if (message_.recipients.empty())
            chunk_fault_ = own(554, "5.5.1", "no valid recipients");
        else
        {
            bdat_open_        = true;
            message_.transfer = "BDAT";
            ++message_.chunks;
        }
        mode_ = mode::chunk;
        if (chunk_left_ == 0)
            finish_chunk();
    }

    std::size_t take_chunk(std::string_view in)
    {
        auto const piece =
            in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), chunk_left_)));
        if (chunk_fault_.empty())
        {
            if (body_ != "BINARYMIME")
                newlines_.feed(piece);
            store(piece);
        }
        chunk_left_ -= piece.size();
        if (chunk_left_ == 0)
        {
            finish_chunk();
            if (piece.size() != in.size() && !(pipelining_ && hello_ == hello::ehlo))
                violation("octets before the reply to BDAT");
        }
        return piece.size();
    }

    void finish_chunk()
    {
        mode_ = mode::command;
        if (chunk_fault_.empty() && too_big_ && !chunk_last_)
            chunk_fault_ = own(552, "5.3.4", "the message is too big");
        if (!chunk_fault_.empty())
        {
            bdat_failed_ = transaction_ && !message_.recipients.empty();
            bdat_open_   = false;
            say(chunk_fault_);
            if (chunk_last_)
                reset();
        }
        else if (!chunk_last_)
            say(250, "2.0.0", "chunk received");
        else
        {
            newlines_.finish();
            message_.bare_newlines = newlines_.bare();
            finish_message();
        }
    }

    static bool has_eight_bit(std::string_view bytes) noexcept
    {
        std::uint64_t all = 0;
        for (; bytes.size() >= 8; bytes.remove_prefix(8))
        {
            std::uint64_t eight = 0;
            std::memcpy(&eight, bytes.data(), 8);
            all |= eight;
        }
        return (all & 0x8080808080808080U) != 0 || ascii::has_eight_bit(bytes);
    }

    void store(std::string_view piece)
    {
        message_.size += piece.size();
        if (settings_->max_message_size != 0 && message_.size > settings_->max_message_size)
        {
            too_big_ = true;
            std::string().swap(message_.content);
            return;
        }
        message_.eight_bit = message_.eight_bit || has_eight_bit(piece);
        print_.feed(piece);
        if (settings_->retention == smtp_sink_settings::keep::everything)
            message_.content += piece;
    }

    void finish_message()
    {
        message_.fingerprint = print_.value();
        if (message_.bare_newlines != 0)
            violation("CR or LF alone in the content");
        if (message_.eight_bit && body_ == "7BIT" && !utf8_)
            violation("8-bit content without BODY=8BITMIME");
        smtp_reply verdict;
        if (too_big_)
            verdict = own(552, "5.3.4", "the message is too big");
        else if (settings_->refuse_bare_newlines && message_.bare_newlines != 0)
            verdict = own(550, "5.6.0", "CR or LF alone in the content");
        bool const refused = !verdict.empty();
        if (!refused)
            verdict = ask(settings_->on_message, message_);
        bool delivered = false; // to at least one
        if (settings_->lmtp || (prdr_ && !refused))
        {
            if (!settings_->lmtp)
                say(smtp_reply(353, "a reply for each recipient follows"));
            for (auto& recipient : message_.recipients)
            {
                smtp_reply& reply = recipient.delivery;
                if (!refused)
                    reply = ask(settings_->on_delivery, message_, static_cast<smtp_path const&>(recipient));
                if (reply.empty() && settings_->lmtp)
                    reply = verdict;
                if (reply.empty())
                    reply = own(250, "2.1.5", "<" + recipient.address + "> delivered");
                delivered = delivered || reply.positive();
                say(reply);
            }
        }
        if (!settings_->lmtp)
        {
            if (verdict.empty() && prdr_ && !delivered)
                verdict = own(550, "5.7.1", "refused for all recipients");
            if (verdict.empty())
                verdict = own(250, "2.0.0",
                              "accepted as " + std::to_string(number_) + '-' + std::to_string(sequence_ + 1));
            delivered = verdict.positive();
            say(verdict);
        }
        ++sequence_;
        message_.reply = std::move(verdict);
        if (delivered)
            record_->accepted(std::move(message_));
        else
            record_->refused(std::move(message_));
        reset();
    }

    smtp_sink_settings const* settings_;
    smtp_record*              record_;
    std::uint64_t             number_;
    bool                      enhanced_;
    bool                      pipelining_;
    bool                      chunking_;

    byte_buffer output_;
    wish        wish_        = wish::input;
    mode        mode_        = mode::command;
    hello       hello_       = hello::none;
    bool        secure_      = false;
    bool        turned_away_ = false; ///< By the greeting.
    std::string ending_;
    std::string name_;  ///< What it says it is.
    std::string user_;  ///< Who it has proved to be.
    std::string login_; ///< Who it wants to be.
    std::vector<smtp_parameter> client_; ///< What XCLIENT told.
    std::vector<smtp_parameter> origin_; ///< What XFORWARD told, of the next message.

    bool              transaction_ = false;
    bool              utf8_        = false;
    bool              prdr_        = false;
    bool              too_big_     = false;
    bool              bdat_open_   = false; ///< A chunk was begun and the last one has not come.
    bool              bdat_failed_ = false;
    bool              chunk_last_  = false;
    std::uint64_t     chunk_left_  = 0;
    smtp_reply        chunk_fault_; ///< Why the chunk is thrown away; empty if it is not.
    std::string       body_     = "7BIT";
    std::size_t       sequence_ = 0; ///< Messages whose content has ended.
    smtp_sink_message message_;
    fingerprint       print_;
    newline_check     newlines_;
    dot_decoder       decoder_;
};

} // namespace posthorn::testing::detail

#endif
