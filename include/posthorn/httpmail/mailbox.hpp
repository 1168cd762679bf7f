//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// mailbox: a mailbox on a server of HTTPMail, Exchange or WebDAV, each operation an awaitable task.

#ifndef POSTHORN_HTTPMAIL_MAILBOX_HPP
#define POSTHORN_HTTPMAIL_MAILBOX_HPP

#include <posthorn/coro/async_generator.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/httpmail/changes.hpp>
#include <posthorn/httpmail/contact.hpp>
#include <posthorn/httpmail/detail/bulk.hpp>
#include <posthorn/httpmail/detail/contact_book.hpp>
#include <posthorn/httpmail/detail/deletion.hpp>
#include <posthorn/httpmail/detail/folder_change.hpp>
#include <posthorn/httpmail/detail/listing.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/detail/poller.hpp>
#include <posthorn/httpmail/detail/single_change.hpp>
#include <posthorn/httpmail/detail/transport.hpp>
#include <posthorn/httpmail/folder.hpp>
#include <posthorn/httpmail/message_info.hpp>
#include <posthorn/httpmail/outcome.hpp>
#include <posthorn/httpmail/reader.hpp>
#include <posthorn/httpmail/root.hpp>
#include <posthorn/httpmail/settings.hpp>
#include <posthorn/smtp/message.hpp>

#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::httpmail {

/// What deleting a message means.
enum class deletion : unsigned char
{
    to_deleted_items, ///< It moves there; what is there already is destroyed.
    for_good          ///< It is destroyed.
};

/// Takes a message block by block. @param block Valid until the task ends.
using message_sink = std::function<task<void>(std::string_view block)>;

/// How many messages a folder has.
struct folder_counts
{
    std::uint64_t messages = 0;
    std::uint64_t unread   = 0; ///< Those that are said not to be read.
};

/** A mailbox.

    @code
    httpmail::mailbox box(http::url("https://mail.example/exchange/alice/"), settings);
    auto inbox = co_await box.find(httpmail::folder_kind::inbox);
    auto list  = box.messages(inbox);
    for (auto m = co_await list.next(); m; m = co_await list.next())
        show(m->from, m->subject);
    @endcode

    The first operation asks the server where everything is; open() does only that. Any number of operations may run at the same
    time: they share mailbox_settings::connections, and wait in a queue for one of those. URLs are those that the server gave, in
    lists and results; they are never made up from names. It runs on the executor of the tasks that call it, which must be one and
    the same and not concurrent, and must outlive its operations. Not movable.

    @par Errors
    dav::status_error for what a server refuses, with dav::errc or httpmail::errc; error with httpmail::errc for what cannot be
    asked; besides what http::client and dav::multistatus throw. Operations on many messages give an outcome for each, and throw
    bulk_error, which has them as well, if they ended early. send() and append() give a report, and throw send_error, which has
    one as well, if the server said nothing.

    @par What may have happened
    Nothing that changes something is done twice after an unclear outcome. Errors of single changes tell by fate_of() whether the
    server may have obeyed; outcomes and reports say it themselves: fate::in_doubt.

    @par Cancellation
    Supported everywhere, for each task by itself. The connection in use is closed, the mailbox stays usable. What was cancelled after
    its request had begun may have been done.
*/
class mailbox
{
public:
    /** @param entry Where the provider says that the mailbox is. Its server gets the credentials. */
    explicit mailbox(http::url entry, mailbox_settings settings = mailbox_settings())
        : state_(std::make_unique<detail::mailbox_state>(std::move(entry), std::move(settings)))
    {
    }

    // The mailbox itself -----------------------------------------------------------------------------------------

    /// Finds out where everything is, unless that is known. @throws error errc::not_a_mailbox, foreign_url.
    task<root_properties> open()
    {
        co_await state_->open();
        co_return state_->root;
    }

    /** Asks again, from the entry URL: accounts move to other servers, and sessions expire (dav::errc::session_expired), which open() and
        this one mend by logging in by the form of the server's login page. @throws as open(). */
    task<root_properties> reopen()
    {
        co_await state_->discover();
        co_return state_->root;
    }

