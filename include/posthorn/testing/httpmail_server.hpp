//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// httpmail_server: an HTTPMail server with a mailbox in memory, in every dialect, with the faults of real ones.

#ifndef POSTHORN_TESTING_HTTPMAIL_SERVER_HPP
#define POSTHORN_TESTING_HTTPMAIL_SERVER_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/testing/detail/httpmail_connections.hpp>
#include <posthorn/testing/detail/httpmail_headers.hpp>
#include <posthorn/testing/detail/httpmail_store.hpp>
#include <posthorn/testing/detail/httpmail_urls.hpp>
#include <posthorn/testing/detail/httpmail_xml.hpp>
#include <posthorn/testing/detail/server_base.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <asio/any_io_executor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing {

/** A mailbox behind HTTP and WebDAV, as Hotmail, Exchange, b1gMail, SOGo or a plain WebDAV server offer it.

    It is independent of the client in this library: its parsers are its own. It holds one mailbox, with the usual special
    folders from the beginning. By default it does everything right; settings switch on what real servers do wrong, and
    faults make single requests fail. All requests are remembered with their exact heads.

    @code
    task<void> test()
    {
        auto const ex = co_await this_coro::executor;
        testing::httpmail_server server(ex, testing::httpmail_server_settings::hotmail());
        server.add_message("inbox", "From: a@example.net\r\nSubject: hello\r\n\r\nhello\r\n");
        server.start();
        // ... log in at server.url() ...
        CHECK(server.folder("inbox")->items.size() == 1);
    } // stops here
    @endcode

    @par Thread safety
    stop(), and everything that looks at the mailbox and the record or changes them, may be called from any thread.
    Everything else, and the destruction, belongs to the executor's thread, or to times when its event loop does not run. It
    is destroyed before its event loop.
*/
class httpmail_server
{
public:
    /** Listens.
        @param ex       Where it works; must not run handlers concurrently.
        @param settings What it is and does.
        @throws std::system_error if it cannot listen there.
    */
    httpmail_server(asio::any_io_executor const& ex, httpmail_server_settings settings)
        : server_(std::make_shared<detail::httpmail_connections>(ex, std::move(settings)))
    {
    }
    explicit httpmail_server(asio::any_io_executor const& ex)
        : httpmail_server(ex, httpmail_server_settings())
    {
    }
    httpmail_server(httpmail_server const&)            = delete;
    httpmail_server& operator=(httpmail_server const&) = delete;
    ~httpmail_server() { stop(); }

    std::uint16_t port() const noexcept { return server_->where().port(); } ///< 0 for a Unix socket.
    httpmail_server_settings const& settings() const noexcept { return server_->site().settings(); }

    /// "http://127.0.0.1:port", or with https and the name "localhost" under TLS.
    std::string origin() const
    {
        auto const& s       = settings();
        bool const  numbers = s.listen.address.find(':') != std::string::npos;
        std::string host    = numbers ? "[" + s.listen.address + "]" : s.listen.address;
        if (s.tls_context || !s.listen.path.empty())
            host = "localhost";
        return (s.tls_context ? "https://" : "http://") + host + ":" + std::to_string(port());
    }

    /// Where a client begins.
    std::string url() const { return origin() + settings().tree.entry; }

    /** Serves until stop(). Either this or start(), once.

        @par Cancellation
        Ends all connections.
    */
    task<void> serve() { return detail::server_base::serve(server_); }

    /// Serves in the background of the executor.
    void start() { server_->start(); }

    /// Ends all connections and refuses new ones. The mailbox and the record stay.
    void stop() { server_->stop(); }

    /// Waits until at least `count` requests are over, or the server was stopped.
    task<void> until_requests(std::size_t count)
    {
        auto* const server = server_.get();
        return detail::server_base::until(server_,
                                          [server, count] { return server->site().finished() >= count; });
    }

    /// Waits until at least `count` connections were accepted and none is open any more, or the server was stopped.
    task<void> until_idle(std::size_t count = 1)
    {
        auto* const server = server_.get();
        return detail::server_base::until(server_, [server, count] {
            auto const totals = server->site().totals();
            return totals.connections >= count && totals.open == 0;
        });
    }

    // ---- the mailbox ----

    /** Makes a folder.
        @param name   UTF-8.
        @param parent As in folder(); empty: at the top.
        @return Its request target.
        @throws error with errc::invalid_argument if there is no such parent.
    */
    std::string add_folder(std::string const& name, std::string const& parent = {})
    {
        return server_->site().with_urls([&](auto& store, auto& urls) {
            auto& above = parent.empty() ? store.root() : require(store, urls, parent);
            return urls.path(store.create(above, name));
        });
    }

    /** Delivers a message.
        @param folder  As in folder().
        @param content The message, with CRLF. In the dialect `dav` its usual properties are stored beside it.
        @param read    Is it marked so?
        @return Its request target, as it would stand in a list.
        @throws error with errc::invalid_argument if there is no such folder.
    */
    std::string add_message(std::string const& folder, std::string content, bool read = false)
    {
        bool const plain = settings().dialect == httpmail_dialect::dav;
        return server_->site().with_urls([&](auto& store, auto& urls) {
            auto& place = require(store, urls, folder);
            auto& item  = store.add(place, std::move(content));
            item.read   = read;
            if (plain)
                describe(item);
            return urls.path(place, item, true);
        });
    }

