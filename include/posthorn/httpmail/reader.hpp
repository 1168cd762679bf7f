//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A message that is being fetched: a source of its octets, as they come from the server.

#ifndef POSTHORN_HTTPMAIL_READER_HPP
#define POSTHORN_HTTPMAIL_READER_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/http/response.hpp>
#include <posthorn/httpmail/detail/gate.hpp>
#include <posthorn/source/source.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::httpmail {

/** The octets of a message, block by block. Move-only.

    It takes one of mailbox_settings::connections from when it was made until its end was read, or it is destroyed: who keeps as many
    as there are waits forever for another one.

    @par Errors, cancellation
    As of http::response. Dropped before its end the connection is closed.

    @par Thread safety
    One task at a time.
*/
class message_reader final : public source
{
public:
    message_reader() = default;

    /// Made by mailbox::get(). @param first What was read already.
    message_reader(http::response answer, std::string first, detail::gate::permit lane)
        : answer_(std::move(answer)), first_(std::move(first)), lane_(std::move(lane))
    {
    }

    /// The next block, valid until the next call; empty at the end.
    task<std::string_view> next() override
    {
        if (!std::exchange(begun_, true) && !first_.empty())
            co_return first_;
        auto const block = co_await answer_.next();
        if (block.empty())
            lane_.leave();
        co_return block;
    }

    /// As the server announced it; many do not.
    std::optional<std::uint64_t> size() const override { return answer_.size(); }

    task<void> rewind() override { co_await answer_.rewind(); }

    /// The rest in one string. @param most Octets. @throws error posthorn::errc::limit_exceeded if there are more.
    task<std::string> text(std::size_t most)
    {
        std::string all;
        for (;;)
        {
            auto const block = co_await next();
            if (block.empty())
                co_return all;
            if (block.size() > most - all.size())
            {
                answer_ = http::response();
                lane_.leave();
                throw error(posthorn::errc::limit_exceeded, "more than " + std::to_string(most) + " octets");
            }
            all += block;
        }
    }

    http::headers const& fields() const noexcept { return answer_.fields(); }
    http::url const&     url() const noexcept { return answer_.url(); }

private:
    http::response       answer_;
    std::string          first_;
    bool                 begun_ = false;
    detail::gate::permit lane_;
};

} // namespace posthorn::httpmail

#endif
