//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Delivery of one message: drives the flight planner and the content encoder over a conversation.

#ifndef POSTHORN_SMTP_DETAIL_DELIVERY_HPP
#define POSTHORN_SMTP_DETAIL_DELIVERY_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/gather_list.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>
#include <posthorn/source/source.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::smtp::detail {

/** Sends messages over a conversation, one at a time. Its memory is used again for each. Must outlive its tasks. */
class delivery
{
public:
    explicit delivery(conversation& c) noexcept : c_(&c) {}

    /** Sends one message. @param into Gets the outcome for each recipient, also if this throws.
        @throws send_error. The connection is closed then, unless nothing was sent. */
    task<void> run(message const& m, send_options const& options, capabilities const& server, report& into)
    {
        std::optional<session_error> failure;
        std::uint64_t const          turns = c_->turns;
        write_failure_.reset();
        try
        {
            co_await converse(m, options, server, into);
        }
        catch (...)
        {
            failure.emplace(as_session_error(std::current_exception()));
        }
        c_->patience = net::clock::duration::max();
        c_->writing  = false;
        if (failure && transaction_.next() != transaction::step::finished)
        {
            transaction_.fail(failure->code().message());
            c_->close(failure->code());
        }
        if (!failure && (transaction_.next() == transaction::step::give_up || write_failure_))
            c_->close(errc::service_unavailable);
        open_ = c_->is_open() && transaction_.needs_rset();
        transaction_.count(c_->turns - turns, content_bytes_);
        c_->emit(events::finished {into});
        if (c_->is_open() && transaction_.reset_refused())
            co_await c_->leave(); // it would refuse the next RSET as well
        if (!failure)
            if (auto const ec = transaction_.verdict())
                failure.emplace(c_->make_error(ec, phase::content, "send", &into.final_reply(), into.describe()));
        if (failure)
            throw send_error(*failure, into);
    }

    /// Is a transaction open that RSET must end before the next?
    bool& transaction_open() noexcept { return open_; }

    /** Writes content and its end, after DATA was accepted by a single command, and waits for the reply.
        @pre the reply to it is due */
    task<void> write_all(source& content, send_options const& options, bool eight_bit)
    {
        encoder_.reset(rules(options, eight_bit));
        write_failure_.reset();
        content_bytes_ = 0;
        co_await write_content(content, nullptr);
        co_await c_->await_reply(); // also if writing failed: it may tell why
        if (write_failure_ || c_->last.code() == 421)
            c_->close(errc::service_unavailable);
    }

private:
    static content_options rules(send_options const& o, bool eight_bit) noexcept
    {
        content_options c;
        c.endings         = o.endings;
        c.max_line        = o.max_line;
        c.allow_eight_bit = eight_bit;
        return c;
    }

    static defect refusal_of(std::error_code code, std::string_view what) noexcept
    {
        defect d;
        d.code   = code;
        d.detail = what;
        return d;
    }

    /** The parameters of MAIL as they will be sent.

        Content in memory is measured before, so that nothing is sent that would have to be given up half-way. */
    defect plan(message const& m, send_options const& o, capabilities const& server)
    {
        parameters_ = m.envelope.parameters;
        eight_bit_  = server.has(feature::eight_bit_mime);
        if (m.content == nullptr)
            return refusal_of(posthorn::errc::invalid_argument, "the message has no content");
        if (o.endings == line_endings::verbatim)
            return refusal_of(errc::bad_parameter, "verbatim line endings cannot be sent with DATA");
        auto size = m.content->size();
        if (auto const bytes = m.content->contiguous())
        {
            content_measure measure(o.endings);
            measure.update(*bytes);
            auto const facts = measure.finish();
            size             = facts.size;
            if (facts.nul)
                return refusal_of(errc::binary_refused, "a NUL in the content");
            if (facts.bare_endings && o.endings == line_endings::strict)
                return refusal_of(errc::bare_line_ending, "the content");
            if (o.max_line != 0 && facts.longest_line > o.max_line)
                return refusal_of(errc::line_length, "re-encode the content, e.g. as quoted-printable");
            if (facts.eight_bit && !eight_bit_)
                return refusal_of(errc::eight_bit_refused, "re-encode the content, e.g. as quoted-printable");
            if (facts.eight_bit && parameters_.body == body_type::unspecified)
                parameters_.body = body_type::eight_bit;
        }
        else if (parameters_.body == body_type::unspecified && eight_bit_)
            parameters_.body = body_type::eight_bit; // what will come is not known, and may be 8-bit then
        if (!parameters_.size && size && server.has(feature::size))
            parameters_.size = size;
        parameters_.smtputf8 = parameters_.smtputf8 || m.envelope.sender.needs_smtputf8() ||
                               std::any_of(m.envelope.recipients.begin(), m.envelope.recipients.end(),
                                           [](recipient const& r) { return r.address.needs_smtputf8(); });
        if (auto const d = check(parameters_, server))
            return d;
        for (auto const& r : m.envelope.recipients)
            if (auto const d = check(r.parameters, server))
                return d;
        return {};
    }

