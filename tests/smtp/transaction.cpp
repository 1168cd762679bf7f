//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/smtp/transaction.hpp>

#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/outcome.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace smtp = posthorn::smtp;
using smtp::disposition;
using smtp::errc;
using smtp::phase;
using smtp::transaction;
using step = smtp::transaction::step;

TEST_SUITE_BEGIN("smtp/transaction");

namespace {

constexpr std::string_view lost       = "the connection is gone";
constexpr std::string_view unreadable = "the content cannot be read";

smtp::envelope envelope_of(std::size_t recipients)
{
    smtp::envelope e;
    e.sender = smtp::reverse_path("sender@here.example");
    for (std::size_t i = 0; i != recipients; ++i)
        e.add(std::string(1, static_cast<char>('0' + i)) + "@there.example");
    return e;
}

/// Every sequence of answers to a program that asks as it goes along: only what can really happen is enumerated.
class choices
{
public:
    std::size_t operator()(std::size_t options)
    {
        if (at_ == path_.size())
            path_.push_back({0, options});
        return path_[at_++].taken;
    }

    /// Goes on to the next sequence; false if all were tried.
    bool advance()
    {
        at_ = 0;
        while (!path_.empty() && ++path_.back().taken == path_.back().options)
            path_.pop_back();
        return !path_.empty();
    }

    std::string describe() const
    {
        std::string text;
        for (auto const& p : path_)
            text += ' ' + std::to_string(p.taken) + '/' + std::to_string(p.options);
        return text;
    }

private:
    struct fork
    {
        std::size_t taken;
        std::size_t options;
    };

    std::vector<fork> path_;
    std::size_t       at_ = 0;
};

/// Which of the replies to content.
enum class part : unsigned char
{
    chunk,     ///< To a chunk that is not the last one.
    ready,     ///< PRDR: the replies follow.
    recipient, ///< PRDR: the word on one of them.
    end        ///< The final one; in LMTP one for each recipient.
};

/// A reply as the server sent it, and what the server meant it for.
struct said
{
    phase       what  = phase::command;
    std::size_t index = 0;
    int         code  = 0;
    std::string text;
    std::string enhanced;
    bool        early = false;
    part        kind  = part::end;
    std::size_t chunk = 0;
};

struct setting
{
    std::size_t               recipients = 1;
    smtp::transaction_options options;
    bool                      eager      = false; ///< Replies are read while commands and content are still written.
    bool                      hurried    = false; ///< But not before content is being written.
    std::size_t               chunks     = 1;
    std::size_t               window     = 1;     ///< So many chunks may be unanswered.
    bool                      empty_last = false; ///< The last chunk has no content.
    bool                      lingers    = false; ///< The server goes on after it has said 421.
    bool                      cancels    = false; ///< The client may not wait until the server has closed.
    bool                      abandons   = false; ///< Reading the content may fail between chunks.
    bool                      prdr       = false;
    bool                      crowded    = false; ///< Everything goes well, but recipients may be too many.

    bool chunked() const { return options.transfer == smtp::transfer::bdat; }
    /// Does content leave before anything was answered?
    bool unasked() const
    {
        return chunked() && options.flight == smtp::flight::pipelined &&
               options.policy != smtp::recipient_policy::all_or_nothing;
    }
    std::string_view chunk(std::size_t i) const
    {
        constexpr std::array<std::string_view, 3> texts {"one\r\n", "\r\n", "3\r\n"};
        return empty_last && i + 1 == chunks ? std::string_view() : texts[i];
    }
};

enum class copy : unsigned char
{
    none,
    whole,
    partial,
    empty
};

/** A server by RFC 5321, RFC 2033 and RFC 3030, or one that breaks them where clients were hurt before.

    It knows what it delivered, and to whom.

    Its own mistakes: recipients are taken although MAIL was refused, DATA is answered by 354 although there is no
    recipient, RSET is refused while a transaction with a recipient is open, the content is answered early, the last
    chunk is accepted although one before it was not, or nothing that it belongs to, and 421 is not the last word.
*/
class model_server
{
public:
    model_server(setting const& s, choices& pick, unsigned serial) : setting_(s), pick_(pick), serial_(serial)
    {
        if (s.options.rset_first)
            open_ = stranger_ = true;
        // What leaves the door open for chunks that were not asked for is a transaction that is refused until RSET.
        chunk_refused_ = open_ && s.chunked();
    }

    void receive(std::string_view bytes, std::size_t replies_seen)
    {
        if (closed)
            return;
        line_ += bytes;
        while (!closed && take(replies_seen))
        {
        }
    }

    bool idle_in_commands() const { return !in_content_ && !in_chunk_ && line_.empty() && !closed; }
    bool transaction_open() const { return open_ || taken_ != 0; }

    std::vector<said>    sent;
    std::string          wire; ///< What was sent and not yet taken by the client.
    bool                 closed = false;
    std::array<copy, 4>  delivered {};
    bool                 delivered_to_stranger = false; ///< A recipient of the transaction before.
    bool                 contradicted          = false; ///< It took what it had refused.
    std::string          complaint;                     ///< What a client must never do.

private:
    enum : std::size_t { ok, temporary, permanent, closing, hang_up };

    /// Takes a line or the rest of a chunk; false if it has not arrived.
    bool take(std::size_t replies_seen)
    {
        if (in_chunk_)
        {
            if (line_.size() < chunk_size_)
                return false;
            stored_ += line_.substr(0, chunk_size_);
            line_.erase(0, chunk_size_);
            in_chunk_ = false;
            if (!chunk_answered_)
                answer_chunk(false);
            end_chunk();
            return true;
        }
        auto const end = line_.find("\r\n");
        if (end == line_.npos)
            return false;
        std::string const one = line_.substr(0, end);
        line_.erase(0, end + 2);
        if (in_content_)
            content(one);
        else
            command(one, replies_seen);
        return true;
    }

    void answer(phase what, std::size_t index, int code, std::string_view label, bool early = false,
                std::string_view enhanced = {})
    {
        said s;
        s.what  = what;
        s.index = index;
        s.code  = code;
        s.kind  = kind_;
        s.chunk = chunk_;
        s.text.append(label).append(1, static_cast<char>('0' + index)).append(1, '-');
        s.text.append(1, static_cast<char>('a' + serial_ % 26));
        s.early = early;
        if (code == 554)
        {
            enhanced = "5.7.1";
            wire += "554-5.7.1 no,\r\n";
        }
        s.enhanced = enhanced;
        wire += std::to_string(code) + ' ';
        if (!enhanced.empty())
            wire.append(enhanced).append(1, ' ');
        wire += s.text + "\r\n";
        if (code == 554)
            s.text = "no, " + s.text;
        sent.push_back(std::move(s));
        left_  = left_ || code == 421;
        closed = left_ && !setting_.lingers;
    }

    /// The usual five: success, 4xx, 5xx, 421, a closed connection. @return True for success.
    bool judge(phase what, std::size_t index, int success, std::string_view label)
    {
        std::size_t const p = setting_.crowded ? (what == phase::content ? 2 * pick_(2) : ok) : pick_(5);
        switch (p)
        {
        case ok: answer(what, index, success, label, early_); break;
        case temporary: answer(what, index, 451, label, early_); break;
        case permanent: answer(what, index, 554, label, early_); break;
        case closing: answer(what, index, 421, label, early_); break;
        default: closed = true; break;
        }
        hung_up_ = p == hang_up;
        stopped_ = hung_up_ || p == closing;
        return p == ok;
    }

    void forget()
    {
        open_ = stranger_ = chunk_refused_ = false;
        taken_ = 0;
        stored_.clear();
    }

    void command(std::string_view one, std::size_t replies_seen)
    {
        if (setting_.options.flight == smtp::flight::sequential && replies_seen != sent.size())
            complaint = "a command before the reply to the one before";
        if (one == "RSET")
        {
            if (judge(phase::rset, 0, 250, "rset"))
                forget();
        }
        else if (one == (setting_.prdr ? "MAIL FROM:<sender@here.example> PRDR" : "MAIL FROM:<sender@here.example>"))
        {
            if (judge(phase::mail, 0, 250, "mail")) // starting anew ends what was open: RFC 5321, 4.1.1.2
            {
                forget();
                open_ = true;
            }
        }
        else if (one.size() == 25 && one.starts_with("RCPT TO:<") && one.ends_with("@there.example>"))
            rcpt(static_cast<std::size_t>(one[9] - '0'));
        else if (one == "DATA" && !setting_.chunked())
            data(replies_seen);
        else if (one.starts_with("BDAT ") && setting_.chunked())
            chunk(one, replies_seen);
        else
            complaint = "out of step: " + std::string(one);
    }

