//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The SMTP transport of old programs, on the modern session.

#ifndef POSTHORN_LEGACY_SMTP_TRANSPORT_HPP
#define POSTHORN_LEGACY_SMTP_TRANSPORT_HPP

#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/account.hpp>
#include <posthorn/legacy/detail/guarded.hpp>
#include <posthorn/legacy/detail/protocol_file.hpp>
#include <posthorn/legacy/detail/pump_queue.hpp>
#include <posthorn/legacy/detail/smtp_arguments.hpp>
#include <posthorn/legacy/detail/smtp_connection.hpp>
#include <posthorn/legacy/detail/smtp_front.hpp>
#include <posthorn/legacy/detail/transport_object.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/transport_settings.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/sasl/ntlm.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::legacy {

/** ISMTPTransport2. See ISMTPTransport for what it does, include/posthorn/legacy/README.md for each result.

    @par Threads
    It belongs to the thread that made it, or that called SetWindow last; its methods are to be called on that one. Callbacks
    come there, and only while it pumps; with an executor, see create_smtp_transport().

    @par Lifetime
    As COM has it. The last Release may come from inside a callback; it closes a connection without a word.
*/
class smtp_transport final : public detail::transport_object<detail::smtp_object, detail::smtp_front>
{
public:
    /// For the calling thread.
    explicit smtp_transport(transport_settings settings) : transport_object(std::move(settings)) {}

    /// For an executor.
    smtp_transport(asio::any_io_executor const& ex, transport_settings settings) : transport_object(ex, std::move(settings)) {}

    // IInternetTransport ---------------------------------------------------------------------------------------

    STDMETHODIMP_(IXPTYPE) GetIXPType() override { return IXP_SMTP; }

    STDMETHODIMP InetServerFromAccount(IImnAccount* account, LPINETSERVER server) override
    {
        if (account == nullptr || server == nullptr)
            return E_INVALIDARG;
        if (!front_->initialised)
            return IXP_E_NOT_INIT;
        return detail::smtp_server_of(*account, *server);
    }

    STDMETHODIMP Connect(LPINETSERVER server, boolean authenticate, boolean logging) override
    {
        return detail::guarded([&] {
            if (server == nullptr || !is_usable(*server))
                return E_INVALIDARG;
            if (!front_->initialised || !front_->callback)
                return IXP_E_NOT_INIT;
            if (is_connected())
                return IXP_E_ALREADY_CONNECTED;
            if (authenticate != FALSE && server->fTrySicily && !can_use_ntlm(*server))
                return IXP_E_LOAD_SICILY_FAILED;
            HRESULT const sockets = try_sockets(*server);
            if (FAILED(sockets))
                return sockets;
            start(*server, authenticate != FALSE, logging != FALSE);
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
            if (front_->connection->is_leaving())
                return S_OK;
            front_->tell([c = front_->connection](detail::smtp_front& f) {
                if (f.connection == c) // else IXP_DISCONNECTED was on its way already
                    f.set_status(IXP_DISCONNECTING);
            });
            front_->connection->leave();
            return S_OK;
        });
    }

    // ISMTPTransport -------------------------------------------------------------------------------------------

    STDMETHODIMP InitNew(LPSTR log_file, ISMTPCallback* callback) override
    {
        return detail::guarded([&] {
            if (callback == nullptr)
                return E_INVALIDARG;
            if (is_connected())
                return IXP_E_ALREADY_CONNECTED;
            front_->log         = log_file == nullptr ? nullptr : std::make_unique<detail::protocol_file>(log_file, "SMTP");
            front_->initialised = true;
            auto const before   = std::exchange(front_->callback, com_ptr<ISMTPCallback>(callback));
            return S_OK;
        });
    }

    STDMETHODIMP SendMessage(LPSMTPMESSAGE message) override
    {
        return detail::guarded([&] {
            if (message == nullptr || message->pstmMsg == nullptr)
                return E_INVALIDARG;
            auto l = std::make_shared<detail::letter>();
            return send(*message, std::move(l));
        });
    }

    STDMETHODIMP CommandMAIL(LPSTR from) override
    {
        return detail::guarded([&] {
            auto const mail = from == nullptr ? std::nullopt : detail::parse_mail(from);
            if (!mail)
                return E_INVALIDARG;
            return command([m = *mail](connection& c) { return c.exchange(SMTP_MAIL, c.session()->mail(m.path, m.parameters)); });
        });
    }

    STDMETHODIMP CommandRCPT(LPSTR to) override { return recipient(to, ADDR_TO); }

    STDMETHODIMP CommandEHLO() override
    {
        return detail::guarded([&] { return command([](connection& c) { return c.introduce(SMTP_EHLO); }); });
    }

    STDMETHODIMP CommandHELO() override
    {
        return detail::guarded([&] { return command([](connection& c) { return c.introduce(SMTP_HELO); }); });
    }

