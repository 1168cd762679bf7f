//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// One change to many messages: bulk requests where the server knows them, else single ones, several at once.

#ifndef POSTHORN_HTTPMAIL_DETAIL_BULK_HPP
#define POSTHORN_HTTPMAIL_DETAIL_BULK_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/httpmail/detail/in_parallel.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/detail/single_change.hpp>
#include <posthorn/httpmail/outcome.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

/// One change to many messages.
class bulk_change
{
public:
    /// @param folder Of move and copy. @param read Of mark.
    bulk_change(mailbox_state& s, bulk_kind kind, std::vector<http::url> items, http::url folder, bool read)
        : s_(&s), kind_(kind), urls_(std::move(items)), folder_(std::move(folder)), read_(read)
    {
    }

    /// @throws bulk_error if a connection failed or it was cancelled; error errc::foreign_url before anything was done.
    task<std::vector<item_outcome>> run()
    {
        for (auto& u : urls_)
        {
            results_.emplace_back(u);
            u = s_->message_url(u);
        }
        if (kind_ == bulk_kind::move || kind_ == bulk_kind::copy)
            folder_ = s_->folder_url(folder_);
        std::vector<std::size_t> alone;
        if (s_->rules.bulk && s_->settings.use_bulk && support_of() != support::no)
            co_await in_bulk(alone);
        else
            for (std::size_t i = 0; i != urls_.size(); ++i)
                alone.push_back(i);
        auto const work = [&](std::size_t i) { return single(alone[i]); };
        co_await in_parallel(alone.size(), s_->settings.connections, work);
        if (denied_ && any_single_)
            support_of() = support::no;
        if (failure_)
            throw bulk_error(failure_, std::move(results_), std::move(failure_text_));
        co_return std::move(results_);
    }

private:
    using chunk = std::vector<std::size_t>;

    single_change one_of() const noexcept { return single_change(*s_); }

    support& support_of() noexcept { return s_->bulk[static_cast<std::size_t>(kind_)]; }

    /// The messages of each folder, in pieces.
    std::vector<chunk> chunks() const
    {
        std::map<std::string, chunk> by_folder;
        std::vector<chunk>           all;
        std::vector<std::string>     order;
        for (std::size_t i = 0; i != urls_.size(); ++i)
        {
            auto  key  = parent_of(urls_[i]).comparable();
            auto& here = by_folder[key];
            if (here.empty())
                order.push_back(std::move(key));
            here.push_back(i);
        }
        for (auto const& key : order)
        {
            auto const& here = by_folder[key];
            for (std::size_t at = 0; at < here.size(); at += s_->settings.bulk_size)
            {
                auto const end = std::min(here.size(), at + s_->settings.bulk_size);
                all.emplace_back(here.begin() + static_cast<std::ptrdiff_t>(at),
                                 here.begin() + static_cast<std::ptrdiff_t>(end));
            }
        }
        return all;
    }

    /// @param alone Gets those that the server does not take in bulk.
    task<void> in_bulk(std::vector<std::size_t>& alone)
    {
        auto const  all  = chunks();
        std::size_t done = 0;
        // One after the other until it is known whether the server knows the method at all.
        while (done != all.size() && support_of() == support::unknown && !denied_)
        {
            co_await together(all[done], alone);
            ++done;
        }
        if (denied_ || support_of() == support::no)
        {
            for (; done != all.size(); ++done)
                alone.insert(alone.end(), all[done].begin(), all[done].end());
            co_return;
        }
        auto const work = [&](std::size_t i) { return together(all[done + i], alone); };
        co_await in_parallel(all.size() - done, s_->settings.connections, work);
    }

    /// One bulk request.
    task<void> together(chunk const& which, std::vector<std::size_t>& alone)
    {
        if (failure_)
            co_return;
        std::vector<dav::target> targets;
        for (auto const i : which)
            targets.push_back(single_change::target_of(*s_, urls_[i]));
        bool                     begun = false;
        std::optional<posthorn::error> why;
        int                      status = 0;
        try
        {
            auto const lane = co_await s_->lanes.enter();
            begun           = true;
            auto const home = parent_of(urls_[which.front()]);
            auto const said = co_await request(home, std::move(targets));
            take(which, said, home);
        }
        catch (dav::status_error const& e)
        {
            why.emplace(e);
            status = e.status();
        }
        catch (posthorn::error const& e)
        {
            why.emplace(e);
        }
        if (!why)
        {
            support_of() = support::yes;
            co_return;
        }
        if (support_of() != support::yes && is_denial(status))
        {
            alone.insert(alone.end(), which.begin(), which.end());
            denied_ = true;
            if (status == 405 || status == 501)
                support_of() = support::no;
            co_return;
        }
        for (auto const i : which)
            settle(i, *why, status, begun);
    }

