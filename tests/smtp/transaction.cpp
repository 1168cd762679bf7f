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

constexpr std::string_view lost = "the connection is gone";

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

/// A reply as the server sent it, and what the server meant it for.
struct said
{
    phase       what  = phase::command;
    std::size_t index = 0;
    int         code  = 0;
    std::string text;
    bool        early = false;
};

struct setting
{
    std::size_t               recipients = 1;
    smtp::transaction_options options;
    bool                      eager = false; ///< Replies are read while commands and content are still written.
};

enum class copy : unsigned char
{
    none,
    whole,
    empty
};

/** A server by RFC 5321 and RFC 2033, or one that breaks them where clients were hurt before.

    It knows what it delivered, and to whom.

    Its own mistakes: recipients are taken although MAIL was refused, DATA is answered by 354 although there is no
    recipient, RSET is refused while a transaction with a recipient is open, the content is answered early.
*/
class model_server
{
public:
    model_server(setting const& s, choices& pick, unsigned serial) : setting_(s), pick_(pick), serial_(serial)
    {
        if (s.options.rset_first)
            open_ = stranger_ = true;
    }

    void receive(std::string_view bytes, std::size_t replies_seen)
    {
        if (closed)
            return;
        line_ += bytes;
        for (auto end = line_.find("\r\n"); end != line_.npos && !closed; end = line_.find("\r\n"))
        {
            std::string const one = line_.substr(0, end);
            line_.erase(0, end + 2);
            if (in_content_)
                content(one);
            else
                command(one, replies_seen);
        }
    }

    bool idle_in_commands() const { return !in_content_ && line_.empty() && !closed; }
    bool transaction_open() const { return open_ || taken_ != 0; }

    std::vector<said>    sent;
    std::string          wire; ///< What was sent and not yet taken by the client.
    bool                 closed = false;
    std::array<copy, 4>  delivered {};
    bool                 delivered_to_stranger = false; ///< A recipient of the transaction before.
    std::string          complaint;                     ///< What a client must never do.

private:
    enum : std::size_t { ok, temporary, permanent, closing, hang_up };

    void answer(phase what, std::size_t index, int code, std::string_view label, bool early = false)
    {
        said s;
        s.what  = what;
        s.index = index;
        s.code  = code;
        s.text.append(label).append(1, static_cast<char>('0' + index)).append(1, '-');
        s.text.append(1, static_cast<char>('a' + serial_ % 26));
        s.early = early;
        if (code == 554)
            wire += "554-5.7.1 no,\r\n";
        wire += std::to_string(code) + (code == 554 ? " 5.7.1 " : " ") + s.text + "\r\n";
        if (code == 554)
            s.text = "no, " + s.text;
        sent.push_back(std::move(s));
        closed = code == 421;
    }

    /// The usual five: success, 4xx, 5xx, 421, a closed connection. @return True for success.
    bool judge(phase what, std::size_t index, int success, std::string_view label)
    {
        std::size_t const p = pick_(5);
        switch (p)
        {
        case ok: answer(what, index, success, label); break;
        case temporary: answer(what, index, 451, label); break;
        case permanent: answer(what, index, 554, label); break;
        case closing: answer(what, index, 421, label); break;
        default: closed = true; break;
        }
        return p == ok;
    }

    void forget()
    {
        open_ = stranger_ = false;
        taken_ = 0;
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
        else if (one == "MAIL FROM:<sender@here.example>")
        {
            if (judge(phase::mail, 0, 250, "mail")) // starting anew ends what was open: RFC 5321, 4.1.1.2
            {
                forget();
                open_ = true;
            }
        }
        else if (one.size() == 25 && one.starts_with("RCPT TO:<") && one.ends_with("@there.example>"))
            rcpt(static_cast<std::size_t>(one[9] - '0'));
        else if (one == "DATA")
            data(replies_seen);
        else
            complaint = "out of step: " + std::string(one);
    }