    STDMETHODIMP CommandAUTH(LPSTR mechanism) override
    {
        return detail::guarded([&] {
            auto const order = mechanism == nullptr ? nullptr : detail::parse_auth(mechanism);
            if (!order)
                return E_INVALIDARG;
            return command([order](connection& c) { return c.log_on_by(order); });
        });
    }

    STDMETHODIMP CommandQUIT() override
    {
        return detail::guarded([&] { return command([](connection& c) { return c.quit(); }); });
    }

    STDMETHODIMP CommandRSET() override
    {
        return detail::guarded([&] { return command([](connection& c) { return c.exchange(SMTP_RSET, c.session()->rset()); }); });
    }

    STDMETHODIMP CommandDATA() override
    {
        return detail::guarded([&] { return command([](connection& c) { return c.exchange(SMTP_DATA, c.session()->open_data()); }); });
    }

    STDMETHODIMP CommandDOT() override
    {
        return detail::guarded([&] { return submit([](connection& c) { return c.finish_data(nullptr); }, true, nullptr); });
    }

    STDMETHODIMP SendDataStream(IStream* stream, ULONG size) override
    {
        return detail::guarded([&] {
            if (stream == nullptr)
                return E_INVALIDARG;
            HRESULT const possible = is_possible(true);
            if (FAILED(possible))
                return possible;
            auto const source = std::make_shared<detail::stream_source>(stream, size);
            return submit([source](connection& c) { return c.finish_data(source); }, true, source);
        });
    }

    // ISMTPTransport2 ------------------------------------------------------------------------------------------

    STDMETHODIMP SetWindow() override
    {
        return detail::guarded([&] {
            if (!front_->initialised)
                return IXP_E_NOT_INIT;
            if (!pumped_)
                return E_FAIL; // it has an executor, and no need of a window
            if (front_->box->is_running_elsewhere())
                return E_UNEXPECTED;
            front_->box->move_to(detail::pump_queue::of_this_thread());
            bool const lost = front_->ready && !front_->busy && front_->connection && !front_->connection->is_leaving() &&
                              !front_->connection->looks_alive();
            return lost ? IXP_E_CONN : S_OK;
        });
    }

    STDMETHODIMP ResetWindow() override
    {
        return detail::guarded([&] {
            if (!front_->initialised)
                return IXP_E_NOT_INIT;
            if (!pumped_ || front_->box->is_held() || front_->box->is_running_elsewhere())
                return E_UNEXPECTED;
            front_->box->hold();
            return S_OK;
        });
    }

    STDMETHODIMP SendMessage2(LPSMTPMESSAGE2 message) override
    {
        return detail::guarded([&] {
            if (message == nullptr || message->smtpMsg.pstmMsg == nullptr)
                return E_INVALIDARG;
            auto l = std::make_shared<detail::letter>();
            if (message->pszDSNENVID != nullptr)
                l->parameters.envid = message->pszDSNENVID;
            switch (message->dsnRet)
            {
            case DSNRET_DEFAULT: break;
            case DSNRET_HDRS: l->parameters.ret = smtp::return_content::headers; break;
            case DSNRET_FULL: l->parameters.ret = smtp::return_content::full; break;
            default: return E_INVALIDARG;
            }
            if (!detail::can_write(smtp::reverse_path(), l->parameters))
                return E_INVALIDARG;
            return send(message->smtpMsg, std::move(l));
        });
    }

    STDMETHODIMP CommandRCPT2(LPSTR to, INETADDRTYPE dsn) override { return recipient(to, dsn); }

private:
    using connection = detail::smtp_connection;

    ~smtp_transport() override = default;

    // Connect --------------------------------------------------------------------------------------------------

    static bool is_usable(INETSERVER const& s)
    {
        auto const name = detail::text_in(s.szServerName);
        if (!name || name->empty() || s.dwPort == 0 || s.dwPort > 65535 || !detail::text_in(s.szUserName) ||
            !detail::text_in(s.szPassword) || !detail::text_in(s.szAccount))
            return false;
        return net::check_host(*name).offence == net::host_offence::none;
    }

    /// What NTLM does before it has heard anything of the server.
    static bool can_use_ntlm(INETSERVER const& s)
    {
        if (s.szUserName[0] == '\0') // not known yet
            return true;
        try
        {
            sasl::ntlm ntlm(sasl::credentials(s.szUserName, secret_string(s.szPassword)));
            return ntlm.initial_response().has_value();
        }
        catch (error const&)
        {
            return false;
        }
    }

    /// Finds out what can be known without waiting.
    HRESULT try_sockets(INETSERVER const& s) const
    {
        std::error_code ec;
        auto const&     io = front_->box->io();
        auto const      to = asio::ip::make_address(s.szServerName, ec);
        bool const      literal = !ec;
        bool const      v6      = literal && to.is_v6();
        auto const      opens   = [&](asio::ip::tcp const& family) {
            asio::ip::tcp::socket probe(io);
            probe.open(family, ec);
            return !ec;
        };
        // What a name stands for is not known yet, and a system may lack one of the families.
        if (literal ? !opens(v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4()) : !opens(asio::ip::tcp::v4()) && !opens(asio::ip::tcp::v6()))
            return IXP_E_SOCKET_INIT_ERROR;
        if (!literal)
            return S_OK;
        // To connect a datagram socket sends nothing, but asks for a route.
        asio::ip::udp::socket route(io);
        route.open(v6 ? asio::ip::udp::v6() : asio::ip::udp::v4(), ec);
        if (ec)
            return IXP_E_SOCKET_INIT_ERROR;
        route.connect(asio::ip::udp::endpoint(to, static_cast<std::uint16_t>(s.dwPort)), ec);
        return ec ? IXP_E_SOCKET_CONNECT_ERROR : S_OK;
    }

