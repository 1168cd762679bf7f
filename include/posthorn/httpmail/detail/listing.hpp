//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Lists of folders and messages.

#ifndef POSTHORN_HTTPMAIL_DETAIL_LISTING_HPP
#define POSTHORN_HTTPMAIL_DETAIL_LISTING_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/httpmail/detail/in_parallel.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/folder.hpp>
#include <posthorn/httpmail/message_info.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

/// PROPFIND on a collection, as the dialect wants it.
inline task<dav::multistatus> list_members(mailbox_state& s, http::url at, dav::property_list what)
{
    auto const lane = co_await s.lanes.enter();
    auto       o    = s.options();
    auto       list = co_await s.dav.propfind(at, s.rules.listing, std::move(what), std::move(o));
    s.admit_answer(at, list.url());
    s.note(list.fields());
    co_return list;
}

/// The folders directly in a folder.
inline task<std::vector<folder>> list_folders(mailbox_state& s, http::url parent)
{
    std::vector<folder> all;
    auto list = co_await list_members(s, parent, folder_question(s.rules.is));
    dav::response r;
    for (;;)
    {
        bool const found = co_await list.next(r);
        if (!found)
            co_return all;
        auto const url = s.located(list.url(), r.href());
        if (!url || same_resource(*url, list.url()) || same_resource(*url, parent))
            continue;
        auto f = read_folder(r, *url, s.root);
        if (!f)
            continue;
        if (all.size() == s.settings.most_folders)
            throw error(posthorn::errc::limit_exceeded,
                        "more than " + std::to_string(s.settings.most_folders) + " folders");
        all.push_back(std::move(*f));
    }
}

/// Folders and those in them, level by level, several at once.
class folder_walk
{
public:
    explicit folder_walk(mailbox_state& s) noexcept : s_(&s) {}

    /// @return Each folder before those in it.
    task<std::vector<folder>> run(http::url top)
    {
        std::vector<node> first;
        auto              found = co_await list_folders(*s_, top);
        known_.insert(top.comparable());
        take(std::move(found), no_parent, 0);
        std::size_t begin = 0;
        for (unsigned level = 1; begin != nodes_.size() && level < s_->settings.most_levels; ++level)
        {
            std::size_t const        end = nodes_.size();
            std::vector<std::size_t> open;
            for (std::size_t i = begin; i != end; ++i)
                if (may_have_children(nodes_[i].value))
                    open.push_back(i);
            std::vector<std::vector<folder>> children(open.size());
            auto const                       work = [&](std::size_t i) { return ask(nodes_[open[i]].value.url, children[i]); };
            co_await in_parallel(open.size(), s_->settings.connections, work);
            for (std::size_t i = 0; i != open.size(); ++i)
                take(std::move(children[i]), open[i], level);
            begin = end;
        }
        std::vector<folder> all;
        collect(no_parent, all);
        co_return all;
    }

private:
    static constexpr std::size_t no_parent = static_cast<std::size_t>(-1);

    struct node
    {
        folder      value;
        std::size_t parent = no_parent;
    };

    task<void> ask(http::url at, std::vector<folder>& into)
    {
        into = co_await list_folders(*s_, std::move(at));
    }

    /// Hotmail says who has children; a server of WebDAV does not, so it has to be asked.
    bool may_have_children(folder const& f) const noexcept
    {
        return f.has_children.value_or(s_->rules.is != dialect::hotmail);
    }

    void take(std::vector<folder> found, std::size_t parent, unsigned level)
    {
        for (auto& f : found)
        {
            if (!known_.insert(f.url.comparable()).second)
                continue; // a circle, or a server that lists everything everywhere
            if (nodes_.size() == s_->settings.most_folders)
                throw error(posthorn::errc::limit_exceeded,
                            "more than " + std::to_string(s_->settings.most_folders) + " folders");
            f.depth = level;
            node n;
            n.value  = std::move(f);
            n.parent = parent;
            nodes_.push_back(std::move(n));
        }
    }

    void collect(std::size_t parent, std::vector<folder>& all)
    {
        for (std::size_t i = 0; i != nodes_.size(); ++i)
            if (nodes_[i].parent == parent)
            {
                all.push_back(nodes_[i].value);
                collect(i, all);
            }
    }