    /** Makes a contact.
        @param values By local names of "urn:schemas:contacts:", e.g. "cn", "email1".
        @return Its request target.
        @throws error with errc::invalid_argument if this server has no contacts.
    */
    std::string add_contact(std::map<std::string, std::string> const& values)
    {
        return server_->site().with_urls([&](auto& store, auto& urls) {
            auto& place = require(store, urls, "contacts");
            auto& item  = store.add(place, {});
            for (auto const& [name, value] : values)
                item.properties[httpmail_name(detail::httpmail_ns_contacts, name)] = value;
            return urls.path(place, item, true);
        });
    }

    /** A folder with what is in it.
        @param which A role such as "inbox", "sentitems", "deleteditems", "drafts", "contacts"; or a name; or a request
                     target.
    */
    std::optional<httpmail_folder> folder(std::string const& which) const
    {
        return server_->site().with_urls([&](auto& store, auto& urls) {
            auto* const node = find(store, urls, which);
            return node == nullptr ? std::nullopt : std::optional(snapshot(*node, urls));
        });
    }

    /// All folders, parents first.
    std::vector<httpmail_folder> folders() const
    {
        return server_->site().with_urls([&](auto& store, auto& urls) {
            std::vector<httpmail_folder> all;
            collect(store.root(), urls, all);
            return all;
        });
    }

    /** Locks a message or a contact, or lets it go: every change is answered by 423.
        @return False if there is nothing at this request target.
    */
    bool lock(std::string const& target, bool locked = true)
    {
        return server_->site().with_urls([&](auto&, auto& urls) {
            auto const place = urls.find(target);
            if (place.is_item())
                place.item->locked = locked;
            return place.is_item();
        });
    }

    /// Sets a property of something. @return False if there is nothing at this request target.
    bool set_property(std::string const& target, httpmail_name const& name, std::string const& value)
    {
        return server_->site().with_urls([&](auto& store, auto& urls) {
            auto const place = urls.find(target);
            if (!place.exists())
                return false;
            (place.is_item() ? place.item->properties : place.folder->properties)[name] = value;
            store.changed(*place.folder);
            return true;
        });
    }

    // ---- what happened ----

    /// What clients gave it to send, in order.
    std::vector<httpmail_submission> submissions() const { return server_->site().sent(); }

    /// Requests that are over, in the order in which they ended.
    std::vector<httpmail_request> requests() const { return server_->site().requests(); }

    /// Requests with this method.
    std::vector<httpmail_request> requests(std::string_view method) const
    {
        auto all = requests();
        std::erase_if(all, [&](auto const& r) { return r.method != method; });
        return all;
    }

    httpmail_totals totals() const { return server_->site().totals(); }

    /// Forgets requests, sums and submissions. The mailbox stays.
    void forget() { server_->site().forget(); }

    /// Adds a fault behind those that are there.
    void fail(httpmail_fault fault) { server_->site().fail(std::move(fault)); }

    /// Nonces become stale, sessions of login forms end.
    void end_sessions() { server_->site().end_sessions(); }

private:
    template <class Urls>
    static detail::httpmail_node* find(detail::httpmail_store& store, Urls& urls, std::string const& which)
    {
        if (auto* const special = store.special(which); special != nullptr)
            return special;
        if (which.starts_with('/'))
        {
            auto const place = urls.find(which);
            return place.is_folder() ? place.folder : nullptr;
        }
        return named(store.root(), which);
    }

    template <class Urls>
    static detail::httpmail_node& require(detail::httpmail_store& store, Urls& urls, std::string const& which)
    {
        auto* const node = find(store, urls, which);
        if (node == nullptr)
            throw error(errc::invalid_argument, "the mailbox has no folder " + which);
        return *node;
    }

    static detail::httpmail_node* named(detail::httpmail_node& above, std::string const& name)
    {
        for (auto const& child : above.children)
        {
            if (child->name == name)
                return child.get();
            if (auto* const deeper = named(*child, name); deeper != nullptr)
                return deeper;
        }
        return nullptr;
    }

    template <class Urls>
    static httpmail_folder snapshot(detail::httpmail_node const& node, Urls& urls)
    {
        httpmail_folder f;
        f.path     = urls.path(node);
        f.segment  = node.segment;
        f.name     = node.name;
        f.special  = node.special;
        f.modified = node.modified;
        for (auto const& item : node.items)
            f.items.push_back(*item);
        return f;
    }

    template <class Urls>
    static void collect(detail::httpmail_node const& node, Urls& urls, std::vector<httpmail_folder>& all)
    {
        for (auto const& child : node.children)
        {
            all.push_back(snapshot(*child, urls));
            collect(*child, urls, all);
        }
    }

    /// What a program that files mail on a plain WebDAV server stores beside it.
    void describe(httpmail_item& item) const
    {
        auto const& options = settings().values;
        auto const  header  = [&](char const* name) {
            return detail::httpmail_header(item.content, name, options, options.headers).value_or("");
        };
        auto const set = [&](std::string_view space, char const* name, std::string value) {
            item.properties[httpmail_name(space, name)] = std::move(value);
        };
        set(detail::httpmail_ns_header, "subject", header("Subject"));
        set(detail::httpmail_ns_header, "from", header("From"));
        set(detail::httpmail_ns_header, "to", header("To"));
        auto const date = detail::httpmail_read_date(header("Date")).value_or(item.received);
        set(detail::httpmail_ns_header, "date", detail::httpmail_write_date(date, options.dates));
        bool const mixed = header("Content-Type").find("multipart/mixed") != std::string::npos;
        set(detail::httpmail_ns_header, "hasattachment", mixed ? "1" : "0");
        set(detail::httpmail_ns_mail, "read", item.read ? "1" : "0");
    }

    std::shared_ptr<detail::httpmail_connections> server_;
};

} // namespace posthorn::testing

#endif