    void rcpt(std::size_t i)
    {
        bool good = false;
        if (setting_.crowded)
            good = crowd(i);
        else if (open_)
            good = judge(phase::rcpt, i, 250, "rcpt");
        else
            switch (pick_(4))
            {
            case 0: answer(phase::rcpt, i, 503, "bad sequence"); break;
            case 1:
                answer(phase::rcpt, i, 250, "why not");
                good = true;
                break;
            case 2: answer(phase::rcpt, i, 421, "rcpt"); break;
            default: closed = true; break;
            }
        if (good)
            taken_ |= 1U << i;
    }

    bool crowd(std::size_t i)
    {
        switch (pick_(6))
        {
        case 0: answer(phase::rcpt, i, 250, "rcpt"); return true;
        case 1: answer(phase::rcpt, i, 452, "too many"); break;
        case 2: answer(phase::rcpt, i, 452, "too many", false, "4.5.3"); break;
        case 3: answer(phase::rcpt, i, 452, "mailbox full", false, "4.2.2"); break;
        case 4: answer(phase::rcpt, i, 552, "too many", false, "5.5.3"); break;
        default: answer(phase::rcpt, i, 552, "mailbox full"); break;
        }
        return false;
    }

    void data(std::size_t replies_seen)
    {
        if (setting_.options.policy == smtp::recipient_policy::all_or_nothing)
            if (replies_seen != sent.size() || taken_ != (1U << setting_.recipients) - 1)
                complaint = "DATA before everybody was accepted";
        if (setting_.crowded && taken_ == 0)
            answer(phase::data, 0, 503, "no recipients");
        else if (taken_ != 0 || stranger_)
            in_content_ = judge(phase::data, 0, 354, "data");
        else
            switch (pick_(4))
            {
            case 0: answer(phase::data, 0, 503, "no recipients"); break;
            case 1:
                answer(phase::data, 0, 354, "go on");
                in_content_ = true;
                break;
            case 2: answer(phase::data, 0, 421, "data"); break;
            default: closed = true; break;
            }
        has_content_ = refused_early_ = false;
    }

    void chunk(std::string_view one, std::size_t replies_seen)
    {
        if (setting_.options.policy == smtp::recipient_policy::all_or_nothing)
            if ((next_chunk_ == 0 && replies_seen != sent.size()) || taken_ != (1U << setting_.recipients) - 1)
                complaint = "BDAT before everybody was accepted";
        one.remove_prefix(5);
        last_chunk_ = one.ends_with(" LAST");
        if (last_chunk_)
            one.remove_suffix(5);
        if (one.size() != 1)
            complaint = "no size of a chunk of this test";
        chunk_size_     = static_cast<std::size_t>(one[0] - '0');
        chunk_          = next_chunk_++;
        in_chunk_       = true;
        chunk_answered_ = false;
        if (chunk_size_ != 0 && setting_.eager && !setting_.crowded && pick_(2) == 1)
            answer_chunk(true);
    }

    /// @param early Before its content was taken.
    void answer_chunk(bool early)
    {
        chunk_answered_ = true;
        accepted_chunk_ = 0;
        early_          = early;
        kind_           = last_chunk_ ? part::end : part::chunk;
        if (taken_ == 0 || chunk_refused_)
            swallow();
        else if (!last_chunk_)
        {
            if (!judge(phase::content, 0, 250, "chunk"))
                chunk_refused_ = true;
        }
        else if (setting_.options.lmtp && !early)
            lmtp_end();
        else if (setting_.prdr && !early)
            prdr_end();
        else if (early) // in LMTP the word on the first recipient, and a server that stops there is broken enough
        {
            if (judge(phase::content, setting_.options.lmtp ? first_taken() : 0, 250, "end"))
                accepted_chunk_ = taken_;
        }
        else
            smtp_end();
        early_ = false;
        kind_  = part::end;
    }

    void end_chunk()
    {
        if (!last_chunk_)
            return;
        contradicted = accepted_chunk_ != 0 && (!open_ || chunk_refused_);
        for (std::size_t i = 0; i != setting_.recipients; ++i)
            if ((accepted_chunk_ & (1U << i)) != 0)
                deliver(i);
        if (accepted_chunk_ != 0 || (sent.back().kind == part::end && sent.back().code == 250 && taken_ != 0))
            forget();
        else
            chunk_refused_ = true; // RFC 3030, 2: until RSET
    }

    /// The reply to a chunk that belongs to nothing.
    void swallow()
    {
        switch (setting_.crowded ? 0 : pick_(4))
        {
        case 0: answer(phase::content, 0, 503, "nothing to it", early_); break;
        case 1:
            answer(phase::content, 0, 250, "why not", early_);
            if (last_chunk_)
                accepted_chunk_ = taken_;
            break;
        case 2: answer(phase::content, 0, 421, "nothing", early_); break;
        default: closed = true; break;
        }
    }

    std::size_t first_taken() const
    {
        std::size_t i = 0;
        while (i != setting_.recipients && (taken_ & (1U << i)) == 0)
            ++i;
        return i == setting_.recipients ? 0 : i;
    }

    void content(std::string_view one)
    {
        if (one != ".")
        {
            has_content_ = true;
            early();
            return;
        }
        in_content_ = false;
        if (setting_.options.lmtp)
        {
            if (refused_early_) // which was the word on the first recipient only
                taken_ &= ~(1U << first_taken());
            lmtp_end();
        }
        else if (!refused_early_ && setting_.prdr && taken_ != 0)
            prdr_end();
        else if (!refused_early_)
            smtp_end();
        forget();
    }

    void early()
    {
        std::size_t const i = setting_.options.lmtp ? first_taken() : 0;
        switch (pick_(setting_.eager ? 6 : 5))
        {
        case 0: return;
        case 1: answer(phase::content, i, 452, "early", true); break;
        case 2: answer(phase::content, i, 554, "early", true); break;
        case 3: answer(phase::content, i, 421, "early", true); break;
        case 4: closed = true; break;
        default: answer(phase::content, i, 250, "early", true); break;
        }
        refused_early_ = true;
    }

    void deliver(std::size_t i)
    {
        if (!setting_.chunked())
        {
            delivered[i] = has_content_ ? copy::whole : copy::empty;
            return;
        }
        std::string whole;
        for (std::size_t k = 0; k != setting_.chunks; ++k)
            whole += setting_.chunk(k);
        delivered[i] = stored_ == whole ? copy::whole : stored_.empty() ? copy::empty : copy::partial;
    }

    void deliver_all() { deliver_all(taken_); }
    void deliver_all(unsigned who)
    {
        for (std::size_t i = 0; i != setting_.recipients; ++i)
            if ((who & (1U << i)) != 0)
                deliver(i);
        accepted_chunk_       = who;
        delivered_to_stranger = stranger_;
    }

    void smtp_end()
    {
        if (judge(phase::content, 0, 250, "end"))
            deliver_all();
        else if (hung_up_ && !left_ && pick_(2) == 1)
            deliver_all(); // taken, and gone before it could say so; nobody does so after 421
    }

    void prdr_end()
    {
        if (pick_(2) == 0)
            return smtp_end(); // it need not
        kind_ = part::ready;
        answer(phase::content, 0, 353, "ready");
        kind_        = part::recipient;
        unsigned yes = 0;
        for (std::size_t i = 0; i != setting_.recipients; ++i)
        {
            if ((taken_ & (1U << i)) == 0)
                continue;
            if (judge(phase::content, i, 250, "one"))
                yes |= 1U << i;
            if (!stopped_)
                continue;
            closed = true;
            if (pick_(2) == 1) // whom it had not refused
                deliver_all(yes | (taken_ & ~((1U << i) - 1)));
            return;
        }
        kind_ = part::end;
        if (judge(phase::content, 0, 250, "final"))
            deliver_all(yes);
        else if (hung_up_ && pick_(2) == 1)
            deliver_all(yes);
    }

