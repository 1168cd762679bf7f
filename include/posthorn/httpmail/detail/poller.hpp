//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Has anything changed since the last look?

#ifndef POSTHORN_HTTPMAIL_DETAIL_POLLER_HPP
#define POSTHORN_HTTPMAIL_DETAIL_POLLER_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/dav/client.hpp>
#include <posthorn/httpmail/changes.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/folder.hpp>

#include <optional>
#include <utility>

namespace posthorn::httpmail::detail {

class poller
{
public:
    explicit poller(mailbox_state& s) noexcept : s_(&s) {}

    /// Lists the folders, and compares with what the last call saw.
    task<changes> poll()
    {
        auto&                s = *s_;
        dav::request_options o = s.options();
        bool const           stamped = s.settings.use_timestamps && primed_ && !s.seen.empty();
        if (stamped)
            o.fields.set("X-Timestamp", s.seen.str());
        auto what = folder_question(s.rules.is);
        if (s.rules.is == dialect::dav)
        {
            auto names = what.some();
            names.push_back(dav::names::getlastmodified);
            names.push_back(dav::names::getetag);
            what = dav::property_list(std::move(names));
        }
        folder_snapshot now;
        bool            unchanged = false;
        auto const      before    = s.seen;
        try
        {
            auto const lane = co_await s.lanes.enter();
            auto const home = s.folder_url(s.root.folder_root);
            auto list = co_await s.dav.propfind(home, s.rules.listing, std::move(what), std::move(o));
            s.admit_answer(home, list.url());
            s.note(list.fields());
            dav::response r;
            bool          any = false;
            for (;;)
            {
                bool const found = co_await list.next(r);
                if (!found)
                    break;
                any            = true;
                auto const url = s.located(list.url(), r.href());
                auto const f   = url ? read_folder(r, *url, s.root) : std::nullopt;
                if (f && !same_resource(f->url, list.url()))
                    now.add(*f, r.text(dav::names::getlastmodified).value_or(""), r.text(dav::names::getetag).value_or(""));
            }
            unchanged = stamped && !any;
        }
        catch (dav::status_error const& e)
        {
            unchanged = stamped && e.status() == 304;
            if (!unchanged)
                throw;
        }
        changes result;
        if (unchanged)
            co_return result;
        result       = primed_ ? compare(last_, now, s.root) : changes();
        result.first = !primed_;
        if (primed_ && !s.seen.empty() && s.seen != before)
            note_times(result, before, s.seen, s.root);
        last_   = std::move(now);
        primed_ = true;
        co_return result;
    }

private:
    mailbox_state*  s_;
    folder_snapshot last_;
    bool            primed_ = false;
};

} // namespace posthorn::httpmail::detail

#endif
