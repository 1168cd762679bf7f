//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// session: one SMTP connection, one awaitable for each command exchange.

#ifndef POSTHORN_SMTP_SESSION_HPP
#define POSTHORN_SMTP_SESSION_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/net/stream.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/select.hpp>
#include <posthorn/smtp/burst.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/detail/burst_run.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/detail/delivery.hpp>
#include <posthorn/smtp/detail/introduction.hpp>
#include <posthorn/smtp/detail/login.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/smtp/reply.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/settings.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <asio/cancellation_type.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::smtp {

/** One connection to an SMTP server.

    Usual order: greet(), hello(), start_tls() (or secure() before greet()), authenticate(), any number of
    send(), quit(). One operation at a time; a second one fails with errc::busy. smtp::client does all this by itself.

    @par Errors
    session_error, and send_error for messages. After an error of the connection or of the protocol, a timeout, or a
    cancellation in the middle of an exchange, the connection is closed: what the server would say next could not be
    told apart any more. After a refusal by the server, other than 421, the session stays usable.

    @par Cancellation
    Supported everywhere. An operation that had not written anything leaves the session usable; otherwise the
    connection is closed.

    @par Lifetime
    Must outlive its tasks, and stays where it is.

    @par Thread safety
    One thread at a time, the executor's.
*/
class session
{
public:
    /// @param s A connected stream, see net::connect().
    session(net::stream s, session_settings settings)
        : talk_(std::move(s), std::move(settings)), introduction_(talk_), delivery_(talk_)
    {
        talk_.emit(events::connected {talk_.stream.peer()});
    }
    session(session const&)            = delete;
    session& operator=(session const&) = delete;

    // Connection set-up ----------------------------------------------------------------------------------------

    /** Waits for the greeting (RFC 5321, 3.1), which may take minutes and several lines.

        @throws session_error with errc::greeting_refused (5xx; QUIT was sent), errc::greeting_deferred (4xx; the same),
                errc::service_unavailable (421), errc::tls_where_plain_expected, errc::not_smtp, ... */
    task<reply> greet()
    {
        operation const guard(*this, phase::greeting);
        co_await talk_.check_cancelled(phase::greeting);
        talk_.due.expect(phase::greeting);
        co_await talk_.await_reply();
        if (talk_.last.positive())
            co_return talk_.last;
        if (talk_.last.code() == 421)
            talk_.refuse(errc::service_unavailable, phase::greeting, "greeting");
        auto const          code    = talk_.last.transient() ? errc::greeting_deferred : errc::greeting_refused;
        session_error const refused = talk_.make_error(code, phase::greeting, "greeting", &talk_.last);
        co_await talk_.leave();
        throw refused;
    }

    /** EHLO, and learning what the server offers (RFC 5321, 3.2); HELO if the server does not know EHLO.

        @param allow_helo Fall back to HELO on 5xx. To be false where TLS or authentication is required, which HELO
                          cannot lead to.
        @throws session_error with errc::ehlo_refused; errc::bad_ehlo_name if the name of the settings cannot be used. */
    task<void> hello(bool allow_helo)
    {
        operation const guard(*this, phase::hello);
        co_await talk_.begin(phase::hello);
        co_await introduction_.hello(allow_helo);
    }

    /// The same, with the fall-back.
    task<void> hello() { return hello(true); }

    /** HELO (RFC 5321, 4.1.1.1), for servers that are to be spared EHLO: they offer nothing then.
        @throws session_error as hello(). */
    task<void> helo()
    {
        operation const guard(*this, phase::hello);
        co_await talk_.begin(phase::hello);
        co_await introduction_.helo();
    }

    /** STARTTLS, the handshake, and EHLO again (RFC 3207). What was offered in the clear is forgotten.

        @param context     How to verify the server.
        @param host        Whose certificate is expected, and the name to present.
        @param session_key Names the TLS session to resume; empty for none.
        @throws session_error with errc::tls_required_unavailable (not offered; the session stays usable),
                errc::tls_refused (refused; it stays usable), errc::tls_leftover (somebody injects plaintext; closed),
                or a code of TLS, whose text says what was wrong with which certificate (closed). */
    task<void> start_tls(net::tls_context context, std::string host, std::string session_key)
    {
        co_await upgrade_tls(std::move(context), std::move(host), std::move(session_key));
        co_await hello(false);
    }