    void rcpt(std::size_t i)
    {
        bool good = false;
        if (open_)
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

    void data(std::size_t replies_seen)
    {
        if (setting_.options.policy == smtp::recipient_policy::all_or_nothing)
            if (replies_seen != sent.size() || taken_ != (1U << setting_.recipients) - 1)
                complaint = "DATA before everybody was accepted";
        if (taken_ != 0 || stranger_)
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

    void deliver(std::size_t i) { delivered[i] = has_content_ ? copy::whole : copy::empty; }

    void deliver_all()
    {
        for (std::size_t i = 0; i != setting_.recipients; ++i)
            if ((taken_ & (1U << i)) != 0)
                deliver(i);
        delivered_to_stranger = stranger_;
    }

    void smtp_end()
    {
        if (judge(phase::content, 0, 250, "end"))
            deliver_all();
        else if (closed && sent.back().what != phase::content && pick_(2) == 1)
            deliver_all(); // taken, and gone before it could say so
    }

    void lmtp_end()
    {
        for (std::size_t i = 0; i != setting_.recipients; ++i)
        {
            if ((taken_ & (1U << i)) == 0)
                continue;
            if (judge(phase::content, i, 250, "end"))
                deliver(i);
            if (closed)
            {
                bool const answered = sent.back().what == phase::content && sent.back().index == i;
                taken_ &= ~((2U << i) - 1) | (answered ? 0U : 1U << i); // who got no reply
                if (taken_ != 0 && pick_(2) == 1)
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
};

/// A client that does what the transaction says, and checks it against what the server knows.
class trial
{
public:
    trial(setting const& s, choices& pick, transaction& t, smtp::report& r, smtp::envelope const& e, unsigned serial)
        : setting_(s), pick_(pick), t_(t), report_(r), server_(s, pick, serial), piece_(1 + serial % 13)
    {
        if (t_.begin(e, e.parameters, s.options, report_))
            complain("begin() refused a good envelope");
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
            else
                write_content(s == step::send_nothing);
        }
        if (complaint_.empty())
            check();
        return complaint_.empty() ? server_.complaint : complaint_;
    }

private:
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
        if (!setting_.eager)
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

    void fail()
    {
        failed_ = true;
        t_.fail(lost);
        if (t_.next() != step::give_up)
            complain("a failed transaction goes on");
    }

    void wait()
    {
        if (due_.idle())
            return complain("it waits for a reply and none is due");
        if (take_one())
            return;
        if (!server_.closed)
            return complain("client and server wait for each other");
        fail();
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
        bool const same = meant.what == what.what && (meant.index == what.index || what.what == phase::content);
        if (!same || meant.code != reply_.code())
            complain("a reply was taken for the answer to something else");
        if (auto const wrong = t_.on_reply(what, reply_, due_))
        {
            if (!meant.early || meant.code != 250 || wrong != errc::unsolicited_reply)
                complain("a good reply was refused");
            fail();
        }
        return true;
    }

    // Judgement ------------------------------------------------------------------------------------------------

    struct expected
    {
        disposition outcome = disposition::not_sent;
        phase       where   = phase::rcpt;
        int         code    = 0;
        std::string text;
    };

    static expected refused_by(said const& s)
    {
        auto const d = s.code >= 500 ? disposition::refused_permanently : disposition::refused_temporarily;
        return {d, s.what, s.code, s.text};
    }

    said const* find(phase what, std::size_t index) const
    {
        for (std::size_t k = 0; k != seen_; ++k)
            if (server_.sent[k].what == what && server_.sent[k].index == index)
                return &server_.sent[k];
        return nullptr;
    }

    /// What the report must say, derived from the replies that were seen and nothing else.
    expected expect(std::size_t i) const
    {
        said const* const mail = find(phase::mail, 0);
        if (mail && mail->code >= 400)
            return refused_by(*mail);
        if (said const* const rcpt = find(phase::rcpt, i); rcpt && rcpt->code >= 400)
            return refused_by(*rcpt);
        if (said const* const data = find(phase::data, 0); data && data->code >= 400)
            return refused_by(*data);
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
            return {open, last->what == phase::rset ? phase::mail : last->what, last->code, last->text};
        if (failed_)
        {
            phase where = mail ? phase::rcpt : phase::mail;
            if (content_begun_)
                where = phase::content;
            else if (data_announced_ && find(phase::rcpt, setting_.recipients - 1))
                where = phase::data;
            return {open, where, 0, std::string(lost)};
        }
        expected e;
        e.text = "accepted, but another recipient was not and the policy is all or nothing";
        return e;
    }

    void check()
    {
        auto const  list  = report_.recipients();
        std::size_t wrong = list.size();
        for (std::size_t i = 0; i != setting_.recipients; ++i)
        {
            auto const& r = list[i];
            auto const  e = expect(i);
            if (r.outcome != e.outcome || r.phase != e.where || r.code != e.code || r.text != e.text)
                wrong = i;
            if (r.enhanced.has_value() != (e.code == 554))
                wrong = i;
            // Whatever the rules above say, this is what matters in the end.
            copy const got = server_.delivered[i];
            if (got == copy::empty)
                complain("an empty message was delivered");
            if (r.outcome == disposition::accepted && got != copy::whole)
                complain("accepted, but never delivered");
            if (got == copy::whole && r.outcome != disposition::accepted && r.outcome != disposition::in_doubt)
                complain("delivered, but not accepted");
            bool const too_soon = seen_ != 0 && server_.sent[seen_ - 1].early; // a broken server: who knows
            if (r.outcome == disposition::in_doubt && !end_left_ && !too_soon)
                complain("in doubt although the end never left");
        }
        if (server_.delivered_to_stranger)
            complain("a recipient of an earlier transaction got something");
        if (wrong != list.size())
            complain("the report is not exact for recipient " + std::to_string(wrong));
        check_state();
        if (!failed_)
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
        bool const        word = last && last->what == phase::content && (last->code >= 400 || !last->early);
        if (report_.final_reply().code() != (word ? last->code : 0))
            complain("the final reply is another one");
        if (t_.next() == step::give_up)
            return;
        if (!due_.idle() || !in_.empty() || due_.inside_reply() || seen_ != server_.sent.size())
            complain("finished while replies are due");
        if (!t_.output().empty() || t_.pending_commands() != 0)
            complain("finished while commands wait to be written");
        if (!server_.idle_in_commands())
            complain("finished while the server waits for content, or is gone");
        if (t_.needs_rset() != !(end_left_ && last && last->what == phase::content))
            complain("needs_rset() is wrong");
        if (server_.transaction_open() && !t_.needs_rset())
            complain("a transaction was left open");
    }

    void check_verdict()
    {
        using smtp::recipient_policy;
        std::size_t accepted = 0, temporary = 0, doubtful = 0, taken = 0;
        bool        rcpt_refused = false;
        bool const  mail_good    = t_.mail_accepted();
        for (std::size_t i = 0; i != setting_.recipients; ++i)
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
        else if (taken != 0 && find(phase::data, 0))
            wanted = temporary != 0 ? errc::message_deferred : errc::message_refused;
        else
            wanted = temporary != 0 ? errc::all_deferred : errc::all_refused;
        if (t_.verdict() != wanted)
            complain("the verdict is '" + t_.verdict().message() + "', not '" + wanted.message() + "'");
    }

    setting const&         setting_;
    choices&               pick_;
    transaction&           t_;
    smtp::report&          report_;
    model_server           server_;
    std::size_t            piece_;
    smtp::ledger           due_;
    posthorn::byte_buffer  in_;
    smtp::reply            reply_;
    std::size_t            seen_           = 0;
    bool                   data_announced_ = false;
    bool                   content_begun_  = false;
    bool                   end_left_       = false;
    bool                   failed_         = false;
    std::string            complaint_;
};

std::string describe(setting const& s)
{
    return std::to_string(s.recipients) + " recipients, policy " + std::to_string(static_cast<int>(s.options.policy)) +
           (s.options.flight == smtp::flight::pipelined ? ", pipelined" : ", sequential") +
           (s.options.rset_first ? ", RSET" : "") + (s.options.lmtp ? ", LMTP" : "") + (s.eager ? ", eager" : "");
}

} // namespace

TEST_CASE("whatever a server answers, the report is exact and nobody gets an empty message")
{
    transaction  t; // one for all, so that nothing of a transaction may show in the next
    smtp::report r;
    unsigned     cases = 0, failures = 0;
    for (std::size_t n = 1; n != 5; ++n)
    {
        smtp::envelope const e = envelope_of(n);
        for (unsigned variant = 0; variant != 3 * 16; ++variant)
        {
            setting s;
            s.recipients         = n;
            s.options.policy     = static_cast<smtp::recipient_policy>(variant / 16);
            s.options.flight     = (variant & 1U) != 0 ? smtp::flight::pipelined : smtp::flight::sequential;
            s.options.rset_first = (variant & 2U) != 0;
            s.options.lmtp       = (variant & 4U) != 0;
            s.eager              = (variant & 8U) != 0;
            choices pick;
            do
            {
                std::string const complaint = trial(s, pick, t, r, e, cases++).run();
                if (complaint.empty() || ++failures > 20)
                    continue;
                std::string const choices_made = pick.describe();
                FAIL_CHECK(complaint << " (" << describe(s) << ":" << choices_made << ")\n" << r.describe());
            } while (pick.advance());
        }
    }
    CHECK(failures == 0);
    CHECK(cases > 100000);
    MESSAGE(cases << " dialogues");
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
