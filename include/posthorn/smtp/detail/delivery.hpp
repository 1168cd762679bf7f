//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Delivery over a conversation: writes what the transactions of one or more messages let go, and takes to each of them
// the replies that are its own.

#ifndef POSTHORN_SMTP_DETAIL_DELIVERY_HPP
#define POSTHORN_SMTP_DETAIL_DELIVERY_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/when_all.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/detail/chunk.hpp>
#include <posthorn/smtp/detail/content_reader.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/detail/outbox.hpp>
#include <posthorn/smtp/detail/pace.hpp>
#include <posthorn/smtp/detail/parcel.hpp>
#include <posthorn/smtp/detail/reasons.hpp>
#include <posthorn/smtp/detail/write_content.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/gather_list.hpp>
#include <posthorn/smtp/message.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/send_options.hpp>
#include <posthorn/smtp/session_error.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::smtp::detail {

/** Brings messages to a server, several at once if it offers PIPELINING. Its memory is used again. Must outlive its
    tasks.

    One parcel at a time is written; those written before wait for their replies, which come in the same order.
*/
class delivery
{
public:
    explicit delivery(conversation& c) : c_(&c), outbox_(c) {}

    // A run: begin(), then add() and step() while there is something to do, and end(). -------------------------

    /// @param burst Is it more than one message?
    void begin(capabilities const& server, bool burst)
    {
        server_.offers = &server;
        server_.secure = c_->stream.is_secure() && c_->stream.tls().verified;
        server_.lmtp   = c_->settings.protocol == protocol::lmtp;
        server_.burst  = burst;
        current_       = nullptr;
        closing_ = pinned_ = false;
        outbox_.reset();
        c_->patience = net::clock::duration::max();
        for (auto& p : parcels_)
        {
            p->at   = parcel::stage::idle;
            p->owed = 0;
        }
    }

    /// @param into Reset, and filled by end() at the latest. All three must stay where they are until then.
    parcel& add(message const& m, send_options const& o, report& into)
    {
        parcel* p = find([](parcel const& one) { return one.at == parcel::stage::idle; });
        if (p == nullptr)
            p = parcels_.emplace_back(std::make_unique<parcel>()).get();
        p->accept(m, o, into, ++tickets_);
        return *p;
    }

    /// Writes what may leave; if there is nothing, takes at least one reply.
    task<void> step()
    {
        if (!can_write())
        {
            POSTHORN_ASSERT(!c_->due.idle());
            co_await c_->await_reply();
            take_reply();
            take_replies();
        }
        else if (is_brief())
            co_await emit();
        else
        {
            c_->writing = true;
            auto writer = emit_beside();
            auto reader = listen();
            co_await when_all(std::move(writer), std::move(reader));
        }
    }

    /// Takes the replies that have arrived already.
    void take_replies()
    {
        while (c_->next_reply())
            take_reply();
    }

    /// Is there something for step() to do?
    bool has_work() const { return can_write() || !c_->due.idle(); }

    /// May something leave?
    bool can_write() const
    {
        if (stopped())
            return false;
        if (current_ != nullptr)
            return can_write(*current_);
        parcel const* const p = find([](parcel const& one) { return one.at == parcel::stage::waiting; });
        return p != nullptr && may_begin(*p);
    }

    /// Does nothing leave any more, whatever may still arrive?
    bool stopped() const noexcept { return closing_ || outbox_.failed(); }

    /// Is there nothing more to hope for from the connection?
    bool over() const noexcept
    {
        return (closing_ && !must_drain()) || (outbox_.failed() && c_->due.idle());
    }

    /** Ends a run: what is not done has failed, and the connection, unless everything is done, with it.
        @param e Null if step() did not throw. */
    void end(std::exception_ptr const& e)
    {
        c_->patience = net::clock::duration::max();
        c_->writing  = false;
        std::optional<session_error> broken;
        if (e)
            broken.emplace(as_session_error(*c_, e, phase::content));
        else if (outbox_.failed() && !closing_)
            broken.emplace(c_->make_error(posthorn::errc::connection_lost, phase::content, "send", nullptr,
                                          "the server took no more"));
        for (auto& p : parcels_)
            if (p->at == parcel::stage::waiting || p->in_flight())
                give_up(*p, broken);
        if (broken || closing_)
            c_->close(broken ? broken->code() : make_error_code(errc::service_unavailable));
        open_ = open_ && c_->is_open();
    }

