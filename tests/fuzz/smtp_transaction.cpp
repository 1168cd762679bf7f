//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The flight planner against a server that answers anything: it must end, and never claim what it cannot know.
// The first three octets choose the transaction, the rest is what the server says.

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/outcome.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

namespace smtp = posthorn::smtp;
using step     = smtp::transaction::step;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

class client
{
public:
    client(std::uint8_t how, std::uint8_t piece, std::uint8_t listens, std::string_view server)
        : server_(server), piece_(1U + piece % 32U), listens_(listens)
    {
        for (unsigned i = 0; i != 1U + how % 4U; ++i)
            envelope_.add(std::to_string(i) + "@there.example");
        smtp::transaction_options o;
        o.policy     = static_cast<smtp::recipient_policy>((how >> 2) % 3U);
        o.flight     = (how & 0x10U) != 0 ? smtp::flight::pipelined : smtp::flight::sequential;
        o.rset_first = (how & 0x20U) != 0;
        o.lmtp       = (how & 0x40U) != 0;
        lmtp_        = o.lmtp;
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
                if (!hear())
                    t_.fail("lost");
                break;
            case step::send_content:
            case step::send_nothing: content(t_.next() == step::send_nothing); break;
            case step::finished:
                require(due_.idle());
                require(t_.output().empty());
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
            thanked_ = thanked_ || (what.what == smtp::phase::content && reply_.positive());
            ec       = t_.on_reply(what, reply_, due_);
        }
        if (ec)
        {
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
            // Once the end has left nobody can be sure.
            case smtp::disposition::not_sent: require(!sent_ || r.phase != smtp::phase::content); break;
            }
        }
        if (report_.accepted() != 0 && !lmtp_)
            require(report_.final_reply().positive());
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
    bool                  thanked_ = false; ///< The server answered content by 2xx.
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    if (size < 3)
        return 0;
    client c(data[0], data[1], data[2], {reinterpret_cast<char const*>(data) + 3, size - 3});
    c.run();
    return 0;
}