    task<void> converse(message const& m, send_options const& o, capabilities const& server, report& into)
    {
        content_bytes_ = 0;
        transaction_options how;
        how.policy     = o.policy;
        how.rset_first = open_;
        how.flight     = o.pipelining && server.has(feature::pipelining) ? flight::pipelined : flight::sequential;
        defect problem = plan(m, o, server);
        if (auto const unspeakable = transaction_.begin(m.envelope, parameters_, how, into); unspeakable && !problem)
            problem = unspeakable;
        if (problem)
        {
            transaction_.withdraw(problem.detail);
            throw c_->make_error(problem.code, phase::prepare, "send", nullptr, std::string(problem.detail));
        }
        encoder_.reset(rules(o, eight_bit_));
        for (;;)
        {
            co_await write_flight();
            switch (transaction_.next())
            {
            case transaction::step::await_reply:
                if (!transaction_.output().empty())
                    break; // replies that came while the flight was written have released the next one
                co_await c_->await_reply();
                take_reply();
                break;
            case transaction::step::send_content:
                c_->require_quiet(phase::data);
                transaction_.content_begins(c_->due);
                co_await send_content(*m.content);
                break;
            case transaction::step::send_nothing:
                c_->require_quiet(phase::data);
                transaction_.content_begins(c_->due);
                transaction_.content_ends();
                c_->arm(c_->settings.timeouts.block);
                co_await c_->write(".\r\n", phase::content);
                break;
            case transaction::step::finished:
            case transaction::step::give_up: co_return;
            }
        }
    }

    void take_reply()
    {
        if (auto const ec = transaction_.on_reply(c_->answered, c_->last))
            c_->fail(ec, c_->answered.what, waiting_for(c_->answered.what));
    }

    bool over() const noexcept { return transaction_.next() == transaction::step::give_up; }

    // Commands -------------------------------------------------------------------------------------------------

    /// Writes the commands that may leave now; reads meanwhile if both sides might block otherwise.
    task<void> write_flight()
    {
        std::string_view const commands = transaction_.output();
        if (commands.empty())
            co_return;
        c_->require_quiet(transaction_.pending_command(0).what);
        if (c_->settings.on_event)
            for (std::size_t i = 0; i != transaction_.pending_commands(); ++i)
            {
                std::string const shown = describe(verb::none, transaction_.pending_text(i));
                c_->emit(events::command {transaction_.pending_command(i).what, shown});
            }
        transaction_.announce(c_->due);
        c_->arm(c_->settings.timeouts.block);
        if (commands.size() <= safe_write)
            co_await c_->write(commands, c_->due.front().what);
        else
        {
            c_->writing    = true;
            auto writer = write_commands(commands);
            auto reader = read_while_writing();
            co_await when_all(std::move(writer), std::move(reader));
        }
        transaction_.consume(commands.size());
    }

    task<void> write_commands(std::string_view commands)
    {
        try
        {
            co_await c_->stream.write(std::span<std::string_view const>(&commands, 1));
            c_->fresh_output = true;
        }
        catch (posthorn::error const& e)
        {
            if (!over())
                write_failure_.emplace(e);
        }
        c_->writing = false;
        c_->count_turn();
        c_->arm(limit_of(c_->settings.timeouts, phase::rcpt)); // for who waits for a reply now
        if (write_failure_)
            c_->fail(write_failure_->code(), phase::rcpt, "envelope", &write_failure_->context());
    }

    /// Takes replies while commands are written: at least one, since one is due anyway.
    task<void> read_while_writing()
    {
        do
        {
            co_await c_->await_reply();
            take_reply();
            if (c_->writing)
                c_->arm(c_->settings.timeouts.block);
        } while (c_->writing && !over() && !c_->due.idle());
        if (c_->writing && over())
            c_->close(errc::service_unavailable); // stops the writer
    }

    // Content --------------------------------------------------------------------------------------------------

    /// The content and its end. While much of it is written the server is listened to: it may refuse it early.
    task<void> send_content(source& content)
    {
        auto const whole = content.contiguous();
        c_->writing         = true;
        if (whole && whole->size() <= safe_content)
            co_await write_content(content, &transaction_);
        else
        {
            auto writer = write_content(content, &transaction_);
            auto reader = listen();
            co_await when_all(std::move(writer), std::move(reader));
        }
    }

