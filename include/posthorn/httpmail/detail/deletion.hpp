//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Deleting messages: into the deleted items, and those that are there already for good.

#ifndef POSTHORN_HTTPMAIL_DETAIL_DELETION_HPP
#define POSTHORN_HTTPMAIL_DETAIL_DELETION_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/httpmail/detail/bulk.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/outcome.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

/** Deletes messages in two steps: first those that only move, then those that are destroyed.
    @param trash The deleted items; empty: all are destroyed.
    @throws bulk_error about all of them. */
inline task<std::vector<item_outcome>> delete_messages(mailbox_state& s, std::vector<http::url> items, http::url trash)
{
    std::vector<item_outcome> all;
    for (auto const& u : items)
        all.emplace_back(u);
    std::optional<bulk_error> failure;
    for (bool const destroy : {false, true})
    {
        std::vector<std::size_t> mine;
        std::vector<http::url>   urls;
        for (std::size_t i = 0; i != items.size(); ++i)
            if (destroy == (trash.empty() || same_resource(parent_of(items[i]), trash)))
            {
                mine.push_back(i);
                urls.push_back(items[i]);
            }
        if (mine.empty() || failure)
            continue;
        bulk_change work(s, destroy ? bulk_kind::remove : bulk_kind::move, std::move(urls), trash, false);
        std::vector<item_outcome> done;
        try
        {
            done = co_await work.run();
        }
        catch (bulk_error const& e)
        {
            failure.emplace(e);
            done = e.items();
        }
        for (std::size_t k = 0; k != mine.size(); ++k)
            all[mine[k]] = std::move(done[k]);
    }
    if (failure)
        throw bulk_error(failure->code(), std::move(all), failure->context().detail);
    co_return all;
}

} // namespace posthorn::httpmail::detail

#endif