    void lmtp_end()
    {
        for (std::size_t i = 0; i != setting_.recipients; ++i)
        {
            if ((taken_ & (1U << i)) == 0)
                continue;
            if (judge(phase::content, i, 250, "end"))
            {
                deliver(i);
                accepted_chunk_ |= 1U << i;
            }
            if (stopped_)
            {
                bool const silent = hung_up_ && left_ && i == first_taken(); // nobody takes it so after 421
                taken_ &= ~((2U << i) - 1) | (hung_up_ ? 1U << i : 0U);      // who got no reply
                closed = true;
                if (taken_ != 0 && !silent && pick_(2) == 1)
                    deliver_all();
                return;
            }
        }
    }

    setting const& setting_;
    choices&       pick_;
    unsigned       serial_;
    std::string    line_;
    unsigned       taken_         = 0; ///< Recipients, as bits.
    bool           open_          = false;
    bool           stranger_      = false; ///< The transaction before left a recipient behind.
    bool           in_content_    = false;
    bool           has_content_   = false;
    bool           refused_early_ = false;
    bool           stopped_       = false; ///< The last verdict was 421 or none.
    bool           hung_up_       = false; ///< There was no last verdict.
    bool           left_          = false; ///< It has said 421.
    bool           early_         = false;
    part           kind_          = part::end;
    std::string    stored_; ///< Content of chunks.
    std::size_t    chunk_          = 0;
    std::size_t    next_chunk_     = 0;
    std::size_t    chunk_size_     = 0;
    unsigned       accepted_chunk_ = 0; ///< For whom the last chunk was accepted.
    bool           in_chunk_       = false;
    bool           last_chunk_     = false;
    bool           chunk_answered_ = false;
    bool           chunk_refused_  = false;
};

/// A client that does what the transaction says, and checks it against what the server knows.
class trial
{
public:
    trial(setting const& s, choices& pick, transaction& t, smtp::report& r, smtp::envelope const& e, unsigned serial)
        : trial(s, pick, t, r, serial)
    {
        if (t_.begin(e, parameters(e), s.options, report_))
            complain("begin() refused a good envelope");
    }

    /// @param who The recipients of this transaction.
    trial(setting const& s, choices& pick, transaction& t, smtp::report& r, smtp::envelope const& e, unsigned serial,
          std::vector<std::uint32_t> const& who)
        : trial(s, pick, t, r, serial)
    {
        who_         = who;
        word_before_ = r.final_reply().code();
        if (t_.begin(e, who, parameters(e), s.options, report_))
            complain("begin() refused a part of a good envelope");
    }

    /// What went wrong; empty if nothing.
    std::string run()
    {
        for (unsigned turns = 0; complaint_.empty(); ++turns)
        {
            if (turns == 200)
                complain("it never ends");
            write_commands();
            step const s = t_.next();
            if (s == step::finished || s == step::give_up)
                break;
            if (s == step::await_reply)
            {
                if (t_.output().empty()) // else replies came so early that more was released
                    wait();
            }
            else if (!setting_.chunked())
                write_content(s == step::send_nothing);
            else if (t_.chunks_due() == setting_.window)
                wait();
            else
                write_chunk();
        }
        if (complaint_.empty())
            check();
        return complaint_.empty() ? server_.complaint : complaint_;
    }

private:
    trial(setting const& s, choices& pick, transaction& t, smtp::report& r, unsigned serial)
        : setting_(s), pick_(pick), t_(t), report_(r), server_(s, pick, serial), piece_(1 + serial % 13)
    {
        for (std::size_t i = 0; i != s.recipients; ++i)
            who_.push_back(static_cast<std::uint32_t>(i));
    }

    smtp::mail_parameters parameters(smtp::envelope const& e) const
    {
        smtp::mail_parameters p = e.parameters;
        p.prdr                  = setting_.prdr;
        return p;
    }

    void complain(std::string what)
    {
        if (complaint_.empty())
            complaint_ = std::move(what);
    }

    bool over() const { return t_.next() == step::give_up || !complaint_.empty(); }

    void write_commands()
    {
        std::string_view const all = t_.output();
        if (all.empty())
            return;
        if (over())
            return;
        for (std::size_t i = 0; i != t_.pending_commands(); ++i)
            data_announced_ = data_announced_ || t_.pending_command(i).what == phase::data;
        t_.announce(due_);
        if (!setting_.eager || (setting_.hurried && t_.next() == step::send_content))
        {
            server_.receive(all, seen_);
            t_.consume(all.size());
            return;
        }
        // In pieces, and replies are taken in between. What they release waits for its turn to be announced.
        for (std::size_t left = all.size(); left != 0 && !over();)
        {
            std::string_view const one = t_.output().substr(0, std::min(piece_, left));
            left -= one.size();
            server_.receive(one, seen_);
            t_.consume(one.size());
            take_all();
        }
    }

    void write_content(bool nothing)
    {
        t_.content_begins(due_);
        if (!nothing)
        {
            content_begun_ = true;
            server_.receive("hello\r\n", seen_);
            if (setting_.eager)
            {
                take_all();
                if (over())
                    return;
                if (server_.closed)
                    return fail();
            }
        }
        t_.content_ends();
        if (!nothing && !server_.closed && pick_(2) == 1)
        {
            t_.content_not_ended(); // it did not fit into the send buffer, and then the line broke
            return fail();
        }
        end_left_ = true;
        server_.receive(".\r\n", seen_);
    }

    void write_chunk()
    {
        bool const last = chunks_begun_ + 1 == setting_.chunks;
        if (chunks_begun_ == setting_.chunks)
            return complain("there is no more content");
        if (setting_.abandons && pick_(2) == 1)
        {
            abandoned_ = seen_;
            return t_.abandon(unreadable);
        }
        std::string_view const body = setting_.chunk(chunks_begun_);
        std::string const      wire = "BDAT " + std::to_string(body.size()) + (last ? " LAST\r\n" : "\r\n") += body;
        t_.chunk_begins(due_, last);
        content_begun_ = true;
        ++chunks_begun_;
        // Whatever is answered meanwhile, what was begun must be written.
        for (std::size_t at = 0; at + 1 != wire.size();)
        {
            std::size_t const n = std::min(setting_.eager ? piece_ : wire.size(), wire.size() - 1 - at);
            server_.receive(std::string_view(wire).substr(at, n), seen_);
            at += n;
            if (!setting_.eager)
                continue;
            take_all();
            if (over())
                return;
            if (server_.closed)
                return fail(said_421());
        }
        if (last)
        {
            t_.content_ends();
            if (!setting_.crowded && !server_.closed && pick_(2) == 1)
            {
                t_.content_not_ended();
                return fail();
            }
            end_left_ = true;
        }
        server_.receive(std::string_view(wire).substr(wire.size() - 1), seen_);
        if (setting_.eager && !last)
            take_all();
    }

    bool said_421() const { return first_421() != nullptr; }

    /// @param unprocessed The server has said that it closes and has done so.
    void fail(bool unprocessed = false)
    {
        failed_      = true;
        unprocessed_ = unprocessed;
        if (!end_left_)
            t_.content_not_ended();
        t_.fail(lost, unprocessed);
        if (t_.next() != step::give_up)
            complain("a failed transaction goes on");
    }

    void wait()
    {
        if (due_.idle())
            return complain("it waits for a reply and none is due");
        if (t_.closing() && setting_.cancels && !std::exchange(asked_, true) && pick_(2) == 1)
        {
            cancelled_ = true;
            return fail();
        }
        if (take_one())
            return;
        if (!server_.closed)
            return complain("client and server wait for each other");
        fail(said_421());
    }

    void take_all()
    {
        while (!over() && take_one())
        {
        }
    }

    bool take_one()
    {
        smtp::expectation what;
        std::error_code   ec;
        bool              complete = due_.next(in_, what, reply_, ec);
        while (!complete && !ec && !server_.wire.empty())
        {
            std::size_t const n = std::min(piece_, server_.wire.size());
            in_.append(std::string_view(server_.wire).substr(0, n));
            server_.wire.erase(0, n);
            complete = due_.next(in_, what, reply_, ec);
        }
        if (ec)
            complain("the reply was not due: " + ec.message());
        if (!complete)
            return false;
        said const& meant = server_.sent[seen_++];
        bool const  same  = meant.what == what.what &&
                          what.index == (what.what == phase::content ? meant.chunk : meant.index);
        if (!same || meant.code != reply_.code())
            complain("a reply was taken for the answer to something else");
        if (meant.code == 421 && first_421() == &meant)
            late_421_ = end_left_;
        auto const wanted = defect_of(meant);
        auto const wrong  = t_.on_reply(what, reply_, due_);
        if (wrong != wanted)
            complain(wrong ? "a good reply was refused" : "a reply that makes no sense was believed");
        claimed_ = claimed_ || wrong == errc::unexpected_code;
        if (wrong)
            fail();
        return true;
    }