    /// Does the server refuse RSET, so that the connection has to end although it works?
    bool must_leave() const noexcept { return reset_refused_ && c_->is_open(); }

    // ----------------------------------------------------------------------------------------------------------

    /** Sends one message. @param into Gets the outcome for each recipient, also if this throws.
        @throws send_error. The connection is closed then, unless nothing was sent or the server refused. */
    task<void> run(message const& m, send_options const& options, capabilities const& server, report& into)
    {
        begin(server, false);
        parcel&            p = add(m, options, into);
        std::exception_ptr broken;
        try
        {
            while (p.at != parcel::stage::done && !over())
                co_await step();
        }
        catch (...)
        {
            broken = std::current_exception();
        }
        end(broken);
        if (must_leave())
            co_await c_->leave();
        if (p.failure)
            throw send_error(*p.failure, into);
    }

    /// Is a transaction open that RSET must end before the next?
    bool& transaction_open() noexcept { return open_; }

    /// Has the server, by LIMITS, had all the messages it takes on one connection?
    bool used_up(capabilities const& server) const noexcept
    {
        auto const most = server.limits().mail_max;
        return most && mails_ >= *most;
    }

    /// A MAIL command outside of a run.
    void count_mail() noexcept { ++mails_; }

    /// Writes content after DATA was accepted by a single command; see write_content().
    task<void> write_all(source& content, content_options rules)
    {
        outbox_.reset();
        return write_content(*c_, outbox_, content, rules);
    }

private:
    static constexpr std::size_t few_octets  = 64 * 1024; ///< Too little to be worth listening meanwhile.
    static constexpr std::size_t few_replies = 64;        ///< They fit into every receive buffer.

    template <class Predicate>
    parcel* find(Predicate&& wanted) const
    {
        parcel* first = nullptr;
        for (auto const& p : parcels_)
            if (wanted(*p) && (first == nullptr || p->ticket < first->ticket))
                first = p.get();
        return first;
    }

    /// The last that was written and still waits for replies.
    parcel const* last_written() const
    {
        parcel const* last = nullptr;
        for (auto const& p : parcels_)
            if (p->at == parcel::stage::written && (last == nullptr || p->ticket > last->ticket))
                last = p.get();
        return last;
    }

    // What may leave -------------------------------------------------------------------------------------------

    bool can_write(parcel const& p) const
    {
        auto const step = p.dialogue.next();
        return !p.dialogue.output().empty() || step == transaction::step::send_nothing ||
               (step == transaction::step::send_content && p.dialogue.chunks_due() < window_of(p));
    }

    bool pipelining(parcel const& p) const noexcept
    {
        return p.how->pipelining && server_.offers->has(feature::pipelining);
    }

    std::size_t window_of(parcel const& p) const noexcept
    {
        // In LMTP the replies to the last chunk can only be told apart if it is alone.
        return pipelining(p) && !server_.lmtp ? std::max<std::size_t>(p.how->chunk_window, 1) : 1;
    }

    bool may_begin(parcel const& p) const
    {
        return pipelining(p) || find([](parcel const& one) { return one.in_flight(); }) == nullptr;
    }

    /// Is it certain that writing cannot block for long, and is it too little to be refused on its way?
    bool is_brief() const
    {
        std::size_t         octets = 0, replies = c_->due.due();
        parcel const* const first  = find([](parcel const& one) { return one.at == parcel::stage::waiting; });
        for (auto const& p : parcels_)
        {
            if (p->at != parcel::stage::waiting && p.get() != current_)
                continue;
            bool const fresh  = p->at == parcel::stage::waiting;
            bool const chunks = p->how->chunking != chunking::off && server_.offers->has(feature::chunking);
            if (fresh && !chunks && p.get() != first)
                continue; // before it, content must be accepted, and that takes a reply
            replies += fresh ? p->mail->envelope.recipients.size() + 4 : p->dialogue.pending_commands();
            bool const with_content = fresh ? chunks : p->dialogue.next() == transaction::step::send_content;
            if (!with_content || p->mail->content == nullptr)
                continue;
            auto const whole = p->mail->content->contiguous();
            octets += whole ? whole->size() : few_octets + 1;
        }
        return octets <= few_octets && replies <= few_replies;
    }

    // Writing --------------------------------------------------------------------------------------------------

