//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The HTTPMail transport of old programs, on the modern mailbox.

#ifndef POSTHORN_LEGACY_HTTPMAIL_TRANSPORT_HPP
#define POSTHORN_LEGACY_HTTPMAIL_TRANSPORT_HPP

#include <posthorn/http/event.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/account.hpp>
#include <posthorn/legacy/detail/dav_requests.hpp>
#include <posthorn/legacy/detail/guarded.hpp>
#include <posthorn/legacy/detail/httpmail_arguments.hpp>
#include <posthorn/legacy/detail/httpmail_connection.hpp>
#include <posthorn/legacy/detail/httpmail_front.hpp>
#include <posthorn/legacy/detail/httpmail_requests.hpp>
#include <posthorn/legacy/detail/protocol_file.hpp>
#include <posthorn/legacy/detail/task_text.hpp>
#include <posthorn/legacy/detail/transport_object.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/transport_settings.hpp>
#include <posthorn/net/tls_context.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::legacy {

/** IHTTPMailTransport2. See IHTTPMailTransport for what it does, include/posthorn/legacy/README.md for each result.

    @par Threads
    It belongs to the thread that made it; its methods are to be called there. Callbacks come there, and only while it
    pumps; with an executor, see create_httpmail_transport().

    @par Lifetime
    As COM has it. The last Release may come from inside a callback; it ends everything without a word.
*/
class httpmail_transport final : public detail::transport_object<detail::httpmail_object, detail::httpmail_front>
{
public:
    /// For the calling thread.
    explicit httpmail_transport(transport_settings settings) : transport_object(std::move(settings)) {}

    /// For an executor.
    httpmail_transport(asio::any_io_executor const& ex, transport_settings settings) : transport_object(ex, std::move(settings)) {}

    // IInternetTransport ---------------------------------------------------------------------------------------

    STDMETHODIMP_(IXPTYPE) GetIXPType() override { return IXP_HTTPMail; }

    STDMETHODIMP InetServerFromAccount(IImnAccount* account, LPINETSERVER server) override
    {
        return detail::guarded([&] {
            if (account == nullptr || server == nullptr)
                return E_INVALIDARG;
            if (!front_->initialised)
                return IXP_E_NOT_INIT;
            return detail::httpmail_server_of(*account, *server);
        });
    }

    STDMETHODIMP Connect(LPINETSERVER server, boolean authenticate, boolean logging) override
    {
        return detail::guarded([&] {
            auto entry = server == nullptr ? std::nullopt : detail::entry_of(*server);
            if (!entry)
                return E_INVALIDARG;
            if (!front_->initialised || !front_->callback)
                return IXP_E_NOT_INIT;
            if (is_connected())
                return IXP_E_ALREADY_CONNECTED;
            start(*server, std::move(*entry), authenticate != FALSE, logging != FALSE);
            return S_OK;
        });
    }

    STDMETHODIMP Disconnect() override
    {
        return detail::guarded([&] {
            if (!front_->initialised)
                return IXP_E_NOT_INIT;
            if (!is_connected())
                return IXP_E_NOT_CONNECTED;
            auto const c = front_->connection;
            if (!c->is_leaving())
                c->leave();
            return S_OK;
        });
    }

    // IHTTPMailTransport ---------------------------------------------------------------------------------------

    STDMETHODIMP InitNew(LPCSTR user_agent, LPCSTR log_file, IHTTPMailCallback* callback) override
    {
        return detail::guarded([&] {
            if (user_agent == nullptr || callback == nullptr || !detail::is_field_value(user_agent))
                return E_INVALIDARG;
            if (is_connected())
                return IXP_E_ALREADY_CONNECTED;
            if (!has_sockets())
                return IXP_E_SOCKET_INIT_ERROR;
            std::string agent = user_agent;
            front_->log = log_file == nullptr ? nullptr : std::make_unique<detail::protocol_file>(log_file, "HTTPMAIL");
            front_->user_agent.swap(agent);
            front_->initialised = true;
            auto const before   = std::exchange(front_->callback, com_ptr<IHTTPMailCallback>(callback));
            return S_OK;
        });
    }

