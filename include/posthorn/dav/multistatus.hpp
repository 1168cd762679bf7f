//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The answer to a PROPFIND or SEARCH: its head, and its responses one after the other while the body arrives.

#ifndef POSTHORN_DAV_MULTISTATUS_HPP
#define POSTHORN_DAV_MULTISTATUS_HPP

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/href.hpp>
#include <posthorn/dav/multistatus_reader.hpp>
#include <posthorn/dav/rows.hpp>
#include <posthorn/dav/sniff.hpp>
#include <posthorn/dav/status_error.hpp>
#include <posthorn/http/response.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::dav {

/** A multistatus that is being read.

    Nothing of it is in memory but one block of the body and the responses that ended in it. Dropped before its end the
    connection is closed. Move-only.

    @par Example
    @code
    auto          list = co_await client.propfind(folder, depth::one_noroot, property_list(names::displayname));
    dav::response r;
    while (co_await list.next(r))
        show(r);
    @endcode

    @par Errors
    Reading throws status_error with errc::not_multistatus or session_expired if the body is something else, error with
    one of xml::errc or errc::response_too_large, too_many_responses; and what http::response throws.
    What was complete before is given first.

    @par Cancellation
    As of http::response: the connection is closed.

    @par Thread safety
    One task at a time.
*/
class multistatus
{
public:
    /** @param method For error texts.
        @param skip   The collection itself is left out of the list. */
    multistatus(http::response r, std::string method, bool skip, multistatus_limits const& limits)
        : state_(std::make_unique<state>(std::move(r), std::move(method), skip, limits))
    {
    }

    /// The status: 207, or 200 from servers that do not know better.
    int                  status() const noexcept { return state_->answer.status(); }
    http::headers const& fields() const noexcept { return state_->answer.fields(); }

    /// Who answered: hrefs are relative to this.
    http::url const& url() const noexcept { return state_->answer.url(); }

    /// Which rows these are, if the server says so.
    std::optional<row_content> rows() const
    {
        auto const field = fields().get("Content-Range");
        return field ? parse_row_content(*field) : std::nullopt;
    }

    /// The URL of a response. @return As of resolve_href().
    std::optional<http::url> url_of(response const& r) const { return resolve_href(url(), r.href()); }

    /** The next response.
        @param out Gets it, and lends its memory: read in a loop with the same object, nothing is allocated.
        @return False after the last.
    */
    task<bool> next(response& out)
    {
        state& s = *state_;
        for (;;)
        {
            while (s.reader.next(out))
                if (!s.skip || !s.is_root(out))
                    co_return true;
            if (s.failed)
                co_await s.fail();
            if (s.ended)
                co_return false;
            if (s.block.empty())
            {
                s.block = co_await s.answer.next();
                s.keep_front();
                s.ended = s.block.empty();
            }
            // Responses of one piece are all kept until taken.
            constexpr std::size_t piece = 16 * 1024;
            auto const            part  = s.block.substr(0, piece);
            s.block.remove_prefix(part.size());
            s.failed = s.ended ? s.reader.finish() : s.reader.feed(part);
        }
    }

    /// The same with a fresh object each time; nothing after the last.
    task<std::optional<response>> next()
    {
        std::optional<response> one(std::in_place);
        bool const              found = co_await next(*one);
        if (!found)
            one.reset();
        co_return one;
    }

    /** All that are left.
        @param most @throws error with posthorn::errc::limit_exceeded if there are more. */
    task<std::vector<response>> collect(std::size_t most)
    {
        std::vector<response> all;
        response              one;
        for (;;)
        {
            bool const found = co_await next(one);
            if (!found)
                co_return all;
            if (all.size() == most)
                throw error(posthorn::errc::limit_exceeded,
                            "more than " + std::to_string(most) + " responses");
            all.push_back(std::move(one));
            one = response();
        }
    }
    task<std::vector<response>> collect() { return collect(10'000); }

    /// What had to be repaired so far.
    xml::repairs repairs() const noexcept { return state_->reader.repairs(); }

    /// The server's description of the whole. Not safe to show.
    std::string const& description() const noexcept { return state_->reader.description(); }

private:
    struct state
    {
        state(http::response r, std::string m, bool skip_root, multistatus_limits const& limits)
            : answer(std::move(r)), method(std::move(m)), skip(skip_root), reader(limits, hints(answer))
        {
            if (skip)
                root = answer.url().comparable();
        }

        static xml::charset_hints hints(http::response const& r)
        {
            xml::charset_hints h;
            h.external = charset_parameter(r.fields().get("Content-Type").value_or(""));
            return h;
        }

        bool is_root(response const& r) const
        {
            auto const u = resolve_href(answer.url(), r.href());
            return u && u->comparable() == root;
        }

        void keep_front()
        {
            constexpr std::size_t most = 64 * 1024;
            if (!reader.recognised())
                front.append(block.substr(0, most - std::min(front.size(), most)));
            else
                front.clear();
        }

        /// Throws what is wrong with the body, after a look whether it asks for a login.
        task<void> fail()
        {
            auto const ec = failed;
            if (reader.recognised() || ec == xml::errc::empty || ec == xml::errc::unsupported_charset)
            {
                error_context c;
                c.operation = method + ' ' + answer.url().str();
                c.detail    = reader.detail();
                throw error(ec, std::move(c));
            }
            while (!ended && front.size() < 64 * 1024)
            {
                block = co_await answer.next();
                keep_front();
                ended = block.empty();
            }
            status_error::facts f;
            f.method    = method;
            f.url       = answer.url().str();
            f.status    = answer.status();
            f.reason    = reader.detail().empty() ? ec.message() : reader.detail();
            f.dav_error = answer.fields().get("X-Dav-Error").value_or("");
            throw status_error(is_login_page(front) ? errc::session_expired : errc::not_multistatus,
                               std::move(f));
        }

        http::response     answer;
        std::string        method;
        bool               skip;
        multistatus_reader reader;
        std::string        root;  ///< The collection itself, to be compared.
        std::string_view   block; ///< Of the body, not fed yet.
        std::string        front; ///< Of the body, while it is not known what it is.
        bool               ended = false;
        std::error_code    failed;
    };

    std::unique_ptr<state> state_;
};

/** The responses of a multistatus as a sequence: `for (auto r = co_await g.next(); r; r = co_await g.next())`.

    Errors are those of multistatus.
*/
inline async_generator<response> responses(multistatus list)
{
    for (;;)
    {
        auto one = co_await list.next();
        if (!one)
            co_return;
        co_yield std::move(*one);
    }
}

} // namespace posthorn::dav

#endif