    /** STARTTLS and the handshake only: hello() must follow, after whatever there is to be decided about the certificate.

        Parameters and errors as of start_tls(). */
    task<void> upgrade_tls(net::tls_context context, std::string host, std::string session_key)
    {
        operation const guard(*this, phase::starttls);
        co_await talk_.begin(phase::starttls);
        if (!introduction_.offered.has(feature::starttls))
            throw talk_.make_error(errc::tls_required_unavailable, phase::starttls, "STARTTLS");
        command_writer w(talk_.out);
        talk_.spelled(w.starttls(), w, phase::starttls);
        co_await talk_.exchange(phase::starttls);
        if (!talk_.last.positive())
            talk_.refuse(errc::tls_refused, phase::starttls, "STARTTLS");
        // Whatever follows the reply in the clear was sent by somebody else: it must not be read as if protected.
        if (!talk_.in.empty())
            talk_.fail(errc::tls_leftover, phase::starttls, "STARTTLS");
        introduction_.offered.assign(smtp::reply(), false); // what is masked stays masked
        co_await handshake(std::move(context), std::move(host), std::move(session_key));
    }

    /** TLS from the first octet (RFC 8314), before greet().
        @throws session_error with a code of TLS. */
    task<void> secure(net::tls_context context, std::string host, std::string session_key)
    {
        operation const guard(*this, phase::tls);
        co_await talk_.check_cancelled(phase::tls);
        co_await handshake(std::move(context), std::move(host), std::move(session_key));
    }

    /** Logs in (RFC 4954), trying the mechanisms that sasl::choose() gives in turn.

        @return The mechanism that succeeded.
        @throws session_error with errc::auth_failed (535: wrong credentials), errc::auth_temporary (454 and the
                like), errc::auth_unavailable (no mechanism offered that is allowed), errc::auth_too_weak,
                errc::auth_needs_tls, ... The session stays usable, without a login. */
    task<std::string> authenticate(sasl::credentials who, sasl::selection how)
    {
        auto const offered = introduction_.offered.auth_mechanisms();
        return authenticate(std::move(who), std::move(how), std::vector<std::string>(offered.begin(), offered.end()));
    }

    /// The same with mechanisms that the server is known to have, whatever it said, or did not say after HELO.
    task<std::string> authenticate(sasl::credentials who, sasl::selection how, std::vector<std::string> offered)
    {
        operation const guard(*this, phase::auth);
        co_await talk_.begin(phase::auth);
        how.secure         = is_secure();
        how.service        = talk_.settings.protocol == protocol::lmtp ? "lmtp" : "smtp";
        if (is_secure())
        {
            how.tls_exporter         = talk_.stream.tls().tls_exporter;
            how.tls_server_end_point = talk_.stream.tls().tls_server_end_point;
        }
        detail::login attempt(talk_);
        auto          used = co_await attempt.run(std::move(offered), std::move(who), std::move(how));
        introduction_.logged_in();
        co_return used;
    }

    // Mail -----------------------------------------------------------------------------------------------------

    /** Sends one message.

        @param m       Its content is read from where the source stands; a source that was used must be rewound.
        @param options How to send it.
        @param into    Gets the outcome for each recipient, also if this throws (but errc::busy). A report that is used
                       again keeps its memory: the steady state allocates nothing.

        After a login the server is asked again what it offers (EHLO), once, if the message needs what it did not offer
        before: some offer it only to those who have logged in.

        @throws send_error, see there; session_error with errc::busy, errc::closed, condition::canceled before anything
                was sent, or what the EHLO mentioned above met with.

        @par Cancellation
        Before the end of the content was handed to the transport the outcome is not_sent, after it in_doubt. */
    task<void> send(message const& m, send_options const& options, report& into)
    {
        operation const guard(*this, phase::mail);
        transaction::reset(into, m.envelope);
        co_await talk_.begin(phase::mail);
        if (introduction_.worth_renewing(m.envelope))
            co_await introduction_.renew();
        co_await delivery_.run(m, options, introduction_.offered, into);
    }