    /// Writes until a reply must be waited for.
    task<void> emit()
    {
        while (!stopped())
        {
            if (current_ == nullptr)
            {
                parcel* const next = find([](parcel const& p) { return p.at == parcel::stage::waiting; });
                if (next == nullptr || !may_begin(*next))
                    break;
                if (!start_now(*next))
                    co_await start(*next);
                continue;
            }
            parcel& p = *current_;
            if (!can_write(p))
                break;
            // Each is a task only where there is something to wait for.
            if (!p.dialogue.output().empty())
            {
                if (!outbox_.has_room(1))
                    co_await flush();
                stage_commands(p);
            }
            else if (p.dialogue.next() == transaction::step::send_nothing)
                stage_nothing(p);
            else if (p.plan.transfer() == transfer::bdat)
            {
                if (!stage_chunks_now(p))
                    co_await stage_chunks(p);
            }
            else
            {
                begin_data(p);
                if (!encode_data(p))
                    co_await stage_data(p);
            }
            if (current_ == &p && p.dialogue.written())
            {
                p.at     = parcel::stage::written;
                current_ = nullptr;
            }
        }
        if (!flush_now())
            co_await flush_rest();
    }

    /// The same while another task listens.
    task<void> emit_beside()
    {
        co_await emit();
        c_->writing = false;
        c_->count_turn();
        if (!c_->due.idle()) // for who listens now
            c_->arm(std::min(limit_of(c_->settings.timeouts, c_->due.front().what), c_->patience));
    }

    /// Opens the content and makes the plan, or goes on with the next of several transactions.
    task<void> start(parcel& p)
    {
        // The messages of a burst may come slowly, and what has ended meanwhile must not get any.
        if (server_.burst && c_->due.idle() && outbox_.empty())
            co_await c_->begin(phase::mail);
        if (p.mail->content == nullptr)
            co_return fail_early(p, posthorn::errc::invalid_argument, "the message has no content");
        if (used_up(*server_.offers))
            co_return fail_early(p, errc::connection_used_up, "the server takes no more messages on this connection");
        if (!p.mail->content->contiguous())
            co_await flush(); // reading may take a while
        std::exception_ptr failure;
        try
        {
            if (p.begun_once)
                co_await p.content.rewind();
            else
                co_await p.content.open(*p.mail->content);
        }
        catch (...)
        {
            failure = std::current_exception();
        }
        if (failure)
        {
            auto const reason = as_session_error(*c_, failure, p.begun_once ? phase::content : phase::prepare);
            if (p.begun_once)
                p.plan.give_up(*p.into, reason.code().message());
            settlement::explain(*p.into, reason.code().message());
            co_return complete(p, reason);
        }
        if (!stopped())
            plan(p);
    }

    /// Does what start() does if there is nothing to wait for. @return Whether it did.
    bool start_now(parcel& p)
    {
        bool const looks = server_.burst && c_->due.idle() && outbox_.empty();
        if (looks || p.begun_once || p.mail->content == nullptr || used_up(*server_.offers) || !p.content.open_whole(*p.mail->content))
            return false;
        plan(p);
        return true;
    }

    /// The content is open: plans, the first time, and begins a transaction.
    void plan(parcel& p)
    {
        defect problem;
        if (!std::exchange(p.begun_once, true))
        {
            p.turns = c_->turns;
            problem = p.plan.prepare(p.mail->envelope, p.content.known(), *p.how, server_, *p.into);
        }
        if (!problem)
            problem = begin_transaction(p);
        if (problem)
            fail_early(p, problem.code, problem.detail);
    }

    defect begin_transaction(parcel& p)
    {
        auto const* const before = last_written();
        transaction_options how;
        how.policy   = p.how->policy;
        how.flight   = pipelining(p) ? flight::pipelined : flight::sequential;
        how.transfer = p.plan.transfer();
        how.lmtp     = server_.lmtp;
        // What becomes of the content before is not known yet. Refused content ends no transaction, by RFC 3030 after
        // BDAT, and with Postfix after DATA as well.
        how.rset_first = before != nullptr || open_;
        auto const part = p.plan.next_part();
        if (auto const d = p.dialogue.begin(p.plan.envelope(), part, p.plan.parameters(), how, *p.into))
        {
            p.plan.give_up(*p.into, d.detail);
            return d;
        }
        p.plan.take_part();
        p.content.reset(p.plan.content(), p.plan.measured());
        p.end_mark.reset();
        p.at     = parcel::stage::writing;
        p.ticket = ++tickets_;
        current_ = &p;
        ++mails_;
        return {};
    }