    task<void> listen()
    {
        do
        {
            co_await c_->await_reply();
            if (c_->writing && c_->stream.certainly_unsent())
                transaction_.content_not_ended(); // the end is in the hands of the stream and cannot have been answered
            take_reply();
        } while (c_->writing && !over() && !c_->due.idle());
        if (c_->writing)
            c_->close(errc::service_unavailable); // refused early: the rest cannot be sent any more
    }

    /** Writes the content and its end.

        A connection that breaks is not an error yet: the server may have said why, and that is read next. */
    task<void> write_content(source& content, transaction* t)
    {
        auto const begun = net::clock::now();
        auto const total = content.size();
        auto const whole = content.contiguous();
        bool       last  = false;
        slices_.clear();
        while (!last && !write_failure_)
        {
            std::string_view block;
            if (whole)
                block = *whole;
            else
                block = co_await content.next();
            last = whole || block.empty();
            do // the block is valid until the next one is asked for, so it is written before
            {
                if (encode(block, last) && t != nullptr)
                    t->content_ends();
                if (slices_.empty())
                    continue;
                arm_for_content(begun);
                co_await write_slices(t);
                if (!write_failure_)
                {
                    content_bytes_ += slices_.size();
                    c_->emit(events::progress {slices_.size(), content_bytes_, total});
                }
                slices_.clear();
            } while (!block.empty() && !write_failure_);
        }
        c_->writing = false;
        c_->count_turn();
        c_->arm(std::min(limit_of(c_->settings.timeouts, phase::content), c_->patience)); // for who listens now
    }

    /// Turns a part of `block` into slices. @return True if they hold the end of the content.
    bool encode(std::string_view& block, bool last)
    {
        std::error_code ec;
        block.remove_prefix(encoder_.encode(block, slices_, ec));
        bool const at_end = !ec && last && block.empty();
        if (at_end)
            encoder_.finish(slices_, ec);
        if (ec) // the end of the content must not be written now, so the connection cannot be saved
            throw c_->make_error(ec, phase::content, "content", nullptr,
                                 "at octet " + std::to_string(encoder_.offset()) + " of the content");
        return at_end;
    }

    task<void> write_slices(transaction* t)
    {
        c_->fresh_output = true;
        std::optional<posthorn::error> failed;
        try
        {
            co_await c_->stream.write(slices_.slices());
        }
        catch (posthorn::error const& e)
        {
            failed.emplace(e);
        }
        if (!failed || over())
        {
            if (failed)
                write_failure_.emplace(*failed); // the reader has closed the connection, with the reason in hand
            co_return;
        }
        if (t != nullptr && c_->stream.certainly_unsent())
            t->content_not_ended();
        bool const broken = failed->code() != condition::canceled && failed->code() != condition::timeout &&
                            failed->code() != posthorn::errc::closed;
        if (!broken)
            c_->fail(failed->code(), phase::content, "content", &failed->context());
        write_failure_.emplace(*failed);
        c_->patience = last_words_limit;
    }

    void arm_for_content(net::clock::time_point begun)
    {
        auto const&             limits = c_->settings.timeouts;
        net::minimum_rate const rate {limits.minimum_rate, limits.block};
        auto const              now  = net::clock::now();
        auto const              idle = limits.block >= net::deadline::never - now ? net::deadline::never : now + limits.block;
        c_->stream.expires_at(std::min({c_->total, idle, rate.limit(begun, content_bytes_)}));
    }

    /// Whatever ended the delivery, as an error of the session.
    session_error as_session_error(std::exception_ptr const& e) const
    {
        std::error_code code = posthorn::errc::invalid_argument;
        std::string     detail;
        try
        {
            std::rethrow_exception(e);
        }
        catch (session_error const& s)
        {
            return s;
        }
        catch (std::system_error const& s)
        {
            code   = s.code();
            detail = printable(s.what());
        }
        catch (std::exception const& s)
        {
            detail = printable(s.what());
        }
        catch (...)
        {
            detail = "an exception of unknown type";
        }
        return c_->make_error(code, phase::content, "reading the content", nullptr, std::move(detail));
    }

    static constexpr auto        last_words_limit = std::chrono::seconds(5); ///< For a reply after a broken write.
    static constexpr std::size_t safe_write   = 8 * 1024;  ///< Fits into every send buffer.
    static constexpr std::size_t safe_content = 64 * 1024; ///< Too short to be worth listening for a refusal.

    conversation*                  c_;
    transaction                    transaction_;
    mail_parameters                parameters_;
    content_encoder                encoder_;
    gather_list                    slices_;
    std::optional<posthorn::error> write_failure_;
    std::uint64_t                  content_bytes_ = 0;
    bool                           eight_bit_     = false;
    bool                           open_          = false;
};

} // namespace posthorn::smtp::detail

#endif
