//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The idle connections of a client: kept for each origin, given out again only if nothing speaks against it.

#ifndef POSTHORN_HTTP_DETAIL_IDLE_LINKS_HPP
#define POSTHORN_HTTP_DETAIL_IDLE_LINKS_HPP

#include <posthorn/http/detail/dialer.hpp>
#include <posthorn/http/url.hpp>
#include <posthorn/net/deadline.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace posthorn::http::detail {

class idle_links
{
public:
    /// @param most For each origin. @param keep Longer nobody waits for the next request.
    idle_links(std::size_t most, net::clock::duration keep) noexcept : most_(most), keep_(keep) {}

    /// The youngest one that can be used; null if there is none. Those found dead are closed.
    std::unique_ptr<link> take(origin const& to, bool by_proxy)
    {
        drop_old();
        for (auto i = links_.size(); i-- != 0;)
        {
            if (links_[i]->to != to || links_[i]->by_proxy != by_proxy)
                continue;
            auto found = std::move(links_[i]);
            links_.erase(links_.begin() + static_cast<std::ptrdiff_t>(i));
            if (!found->conn.is_reusable())
                continue;
            found->reused = true;
            return found;
        }
        return nullptr;
    }

    void put(std::unique_ptr<link> l)
    {
        drop_old();
        if (most_ == 0 || !l->conn.is_reusable())
            return;
        auto const same = [&l](auto const& other) { return other->to == l->to && other->by_proxy == l->by_proxy; };
        if (static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), same)) >= most_)
            links_.erase(std::find_if(links_.begin(), links_.end(), same)); // the oldest
        l->since = net::clock::now();
        links_.push_back(std::move(l));
    }

    void drop(origin const& to)
    {
        std::erase_if(links_, [&to](auto const& l) { return l->to == to; });
    }

    void clear() noexcept { links_.clear(); }

    std::size_t size() const noexcept { return links_.size(); }

private:
    /// What the server will close about now is not used any more: the request could meet the end on its way.
    void drop_old()
    {
        auto const now = net::clock::now();
        std::erase_if(links_, [this, now](auto const& l) {
            auto most = keep_;
            if (auto const said = l->conn.keep_alive())
                most = std::min<net::clock::duration>(most, std::max(*said - std::chrono::seconds(1), std::chrono::seconds(0)));
            return now - l->since > most;
        });
    }

    std::size_t                        most_;
    net::clock::duration               keep_;
    std::vector<std::unique_ptr<link>> links_; ///< The oldest first.
};

} // namespace posthorn::http::detail

#endif
