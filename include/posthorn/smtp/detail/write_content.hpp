//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Content behind a DATA command of the caller's own, outside of any transaction that we keep account of.

#ifndef POSTHORN_SMTP_DETAIL_WRITE_CONTENT_HPP
#define POSTHORN_SMTP_DETAIL_WRITE_CONTENT_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/net/deadline.hpp>
#include <posthorn/smtp/detail/content_reader.hpp>
#include <posthorn/smtp/detail/conversation.hpp>
#include <posthorn/smtp/detail/outbox.hpp>
#include <posthorn/smtp/detail/pace.hpp>
#include <posthorn/smtp/detail/reasons.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/error.hpp>
#include <posthorn/smtp/event.hpp>
#include <posthorn/smtp/phase.hpp>
#include <posthorn/source/source.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace posthorn::smtp::detail {

/** Writes content and its end, and waits for the reply.
    @param out Empty. Its memory is used again.
    @pre the reply to it is due */
inline task<void> write_content(conversation& c, outbox& out, source& content, content_options rules)
{
    bool const     closing = false;
    content_reader reader;
    co_await reader.open(content);
    reader.reset(rules, nullptr);
    auto const    begun = net::clock::now();
    std::uint64_t sent  = 0;
    for (bool complete = false; !complete && !out.failed();)
    {
        if (reader.needs_block())
            co_await reader.next_block();
        std::error_code ec;
        complete = reader.encode(out.list(), content_reader::everything, ec);
        if (ec)
            throw content_error(c, ec, reader.offset());
        std::size_t const part  = out.size();
        auto const        limit = content_limit(c.settings.timeouts, begun, sent);
        co_await out.flush(limit, phase::content, closing);
        sent += part;
        c.emit(events::progress {part, sent, content.size()});
    }
    co_await c.await_reply(); // also if writing failed: it may tell why
    if (c.last.intermediate())
        c.fail(errc::unexpected_code, phase::content, waiting_for(phase::content));
    if (out.failed() || c.last.code() == 421)
        c.close(errc::service_unavailable);
}

} // namespace posthorn::smtp::detail

#endif