    /// The same with a report of its own.
    task<report> send(message const& m, send_options const& options)
    {
        report r;
        co_await send(m, options, r);
        co_return r;
    }

    /// The same with default options.
    task<report> send(message const& m)
    {
        send_options const options;
        co_return co_await send(m, options);
    }

    /** Sends many messages, each without waiting for the reply to the one before: in as few round trips as the server
        allows.

        @param messages A range of messages, of pointers to messages (message_pointer), or an async_generator of either.
                        If it is an lvalue, it and what it refers to must stay until the sequence has ended.
        @return A sequence with a result for each message that was taken from `messages`, as soon as it is known, which
                need not be in the order of the messages. It ends early if the connection ends: those on their way
                are reported, and the others were not asked for.
        @throws session_error with errc::busy or errc::closed from the first next(); then what `messages` throws, after
                the results of all that had been taken.

        Dropping the sequence while messages are on their way closes the connection. A generator that is being waited
        for when the sequence ends or is dropped is cancelled, and ends on its own time.

        @par Cancellation
        As for send(), for all messages on their way; the sequence gives their results and ends. */
    template <detail::message_range Messages>
    async_generator<burst_result> send_burst(Messages&& messages, burst_options options)
    {
        return burst(std::make_unique<detail::range_feed<Messages>>(std::forward<Messages>(messages)), std::move(options));
    }
    template <detail::message_like T>
    async_generator<burst_result> send_burst(async_generator<T> messages, burst_options options)
    {
        return burst(std::make_unique<detail::generator_feed<T>>(std::move(messages)), std::move(options));
    }

    /// The same with default options.
    template <class Messages>
    async_generator<burst_result> send_burst(Messages&& messages)
    {
        return send_burst(std::forward<Messages>(messages), burst_options());
    }

    // Single commands ------------------------------------------------------------------------------------------
    // A 4xx or 5xx reply is a result here, not an error.

    /// MAIL FROM (RFC 5321, 4.1.1.2).
    task<reply> mail(reverse_path sender, mail_parameters parameters)
    {
        operation const guard(*this, phase::mail);
        co_await talk_.begin(phase::mail);
        command_writer w(talk_.out);
        talk_.spelled(w.mail(sender, parameters), w, phase::mail);
        co_await talk_.exchange(phase::mail);
        if (talk_.last.positive())
        {
            smtputf8_                    = parameters.smtputf8;
            delivery_.transaction_open() = true;
            delivery_.count_mail();
        }
        co_return talk_.last;
    }

    /// RCPT TO (RFC 5321, 4.1.1.3).
    task<reply> rcpt(address to, rcpt_parameters parameters)
    {
        operation const guard(*this, phase::rcpt);
        co_await talk_.begin(phase::rcpt);
        command_writer w(talk_.out);
        talk_.spelled(w.rcpt(to, parameters, smtputf8_), w, phase::rcpt);
        co_await talk_.exchange(phase::rcpt);
        co_return talk_.last;
    }

    /** DATA and the content (RFC 5321, 4.1.1.4).
        @param options Their line ends, of which verbatim is refused, and longest line.
        @return The reply to DATA if it was refused, else the reply to the content.
        @throws session_error; whether the server got the message is then not known. send() tells more. */
    task<reply> data(source& content, send_options const& options)
    {
        require_encodable(options);
        auto answer = co_await open_data();
        if (content_open_)
            answer = co_await finish_data(content, options, introduction_.offered.has(feature::eight_bit_mime));
        co_return answer;
    }

    /** DATA alone. After 354 the server waits for content: finish_data() must be next, and everything else fails with
        errc::bad_sequence; quit() then closes without QUIT, which would become part of the message. */
    task<reply> open_data()
    {
        operation const guard(*this, phase::data);
        co_await talk_.begin(phase::data);
        command_writer w(talk_.out);
        talk_.spelled(w.data(), w, phase::data);
        co_await talk_.exchange(phase::data);
        content_open_ = talk_.last.intermediate();
        if (content_open_)
            talk_.require_quiet(phase::data);
        co_return talk_.last;
    }