    /// Does the reply, the last one seen, say that the server has lost track?
    std::error_code defect_of(said const& r) const
    {
        if (r.what != phase::content)
            return {};
        if (!setting_.chunked())
            return r.early && r.code == 250 ? make_error_code(errc::unsolicited_reply) : std::error_code();
        if (r.kind == part::chunk)
            return {};
        if (!end_left_)
            return r.code < 400 ? make_error_code(errc::unsolicited_reply) : std::error_code();
        if (!pointless(seen_ - 1))
            return {};
        // In LMTP there may or may not be one more for each recipient that should not have been taken.
        bool const uncounted = setting_.options.lmtp && taken_before(seen_) > 1 && !t_.mail_accepted();
        return taken_before(seen_) != 0 && (r.code < 400 || uncounted) ? make_error_code(errc::unexpected_code)
                                                                        : std::error_code();
    }

    said const* first_421() const
    {
        for (std::size_t k = 0; k != seen_; ++k)
            if (server_.sent[k].code == 421)
                return &server_.sent[k];
        return nullptr;
    }

    /// How many recipients the first `k` replies have accepted.
    std::size_t taken_before(std::size_t k) const
    {
        return static_cast<std::size_t>(std::count_if(
            server_.sent.begin(), server_.sent.begin() + static_cast<std::ptrdiff_t>(k),
            [](said const& r) { return r.what == phase::rcpt && r.code < 400; }));
    }

    /// Is reply number `k` about a chunk that nobody should get, by what was said before it?
    bool pointless(std::size_t k) const
    {
        if (!t_.mail_accepted() || taken_before(k) == 0 || k >= abandoned_)
            return true;
        for (std::size_t i = 0; i != k; ++i)
            if (server_.sent[i].kind == part::chunk && server_.sent[i].what == phase::content && server_.sent[i].code >= 400)
                return true;
        return false;
    }

    static constexpr std::size_t never = static_cast<std::size_t>(-1);

    // Judgement ------------------------------------------------------------------------------------------------

    struct expected
    {
        disposition outcome = disposition::not_sent;
        phase       where   = phase::rcpt;
        int         code    = 0;
        std::string text;
        std::string enhanced = {};
    };

    static expected by(disposition d, said const& s) { return {d, s.what, s.code, s.text, s.enhanced}; }
    static expected refused_by(said const& s)
    {
        return by(s.code >= 500 ? disposition::refused_permanently : disposition::refused_temporarily, s);
    }

    said const* find(phase what, std::size_t index, part kind = part::end) const
    {
        for (std::size_t k = 0; k != seen_; ++k)
            if (server_.sent[k].what == what && server_.sent[k].index == index && server_.sent[k].kind == kind)
                return &server_.sent[k];
        return nullptr;
    }

    /// What the report must say, derived from the replies that were seen and nothing else.
    expected expect(std::size_t i) const { return setting_.chunked() ? expect_chunked(i) : expect_plain(i); }

    expected expect_plain(std::size_t i) const
    {
        said const* const mail = find(phase::mail, 0);
        if (mail && mail->code >= 400)
            return refused_by(*mail);
        if (said const* const rcpt = find(phase::rcpt, i); rcpt && rcpt->code >= 400)
            return refused_by(*rcpt);
        if (said const* const data = find(phase::data, 0); data && data->code >= 400)
            return refused_by(*data);
        if (said const* const own = find(phase::content, i, part::recipient); own && own->code >= 400 && own->code != 421)
            return refused_by(*own);
        said const* const last = seen_ != 0 ? &server_.sent[seen_ - 1] : nullptr;
        said const* const end  = find(phase::content, setting_.options.lmtp ? i : 0);
        auto const        open = end_left_ ? disposition::in_doubt : disposition::not_sent;
        if (last && last->early && last->code < 400)
            return {disposition::in_doubt, phase::content, 0, std::string(lost)};
        if (end && end->code < 400)
            return {disposition::accepted, phase::content, end->code, end->text};
        if (end)
            return refused_by(*end);
        if (last && (last->code == 421 || (last->early && !end_left_)))
            return {open, last->what == phase::rset ? phase::mail : last->what, last->code, last->text, last->enhanced};
        if (failed_)
        {
            phase where = mail ? phase::rcpt : phase::mail;
            if (content_begun_)
                where = phase::content;
            else if (data_announced_ && find(phase::rcpt, who_.back()))
                where = phase::data;
            return {open, where, 0, std::string(lost)};
        }
        return unwanted();
    }

    static expected unwanted()
    {
        expected e;
        e.text = "accepted, but another recipient was not and the policy is all or nothing";
        return e;
    }

    expected expect_chunked(std::size_t i) const
    {
        said const* const mail = find(phase::mail, 0);
        said const* const rcpt = find(phase::rcpt, i);
        bool const        good = mail && mail->code < 400;
        // What left before it said 421 it may have taken, unless it then closes.
        bool const refused = mail && !good && !(mail->code == 421 && (late_421_ || first_421() != mail));
        if (good && rcpt && rcpt->code >= 400)
            return refused_by(*rcpt);
        if (claimed_)
            return {disposition::in_doubt, phase::content, 0,
                    "the server accepted content whose envelope or beginning it had refused"};
        said const* const last  = seen_ != 0 ? &server_.sent[seen_ - 1] : nullptr;
        bool const        hasty = last && last->early && last->kind == part::end && last->code < 400;
        // An earlier transaction that it did not forget may take what follows.
        said const* const rset        = find(phase::rset, 0);
        bool const        believable = taken_before(seen_) == 0 && !(rset && rset->code >= 400);
        if (mail && !good && !believable && failed_ && !unprocessed_ && (end_left_ || hasty))
            return {disposition::in_doubt, phase::content, 0, std::string(lost)}; // who knows what such a server does
        if (abandoned_ != never)
            return {disposition::not_sent, phase::content, 0, std::string(unreadable)};
        if (refused)
            return refused_by(*mail);
        bool looked_at = false; // the whole, by the server
        for (std::size_t k = 0; k != seen_; ++k)
        {
            said const& r = server_.sent[k];
            if (r.what != phase::content || pointless(k))
                continue;
            if (r.kind == part::chunk && r.code >= 400 && r.code != 421)
                return refused_by(r);
            bool const early = r.early && !end_left_;
            looked_at = looked_at || (r.kind != part::chunk && !early);
            bool const mine = r.kind == part::recipient || setting_.options.lmtp ? r.index == i : true;
            if (r.kind == part::recipient && mine && r.code >= 400 && r.code != 421)
                return refused_by(r);
            if (r.kind == part::end && mine && r.code >= 400)
                return refused_by(r);
            if (r.kind == part::end && mine && !early)
                return by(disposition::accepted, r);
        }
        return undecided(looked_at);
    }

    /// Of whom no reply has decided.
    expected undecided(bool looked_at) const
    {
        said const* const last = seen_ != 0 ? &server_.sent[seen_ - 1] : nullptr;
        if (last && last->what == phase::content && last->kind != part::chunk && !end_left_ && last->code >= 400)
            return by(disposition::not_sent, *last);
        if (last && last->what == phase::content && last->kind != part::chunk && !end_left_)
            return {disposition::in_doubt, phase::content, 0, std::string(lost)};
        if (last && last->what == phase::content && last->code == 421 && looked_at)
            return by(disposition::in_doubt, *last);
        if (said const* const c = first_421(); c && (!failed_ || (unprocessed_ && !looked_at)))
        {
            expected e = by(c->what == phase::mail ? disposition::refused_temporarily : disposition::not_sent, *c);
            e.where    = c->what == phase::rset ? phase::mail : c->what;
            return e;
        }
        if (!failed_)
            return unwanted();
        std::size_t answered = 0;
        for (auto const who : who_)
            answered += find(phase::rcpt, who) != nullptr;
        phase const where = !t_.mail_accepted()        ? phase::mail
                            : answered != who_.size() ? phase::rcpt
                            : content_begun_          ? phase::content
                                                      : phase::rcpt;
        return {end_left_ ? disposition::in_doubt : disposition::not_sent, where, 0, std::string(lost)};
    }