    void stage_commands(parcel& p)
    {
        if (stopped() || p.dialogue.output().empty())
            return;
        std::string_view const commands = p.dialogue.output();
        c_->require_quiet(p.dialogue.pending_command(0).what);
        if (c_->settings.on_event)
            for (std::size_t i = 0; i != p.dialogue.pending_commands(); ++i)
            {
                std::string const shown = describe(verb::none, p.dialogue.pending_text(i));
                c_->emit(events::command {p.dialogue.pending_command(i).what, shown});
            }
        owe(p, [&] { p.dialogue.announce(c_->due); });
        outbox_.list().add(commands);
        p.dialogue.consume(commands.size());
    }

    void stage_nothing(parcel& p)
    {
        c_->require_quiet(phase::data);
        owe(p, [&] { p.dialogue.content_begins(c_->due); });
        outbox_.list().add(".\r\n");
        end_content(p);
    }

    void begin_data(parcel& p)
    {
        c_->require_quiet(phase::data);
        owe(p, [&] { p.dialogue.content_begins(c_->due); });
        p.begun = net::clock::now();
    }

    /// As much as there is and fits. @return Whether that was the end.
    bool encode_data(parcel& p)
    {
        if (p.content.needs_block() || !outbox_.has_room(content_reader::few_pieces))
            return false;
        std::error_code   ec;
        std::size_t const before = outbox_.size();
        bool const        last   = p.content.encode(outbox_.list(), content_reader::everything, ec);
        if (ec) // the end of the content must not be written now, so the connection cannot be saved
            throw content_error(*c_, ec, p.content.offset());
        p.staged += outbox_.size() - before;
        if (last)
            end_content(p);
        return last;
    }

    task<void> stage_data(parcel& p)
    {
        bool last = false;
        while (!last)
        {
            co_await flush();
            if (!stopped() && p.content.needs_block())
                co_await p.content.next_block();
            if (stopped())
                co_return;
            last = encode_data(p);
        }
    }

    /// Does what stage_chunks() does if there is nothing to wait for. @return False if stage_chunks() is to go on.
    bool stage_chunks_now(parcel& p)
    {
        while (!stopped() && p.dialogue.next() == transaction::step::send_content && p.dialogue.chunks_due() < window_of(p))
        {
            if (pinned_ || outbox_.size() >= few_octets || !p.content.whole() || !outbox_.has_room(content_reader::few_pieces))
                return false;
            chunk_.clear();
            std::error_code ec;
            bool const      last = chunk_.take(p.content, std::max<std::size_t>(p.how->chunk_size, 1), ec);
            if (ec) // between two chunks nothing is lost: the server forgets the message at RSET
            {
                abandon(p, std::make_exception_ptr(content_error(*c_, ec, p.content.offset())));
                return true;
            }
            chunk_.complete(true);
            if (!outbox_.has_room(chunk_.slices().size() + 2))
                chunk_.join();
            stage_chunk(p, last);
        }
        return true;
    }

    task<void> stage_chunks(parcel& p)
    {
        while (!stopped() && p.dialogue.next() == transaction::step::send_content &&
               p.dialogue.chunks_due() < window_of(p))
        {
            if (pinned_ || outbox_.size() >= few_octets)
                co_await flush();
            std::exception_ptr failure;
            bool               last = false;
            try
            {
                last = co_await fill_chunk(p);
            }
            catch (...)
            {
                failure = std::current_exception();
            }
            if (failure && !c_->is_open())
                std::rethrow_exception(failure);
            if (!p.in_flight())
                co_return; // it was refused meanwhile
            if (failure) // between two chunks nothing is lost: the server forgets the message at RSET
                co_return abandon(p, failure);
            if (!outbox_.has_room(chunk_.slices().size() + 2))
                co_await flush();
            if (stopped() || p.dialogue.next() != transaction::step::send_content)
                co_return;
            stage_chunk(p, last);
            if (pinned_ || outbox_.size() >= few_octets)
                co_await flush();
        }
    }

    /// Content for one BDAT into `chunk_`. @return Whether it is the last one.
    task<bool> fill_chunk(parcel& p)
    {
        std::size_t const most = std::max<std::size_t>(p.how->chunk_size, 1);
        chunk_.clear();
        for (;;)
        {
            std::error_code ec;
            bool const      last = chunk_.take(p.content, most, ec);
            if (ec)
                throw content_error(*c_, ec, p.content.offset());
            if (last || chunk_.size() >= most)
            {
                chunk_.complete(p.content.whole());
                co_return last;
            }
            if (!outbox_.empty())
                co_await flush(); // reading may take a while
            co_await p.content.next_block();
        }
    }

