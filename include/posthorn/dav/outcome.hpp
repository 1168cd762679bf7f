//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What became of a request that changes something, and of each item of a bulk request.

#ifndef POSTHORN_DAV_OUTCOME_HPP
#define POSTHORN_DAV_OUTCOME_HPP

#include <posthorn/dav/href.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/dav/response.hpp>
#include <posthorn/dav/status_error.hpp>
#include <posthorn/http/url.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace posthorn::dav {

/** What became of a request about one resource. Success as a whole can still have failures in its details. */
struct outcome
{
    outcome() = default;

    /// Of the response; for a 207 the worst that it holds, or 200.
    int                      status = 0;
    http::url                url;      ///< Who answered.
    std::optional<http::url> location; ///< Where the new or moved resource is, if the server says so.
    std::string              etag;     ///< Of the new content, if the server says so.
    std::vector<response>
        details; ///< Of a 207: members that failed (DELETE, COPY, MOVE), properties (PROPPATCH).

    bool ok() const noexcept { return status / 100 == 2; }

    /// None if ok().
    std::error_code error() const noexcept { return refusal(status); }
};

/// What became of one target of a bulk request.
struct item_outcome
{
    item_outcome() = default;

    std::string              href; ///< Of the target, as the caller gave it.
    int                      status = 200;
    std::optional<http::url> location;    ///< Where it is now, if the server says so.
    std::string              description; ///< In the server's words; not safe to show.

    bool            ok() const noexcept { return status / 100 == 2; }
    std::error_code error() const noexcept { return refusal(status); } ///< None if ok().
};

/** What became of a bulk request: one item for each target, in their order.

    A target that the server says nothing about has succeeded under its old name. A server's word is all there is: b1gMail
    reports success for targets that do not exist, so list again to be sure.
*/
struct bulk_outcome
{
    bulk_outcome() = default;

    int                       status = 0; ///< Of the response.
    std::vector<item_outcome> items;
    std::vector<response>     others; ///< Responses about something that was no target.

    bool all_ok() const noexcept
    {
        return std::all_of(items.begin(), items.end(), [](item_outcome const& i) { return i.ok(); }) &&
               std::all_of(others.begin(), others.end(),
                           [](response const& r) { return r.worst_status() / 100 == 2; });
    }
};

/** Finds for each response of a bulk reply the target it is about.

    Hrefs are compared by what they mean. Servers with their tree in the query answer with other forms than they were
    asked with, so if that fails the last segment decides, provided that only one target has it.
*/
class bulk_matcher
{
public:
    /// @param base The URL of the request.
    bulk_matcher(http::url base, std::span<target const> targets) : base_(std::move(base))
    {
        result_.items.reserve(targets.size());
        for (std::size_t i = 0; i < targets.size(); ++i)
        {
            item_outcome item;
            item.href = targets[i].href;
            result_.items.push_back(std::move(item));
            by_url_.emplace(key(targets[i].href), i);
            auto const [at, fresh] = by_segment_.emplace(std::string(last_segment(targets[i].href)), i);
            if (!fresh)
                at->second = ambiguous;
        }
    }

    /// Takes note of one response. Of several about one target the worst counts.
    void add(response const& r)
    {
        bool known = false;
        for (std::size_t h = 0; h < r.href_count(); ++h)
        {
            auto const i = find(r.href(h));
            if (i == ambiguous)
                continue;
            known      = true;
            auto& item = result_.items[i];
            if (!item.ok())
                continue;
            item.status      = r.worst_status();
            item.description = r.description();
            if (!r.location().empty())
                item.location = resolve_href(base_, r.location());
        }
        if (!known)
            result_.others.push_back(r);
    }

    /// @param status Of the response as a whole.
    bulk_outcome take(int status)
    {
        result_.status = status;
        return std::move(result_);
    }

private:
    static constexpr std::size_t ambiguous = static_cast<std::size_t>(-1);

    std::string key(std::string_view href) const
    {
        auto const u = resolve_href(base_, href);
        return u ? u->comparable() : std::string(href);
    }

    std::size_t find(std::string_view href) const
    {
        if (auto const at = by_url_.find(key(href)); at != by_url_.end())
            return at->second;
        auto const at = by_segment_.find(std::string(last_segment(href)));
        return at == by_segment_.end() ? ambiguous : at->second;
    }

    http::url                                    base_;
    std::unordered_map<std::string, std::size_t> by_url_;
    std::unordered_map<std::string, std::size_t> by_segment_;
    bulk_outcome                                 result_;
};

} // namespace posthorn::dav

#endif