    mailbox_state*        s_;
    std::vector<node>     nodes_;
    std::set<std::string> known_;
};

/// One page of a SEARCH, or the news that this server has none.
struct search_page
{
    search_page() = default;

    std::optional<dav::multistatus> list;
    bool                            past_end    = false;
    bool                            unsupported = false;
};

inline task<search_page> ask_page(mailbox_state& s, http::url folder, std::string sql, dav::row_range rows)
{
    auto const     lane = co_await s.lanes.enter();
    auto           o    = s.options();
    search_page    page;
    try
    {
        page.list = co_await s.dav.search(folder, std::move(sql), rows, std::move(o));
        s.admit_answer(folder, page.list->url());
    }
    catch (dav::status_error const& e)
    {
        page.past_end = e.code() == dav::errc::range_end;
        page.unsupported = s.search != support::yes && rows.first == 0 &&
                           (e.code() == dav::errc::not_supported || e.code() == dav::errc::forbidden ||
                            e.code() == dav::errc::bad_request);
        if (!page.past_end && !page.unsupported)
            throw;
    }
    co_return page;
}

/// A list by PROPFIND, with fewer properties if a server fails on one of them.
inline task<dav::multistatus> ask_messages(mailbox_state& s, http::url folder, std::vector<dav::property_name> more)
{
    bool again = false;
    auto what  = message_question(s.rules.is, false, more);
    std::optional<dav::multistatus> list;
    try
    {
        list = co_await list_members(s, folder, std::move(what));
    }
    catch (dav::status_error const& e)
    {
        again = e.status() == 500 || e.status() == 501;
        if (!again)
            throw;
    }
    if (again)
    {
        auto few = message_question(s.rules.is, true);
        list     = co_await list_members(s, std::move(folder), std::move(few));
    }
    co_return std::move(*list);
}

/** The messages of a folder.

    The connection that a page comes from is no lane while the caller thinks about a message, so that it can do something with
    each even with one lane only.
*/
inline async_generator<message_info> list_messages(mailbox_state& s, http::url at, list_options o)
{
    co_await s.open();
    auto const    folder = s.folder_url(at);
    std::size_t   given  = 0;
    dav::response r;

    std::uint64_t         first = 0;
    std::set<std::string> before, now; // rows move when messages come and go between two pages
    bool                  paged = s.rules.search && s.search != support::no;
    while (paged && given < o.most)
    {
        auto const size = std::min(s.settings.page_size, o.most - given);
        auto const rows = dav::row_range(first, first + size - 1);
        auto       sql  = message_search(o.more);
        auto       page = co_await ask_page(s, folder, std::move(sql), rows);
        if (page.unsupported)
        {
            s.search = support::no;
            break;
        }
        if (page.past_end)
            co_return;
        s.search = support::yes;
        auto const content = page.list->rows();
        if (first != 0 && (!content || content->first != first))
            co_return; // it gives the same rows whatever is asked for
        std::uint64_t count = 0;
        now.clear();
        for (;;)
        {
            bool const found = co_await page.list->next(r);
            if (!found)
                break;
            ++count;
            auto const url = s.located(page.list->url(), r.href());
            auto       m   = url ? read_message(r, *url, o.more) : std::nullopt;
            if (!m || given == o.most)
                continue;
            auto key = url->comparable();
            bool const repeated = before.contains(key);
            now.insert(std::move(key));
            if (repeated)
                continue;
            ++given;
            co_yield std::move(*m);
        }
        std::swap(before, now);
        if (!content || count == 0)
            co_return;
        if (content->last + 1 <= first)
            co_return; // no number of rows that there can be
        first = content->last + 1;
        if (content->total ? first >= *content->total : count < size)
            co_return;
    }
    if (paged && s.search != support::no)
        co_return;

    auto list = co_await ask_messages(s, folder, o.more);
    while (given < o.most)
    {
        bool const found = co_await list.next(r);
        if (!found)
            co_return;
        auto const url = s.located(list.url(), r.href());
        if (!url || same_resource(*url, list.url()))
            continue;
        auto m = read_message(r, *url, o.more);
        if (!m)
            continue;
        ++given;
        co_yield std::move(*m);
    }
}

} // namespace posthorn::httpmail::detail

#endif