    bool                    is_open() const noexcept { return state_->is_open(); }
    root_properties const&  root() const noexcept { return state_->root; }        ///< @pre is_open()
    httpmail::dialect       speaks() const noexcept { return state_->rules.is; }  ///< @pre is_open(), or it was told.
    mailbox_settings const& settings() const noexcept { return state_->settings; }
    timestamps const&       times() const noexcept { return state_->seen; }       ///< Those that the server last told.

    /// For requests of one's own.
    dav::client&  dav() noexcept { return state_->dav; }
    http::client& web() noexcept { return state_->web; }

    // Folders ----------------------------------------------------------------------------------------------------

    /** Where a well-known folder is: by the root, else by the list of folders.
        @throws error errc::no_such_folder. */
    task<http::url> find(folder_kind kind)
    {
        co_await state_->open();
        auto known = url_of(state_->root, kind);
        if (!known.empty())
            co_return known;
        auto const all = co_await detail::list_folders(*state_, state_->root.folder_root);
        for (auto const& f : all)
            if (f.kind == kind)
                co_return f.url;
        throw error(errc::no_such_folder, std::string(to_string(kind)));
    }

    /// The folders directly in `parent`.
    task<std::vector<folder>> folders(http::url parent)
    {
        co_await state_->open();
        auto const at = state_->folder_url(parent);
        co_return co_await detail::list_folders(*state_, at);
    }

    /// The folders at the top.
    task<std::vector<folder>> folders()
    {
        co_await state_->open();
        co_return co_await folders(state_->root.folder_root);
    }

    /** All folders, those in folders too, each behind the one it is in, with folder::depth.

        Several are asked at the same time. */
    task<std::vector<folder>> folder_tree()
    {
        co_await state_->open();
        auto const          top = state_->folder_url(state_->root.folder_root);
        detail::folder_walk walk(*state_);
        co_return co_await walk.run(top);
    }

    /** Counts messages by listing them, for servers that do not keep folder::messages and folder::unread. */
    task<folder_counts> count(http::url at)
    {
        folder_counts n;
        auto          list = messages(std::move(at));
        for (;;)
        {
            auto const m = co_await list.next();
            if (!m)
                co_return n;
            ++n.messages;
            n.unread += m->read == false ? 1 : 0;
        }
    }

    /** Creates a folder. @param name Text.
        @return Where it is: servers give names of their own.
        @throws error errc::bad_name; status_error errc::folder_exists. */
    task<http::url> create_folder(http::url parent, std::string name)
    {
        co_await state_->open();
        detail::folder_change work(*state_);
        co_return co_await work.create(std::move(parent), std::move(name));
    }

    /** Renames a folder. What is there under that name is never replaced.
        @return Where it is now.
        @throws error errc::special_folder, bad_name; status_error errc::folder_exists. */
    task<http::url> rename_folder(http::url at, std::string name)
    {
        co_await state_->open();
        detail::folder_change work(*state_);
        co_return co_await work.rename(std::move(at), std::move(name));
    }

    /// Deletes a folder and all that is in it. @throws error errc::special_folder.
    task<void> delete_folder(http::url at)
    {
        co_await state_->open();
        detail::folder_change work(*state_);
        co_await work.remove(std::move(at));
    }

    // Messages ---------------------------------------------------------------------------------------------------

    /** The messages of a folder, one after the other while the answer arrives: any number, in little memory. In pages where the
        server has them; whoever reads slowly keeps a connection waiting.

        b1gMail lists nothing for folders that do not exist. */
    async_generator<message_info> messages(http::url in, list_options options)
    {
        return detail::list_messages(*state_, std::move(in), std::move(options));
    }
    async_generator<message_info> messages(http::url in) { return messages(std::move(in), list_options()); }

    /// All of messages() at once.
    task<std::vector<message_info>> list(http::url in, list_options options)
    {
        std::vector<message_info> all;
        auto                      g = messages(std::move(in), std::move(options));
        for (;;)
        {
            auto m = co_await g.next();
            if (!m)
                co_return all;
            all.push_back(std::move(*m));
        }
    }
    task<std::vector<message_info>> list(http::url in) { return list(std::move(in), list_options()); }

    /** Begins to fetch a message. Reading does not mark it as read.
        @throws status_error errc::message_gone, also where a server gives an empty message instead of an error. */
    task<message_reader> get(http::url at, fetch_options options)
    {
        co_await state_->open();
        co_return co_await detail::open_message(*state_, std::move(at), std::move(options));
    }
    task<message_reader> get(http::url at) { return get(std::move(at), fetch_options()); }