    /** The content and the dot, after open_data() was answered by 354.
        @param options   As for data().
        @param eight_bit Whether octets above 127 may be sent; if not, they are errc::eight_bit_refused.
        @return The reply to the content. Errors as of data(). */
    task<reply> finish_data(source& content, send_options const& options, bool eight_bit)
    {
        require_encodable(options);
        operation const guard(*this, phase::content, true);
        bool            complete = false;
        abort_unless const done(talk_, complete);
        co_await talk_.begin(phase::content);
        talk_.due.expect(phase::content);
        content_options rules;
        rules.endings         = options.endings;
        rules.max_line        = options.max_line;
        rules.allow_eight_bit = eight_bit;
        co_await delivery_.write_all(content, rules);
        complete                     = true;
        content_open_                = false;
        delivery_.transaction_open() = false;
        co_return talk_.last;
    }

    /// Does the server wait for content, after open_data()?
    bool content_open() const noexcept { return content_open_; }

    /** Waits, while there is nothing else to do, for the end of the connection or for something that the server says unasked;
        both are errors. Otherwise it ends when it is cancelled, which does no harm. */
    task<void> watch()
    {
        operation const guard(*this, phase::command, content_open_);
        watching_ = true;
        watch_end const end(watching_);
        for (;;)
        {
            co_await talk_.begin(phase::command);
            talk_.arm(net::clock::duration::max());
            co_await talk_.receive(phase::command, true);
            auto const how = co_await this_coro::cancelled;
            if (how != asio::cancellation_type::none)
                co_return;
        }
    }

    /** BDAT and a chunk of content (RFC 3030).

        @param chunk Sent as it is.
        @param last  Is the message complete with it?
        @return The reply. After a refusal rset() must follow.
        @throws session_error, with errc::extension_missing if CHUNKING is not offered: such a server would take the
                content for commands; after the last chunk it is then not known whether the server got the message. */
    task<reply> bdat(std::string_view chunk, bool last)
    {
        operation const guard(*this, phase::content);
        if (!introduction_.offered.has(feature::chunking))
            throw talk_.make_error(errc::extension_missing, phase::prepare, "BDAT", nullptr, std::string(keyword(feature::chunking)));
        co_await talk_.begin(phase::content);
        command_writer w(talk_.out);
        talk_.spelled(w.bdat(chunk.size(), last), w, phase::content);
        co_await talk_.exchange(phase::content, verb::bdat, chunk);
        if (talk_.last.intermediate())
            talk_.fail(errc::unexpected_code, phase::content, "BDAT");
        if (last && talk_.last.positive())
            delivery_.transaction_open() = false;
        co_return talk_.last;
    }

    /** XCLIENT (Postfix): the server shall take this client for another one.

        What was known of the server is forgotten; hello() must follow, as after connecting.
        @param attributes E.g. {"ADDR", "192.0.2.1"}; they are sent as xtext.
        @return The reply: 220 if the server has started anew. */
    task<reply> xclient(std::vector<proxy_attribute> attributes)
    {
        operation const guard(*this, phase::command);
        co_await talk_.begin(phase::command);
        command_writer w(talk_.out);
        talk_.spelled(w.xclient(attributes), w, phase::command);
        co_await talk_.exchange(phase::command);
        if (talk_.last.positive())
        {
            introduction_.offered.assign(smtp::reply(), false);
            delivery_.transaction_open() = false;
        }
        co_return talk_.last;
    }

    /// XFORWARD (Postfix): tells the server where the next message came from. @param attributes As for xclient().
    task<reply> xforward(std::vector<proxy_attribute> attributes)
    {
        operation const guard(*this, phase::command);
        co_await talk_.begin(phase::command);
        command_writer w(talk_.out);
        talk_.spelled(w.xforward(attributes), w, phase::command);
        co_await talk_.exchange(phase::command);
        co_return talk_.last;
    }

    /// ETRN: asks the server to send what it holds for a host (RFC 1985).
    task<reply> etrn(std::string node)
    {
        operation const guard(*this, phase::command);
        co_await talk_.begin(phase::command);
        command_writer w(talk_.out);
        talk_.spelled(w.etrn(node), w, phase::command);
        co_await talk_.exchange(phase::command);
        co_return talk_.last;
    }