    /// The server's last word on content that it should have wanted.
    int last_word() const
    {
        int code = 0;
        for (std::size_t k = 0; k != seen_; ++k)
        {
            said const& r = server_.sent[k];
            if (r.what != phase::content || pointless(k))
                continue;
            if (r.kind == part::end ? r.code >= 400 || end_left_ : r.kind == part::chunk && r.code >= 400)
                code = r.code;
        }
        return code;
    }

    void check()
    {
        auto const  list  = report_.recipients();
        std::size_t wrong = list.size();
        for (auto const i : who_)
        {
            auto const& r = list[i];
            auto const  e = expect(i);
            if (r.outcome != e.outcome || r.phase != e.where || r.code != e.code || r.text != e.text)
                wrong = i;
            if ((r.enhanced ? r.enhanced->to_string() : "") != e.enhanced)
                wrong = i;
            // Whatever the rules above say, this is what matters in the end.
            copy const got = server_.delivered[i];
            if (got == copy::empty)
                complain("an empty message was delivered");
            if (got == copy::partial)
                complain("a part of the message was delivered");
            if (r.outcome == disposition::accepted && got != copy::whole)
                complain("accepted, but never delivered");
            bool const unheard = server_.contradicted && cancelled_; // no client can know
            if (got == copy::whole && r.outcome != disposition::accepted && r.outcome != disposition::in_doubt && !unheard)
                complain("delivered, but not accepted");
            bool const too_soon = seen_ != 0 && server_.sent[seen_ - 1].early; // a broken server: who knows
            if (r.outcome == disposition::in_doubt && !end_left_ && (!too_soon || server_.sent[seen_ - 1].code >= 400))
                complain("in doubt although the end never left");
        }
        if (server_.delivered_to_stranger)
            complain("a recipient of an earlier transaction got something");
        if (wrong != list.size())
            complain("the report is not exact for recipient " + std::to_string(wrong));
        check_state();
        if (!failed_ && who_.size() == list.size())
            check_verdict();
    }

    void check_state()
    {
        said const* const mail = find(phase::mail, 0);
        said const* const rset = find(phase::rset, 0);
        if (t_.mail_accepted() != (mail && mail->code < 400))
            complain("mail_accepted() is wrong");
        if (t_.reset_refused() != (rset && rset->code >= 400))
            complain("reset_refused() is wrong");
        said const* const last = seen_ != 0 ? &server_.sent[seen_ - 1] : nullptr;
        bool const        word = last && last->what == phase::content && (last->code >= 400 || !last->early) &&
                          last->kind == part::end;
        int const         code = setting_.chunked() ? last_word() : word ? last->code : 0;
        if (report_.final_reply().code() != (code != 0 ? code : word_before_))
            complain("the final reply is another one");
        check_overflow();
        if (t_.next() == step::give_up)
        {
            if (t_.needs_rset())
                complain("needs_rset() of a connection that is given up");
            return;
        }
        if (!due_.idle() || !in_.empty() || due_.inside_reply() || seen_ != server_.sent.size())
            complain("finished while replies are due");
        if (!t_.output().empty() || t_.pending_commands() != 0)
            complain("finished while commands wait to be written");
        if (!server_.idle_in_commands())
            complain("finished while the server waits for content, or is gone");
        bool const complete = setting_.chunked()
                                  ? last && last->kind == part::end && last->code < 400 && !pointless(seen_ - 1)
                                  : true;
        if (t_.needs_rset() != !(complete && end_left_ && last && last->what == phase::content))
            complain("needs_rset() is wrong");
        if (server_.transaction_open() && !t_.needs_rset())
            complain("a transaction was left open");
    }

    void check_overflow()
    {
        std::vector<std::uint32_t> wanted;
        bool                       some = false;
        for (auto const i : who_)
        {
            said const* const r = find(phase::rcpt, i);
            if (!r || !t_.mail_accepted())
                continue;
            some               = some || r->code < 400;
            bool const no_room = (r->code == 452 && (r->enhanced.empty() || r->enhanced == "4.5.3")) ||
                                 (r->code == 552 && r->enhanced == "5.5.3");
            if (some && no_room && setting_.options.policy != smtp::recipient_policy::all_or_nothing)
                wanted.push_back(i); // else another transaction would deliver to these alone
        }
        auto const got = t_.overflow();
        if (!std::equal(got.begin(), got.end(), wanted.begin(), wanted.end()))
            complain("overflow() is wrong");
    }

    void check_verdict()
    {
        using smtp::recipient_policy;
        std::size_t accepted = 0, temporary = 0, doubtful = 0, taken = 0;
        bool        rcpt_refused = false;
        bool const  mail_good    = t_.mail_accepted();
        for (auto const i : who_)
        {
            expected const e = expect(i);
            accepted += e.outcome == disposition::accepted;
            temporary += e.outcome == disposition::refused_temporarily || e.outcome == disposition::not_sent;
            doubtful += e.outcome == disposition::in_doubt;
            said const* const rcpt = find(phase::rcpt, i);
            taken += mail_good && rcpt && rcpt->code < 400;
            rcpt_refused = rcpt_refused || (mail_good && rcpt && rcpt->code >= 400);
        }
        std::error_code wanted;
        if (setting_.options.policy == recipient_policy::each)
            wanted = {};
        else if (accepted != 0 && (setting_.options.policy == recipient_policy::at_least_one ||
                                   accepted == setting_.recipients))
            wanted = {};
        else if (doubtful != 0)
            wanted = errc::in_doubt;
        else if (setting_.options.policy == recipient_policy::all_or_nothing && (rcpt_refused || accepted != 0))
            wanted = errc::not_all_accepted;
        else if (taken != 0 && (setting_.chunked() ? content_begun_ : find(phase::data, 0) != nullptr))
            wanted = temporary != 0 ? errc::message_deferred : errc::message_refused;
        else
            wanted = temporary != 0 ? errc::all_deferred : errc::all_refused;
        if (t_.verdict() != wanted)
            complain("the verdict is '" + t_.verdict().message() + "', not '" + wanted.message() + "'");
    }

    setting const&             setting_;
    choices&                   pick_;
    transaction&               t_;
    smtp::report&              report_;
    model_server               server_;
    std::size_t                piece_;
    smtp::ledger               due_;
    posthorn::byte_buffer      in_;
    smtp::reply                reply_;
    std::size_t                seen_           = 0;
    bool                       data_announced_ = false;
    bool                       content_begun_  = false;
    bool                       end_left_       = false;
    bool                       failed_         = false;
    bool                       unprocessed_    = false;
    bool                       claimed_        = false; ///< The server took what it had refused.
    bool                       late_421_       = false; ///< The end of the content had left when 421 came.
    bool                       asked_          = false;
    bool                       cancelled_      = false;
    int                        word_before_    = 0; ///< The last word of an earlier transaction.
    std::size_t                chunks_begun_   = 0;
    std::size_t                abandoned_      = never; ///< After so many replies.
    std::vector<std::uint32_t> who_;
    std::string                complaint_;
};

std::string describe(setting const& s)
{
    return std::to_string(s.recipients) + " recipients, policy " + std::to_string(static_cast<int>(s.options.policy)) +
           (s.options.flight == smtp::flight::pipelined ? ", pipelined" : ", sequential") +
           (s.options.rset_first ? ", RSET" : "") + (s.options.lmtp ? ", LMTP" : "") + (s.eager ? ", eager" : "") +
           (s.hurried ? ", hurried" : "") +
           (s.chunked() ? ", " + std::to_string(s.chunks) + " chunks, window " + std::to_string(s.window) : "") +
           (s.empty_last ? ", the last empty" : "") + (s.prdr ? ", PRDR" : "") + (s.lingers ? ", lingering" : "") +
           (s.cancels ? ", cancelling" : "") + (s.abandons ? ", abandoning" : "") + (s.crowded ? ", crowded" : "");
}

/// Every dialogue of some settings.
class exploration
{
public:
    void operator()(setting const& s)
    {
        smtp::envelope const e = envelope_of(s.recipients);
        choices              pick;
        do
        {
            std::string const complaint = trial(s, pick, t_, report_, e, cases_++).run();
            if (!complaint.empty())
                report_failure(s, pick, complaint);
        } while (pick.advance());
    }