    void stage_chunk(parcel& p, bool last)
    {
        c_->out.clear();
        command_writer w(c_->out);
        c_->spelled(w.bdat(chunk_.size(), last), w, phase::content);
        c_->require_quiet(phase::content);
        if (c_->settings.on_event)
        {
            std::string const shown = describe(verb::bdat, c_->out.data());
            c_->emit(events::command {phase::content, shown});
        }
        if (p.staged == 0 && p.content_bytes == 0)
            p.begun = net::clock::now();
        owe(p, [&] { p.dialogue.chunk_begins(c_->due, last); });
        auto& list = outbox_.list();
        list.add(c_->out.data());
        for (auto const slice : chunk_.slices())
        {
            bool const copied = slice.size() <= gather_list::short_run && slice.size() <= list.scratch_room();
            pinned_           = pinned_ || (chunk_.owns_memory() && !copied);
            list.add(slice);
        }
        p.staged += chunk_.size();
        if (last)
            end_content(p);
    }

    void end_content(parcel& p)
    {
        p.end_mark = outbox_.end();
        p.dialogue.content_ends();
    }

    void abandon(parcel& p, std::exception_ptr const& why)
    {
        auto const reason = as_session_error(*c_, why, phase::content);
        p.dialogue.abandon(reason.code().message());
        p.failure.emplace(reason);
        if (p.dialogue.next() == transaction::step::finished)
            finish(p);
    }

    task<void> flush()
    {
        if (!flush_now())
            co_await flush_rest();
    }

    /// Writes what can leave without waiting. @return Whether nothing is left; if not, flush_rest() must be next.
    bool flush_now()
    {
        if (!outbox_.flush_now())
            return false;
        note_flushed();
        return true;
    }

    task<void> flush_rest()
    {
        auto const& limits = c_->settings.timeouts;
        auto const  limit  = current_ != nullptr && current_->staged + current_->content_bytes != 0
                               ? content_limit(limits, current_->begun, current_->content_bytes)
                               : block_limit(limits);
        phase const p = c_->due.idle() ? phase::content : c_->due.front().what;
        co_await outbox_.flush_rest(limit, p, closing_);
        note_flushed();
    }

    void note_flushed()
    {
        pinned_ = false;
        for (auto& one : parcels_)
        {
            auto const part = std::exchange(one->staged, 0);
            if (part == 0 || outbox_.failed())
                continue;
            one->content_bytes += part;
            c_->emit(events::progress {part, one->content_bytes, one->content.size()});
        }
    }

    // Replies --------------------------------------------------------------------------------------------------

    /// Notes for whom replies become due.
    template <class F>
    void owe(parcel& p, F&& announce)
    {
        std::size_t const before = c_->due.due();
        announce();
        p.owed += c_->due.due() - before;
    }

    /// Takes replies while another task writes.
    task<void> listen()
    {
        while (c_->writing && !c_->due.idle() && !over())
        {
            co_await c_->await_reply();
            take_reply();
        }
        if (c_->writing && over())
            c_->close(errc::service_unavailable); // what is being written cannot be sent any more
    }

    /// Hands the reply that has just come to the message it is about.
    void take_reply()
    {
        parcel* const p = find([](parcel const& one) { return one.owed != 0; });
        POSTHORN_ASSERT(p != nullptr);
        --p->owed;
        if (!p->in_flight())
            return; // it is decided, and the connection is at its end
        know_end(*p);
        std::error_code ec;
        owe(*p, [&] { ec = p->dialogue.on_reply(c_->answered, c_->last, c_->due); });
        if (ec)
            c_->fail(ec, c_->answered.what, waiting_for(c_->answered.what));
        auto const next = p->dialogue.next();
        if (next == transaction::step::give_up || p->dialogue.closing())
        {
            closing_     = true;
            c_->patience = outbox::last_words_limit;
        }
        if (next == transaction::step::give_up)
            complete(*p);
        else if (next == transaction::step::finished)
            finish(*p);
    }

    /// Tells the transaction whether the end of its content can have left.
    void know_end(parcel& p)
    {
        if (!p.end_mark)
            return;
        if (outbox_.may_have_left(*p.end_mark))
            p.dialogue.content_ends();
        else
            p.dialogue.content_not_ended();
    }

