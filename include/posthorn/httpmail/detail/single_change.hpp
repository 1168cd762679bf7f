//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Changes to single messages: marked, moved, copied, deleted.

#ifndef POSTHORN_HTTPMAIL_DETAIL_SINGLE_CHANGE_HPP
#define POSTHORN_HTTPMAIL_DETAIL_SINGLE_CHANGE_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/detail/names_made_up.hpp>
#include <posthorn/httpmail/detail/transport.hpp>
#include <posthorn/httpmail/outcome.hpp>
#include <posthorn/source/memory.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

/** Changes to single messages.

    Each throws what is wrong, and does nothing twice after an unclear outcome. The caller has a lane.
*/
class single_change
{
public:
    explicit single_change(mailbox_state& s) noexcept : s_(&s) {}

    /// MOVE or COPY. @return Where it is now, as far as is known.
    task<std::optional<http::url>> transfer(bulk_kind kind, http::url from, http::url folder)
    {
        auto&      s     = *s_;
        bool const moves = kind == bulk_kind::move;
        auto       to    = destination_in(folder, from);
        for (int tries = 0; tries != most_names; ++tries)
        {
            dav::transfer_options o;
            o.fields           = s.settings.fields;
            o.overwrite        = s.rules.overwrite;
            o.allow_rename     = s.rules.allow_rename;
            o.retry_with_slash = s.rules.retry_slash;
            dav::outcome result;
            bool taken = false;
            try
            {
                if (moves)
                    result = co_await s.dav.move(from, to, std::move(o));
                else
                    result = co_await s.dav.copy(from, to, std::move(o));
            }
            catch (dav::status_error const& e)
            {
                taken = e.status() == 412;
                if (!taken)
                    throw;
            }
            if (!taken)
            {
                mailbox_state::demand(result, moves ? "MOVE" : "COPY");
                auto where = s.located(result.url, result.location);
                if (!where && s.rules.is == dialect::dav)
                    where = to;
                co_return where;
            }
            to = destination_in(folder, from, other_name(dav::last_segment(from.target())));
        }
        throw error(errc::no_free_name, printable(to.str()));
    }

    /// DELETE.
    task<void> remove(http::url at)
    {
        auto o       = plain();
        o.repeatable = false;
        auto const done = co_await s_->dav.remove(std::move(at), std::move(o));
        mailbox_state::demand(done, "DELETE");
    }

    /// PROPPATCH; on a server that answers 400 to it even though it obeys, BPROPPATCH of one.
    task<void> mark(http::url at, bool read)
    {
        auto& s    = *s_;
        bool  bulk = s.one_proppatch == support::no;
        if (!bulk)
        {
            auto         o = marking();
            auto         update = mark_update(read);
            dav::outcome done;
            try
            {
                done = co_await s.dav.proppatch(at, std::move(update), std::move(o));
            }
            catch (dav::status_error const& e)
            {
                bulk = e.code() == dav::errc::bad_request && s.rules.bulk && s.settings.use_bulk;
                if (!bulk)
                    throw;
            }
            if (!bulk)
            {
                mailbox_state::demand(done, "PROPPATCH");
                co_return;
            }
        }
        auto const               home = parent_of(at);
        std::vector<dav::target> targets;
        targets.push_back(target_of(s, at));
        auto       update = mark_update(read);
        auto       o      = marking();
        auto const done   = co_await s.dav.bproppatch(home, std::move(targets), std::move(update), std::move(o));
        s.one_proppatch   = support::no;
        if (!done.items.front().ok())
        {
            dav::status_error::facts f;
            f.method = "BPROPPATCH";
            f.url    = at.str();
            f.status = done.items.front().status;
            f.reason = done.items.front().description;
            throw dav::status_error(done.items.front().error(), std::move(f));
        }
    }

    /// How a message is named in a bulk request to its folder.
    static dav::target target_of(mailbox_state const& s, http::url const& at)
    {
        auto const last = dav::last_segment(at.target());
        return dav::target(s.rules.bare_targets && !dav::is_scheme_like(last) ? std::string(last) : at.str());
    }

    static dav::property_update mark_update(bool read)
    {
        dav::property_update update;
        update.set(names::read, read ? "1" : "0");
        return update;
    }

    dav::request_options marking() const
    {
        auto o = s_->options();
        if (s_->rules.match_any)
            o.if_match = "*";
        return o;
    }

    /// Brief says nothing with methods that have no properties.
    dav::request_options plain() const
    {
        auto o  = s_->options();
        o.brief = false;
        return o;
    }

private:
    static constexpr int most_names = 5;

    mailbox_state* s_;
};

// Single changes with their lane. `begun` tells whether the server may know of it.

inline task<void> mark_one(mailbox_state& s, http::url at, bool read, bool& begun)
{
    single_change one(s);
    auto const    lane = co_await s.lanes.enter();
    begun              = true;
    co_await one.mark(std::move(at), read);
}

inline task<void> remove_one(mailbox_state& s, http::url at, bool& begun)
{
    single_change one(s);
    auto const    lane = co_await s.lanes.enter();
    begun              = true;
    co_await one.remove(std::move(at));
}

inline task<std::optional<http::url>> move_one(mailbox_state& s, http::url from, http::url folder, bool& begun)
{
    single_change one(s);
    auto const    lane = co_await s.lanes.enter();
    begun              = true;
    co_return co_await one.transfer(bulk_kind::move, std::move(from), std::move(folder));
}

/// Where a server cannot copy the message is fetched and stored.
inline task<std::optional<http::url>> copy_one(mailbox_state& s, http::url from, http::url folder, bool& begun)
{
    bool                     by_hand = false;
    std::optional<http::url> where;
    try
    {
        single_change one(s);
        auto const    lane = co_await s.lanes.enter();
        begun              = true;
        where              = co_await one.transfer(bulk_kind::copy, from, folder);
    }
    catch (dav::status_error const& e)
    {
        by_hand = e.code() == dav::errc::not_supported;
        if (!by_hand)
            throw;
    }
    if (!by_hand)
        co_return where;
    begun       = false;
    auto reader = co_await open_message(s, from, fetch_options());
    auto text   = co_await reader.text(static_cast<std::size_t>(s.settings.most_in_memory));
    append_options o;
    o.normalise        = false;
    begun              = true;
    auto const content = std::make_shared<string_source>(std::move(text));
    auto       report  = co_await store(s, folder, content, o);
    if (!report.accepted())
    {
        dav::status_error::facts f;
        f.method = "append";
        f.url    = folder.str();
        f.status = report.status;
        f.reason = report.text;
        throw dav::status_error(report.error, std::move(f));
    }
    co_return report.location;
}

} // namespace posthorn::httpmail::detail

#endif