    /// The same, and then another transaction for the recipients that were too many.
    void with_overflow(setting const& first, setting second)
    {
        smtp::envelope const e = envelope_of(first.recipients);
        choices              pick;
        do
        {
            std::string complaint = trial(first, pick, t_, report_, e, cases_++).run();
            std::vector<std::uint32_t> const who(t_.overflow().begin(), t_.overflow().end());
            if (complaint.empty() && !who.empty() && t_.next() == step::finished)
            {
                std::string const before  = others(who);
                second.options.rset_first = t_.needs_rset();
                complaint                 = trial(second, pick, t_, report_, e, cases_++, who).run();
                if (complaint.empty() && others(who) != before)
                    complaint = "a transaction changed what it was not about";
            }
            if (!complaint.empty())
                report_failure(first, pick, complaint);
        } while (pick.advance());
    }

    unsigned cases() const { return cases_; }
    unsigned failures() const { return failures_; }

private:
    void report_failure(setting const& s, choices const& pick, std::string const& complaint)
    {
        if (++failures_ > 20)
            return;
        std::string const choices_made = pick.describe();
        FAIL_CHECK(complaint << " (" << describe(s) << ":" << choices_made << ")\n" << report_.describe());
    }

    /// What is said of all but `who`.
    std::string others(std::vector<std::uint32_t> const& who) const
    {
        std::string text;
        for (std::uint32_t i = 0; i != report_.recipients().size(); ++i)
        {
            auto const& r = report_.recipients()[i];
            if (std::find(who.begin(), who.end(), i) == who.end())
                text += std::string(to_string(r.outcome)) + to_string(r.phase).data() + std::to_string(r.code) +
                        (r.enhanced ? r.enhanced->to_string() : "") + r.text + '\n';
        }
        return text;
    }

    transaction  t_; // one for all, so that nothing of a transaction may show in the next
    smtp::report report_;
    unsigned     cases_    = 0;
    unsigned     failures_ = 0;
};

} // namespace