    /// After the server has said that it closes: is there a message that it may have taken before?
    bool must_drain() const noexcept
    {
        return find([this](parcel const& p) {
                   return p.in_flight() && p.end_mark && p.owed != 0 && outbox_.may_have_left(*p.end_mark);
               }) != nullptr;
    }

    // Outcomes -------------------------------------------------------------------------------------------------

    /// A transaction has ended as it should.
    void finish(parcel& p)
    {
        open_          = p.dialogue.needs_rset() || (!server_.lmtp && p.into->final_reply().negative());
        reset_refused_ = reset_refused_ || p.dialogue.reset_refused();
        if (current_ == &p)
            current_ = nullptr;
        bool const full  = used_up(*server_.offers);
        bool const again = !p.failure && p.content.can_rewind() && p.dialogue.mail_accepted() && !full &&
                           p.how->policy != recipient_policy::all_or_nothing;
        if (again)
            p.plan.postpone(p.dialogue.overflow());
        if (p.plan.has_more() && again)
        {
            p.at     = parcel::stage::waiting;
            p.ticket = ++tickets_;
            return;
        }
        if (p.plan.has_more() && !p.dialogue.mail_accepted())
            p.plan.share_verdict(*p.into);
        else if (p.plan.has_more())
            p.plan.give_up(*p.into, full ? "not sent yet: the server takes no more transactions on this connection"
                                         : "not sent yet: the recipients were too many for one transaction, and the "
                                           "content can be read only once");
        complete(p);
    }

    void complete(parcel& p) { complete(p, std::nullopt); }
    void complete(parcel& p, std::optional<session_error> why)
    {
        if (current_ == &p)
            current_ = nullptr;
        p.at = parcel::stage::done;
        if (why && !p.failure)
            p.failure = std::move(why);
        transaction::count(*p.into, c_->turns - p.turns, p.content_bytes,
                           p.begun_once ? p.plan.transfer() : transfer::data);
        c_->emit(events::finished {*p.into});
        if (p.failure)
            return;
        std::error_code ec;
        if (p.begun_once)
            ec = p.dialogue.verdict();
        else if (p.how->policy != recipient_policy::each)
            ec = errc::service_unavailable;
        if (ec)
            p.failure.emplace(c_->make_error(ec, phase::content, "send", &p.into->final_reply(), p.into->describe()));
    }

    /// Nothing of it was written.
    void fail_early(parcel& p, std::error_code code, std::string_view what)
    {
        settlement::explain(*p.into, what);
        if (!p.begun_once)
            p.turns = c_->turns;
        complete(p, c_->make_error(code, phase::prepare, "send", nullptr, std::string(what)));
    }

    /// The connection has ended before the message was decided.
    void give_up(parcel& p, std::optional<session_error> const& broken)
    {
        bool const closed = closing_ && (!broken || has_closed(broken->code())); // by the server, as it has said
        bool const told   = closed && p.in_flight() && p.dialogue.closing();     // by a reply of its own
        std::string const why =
            broken && !closed ? broken->code().message() : make_error_code(errc::service_unavailable).message();
        if (p.in_flight())
        {
            know_end(p);
            p.dialogue.fail(why, closed);
        }
        if (p.begun_once)
            p.plan.give_up(*p.into, why);
        else
            settlement::explain(*p.into, why);
        if (!p.begun_once)
            p.turns = c_->turns;
        if (told)
            complete(p);
        else if (broken && !closed)
            complete(p, broken);
        else
            complete(p, c_->make_error(errc::service_unavailable, phase::mail, "send", nullptr,
                                       "the server has ended the connection with another message"));
    }

    /// Does the code say that the server has closed the connection?
    static bool has_closed(std::error_code ec)
    {
        return ec != condition::canceled && ec != condition::timeout && ec != condition::protocol &&
               ec != posthorn::errc::closed;
    }

    conversation*                        c_;
    outbox                               outbox_;
    known_server                         server_;
    std::vector<std::unique_ptr<parcel>> parcels_;
    parcel*                              current_ = nullptr; ///< The one that is being written.
    chunk                                chunk_;
    std::uint64_t                        tickets_       = 0;
    std::uint64_t                        mails_         = 0;     ///< Transactions on this connection.
    bool                                 pinned_        = false; ///< The outbox refers to memory of the chunk.
    bool                                 open_          = false;
    bool                                 closing_       = false; ///< The server closes the connection.
    bool                                 reset_refused_ = false;
};

} // namespace posthorn::smtp::detail

#endif