    /** 405 and 501 mean that the method is not known, and SOGo says 403. Servers that know little say 400, but so does b1gMail
        when it has obeyed: that is followed by single requests only where doing it twice is the same as once. */
    bool is_denial(int status) const noexcept
    {
        return status == 403 || status == 405 || status == 501 || (status == 400 && kind_ == bulk_kind::mark);
    }

    task<dav::bulk_outcome> request(http::url home, std::vector<dav::target> targets)
    {
        auto& s = *s_;
        if (kind_ == bulk_kind::mark)
        {
            auto update = single_change::mark_update(read_);
            auto o      = one_of().marking();
            co_return co_await s.dav.bproppatch(std::move(home), std::move(targets), std::move(update), std::move(o));
        }
        if (kind_ == bulk_kind::remove)
        {
            auto o = one_of().plain();
            co_return co_await s.dav.bdelete(std::move(home), std::move(targets), std::move(o));
        }
        dav::transfer_options o;
        o.fields = s.settings.fields;
        if (s.rules.bulk_depth)
            o.fields.set("Depth", "1");
        o.overwrite    = !s.rules.bulk_rename;
        o.allow_rename = s.rules.bulk_rename;
        auto to        = folder_;
        if (kind_ == bulk_kind::move)
            co_return co_await s.dav.bmove(std::move(home), std::move(to), std::move(targets), std::move(o));
        co_return co_await s.dav.bcopy(std::move(home), std::move(to), std::move(targets), std::move(o));
    }

    void take(chunk const& which, dav::bulk_outcome const& said, http::url const& home)
    {
        // A failure that is about none of the messages may be about all of them.
        dav::response const* other = nullptr;
        for (auto const& r : said.others)
            if (r.worst_status() / 100 != 2)
                other = &r;
        for (std::size_t k = 0; k != which.size(); ++k)
        {
            auto const& from = said.items[k];
            auto&       to   = results_[which[k]];
            to.status        = from.status;
            to.text          = printable(from.description, 500);
            if (!from.ok())
            {
                to.fate  = fate::refused;
                to.error = from.error();
            }
            else if (other != nullptr)
            {
                to.fate   = fate::in_doubt;
                to.error  = errc::in_doubt;
                to.status = other->worst_status();
                to.text   = printable(other->description(), 500);
            }
            else
            {
                to.fate     = fate::done;
                to.location = s_->located(home, from.location);
            }
        }
    }

    /// One request for one message.
    task<void> single(std::size_t i)
    {
        if (failure_)
            co_return;
        std::optional<posthorn::error> why;
        int                            status = 0;
        bool                           begun  = false;
        try
        {
            switch (kind_)
            {
            case bulk_kind::mark: co_await mark_one(*s_, urls_[i], read_, begun); break;
            case bulk_kind::remove: co_await remove_one(*s_, urls_[i], begun); break;
            case bulk_kind::move: results_[i].location = co_await move_one(*s_, urls_[i], folder_, begun); break;
            case bulk_kind::copy: results_[i].location = co_await copy_one(*s_, urls_[i], folder_, begun); break;
            }
        }
        catch (dav::status_error const& e)
        {
            why.emplace(e);
            status = e.status();
        }
        catch (posthorn::error const& e)
        {
            why.emplace(e);
        }
        if (why)
            co_return settle(i, *why, status, begun);
        results_[i].fate   = fate::done;
        results_[i].status = 200;
        any_single_        = true;
    }

    /// An item has failed. What is no word of the server ends the whole.
    void settle(std::size_t i, posthorn::error const& why, int status, bool begun)
    {
        auto& r  = results_[i];
        r.fate   = fate_of(why.code(), begun, status);
        r.status = status;
        r.error  = why.code();
        r.text   = why.what();
        if (r.fate == fate::refused || why.code().category() == httpmail::category() || failure_)
            return;
        failure_      = why.code();
        failure_text_ = why.what();
    }

    mailbox_state*            s_;
    bulk_kind                 kind_;
    std::vector<http::url>    urls_;
    http::url                 folder_;
    bool                      read_;
    std::vector<item_outcome> results_;
    bool                      denied_     = false;
    bool                      any_single_ = false;
    std::error_code           failure_;
    std::string               failure_text_;
};

} // namespace posthorn::httpmail::detail

#endif