    /// Fetches a message into `sink`, which sets the pace. @return Its octets.
    task<std::uint64_t> fetch(http::url at, message_sink sink, fetch_options options)
    {
        auto          reader = co_await get(std::move(at), std::move(options));
        std::uint64_t size   = 0;
        for (;;)
        {
            auto const block = co_await reader.next();
            if (block.empty())
                co_return size;
            size += block.size();
            co_await sink(block);
        }
    }
    task<std::uint64_t> fetch(http::url at, message_sink sink)
    {
        return fetch(std::move(at), std::move(sink), fetch_options());
    }

    /// Fetches a message into memory. @param most Octets. @throws error posthorn::errc::limit_exceeded if it has more.
    task<std::string> fetch_text(http::url at, std::size_t most)
    {
        auto reader = co_await get(std::move(at));
        co_return co_await reader.text(most);
    }
    /// At most 32 MiB.
    task<std::string> fetch_text(http::url at) { return fetch_text(std::move(at), std::size_t(32) << 20U); }

    /// Marks one message. @throws status_error.
    task<void> mark(http::url message, bool read)
    {
        co_await state_->open();
        auto const at    = state_->message_url(message);
        bool       begun = false;
        co_await detail::mark_one(*state_, at, read, begun);
    }

    /** Marks messages, of any folders. @return One outcome for each, in their order. A server's word: b1gMail says "done" of
        messages that do not exist. @throws bulk_error. */
    task<std::vector<item_outcome>> mark(std::vector<http::url> messages, bool read)
    {
        return bulk(detail::bulk_kind::mark, std::move(messages), http::url(), read);
    }

    /// Moves one message. @return Where it is now, if the server says so. @throws status_error.
    task<std::optional<http::url>> move(http::url message, http::url to)
    {
        co_await state_->open();
        auto const at     = state_->message_url(message);
        auto const folder = state_->folder_url(to);
        bool       begun  = false;
        co_return co_await detail::move_one(*state_, at, folder, begun);
    }
    /// Moves messages, of any folders. @return, @throws as mark().
    task<std::vector<item_outcome>> move(std::vector<http::url> messages, http::url to)
    {
        return bulk(detail::bulk_kind::move, std::move(messages), std::move(to), false);
    }

    /** Copies one message. Where a server cannot, it is fetched and stored.
        @return Where the copy is, if the server says so. @throws status_error. */
    task<std::optional<http::url>> copy(http::url message, http::url to)
    {
        co_await state_->open();
        auto const at     = state_->message_url(message);
        auto const folder = state_->folder_url(to);
        bool       begun  = false;
        co_return co_await detail::copy_one(*state_, at, folder, begun);
    }
    /// Copies messages, of any folders. @return, @throws as mark().
    task<std::vector<item_outcome>> copy(std::vector<http::url> messages, http::url to)
    {
        return bulk(detail::bulk_kind::copy, std::move(messages), std::move(to), false);
    }

    /** Deletes messages, of any folders. @return, @throws as mark(); error errc::no_such_folder if there are no deleted items to
        move them to. */
    task<std::vector<item_outcome>> remove(std::vector<http::url> messages, deletion how)
    {
        co_await state_->open();
        http::url trash;
        if (how == deletion::to_deleted_items)
        {
            trash = co_await find(folder_kind::deleted_items);
            trash = state_->folder_url(trash);
        }
        co_return co_await detail::delete_messages(*state_, std::move(messages), std::move(trash));
    }

    /// Deletes one message. @throws status_error.
    task<void> remove(http::url message, deletion how)
    {
        co_await state_->open();
        auto const at    = state_->message_url(message);
        bool       begun = false;
        if (how == deletion::to_deleted_items)
        {
            auto const trash  = co_await find(folder_kind::deleted_items);
            auto const folder = state_->folder_url(trash);
            if (!same_resource(parent_of(at), folder))
            {
                auto const where = co_await detail::move_one(*state_, at, folder, begun);
                std::ignore      = where;
                co_return;
            }
        }
        co_await detail::remove_one(*state_, at, begun);
    }

    // Sending and storing ----------------------------------------------------------------------------------------

