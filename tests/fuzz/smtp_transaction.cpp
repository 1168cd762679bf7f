//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The flight planner against a server that answers anything: it must end, and never claim what it cannot know.
// The first three octets choose the transaction, with the highest bit of the first one a fourth: BDAT, PRDR and how the
// connection ends. The rest is what the server says.

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <support/fuzzing.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace smtp = posthorn::smtp;
using step     = smtp::transaction::step;
using support::require;

namespace {

class client
{
public:
    client(std::uint8_t how, std::uint8_t piece, std::uint8_t listens, std::uint8_t more, std::string_view server)
        : server_(server), piece_(1U + piece % 32U), listens_(listens), chunked_((more & 1U) != 0),
          abandons_((more & 0x40U) != 0), closes_((more & 0x80U) != 0), chunks_(1U + ((more >> 2) & 3U))
    {
        for (unsigned i = 0; i != 1U + how % 4U; ++i)
            envelope_.add(std::to_string(i) + "@there.example");
        smtp::transaction_options o;
        o.policy     = static_cast<smtp::recipient_policy>((how >> 2) % 3U);
        o.flight     = (how & 0x10U) != 0 ? smtp::flight::pipelined : smtp::flight::sequential;
        o.rset_first = (how & 0x20U) != 0;
        o.lmtp       = (how & 0x40U) != 0;
        o.transfer   = chunked_ ? smtp::transfer::bdat : smtp::transfer::data;
        lmtp_        = o.lmtp;
        if (o.flight == smtp::flight::pipelined && !o.lmtp)
            window_ = 1U + ((more >> 4) & 3U);
        envelope_.parameters.prdr = (more & 2U) != 0;
        // Used before, so that what is left of an earlier transaction would be seen.
        require(!t_.begin(envelope_, envelope_.parameters, o, report_));
        t_.fail("an earlier one");
        require(!t_.begin(envelope_, envelope_.parameters, o, report_));
    }

    void run()
    {
        for (unsigned turns = 0;; ++turns)
        {
            require(turns < 100);
            write();
            switch (t_.next())
            {
            case step::await_reply:
                if (!t_.output().empty())
                    break;
                require(!due_.idle());
                wait();
                break;
            case step::send_content:
            case step::send_nothing:
                if (!chunked_)
                    content(t_.next() == step::send_nothing);
                else if (t_.chunks_due() == window_)
                    wait();
                else
                    chunk();
                break;
            case step::finished:
                require(due_.idle());
                require(t_.output().empty());
                if (report_.accepted() != 0 && !lmtp_)
                    require(!t_.needs_rset());
                check();
                return;
            case step::give_up: check(); return;
            }
        }
    }

private:
    bool over() const { return t_.next() == step::give_up; }

    /// Does the client take replies before it has written all? Decided by the input, for each time anew.
    bool listens()
    {
        listens_ = static_cast<std::uint8_t>((listens_ >> 1) | (listens_ << 7));
        return (listens_ & 1U) != 0;
    }

    void write()
    {
        std::size_t left = t_.output().size();
        if (left == 0 || over())
            return;
        t_.announce(due_);
        while (left != 0 && !over())
        {
            std::size_t const n = std::min(piece_, left);
            t_.consume(n);
            left -= n;
            if (listens() && !over() && !due_.idle())
                hear();
        }
    }

    void content(bool nothing)
    {
        t_.content_begins(due_);
        if (!nothing && listens())
        {
            hear();
            if (over())
                return;
        }
        t_.content_ends();
        if (!nothing && listens())
        {
            t_.content_not_ended();
            t_.fail("broken");
            return;
        }
        sent_ = !nothing;
    }

    void chunk()
    {
        require(begun_ != chunks_);
        if (abandons_ && listens())
            return t_.abandon("unreadable");
        bool const last = ++begun_ == chunks_;
        t_.chunk_begins(due_, last);
        if (listens())
        {
            hear();
            if (over())
                return;
        }
        if (!last)
            return;
        t_.content_ends();
        if (listens())
        {
            t_.content_not_ended();
            t_.fail("broken", said_421_);
            return;
        }
        sent_ = true;
    }