    STDMETHODIMP CommandGET(LPCSTR path, LPCSTR* accept_types, BOOL translate, DWORD context) override
    {
        return detail::guarded([&] {
            auto at     = detail::parse_path_url(path);
            auto accept = detail::parse_accept(accept_types);
            if (!at || !accept)
                return E_INVALIDARG;
            bool const source = translate != FALSE;
            return read(HTTPMAIL_GET, context, std::move(*at), [accept = *accept, source](connection& c, order& o) {
                return detail::do_get(c, o, accept, source);
            });
        });
    }

    STDMETHODIMP CommandPUT(LPCSTR path, LPVOID data, ULONG size, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at || data == nullptr || size == 0)
                return E_INVALIDARG;
            HRESULT const possible = is_possible();
            if (FAILED(possible))
                return possible;
            auto body = std::make_shared<detail::upload_body>(std::string(static_cast<char const*>(data), size));
            return upload(HTTPMAIL_PUT, context, std::move(*at), std::move(body), "PUT", http::headers());
        });
    }

    STDMETHODIMP CommandPOST(LPCSTR path, IStream* stream, LPCSTR content_type, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at || stream == nullptr || (content_type != nullptr && !detail::is_field_value(content_type)))
                return E_INVALIDARG;
            HRESULT const possible = is_possible();
            if (FAILED(possible))
                return possible;
            http::headers fields;
            if (content_type != nullptr)
                fields.set("Content-Type", content_type);
            auto body = std::make_shared<detail::upload_body>(std::string(), stream);
            return upload(HTTPMAIL_POST, context, std::move(*at), std::move(body), "POST", std::move(fields));
        });
    }

    STDMETHODIMP CommandDELETE(LPCSTR path, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at)
                return E_INVALIDARG;
            return change(HTTPMAIL_DELETE, context, std::move(*at), [](connection& c, order& o) { return detail::do_delete(c, o); });
        });
    }

    STDMETHODIMP CommandBDELETE(LPCSTR collection, LPHTTPTARGETLIST targets, DWORD context) override
    {
        return detail::guarded([&] {
            auto at   = detail::parse_path_url(collection);
            auto list = detail::parse_targets(targets, nullptr);
            if (!at || !list)
                return E_INVALIDARG;
            return change(HTTPMAIL_BDELETE, context, std::move(*at), [all = *list](connection& c, order& o) {
                return detail::do_bdelete(c, o, all);
            });
        });
    }

    STDMETHODIMP CommandPROPFIND(LPCSTR path, IPropFindRequest* request, DWORD depth, DWORD context) override
    {
        return detail::guarded([&] {
            auto       at    = detail::parse_path_url(path);
            auto const reach = detail::depth_of(depth, true);
            if (!at || request == nullptr || !reach)
                return E_INVALIDARG;
            std::string   body;
            HRESULT const written = xml_of(*request, body);
            if (FAILED(written))
                return written;
            std::string const word(dav::to_string(*reach));
            auto const        spaces = std::make_shared<detail::namespace_list const>(detail::namespaces_of(*request));
            return read(HTTPMAIL_PROPFIND, context, std::move(*at), [body, word, spaces](connection& c, order& o) {
                return detail::do_propfind(c, o, body, word, spaces);
            });
        });
    }

    STDMETHODIMP CommandPROPPATCH(LPCSTR path, IPropPatchRequest* request, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at || request == nullptr)
                return E_INVALIDARG;
            std::string   body;
            HRESULT const written = xml_of(*request, body);
            if (FAILED(written))
                return written;
            return change(HTTPMAIL_PROPPATCH, context, std::move(*at), [body](connection& c, order& o) {
                return detail::do_proppatch(c, o, body);
            });
        });
    }

    STDMETHODIMP CommandMKCOL(LPCSTR path, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at)
                return E_INVALIDARG;
            return change(HTTPMAIL_MKCOL, context, std::move(*at), [](connection& c, order& o) { return detail::do_mkcol(c, o); });
        });
    }

    STDMETHODIMP CommandCOPY(LPCSTR path, LPCSTR destination, BOOL allow_rename, DWORD context) override
    {
        return transfer(HTTPMAIL_COPY, path, destination, allow_rename, context);
    }

    STDMETHODIMP CommandBCOPY(LPCSTR collection, LPHTTPTARGETLIST targets, LPCSTR to, LPHTTPTARGETLIST destinations, BOOL allow_rename,
                              DWORD context) override
    {
        return bulk_transfer(HTTPMAIL_BCOPY, collection, targets, to, destinations, allow_rename, context);
    }

    STDMETHODIMP CommandMOVE(LPCSTR path, LPCSTR destination, BOOL allow_rename, DWORD context) override
    {
        return transfer(HTTPMAIL_MOVE, path, destination, allow_rename, context);
    }

    STDMETHODIMP CommandBMOVE(LPCSTR collection, LPHTTPTARGETLIST targets, LPCSTR to, LPHTTPTARGETLIST destinations, BOOL allow_rename,
                              DWORD context) override
    {
        return bulk_transfer(HTTPMAIL_BMOVE, collection, targets, to, destinations, allow_rename, context);
    }

    STDMETHODIMP GetProperty(HTTPMAILPROPTYPE type, LPSTR* text) override
    {
        return detail::guarded([&] {
            if (text != nullptr)
                *text = nullptr;
            if (!detail::is_text_property(type))
                return E_INVALIDARG;
            return property(type, text != nullptr, [&](httpmail::root_properties const& root) {
                std::string const value = detail::root_text(root, type);
                return value.empty() ? IXP_E_HTTP_ROOT_PROP_NOT_FOUND : detail::give_text(value, text);
            });
        });
    }

    STDMETHODIMP MemberInfo(LPCSTR path, MEMBERINFOFLAGS flags, DWORD depth, BOOL include_root, DWORD context) override
    {
        return members(path, flags, depth, include_root, context, detail::stamp_question());
    }

    STDMETHODIMP FindFolders(LPCSTR path, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at)
                return E_INVALIDARG;
            // HTTPMAIL_FINDFOLDERS is not used.
            return read(HTTPMAIL_MEMBERINFO, context, std::move(*at), [](connection& c, order& o) { return detail::do_find_folders(c, o); });
        });
    }

    STDMETHODIMP MarkRead(LPCSTR path, LPHTTPTARGETLIST targets, BOOL mark_read, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at || targets == nullptr)
                return E_INVALIDARG;
            bool const one  = targets->cTarget == 0;
            auto       list = one ? std::optional(std::vector<dav::target>()) : detail::parse_targets(targets, nullptr);
            if (!list)
                return E_INVALIDARG;
            bool const as_read = mark_read != FALSE;
            return change(HTTPMAIL_MARKREAD, context, std::move(*at), [all = *list, as_read](connection& c, order& o) {
                return detail::do_mark(c, o, all, as_read);
            });
        });
    }

    STDMETHODIMP SendMessage(LPCSTR path, LPCSTR from, LPHTTPTARGETLIST targets, BOOL save_in_sent, IStream* message, DWORD context) override
    {
        return detail::guarded([&] {
            auto at    = detail::parse_path_url(path);
            auto lines = detail::parse_envelope(from, targets);
            if (!at || !lines || message == nullptr)
                return E_INVALIDARG;
            HRESULT const possible = is_possible();
            if (FAILED(possible))
                return possible;
            http::headers fields;
            fields.set("SAVEINSENT", save_in_sent != FALSE ? "t" : "f");
            fields.set("Content-Type", "message/rfc821");
            auto body = std::make_shared<detail::upload_body>(std::move(*lines), message);
            return upload(HTTPMAIL_SENDMESSAGE, context, std::move(*at), std::move(body), "POST", std::move(fields));
        });
    }

    STDMETHODIMP ListContacts(LPCSTR path, DWORD context) override
    {
        return contacts(HTTPMAIL_LISTCONTACTS, path, dav::depth::one_noroot, context);
    }

    STDMETHODIMP ListContactInfos(LPCSTR collection, DWORD context) override
    {
        return contacts(HTTPMAIL_CONTACTINFO, collection, dav::depth::one_noroot, context);
    }

    STDMETHODIMP ContactInfo(LPCSTR path, DWORD context) override
    {
        return contacts(HTTPMAIL_CONTACTINFO, path, dav::depth::zero, context);
    }

    STDMETHODIMP PostContact(LPCSTR path, LPHTTPCONTACTINFO info, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at || info == nullptr || !detail::is_contact(*info))
                return E_INVALIDARG;
            return change(HTTPMAIL_POSTCONTACT, context, std::move(*at), [fields = detail::fields_of(*info)](connection& c, order& o) {
                return detail::do_post_contact(c, o, fields);
            });
        });
    }

    STDMETHODIMP PatchContact(LPCSTR path, LPHTTPCONTACTINFO info, DWORD context) override
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at || info == nullptr || !detail::is_contact(*info))
                return E_INVALIDARG;
            return change(HTTPMAIL_PATCHCONTACT, context, std::move(*at), [fields = detail::fields_of(*info)](connection& c, order& o) {
                return detail::do_patch_contact(c, o, fields);
            });
        });
    }

    STDMETHODIMP GetPropertyDw(HTTPMAILPROPTYPE type, LPDWORD number) override
    {
        return detail::guarded([&] {
            if (number != nullptr)
                *number = 0;
            if (type != HTTPMAIL_PROP_MAXPOLLINGINTERVAL)
                return E_INVALIDARG;
            return property(type, number != nullptr, [&](httpmail::root_properties const& root) {
                if (!root.polling_interval)
                    return IXP_E_HTTP_ROOT_PROP_NOT_FOUND;
                *number = static_cast<DWORD>(root.polling_interval->count());
                return S_OK;
            });
        });
    }

    // IHTTPMailTransport2 --------------------------------------------------------------------------------------

    STDMETHODIMP RootMemberInfo(LPCSTR path, MEMBERINFOFLAGS flags, DWORD depth, BOOL include_root, DWORD context, LPCSTR root_stamp,
                                LPCSTR inbox_stamp) override
    {
        return detail::guarded([&] {
            detail::stamp_question asked;
            asked.folder = "ACTIVE";
            if (!add_stamp(asked, "folders", root_stamp) || !add_stamp(asked, "ACTIVE", inbox_stamp))
                return E_INVALIDARG;
            return members(path, flags, depth, include_root, context, std::move(asked));
        });
    }

    STDMETHODIMP FolderMemberInfo(LPCSTR path, MEMBERINFOFLAGS flags, DWORD depth, BOOL include_root, DWORD context, LPCSTR folder_stamp,
                                  LPCSTR folder_name) override
    {
        return detail::guarded([&] {
            detail::stamp_question asked;
            asked.folder = folder_name == nullptr ? "" : folder_name;
            if (!add_stamp(asked, asked.folder, folder_stamp))
                return E_INVALIDARG;
            return members(path, flags, depth, include_root, context, std::move(asked));
        });
    }