TEST_CASE("whatever a server answers, the report is exact and nobody gets an empty message")
{
    exploration explore;
    for (std::size_t n = 1; n != 5; ++n)
        for (unsigned variant = 0; variant != 3 * 16; ++variant)
        {
            setting s;
            s.recipients         = n;
            s.options.policy     = static_cast<smtp::recipient_policy>(variant / 16);
            s.options.flight     = (variant & 1U) != 0 ? smtp::flight::pipelined : smtp::flight::sequential;
            s.options.rset_first = (variant & 2U) != 0;
            s.options.lmtp       = (variant & 4U) != 0;
            s.eager              = (variant & 8U) != 0;
            explore(s);
        }
    CHECK(explore.failures() == 0);
    CHECK(explore.cases() > 200'000);
    MESSAGE(explore.cases() << " dialogues");
}

namespace {

setting in_chunks(std::size_t recipients, std::size_t chunks, unsigned variant)
{
    setting s;
    s.recipients       = recipients;
    s.options.transfer = smtp::transfer::bdat;
    s.options.policy   = static_cast<smtp::recipient_policy>(variant / 8);
    s.options.flight   = (variant & 1U) != 0 ? smtp::flight::pipelined : smtp::flight::sequential;
    s.options.lmtp     = (variant & 2U) != 0;
    s.eager            = (variant & 4U) != 0;
    s.chunks           = chunks;
    s.lingers          = s.unasked(); // else nothing has left that it could still answer
    return s;
}

/// How many chunks may be unanswered: in LMTP the replies to the last one can be told apart only if it is alone.
std::size_t widest(setting const& s)
{
    return s.options.lmtp || s.options.flight == smtp::flight::sequential ? 1 : s.chunks;
}

} // namespace

TEST_CASE("content in chunks, asked for or not: the report is exact, and nobody gets an empty or partial message")
{
    exploration explore;
    for (std::size_t n = 1; n != 5; ++n)
        for (std::size_t chunks = 1; chunks != 4 && n + chunks < 7; ++chunks)
            for (unsigned variant = 0; variant != 3 * 8; ++variant)
            {
                setting s = in_chunks(n, chunks, variant);
                s.lingers = s.lingers && n + chunks < 6 && !(s.options.lmtp && n + chunks > 4);
                for (s.window = 1; s.window <= widest(s); ++s.window)
                    explore(s);
            }
    CHECK(explore.failures() == 0);
    CHECK(explore.cases() > 100'000);
    MESSAGE(explore.cases() << " dialogues");
}

TEST_CASE("content in chunks after RSET, with an empty end, with content that cannot be read, and a client that cannot wait")
{
    exploration explore;
    for (std::size_t n = 1; n != 3; ++n)
        for (std::size_t chunks = 1; chunks != 4; ++chunks)
            for (unsigned variant = 0; variant != 3 * 8; ++variant)
                for (unsigned more = 1; more != 32; ++more)
                {
                    setting s            = in_chunks(n, chunks, variant);
                    s.options.rset_first = (more & 1U) != 0;
                    s.empty_last         = (more & 2U) != 0;
                    s.abandons           = (more & 4U) != 0;
                    s.cancels            = (more & 8U) != 0;
                    s.hurried            = (more & 16U) != 0;
                    s.window             = widest(s);
                    if ((more & (more - 1)) != 0 && n + chunks > 3)
                        continue; // one thing at a time is enough for the longer ones
                    if (n + chunks > 4 || (s.cancels && !s.lingers) || (s.hurried && !(s.eager && s.unasked())))
                        continue;
                    explore(s);
                }
    CHECK(explore.failures() == 0);
    CHECK(explore.cases() > 100'000);
    MESSAGE(explore.cases() << " dialogues");
}

TEST_CASE("PRDR: each recipient has the last word that was said about it")
{
    exploration explore;
    for (std::size_t n = 1; n != 4; ++n)
        for (std::size_t chunks = 0; chunks != 3; ++chunks)
            for (unsigned variant = 0; variant != 3 * 8; ++variant)
            {
                setting s = in_chunks(n, chunks, variant);
                if (s.options.lmtp || n + chunks > 4)
                    continue;
                if (chunks == 0)
                    s.options.transfer = smtp::transfer::data;
                s.prdr    = true;
                s.lingers = s.unasked() && n < 3;
                s.window  = widest(s);
                explore(s);
            }
    CHECK(explore.failures() == 0);
    CHECK(explore.cases() > 10'000);
    MESSAGE(explore.cases() << " dialogues");
}

TEST_CASE("recipients that were too many are known, and another transaction for them touches nobody else")
{
    exploration explore;
    for (std::size_t n = 1; n != 4; ++n)
        for (unsigned variant = 0; variant != 3 * 8; ++variant)
        {
            setting first = in_chunks(n, 1, variant);
            if ((variant & 2U) != 0) // instead of LMTP
                first.options.transfer = smtp::transfer::data;
            first.options.lmtp = false;
            first.lingers      = false;
            setting second     = first;
            first.crowded      = true;
            if (n == 3 && (first.eager || first.options.policy == smtp::recipient_policy::at_least_one))
                continue;
            explore.with_overflow(first, second);
        }
    CHECK(explore.failures() == 0);
    CHECK(explore.cases() > 10'000);
    MESSAGE(explore.cases() << " dialogues");
}

namespace {

/// Hands the reply to what is due next to the transaction, by way of the ledger.
std::error_code hear(transaction& t, smtp::ledger& due, std::string_view wire)
{
    posthorn::byte_buffer in;
    smtp::expectation     what;
    smtp::reply           r;
    std::error_code       ec;
    in.append(wire);
    if (due.next(in, what, r, ec))
        ec = t.on_reply(what, r, due);
    REQUIRE(in.empty());
    return ec;
}

void write_all(transaction& t, smtp::ledger& due)
{
    t.announce(due);
    t.consume(t.output().size());
}

smtp::transaction_options with(smtp::flight f, smtp::recipient_policy p = smtp::recipient_policy::each)
{
    smtp::transaction_options o;
    o.flight = f;
    o.policy = p;
    return o;
}

} // namespace

TEST_CASE("a pipelined flight is the whole envelope, and the sequential one a command at a time")
{
    auto const   e = envelope_of(2);
    transaction  t;
    smtp::report r;

    REQUIRE_FALSE(t.begin(e, e.parameters, with(smtp::flight::pipelined), r));
    CHECK(t.output() == "MAIL FROM:<sender@here.example>\r\nRCPT TO:<0@there.example>\r\n"
                        "RCPT TO:<1@there.example>\r\nDATA\r\n");
    CHECK(t.pending_commands() == 4);
    CHECK(t.next() == step::await_reply);

    using smtp::recipient_policy;
    REQUIRE_FALSE(t.begin(e, e.parameters, with(smtp::flight::pipelined, recipient_policy::all_or_nothing), r));
    CHECK(t.output() == "MAIL FROM:<sender@here.example>\r\nRCPT TO:<0@there.example>\r\n"
                        "RCPT TO:<1@there.example>\r\n");

    auto o       = with(smtp::flight::sequential);
    o.rset_first = true;
    REQUIRE_FALSE(t.begin(e, e.parameters, o, r));
    smtp::ledger due;
    for (std::string_view const wanted : {"RSET\r\n", "MAIL FROM:<sender@here.example>\r\n",
                                          "RCPT TO:<0@there.example>\r\n", "RCPT TO:<1@there.example>\r\n"})
    {
        CHECK(t.output() == wanted);
        write_all(t, due);
        CHECK(t.output() == "");
        REQUIRE_FALSE(hear(t, due, "250 ok\r\n"));
    }
    CHECK(t.output() == "DATA\r\n");
}

namespace {

/// A message of one chunk that left behind its envelope at once.
void send_unasked(transaction& t, smtp::ledger& due, smtp::report& r, std::size_t recipients, bool lmtp)
{
    auto const e = envelope_of(recipients);
    auto       o = with(smtp::flight::pipelined);
    o.transfer   = smtp::transfer::bdat;
    o.lmtp       = lmtp;
    REQUIRE_FALSE(t.begin(e, e.parameters, o, r));
    write_all(t, due);
    REQUIRE(t.next() == step::send_content);
    t.chunk_begins(due, true);
    t.content_ends();
}

} // namespace

TEST_CASE("421 to an earlier command: what left behind it is not sent if the server closes, and in doubt if that is not known")
{
    for (bool const closes : {false, true})
        for (std::string_view const mail : {"421 4.3.2 bye\r\n", "250 ok\r\n"})
        {
            transaction  t;
            smtp::report r;
            smtp::ledger due;
            send_unasked(t, due, r, 2, false);
            REQUIRE_FALSE(hear(t, due, mail));
            if (t.mail_accepted())
            {
                REQUIRE_FALSE(hear(t, due, "250 ok\r\n"));
                REQUIRE_FALSE(hear(t, due, "421 4.3.2 bye\r\n"));
            }
            CHECK(t.closing());
            CHECK(t.next() == step::await_reply);
            t.fail(lost, closes);
            CHECK(t.next() == step::give_up);
            auto const& one = r.recipients()[0];
            if (!closes)
                CHECK(one.outcome == disposition::in_doubt);
            else if (t.mail_accepted())
                CHECK(one.outcome == disposition::not_sent);
            else
                CHECK(one.outcome == disposition::refused_temporarily);
            CHECK(one.text == (closes ? "bye" : lost));
        }
}

TEST_CASE("421 among the replies of LMTP to the last chunk leaves the others in doubt, for the message was looked at")
{
    transaction  t;
    smtp::report r;
    smtp::ledger due;
    send_unasked(t, due, r, 3, true);
    for (std::string_view const reply : {"250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "250 queued\r\n", "421 bye\r\n"})
        REQUIRE_FALSE(hear(t, due, reply));
    CHECK(t.next() == step::give_up);
    CHECK(r.recipients()[0].outcome == disposition::accepted);
    CHECK(r.recipients()[1].outcome == disposition::refused_temporarily);
    CHECK(r.recipients()[2].outcome == disposition::in_doubt);
}

TEST_CASE("content that came after a refused envelope leaves a transaction that only RSET ends")
{
    transaction  t;
    smtp::report r;
    smtp::ledger due;
    send_unasked(t, due, r, 1, false);
    for (std::string_view const reply : {"250 ok\r\n", "550 no such user\r\n", "503 no recipients\r\n"})
        REQUIRE_FALSE(hear(t, due, reply));
    CHECK(t.next() == step::finished);
    CHECK(t.needs_rset());
    CHECK(r.final_reply().code() == 0);
    CHECK(r.recipients()[0].text == "no such user");
}

TEST_CASE("recipients who were too many are nobody's business if all or nothing was wanted")
{
    for (auto const p : {smtp::recipient_policy::each, smtp::recipient_policy::all_or_nothing})
    {
        auto const   e = envelope_of(2);
        transaction  t;
        smtp::report r;
        smtp::ledger due;
        REQUIRE_FALSE(t.begin(e, e.parameters, with(smtp::flight::pipelined, p), r));
        write_all(t, due);
        for (std::string_view const reply : {"250 ok\r\n", "250 ok\r\n", "452 4.5.3 too many\r\n"})
            REQUIRE_FALSE(hear(t, due, reply));
        CHECK(t.overflow().size() == (p == smtp::recipient_policy::each ? 1 : 0));
    }
}

TEST_CASE("the parameters of MAIL are the ones given, not those of the envelope")
{
    auto const            e = envelope_of(1);
    smtp::mail_parameters actual;
    actual.size = 77;
    transaction  t;
    smtp::report r;
    REQUIRE_FALSE(t.begin(e, actual, {}, r));
    CHECK(t.output() == "MAIL FROM:<sender@here.example> SIZE=77\r\n");
}

TEST_CASE("commands can be written in pieces of any size, and are shown and announced once")
{
    auto const e = envelope_of(3);
    for (std::size_t piece = 1; piece != 100; ++piece)
    {
        transaction  t;
        smtp::report r;
        smtp::ledger due;
        auto         o = with(smtp::flight::pipelined);
        o.rset_first   = true;
        REQUIRE_FALSE(t.begin(e, e.parameters, o, r));
        std::string shown;
        std::vector<std::pair<phase, std::uint32_t>> kinds;
        for (std::size_t i = 0; i != t.pending_commands(); ++i)
        {
            shown += t.pending_text(i);
            kinds.emplace_back(t.pending_command(i).what, t.pending_command(i).index);
        }
        CHECK(shown == t.output());
        CHECK(kinds == std::vector<std::pair<phase, std::uint32_t>> {{phase::rset, 0},
                                                                     {phase::mail, 0},
                                                                     {phase::rcpt, 0},
                                                                     {phase::rcpt, 1},
                                                                     {phase::rcpt, 2},
                                                                     {phase::data, 0}});
        t.announce(due);
        CHECK(t.pending_commands() == 0);
        CHECK(due.due() == 6);
        std::string written;
        while (!t.output().empty())
        {
            std::string_view const one = t.output().substr(0, piece);
            written += one;
            t.consume(one.size());
            t.announce(due); // again: nothing new
        }
        CHECK(written == shown);
        CHECK(due.due() == 6);
    }
}

TEST_CASE("pending texts stay right when earlier commands have left")
{
    auto const   e = envelope_of(2);
    transaction  t;
    smtp::report r;
    smtp::ledger due;
    REQUIRE_FALSE(t.begin(e, e.parameters, with(smtp::flight::sequential), r));
    write_all(t, due);
    REQUIRE_FALSE(hear(t, due, "250 ok\r\n"));
    REQUIRE(t.pending_commands() == 1);
    CHECK(t.pending_text(0) == "RCPT TO:<0@there.example>\r\n");
    CHECK(t.pending_command(0).what == phase::rcpt);
}

TEST_CASE("what cannot be spelled is known before anything is written")
{
    struct row
    {
        std::string           name;
        smtp::envelope        envelope;
        smtp::mail_parameters parameters;
        errc                  code;
    };
    std::vector<row> rows;
    rows.push_back({"no recipient", envelope_of(0), {}, errc::no_recipients});
    rows.push_back({"a bad parameter of MAIL", envelope_of(2), {}, errc::bad_parameter});
    rows.back().parameters.envid = "line\nbreak";
    rows.push_back({"a bad parameter of the second recipient", envelope_of(2), {}, errc::bad_parameter});
    rows.back().envelope.recipients[1].parameters.notify_on = smtp::notify::never | smtp::notify::success;
    rows.push_back({"a parameter that makes the line too long", envelope_of(2), {}, errc::line_too_long});
    rows.back().parameters.extra.emplace_back("X", std::string(20000, 'x'));
    rows.push_back({"a sender that needs SMTPUTF8", envelope_of(1), {}, errc::smtputf8_required});
    rows.back().envelope.sender = smtp::reverse_path("j\xc3\xb6rg@here.example");
    rows.push_back({"a recipient that needs SMTPUTF8", envelope_of(2), {}, errc::smtputf8_required});
    rows.back().envelope.add("j\xc3\xb6rg@there.example");

    transaction  t;
    smtp::report r;
    for (auto const& x : rows)
        for (auto const f : {smtp::flight::sequential, smtp::flight::pipelined})
            for (bool const rset_first : {false, true})
            {
                INFO(x.name);
                auto o       = with(f);
                o.rset_first = rset_first;
                smtp::defect const d = t.begin(x.envelope, x.parameters, o, r);
                CHECK(d.code == x.code);
                CHECK(t.next() == step::finished);
                CHECK(t.output() == "");
                CHECK(t.pending_commands() == 0);
                smtp::ledger due;
                t.announce(due);
                CHECK(due.idle());
                CHECK_FALSE(t.needs_rset());
                CHECK_FALSE(t.mail_accepted());
                REQUIRE(r.recipients().size() == x.envelope.recipients.size());
                for (std::size_t i = 0; i != r.recipients().size(); ++i)
                {
                    CHECK(r.recipients()[i].address == x.envelope.recipients[i].address.view());
                    CHECK(r.recipients()[i].outcome == disposition::not_sent);
                    CHECK(r.recipients()[i].phase == phase::prepare);
                    CHECK(r.recipients()[i].code == 0);
                    CHECK(r.recipients()[i].text == d.detail);
                }
                CHECK(r.outcome() == smtp::overall::not_sent);

                // The same object is as good as new afterwards.
                auto const good = envelope_of(1);
                REQUIRE_FALSE(t.begin(good, good.parameters, with(smtp::flight::pipelined), r));
                CHECK(t.output() == "MAIL FROM:<sender@here.example>\r\nRCPT TO:<0@there.example>\r\nDATA\r\n");
                CHECK(r.recipients().size() == 1);
            }
}

TEST_CASE("a transaction can be withdrawn before it began")
{
    auto const   e = envelope_of(2);
    transaction  t;
    smtp::report r;
    REQUIRE_FALSE(t.begin(e, e.parameters, with(smtp::flight::pipelined), r));
    t.withdraw("too big");
    CHECK(t.next() == step::finished);
    CHECK(t.output() == "");
    CHECK(t.pending_commands() == 0);
    CHECK(r.describe() == "0@there.example: not_sent (prepare too big)\n1@there.example: not_sent (prepare too big)\n");
}

TEST_CASE("a code that cannot answer the command makes the connection unusable, and nothing is sent")
{
    struct row
    {
        std::initializer_list<std::string_view> before;
        std::string_view                        bad;
        phase                                   where;
    };
    for (row const& x : {row {{}, "354 go\r\n", phase::mail}, row {{"250 ok\r\n"}, "334 what\r\n", phase::rcpt},
                         row {{"250 ok\r\n", "250 ok\r\n"}, "250 ok\r\n", phase::data}})
        for (auto const f : {smtp::flight::sequential, smtp::flight::pipelined})
        {
            auto const   e = envelope_of(1);
            transaction  t;
            smtp::report r;
            smtp::ledger due;
            REQUIRE_FALSE(t.begin(e, e.parameters, with(f), r));
            for (auto const reply : x.before)
            {
                write_all(t, due);
                REQUIRE_FALSE(hear(t, due, reply));
            }
            write_all(t, due);
            CHECK(hear(t, due, x.bad) == errc::unexpected_code);
            t.fail("nonsense");
            CHECK(t.next() == step::give_up);
            CHECK(r.recipients()[0].outcome == disposition::not_sent);
            CHECK(r.recipients()[0].phase == x.where);
            CHECK(r.recipients()[0].code == 0);
            CHECK(r.recipients()[0].text == "nonsense");
        }
}

TEST_CASE("a reply to something that is not part of a transaction is refused")
{
    auto const   e = envelope_of(1);
    transaction  t;
    smtp::report r;
    REQUIRE_FALSE(t.begin(e, e.parameters, {}, r));
    for (phase const p : {phase::greeting, phase::auth, phase::quit, phase::command})
    {
        smtp::expectation what;
        what.what = p;
        smtp::ledger due;
        CHECK(t.on_reply(what, smtp::reply(250, "ok"), due) == errc::unexpected_code);
    }
}

TEST_CASE("the text of a report is safe to show, and bounded however much the server says")
{
    auto const   e = envelope_of(2);
    transaction  t;
    smtp::report r;
    smtp::ledger due;
    REQUIRE_FALSE(t.begin(e, e.parameters, {}, r));
    write_all(t, due);
    std::string wire;
    for (int i = 0; i != 100; ++i)
        wire += "550-5.1.2 \x1b[2J\xff" + std::string(500, 'x') + "\r\n";
    REQUIRE_FALSE(hear(t, due, wire + "550 5.1.2 end\r\n"));
    for (auto const& one : r.recipients())
    {
        CHECK(one.text.starts_with("\\x1b[2J\\xffxxx"));
        CHECK(one.text.ends_with(" ..."));
        CHECK(one.text.size() < 3000);
        REQUIRE(one.enhanced.has_value());
        CHECK(*one.enhanced == smtp::enhanced_code {5, 1, 2});
    }

    REQUIRE_FALSE(t.begin(e, e.parameters, {}, r));
    CHECK_FALSE(r.recipients()[0].enhanced.has_value());
    smtp::ledger again;
    write_all(t, again);
    REQUIRE_FALSE(hear(t, again, "450-4.2.1 first\r\n450\r\n"));
    CHECK(r.recipients()[0].text == "first ");
}

TEST_CASE("what it cost is kept in the report, and forgotten by the next transaction")
{
    auto const   e = envelope_of(1);
    transaction  t;
    smtp::report r;
    REQUIRE_FALSE(t.begin(e, e.parameters, {}, r));
    transaction::count(r, 3, 5'000'000'000U, smtp::transfer::bdat);
    CHECK(r.transfer() == smtp::transfer::bdat);
    CHECK(r.round_trips() == 3);
    CHECK(r.content_bytes() == 5'000'000'000U);
    REQUIRE_FALSE(t.begin(e, e.parameters, {}, r));
    CHECK(r.round_trips() == 0);
    CHECK(r.content_bytes() == 0);
}

TEST_CASE("ten thousand recipients each get the outcome of their own reply")
{
    constexpr std::size_t many = 10'000;
    smtp::envelope        e;
    for (std::size_t i = 0; i != many; ++i)
        e.add("user" + std::to_string(i) + "@there.example");
    transaction  t;
    smtp::report r;
    smtp::ledger due;
    REQUIRE_FALSE(t.begin(e, e.parameters, with(smtp::flight::pipelined), r));
    write_all(t, due);
    posthorn::byte_buffer in;
    in.append("250 ok\r\n");
    for (std::size_t i = 0; i != many; ++i)
        in.append(i % 3 == 0 ? "550 no " + std::to_string(i) + "\r\n" : std::string("250 ok\r\n"));
    in.append("354 go\r\n");
    smtp::expectation what;
    smtp::reply       said;
    std::error_code   ec;
    while (due.next(in, what, said, ec))
        REQUIRE_FALSE(t.on_reply(what, said, due));
    REQUIRE_FALSE(ec);
    REQUIRE(t.next() == step::send_content);
    t.content_begins(due);
    t.content_ends();
    REQUIRE_FALSE(hear(t, due, "250 queued as 42\r\n"));
    CHECK(t.next() == step::finished);
    CHECK(due.idle());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i != many; ++i)
    {
        auto const& one = r.recipients()[i];
        if (i % 3 == 0)
            wrong += one.outcome != disposition::refused_permanently || one.text != "no " + std::to_string(i);
        else
            wrong += one.outcome != disposition::accepted || one.text != "queued as 42" || one.code != 250;
    }
    CHECK(wrong == 0);
    CHECK(r.final_reply().text() == "queued as 42");
    CHECK(r.outcome() == smtp::overall::partial);
}

TEST_SUITE_END();