    void wait()
    {
        if (!hear())
            t_.fail("lost", closes_ && said_421_);
    }

    /// Takes one reply in; false if the server says nothing more.
    bool hear()
    {
        smtp::expectation what;
        std::error_code   ec;
        bool              complete = due_.next(in_, what, reply_, ec);
        while (!complete && !ec && !server_.empty())
        {
            std::size_t const n = std::min(piece_, server_.size());
            in_.append(server_.substr(0, n));
            server_.remove_prefix(n);
            complete = due_.next(in_, what, reply_, ec);
        }
        if (!ec && complete)
        {
            bool const end = what.what == smtp::phase::content && (!chunked_ || what.index + 1 == chunks_);
            thanked_       = thanked_ || (end && !reply_.negative());
            said_421_      = said_421_ || reply_.code() == 421;
            ec             = t_.on_reply(what, reply_, due_);
        }
        if (ec)
        {
            if (!sent_)
                t_.content_not_ended();
            t_.fail(ec.message());
            return true;
        }
        return complete;
    }

    void check() const
    {
        auto const list = report_.recipients();
        require(list.size() == envelope_.recipients.size());
        for (std::size_t i = 0; i != list.size(); ++i)
        {
            auto const& r = list[i];
            require(r.address == envelope_.recipients[i].address.view());
            require(r.code == 0 || (r.code >= 200 && r.code <= 599));
            require(std::none_of(r.text.begin(), r.text.end(), posthorn::ascii::is_control));
            switch (r.outcome)
            {
            case smtp::disposition::accepted: require(sent_ && thanked_ && r.code / 100 == 2); break;
            case smtp::disposition::refused_permanently: require(r.code / 100 == 5); break;
            case smtp::disposition::refused_temporarily: require(r.code / 100 == 4); break;
            case smtp::disposition::in_doubt: require(sent_ || thanked_); break;
            // Once the end has left nobody can be sure, unless the server has closed before it came to it.
            case smtp::disposition::not_sent:
                if (chunked_)
                    require(!sent_ || (said_421_ && !(thanked_ && t_.mail_accepted())));
                else
                    require(!sent_ || r.phase != smtp::phase::content);
                break;
            }
        }
        if (report_.accepted() != 0 && !lmtp_)
            require(report_.final_reply().positive());
        for (auto const i : t_.overflow())
            require(list[i].code == 452 || list[i].code == 552 || list[i].outcome == smtp::disposition::in_doubt);
        static_cast<void>(t_.verdict());
        static_cast<void>(t_.needs_rset());
        static_cast<void>(report_.describe());
    }

    smtp::envelope        envelope_;
    smtp::transaction     t_;
    smtp::report          report_;
    smtp::ledger          due_;
    posthorn::byte_buffer in_;
    smtp::reply           reply_;
    std::string_view      server_;
    std::size_t           piece_;
    std::uint8_t          listens_;
    bool                  lmtp_    = false;
    bool                  sent_    = false; ///< Content and its end have left.
    bool                  thanked_ = false; ///< The server answered the end of the content, and did not refuse it.
    bool                  chunked_;
    bool                  abandons_; ///< Reading the content may fail between chunks.
    bool                  closes_;   ///< The server closes after its last word; else the client gives up.
    bool                  said_421_ = false;
    std::size_t           chunks_;
    std::size_t           begun_  = 0;
    std::size_t           window_ = 1;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    if (size < 3)
        return 0;
    std::size_t const extra = (data[0] & 0x80U) != 0 && size > 3 ? 1 : 0;
    client c(data[0], data[1], data[2], extra != 0 ? data[3] : std::uint8_t(0),
             {reinterpret_cast<char const*>(data) + 3 + extra, size - 3 - extra});
    c.run();
    return 0;
}