private:
    using connection = detail::httpmail_connection;
    using order      = detail::httpmail_order;

    ~httpmail_transport() override = default;

    bool has_sockets() const
    {
        std::error_code ec;
        for (auto const& kind : {asio::ip::tcp::v4(), asio::ip::tcp::v6()})
        {
            asio::ip::tcp::socket probe(front_->box->io());
            probe.open(kind, ec);
            if (!ec)
                return true;
        }
        return false;
    }

    // Connect --------------------------------------------------------------------------------------------------

    httpmail::mailbox_settings settings_for(INETSERVER const& s, bool authenticate,
                                            std::shared_ptr<detail::certificate_opinions> const& opinions,
                                            std::shared_ptr<std::weak_ptr<connection>> const& whose) const
    {
        httpmail::mailbox_settings m;
        auto&                      web = m.http;
        if (authenticate && s.szUserName[0] != '\0')
            web.login = sasl::credentials(s.szUserName, secret_string(s.szPassword));
        web.rules.allow_plaintext = front_->settings.allow_plaintext_logon;
        web.rules.digest_hosts    = front_->settings.digest_hosts;
        web.tls                   = front_->settings.tls;
        web.tls.tolerate          = [opinions](net::certificate_flaw flaw) {
            opinions->seen.insert(flaw);
            return opinions->fine.contains(flaw);
        };
        web.on_event = [whose](http::event const& e) {
            bool const sent = e.what == http::event::kind::request_head;
            if (!sent && e.what != http::event::kind::response_head)
                return;
            std::string const line(e.text.substr(0, e.text.find("\r\n")));
            if (auto const c = whose->lock())
                c->line(sent ? CMD_SEND : CMD_RESP, line, sent ? S_OK : detail::meaning_of_status_line(line));
        };
        web.user_agent = front_->user_agent;
        // The watchdog has the client's own idea of time.
        constexpr auto never = std::chrono::steady_clock::duration::max();
        auto&          t     = web.timeouts;
        t.connect                      = t.connect.zero(); // none
        web.connection.attempt_timeout = std::chrono::milliseconds(0);
        t.handshake = t.head = t.idle = never;
        m.connections                             = connection::most_at_once;
        return m;
    }

    void start(INETSERVER const& s, http::url entry, bool authenticate, bool logging)
    {
        auto const opinions = std::make_shared<detail::certificate_opinions>();
        auto const whose    = std::make_shared<std::weak_ptr<connection>>();
        auto       settings = settings_for(s, authenticate, opinions, whose);
        if (entry.secure()) // what is wrong with the settings is to be known at once
            settings.http.tls_context.emplace(settings.http.tls);
        secure_wipe(front_->server.szPassword, sizeof front_->server.szPassword);
        front_->server      = s;
        front_->has_server  = true;
        front_->wants_lines = logging;
        front_->forget_session();
        auto const c = std::make_shared<connection>(front_, authenticate, std::move(entry), std::move(settings), opinions);
        *whose           = c;
        front_->on_quiet = [weak = std::weak_ptr<connection>(c)] {
            if (auto const there = weak.lock())
                there->hear_quiet();
        };
        front_->status     = IXP_CONNECTING;
        front_->connection = c;
        try
        {
            c->start();
        }
        catch (...)
        {
            drop();
            front_->status = IXP_DISCONNECTED;
            throw;
        }
    }

    // Requests -------------------------------------------------------------------------------------------------

    HRESULT is_possible() const
    {
        if (!front_->initialised)
            return IXP_E_NOT_INIT;
        if (!is_connected() || front_->connection->is_leaving())
            return IXP_E_NOT_CONNECTED;
        return S_OK;
    }

    HRESULT submit(std::shared_ptr<order> o)
    {
        HRESULT const possible = is_possible();
        if (FAILED(possible))
            return possible;
        front_->connection->submit(std::move(o));
        ++front_->pending;
        return S_OK;
    }

    HRESULT read(HTTPMAILCOMMAND command, DWORD context, http::url at, order::runner run)
    {
        auto o   = std::make_shared<order>(command, context, std::move(at), std::move(run));
        o->reads = true;
        return submit(std::move(o));
    }

    HRESULT change(HTTPMAILCOMMAND command, DWORD context, http::url at, order::runner run)
    {
        return submit(std::make_shared<order>(command, context, std::move(at), std::move(run)));
    }

    HRESULT upload(HTTPMAILCOMMAND command, DWORD context, http::url at, std::shared_ptr<detail::upload_body> body, std::string method,
                   http::headers fields)
    {
        auto run = [method = std::move(method), fields = std::move(fields)](connection& c, order& o) {
            return detail::do_upload(c, o, method, fields);
        };
        auto o  = std::make_shared<order>(command, context, std::move(at), std::move(run));
        o->body = std::move(body);
        return submit(std::move(o));
    }

    template <class Request>
    static HRESULT xml_of(Request& request, std::string& body)
    {
        LPSTR         xml    = nullptr;
        HRESULT const result = request.GenerateXML(&xml);
        if (SUCCEEDED(result) && xml != nullptr)
            body = xml;
        CoTaskMemFree(xml);
        return FAILED(result) ? result : body.empty() ? E_INVALIDARG : S_OK;
    }

    HRESULT transfer(HTTPMAILCOMMAND command, LPCSTR path, LPCSTR destination, BOOL allow_rename, DWORD context)
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            auto to = detail::parse_path_url(destination);
            if (!at || !to)
                return E_INVALIDARG;
            bool const rename = allow_rename != FALSE;
            return change(command, context, std::move(*at), [where = *to, rename](connection& c, order& o) {
                return detail::do_transfer(c, o, where, rename);
            });
        });
    }

    HRESULT bulk_transfer(HTTPMAILCOMMAND command, LPCSTR collection, LPHTTPTARGETLIST targets, LPCSTR to, LPHTTPTARGETLIST destinations,
                          BOOL allow_rename, DWORD context)
    {
        return detail::guarded([&] {
            auto at    = detail::parse_path_url(collection);
            auto where = detail::parse_path_url(to);
            auto list  = detail::parse_targets(targets, destinations);
            if (!at || !where || !list)
                return E_INVALIDARG;
            bool const rename = allow_rename != FALSE;
            return change(command, context, std::move(*at), [folder = *where, all = *list, rename](connection& c, order& o) {
                return detail::do_bulk_transfer(c, o, folder, all, rename);
            });
        });
    }

    /// @param at_once Whether it may be told at once. @param give Tells it.
    template <class F>
    HRESULT property(HTTPMAILPROPTYPE type, bool at_once, F&& give)
    {
        if (!front_->initialised)
            return IXP_E_NOT_INIT;
        if (!is_connected() || front_->connection->is_leaving())
            return E_FAIL; // the server is not available
        if (auto const root = front_->root; root && at_once)
            return std::forward<F>(give)(*root);
        auto          entry  = detail::entry_of(front_->server);
        HRESULT const result = read(HTTPMAIL_GETPROP, 0, entry ? std::move(*entry) : http::url(), [type](connection& c, order& o) {
            return detail::do_root(c, o, type);
        });
        return FAILED(result) ? result : E_PENDING;
    }

    HRESULT members(LPCSTR path, MEMBERINFOFLAGS flags, DWORD depth, BOOL include_root, DWORD context, detail::stamp_question asked)
    {
        return detail::guarded([&] {
            auto       at    = detail::parse_path_url(path);
            auto const reach = detail::depth_of(depth, include_root != FALSE);
            if (!at || !reach)
                return E_INVALIDARG;
            return read(HTTPMAIL_MEMBERINFO, context, std::move(*at), [flags, how = *reach, asked](connection& c, order& o) {
                return detail::do_members(c, o, flags, how, asked);
            });
        });
    }

    static bool add_stamp(detail::stamp_question& asked, std::string const& name, LPCSTR stamp)
    {
        if (stamp == nullptr)
            return true;
        std::string const text = stamp;
        if (name.empty() || text.empty() || text.find_first_not_of("0123456789") != text.npos || !detail::is_field_value(name))
            return false;
        asked.field += (asked.field.empty() ? "" : ", ") + name + "=" + text;
        return true;
    }

    HRESULT contacts(HTTPMAILCOMMAND command, LPCSTR path, dav::depth depth, DWORD context)
    {
        return detail::guarded([&] {
            auto at = detail::parse_path_url(path);
            if (!at)
                return E_INVALIDARG;
            return read(command, context, std::move(*at), [depth](connection& c, order& o) { return detail::do_contacts(c, o, depth); });
        });
    }
};

} // namespace posthorn::legacy

#endif