    void start(INETSERVER const& s, bool authenticate, bool logging)
    {
        std::optional<net::tls_context> trust;
        auto const                      flaws = std::make_shared<std::vector<net::certificate_flaw>>();
        if (s.fSSL || (s.dwFlags & ISF_SSLONSAMEPORT) != 0)
        {
            auto how     = front_->settings.tls;
            how.tolerate = [flaws](net::certificate_flaw flaw) {
                flaws->push_back(flaw);
                return true;
            };
            trust.emplace(how);
        }
        auto const c = std::make_shared<connection>(front_, authenticate, std::move(trust), flaws);
        front_->on_quiet = [weak = std::weak_ptr<connection>(c)] {
            if (auto const there = weak.lock())
                there->hear_quiet();
        };
        front_->server        = s;
        front_->has_server    = true;
        front_->wants_lines   = logging;
        front_->authenticated = front_->ready = front_->connected = false;
        front_->busy       = true;
        front_->status     = IXP_FINDINGHOST;
        front_->connection = c;
        try
        {
            c->start();
        }
        catch (...)
        {
            front_->connection.reset();
            front_->busy   = false;
            front_->status = IXP_DISCONNECTED;
            throw;
        }
    }

    // Commands -------------------------------------------------------------------------------------------------

    /// Can a command be given? @param content One that goes on after DATA; all others cannot then.
    HRESULT is_possible(bool content)
    {
        if (!front_->initialised)
            return IXP_E_NOT_INIT;
        if (!is_connected())
            return IXP_E_NOT_CONNECTED;
        if (front_->busy || front_->connection->is_leaving())
            return IXP_E_BUSY;
        if (front_->connection->content_open() != content)
            return IXP_E_INVALID_STATE;
        return S_OK;
    }

    /// @param stream What the client's stream is read by, if there is one.
    HRESULT submit(connection::request r, bool in_content, std::shared_ptr<detail::stream_source> stream)
    {
        HRESULT const possible = is_possible(in_content);
        if (FAILED(possible))
            return possible;
        if (!front_->connection->looks_alive())
            return IXP_E_SOCKET_WRITE_ERROR;
        front_->connection->submit(std::move(r), std::move(stream));
        front_->busy = true;
        return S_OK;
    }

    HRESULT command(connection::request r) { return submit(std::move(r), false, nullptr); }

    HRESULT recipient(LPSTR to, INETADDRTYPE dsn)
    {
        return detail::guarded([&] {
            auto const rcpt = to == nullptr ? std::nullopt : detail::parse_rcpt(to, dsn);
            if (!rcpt)
                return E_INVALIDARG;
            HRESULT const possible = is_possible(false);
            if (FAILED(possible))
                return possible;
            if (!front_->connection->looks_alive())
                return IXP_E_SOCKET_WRITE_ERROR;
            if (rcpt->parameters.notify_on != smtp::notify::unspecified && !offers_dsn())
                return IXP_S_SMTP_NO_DSN_SUPPORT;
            return command([r = *rcpt](connection& c) { return c.exchange(SMTP_RCPT, c.session()->rcpt(r.address, r.parameters)); });
        });
    }

    bool offers_dsn() const { return front_->connection->session()->capabilities().has(smtp::feature::dsn); }

    HRESULT send(SMTPMESSAGE const& m, std::shared_ptr<detail::letter> l)
    {
        bool          has_sender = false;
        HRESULT const addresses  = detail::read_addresses(m.rAddressList, *l, has_sender);
        HRESULT const possible   = is_possible(false);
        if (FAILED(addresses))
            return addresses;
        if (FAILED(possible))
            return possible;
        if (!front_->connection->looks_alive())
            return IXP_E_NOT_CONNECTED;
        if (detail::wants_dsn(*l) && !offers_dsn())
            return IXP_S_SMTP_NO_DSN_SUPPORT;
        if (!has_sender || l->recipients.empty())
        {
            HRESULT const missing = has_sender ? IXP_E_SMTP_NO_RECIPIENTS : IXP_E_SMTP_NO_SENDER;
            return command([missing](connection& c) { return c.answer(SMTP_SEND_MESSAGE, missing); });
        }
        l->content = std::make_shared<detail::stream_source>(m.pstmMsg, m.cbSize);
        return submit([l](connection& c) { return c.send(l); }, false, l->content);
    }
};

} // namespace posthorn::legacy

#endif