    /** Sends a message.
        @param content Used by nobody else meanwhile. It is read twice, unless it cannot start again: then it is held in memory.
        @return What the server says of it; a refusal too.
        @throws send_error if it says nothing; error errc::cannot_send, no_recipients before anything was sent. */
    task<send_report> send(smtp::envelope envelope, std::shared_ptr<source> content, send_options options)
    {
        co_await state_->open();
        co_return co_await detail::submit(*state_, std::move(envelope), std::move(content), std::move(options));
    }
    task<send_report> send(smtp::envelope envelope, std::shared_ptr<source> content)
    {
        return send(std::move(envelope), std::move(content), send_options());
    }
    task<send_report> send(smtp::message m, send_options options)
    {
        return send(std::move(m.envelope), std::move(m.content), std::move(options));
    }
    task<send_report> send(smtp::message m) { return send(std::move(m), send_options()); }

    /// Stores a message in a folder. @param content, @return, @throws as send().
    task<send_report> append(http::url to, std::shared_ptr<source> content, append_options options)
    {
        co_await state_->open();
        co_return co_await detail::store(*state_, std::move(to), std::move(content), std::move(options));
    }
    task<send_report> append(http::url to, std::shared_ptr<source> content)
    {
        return append(std::move(to), std::move(content), append_options());
    }

    // Contacts ---------------------------------------------------------------------------------------------------

    /// @throws error errc::no_such_folder if the mailbox has no contacts.
    task<std::vector<contact>> contacts()
    {
        co_await state_->open();
        detail::contact_book book(*state_);
        co_return co_await book.list();
    }

    /// @throws status_error dav::errc::not_found.
    task<contact> read_contact(http::url at)
    {
        co_await state_->open();
        detail::contact_book book(*state_);
        co_return co_await book.read(std::move(at));
    }

    /// Stores contact::fields. @return Where it is; empty if the server does not say.
    task<http::url> add_contact(contact c)
    {
        co_await state_->open();
        detail::contact_book book(*state_);
        co_return co_await book.add(std::move(c));
    }

    /// The same in another folder of contacts.
    task<http::url> add_contact(http::url to, contact c)
    {
        co_await state_->open();
        detail::contact_book book(*state_);
        co_return co_await book.add(std::move(to), std::move(c));
    }

    /// Changes some fields and leaves the others. @param fields An empty text takes a field away.
    task<void> change_contact(http::url at, std::map<contact_field, std::string> fields)
    {
        co_await state_->open();
        detail::contact_book book(*state_);
        co_await book.change(std::move(at), std::move(fields));
    }

    task<void> delete_contact(http::url at)
    {
        co_await state_->open();
        detail::contact_book book(*state_);
        co_await book.remove(std::move(at));
    }

    // Changes ----------------------------------------------------------------------------------------------------

    /** Looks whether something has changed since the last call: by the server's times where it has such, else by what the list of
        folders says. One call at a time. */
    task<changes> poll()
    {
        co_await state_->open();
        detail::poller& p = poller();
        co_return co_await p.poll();
    }

    /** poll() for ever, with pauses; gives what has changed.
        @param every The pause, or the server's polling interval if that is longer. */
    async_generator<changes> watch(std::chrono::steady_clock::duration every)
    {
        for (;;)
        {
            auto now = co_await poll();
            if (now.any())
                co_yield std::move(now);
            auto pause = every;
            if (state_->root.polling_interval)
                pause = std::max<std::chrono::steady_clock::duration>(pause, *state_->root.polling_interval);
            auto const         ex = co_await this_coro::executor;
            asio::steady_timer timer(ex, pause);
            co_await timer.async_wait(use_task);
        }
    }

private:
    task<std::vector<item_outcome>> bulk(detail::bulk_kind kind, std::vector<http::url> messages, http::url to, bool read)
    {
        co_await state_->open();
        detail::bulk_change work(*state_, kind, std::move(messages), std::move(to), read);
        co_return co_await work.run();
    }

    detail::poller& poller()
    {
        if (!poller_)
            poller_.emplace(*state_);
        return *poller_;
    }

    std::unique_ptr<detail::mailbox_state> state_;
    std::optional<detail::poller>          poller_;
};

} // namespace posthorn::httpmail

#endif