    /// RSET: forgets an open transaction.
    task<reply> rset()
    {
        operation const guard(*this, phase::rset);
        co_await talk_.begin(phase::rset);
        command_writer w(talk_.out);
        talk_.spelled(w.rset(), w, phase::rset);
        co_await talk_.exchange(phase::rset);
        if (talk_.last.positive())
            delivery_.transaction_open() = false;
        co_return talk_.last;
    }

    /// NOOP: is the server still there?
    task<reply> noop() { return simple(&command_writer::noop, {}); }

    /// HELP. @param topic May be empty.
    task<reply> help(std::string topic) { return simple(&command_writer::help, std::move(topic)); }

    /// VRFY: does the server know this mailbox? Most servers answer 252.
    task<reply> vrfy(std::string what) { return lookup(&command_writer::vrfy, std::move(what)); }

    /// EXPN: who is on this list?
    task<reply> expn(std::string list) { return lookup(&command_writer::expn, std::move(list)); }

    /** Any other command with a single reply.
        @param line Without line end; control characters are refused. Commands that change what the session must know
                    (MAIL, DATA, STARTTLS, AUTH ...) have functions of their own and are refused here. */
    task<reply> command(std::string line)
    {
        operation const guard(*this, phase::command);
        co_await talk_.begin(phase::command);
        check_raw(line);
        command_writer w(talk_.out);
        talk_.spelled(w.raw(line), w, phase::command);
        co_await talk_.exchange(phase::command);
        co_return talk_.last;
    }

    /** QUIT, a short wait for the answer, and an orderly close. Failures on the way are ignored.

        Whatever happens here, it changes nothing for messages sent before. */
    task<void> quit()
    {
        if (!is_open())
            co_return;
        if (content_open_)
            co_return close();
        operation const guard(*this, phase::quit);
        co_await talk_.leave();
    }

    /// Ends the connection at once, without a word. A running operation fails with errc::closed.
    void close() noexcept { talk_.close({}); }

    // Facts ----------------------------------------------------------------------------------------------------

    bool is_open() const noexcept { return talk_.is_open(); }
    bool is_secure() const noexcept { return talk_.stream.is_secure(); }
    bool is_busy() const noexcept { return busy_; } ///< Is an operation running?

    /// What the server offers, as it said last. May be changed, to mask what it is known to break.
    smtp::capabilities const& capabilities() const noexcept { return introduction_.offered; }
    smtp::capabilities&       capabilities() noexcept { return introduction_.offered; }

    session_settings const& settings() const noexcept { return talk_.settings; }

    /// Bytes, reads and writes so far, and TLS facts.
    net::stream const& stream() const noexcept { return talk_.stream; }

    /// How often the session had to wait for the server so far.
    std::uint64_t round_trips() const noexcept { return talk_.turns; }

    /// Has the server had all the messages that it takes on one connection (LIMITS MAILMAX, RFC 9422)?
    bool used_up() const noexcept { return delivery_.used_up(introduction_.offered); }

    /** Is the connection idle and alive, as far as can be told without asking the server?
        False if the peer has closed it, or has said something that nothing asked for. */
    bool looks_alive()
    {
        return is_open() && (!busy_ || watching_) && talk_.in.empty() && talk_.stream.peek() == net::stream::idle_state::quiet;
    }

    /// looks_alive() has said yes, and nothing was waited for since: the operation that comes next need not look again.
    void looked() noexcept { talk_.looked = true; }

    /// Limits everything from now on, beside the limits of the phases; time_point::max() for none.
    void expires_at(net::clock::time_point when) noexcept { talk_.total = when; }

private:
    /// One operation at a time; no timer is left behind when it ends.
    class operation
    {
    public:
        operation(session& s, phase p, bool content = false) : session_(&s)
        {
            if (s.busy_)
                throw s.talk_.make_error(posthorn::errc::busy, p, {}, nullptr, "await the running operation first");
            if (s.content_open_ != content)
                throw s.talk_.make_error(posthorn::errc::bad_sequence, p, {}, nullptr,
                                         content ? "DATA has not been accepted" : "the server waits for content");
            s.busy_ = true;
        }
        operation(operation const&)            = delete;
        operation& operator=(operation const&) = delete;
        ~operation()
        {
            session_->busy_ = false;
            session_->talk_.stream.expires_never();
        }

    private:
        session* session_;
    };

    /// Content that is left half-way cannot be continued or taken back.
    class abort_unless
    {
    public:
        abort_unless(detail::conversation& c, bool const& complete) noexcept : c_(&c), complete_(&complete) {}
        abort_unless(abort_unless const&)            = delete;
        abort_unless& operator=(abort_unless const&) = delete;
        ~abort_unless()
        {
            if (!*complete_)
                c_->close(posthorn::errc::canceled);
        }

    private:
        detail::conversation* c_;
        bool const*           complete_;
    };

    class watch_end
    {
    public:
        explicit watch_end(bool& watching) noexcept : watching_(&watching) {}
        watch_end(watch_end const&)            = delete;
        watch_end& operator=(watch_end const&) = delete;
        ~watch_end() { *watching_ = false; }

    private:
        bool* watching_;
    };

    friend class client;

    void require_encodable(send_options const& options) const
    {
        if (options.endings == line_endings::verbatim)
            throw talk_.make_error(errc::bad_parameter, phase::prepare, {}, nullptr,
                                   "verbatim line endings cannot be sent with DATA");
    }

    async_generator<burst_result> burst(std::unique_ptr<detail::message_feed> feed, burst_options options)
    {
        operation const guard(*this, phase::mail);
        co_await talk_.begin(phase::mail);
        detail::burst_run run(talk_, delivery_, introduction_, std::move(feed), std::move(options));
        burst_result      result;
        bool              more = true;
        while (more)
        {
            while (run.take(result))
            {
                talk_.stream.expires_later(); // the caller takes the time it wants
                co_yield std::move(result);
            }
            more = co_await run.next();
        }
    }

    task<void> handshake(net::tls_context context, std::string host, std::string session_key)
    {
        talk_.arm(talk_.settings.timeouts.tls);
        std::optional<posthorn::error> failed;
        try
        {
            co_await talk_.stream.start_tls(std::move(context), net::tls_role::client, std::move(host),
                                            std::move(session_key));
        }
        catch (posthorn::error const& e)
        {
            failed.emplace(e);
        }
        talk_.last.clear(); // what was said in the clear explains nothing from here on
        if (failed)
            talk_.fail(failed->code(), phase::tls, detail::waiting_for(phase::tls), &failed->context());
        auto const& info = talk_.stream.tls();
        talk_.emit(events::secured {info.version, info.cipher, info.verified, info.resumed});
    }

    task<reply> simple(std::error_code (command_writer::*spell)(std::string_view), std::string argument)
    {
        operation const guard(*this, phase::command);
        co_await talk_.begin(phase::command);
        command_writer w(talk_.out);
        talk_.spelled((w.*spell)(argument), w, phase::command);
        co_await talk_.exchange(phase::command);
        co_return talk_.last;
    }

    task<reply> lookup(std::error_code (command_writer::*spell)(std::string_view, bool), std::string argument)
    {
        operation const guard(*this, phase::command);
        co_await talk_.begin(phase::command);
        command_writer w(talk_.out);
        bool const     utf8 = ascii::has_eight_bit(argument) && introduction_.offered.has(feature::smtputf8);
        talk_.spelled((w.*spell)(argument, utf8), w, phase::command);
        co_await talk_.exchange(phase::command);
        co_return talk_.last;
    }

    void check_raw(std::string_view line) const
    {
        static constexpr std::string_view own[] = {"EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "MAIL",   "RCPT",
                                                   "DATA", "BDAT", "RSET", "QUIT",     "BURL", "XCLIENT"};
        std::string_view const            word  = line.substr(0, line.find(' '));
        for (auto const v : own)
            if (ascii::iequals(word, v))
                throw talk_.make_error(posthorn::errc::invalid_argument, phase::command, {}, nullptr,
                                       std::string(v) + " changes the state of the session",
                                       "use the member function for it");
    }

    detail::conversation talk_;
    detail::introduction introduction_;
    detail::delivery     delivery_;
    bool                 busy_     = false;
    bool                 content_open_ = false; ///< DATA was accepted, and the content is due.
    bool                 watching_     = false;
    bool                 smtputf8_ = false; ///< Of the transaction begun with mail().
};

} // namespace posthorn::smtp

#endif
