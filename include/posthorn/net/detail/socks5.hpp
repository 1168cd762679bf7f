//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The client's side of SOCKS5 (RFC 1928, RFC 1929), without I/O.

#ifndef POSTHORN_NET_DETAIL_SOCKS5_HPP
#define POSTHORN_NET_DETAIL_SOCKS5_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/net/error.hpp>

#include <asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace posthorn::net::detail {

/** Write output(), read exactly wanted() octets, hand them to take(), until done(). No octet of what comes behind the
    proxy's answer is ever read. */
class socks5_dialogue
{
public:
    /// @throws error with errc::proxy_refused if host or login cannot be expressed.
    socks5_dialogue(std::string_view host, std::uint16_t port, std::string_view user, secret_string password)
        : user_(user), password_(std::move(password))
    {
        std::error_code no_address;
        auto const      address = asio::ip::make_address(host, no_address);
        request_                = std::string("\x05\x01\x00", 3);
        if (!no_address && address.is_v4())
            append('\x01', address.to_v4().to_bytes());
        else if (!no_address)
            append('\x04', address.to_v6().to_bytes());
        else
        {
            if (host.empty() || host.size() > 255)
                throw error(errc::proxy_refused, "SOCKS5 cannot carry a host name of this length");
            request_ += '\x03';
            request_ += static_cast<char>(static_cast<unsigned char>(host.size()));
            request_ += host;
        }
        request_ += static_cast<char>(static_cast<unsigned char>(port >> 8U));
        request_ += static_cast<char>(static_cast<unsigned char>(port & 0xffU));
        if (user_.size() > 255 || password_.size() > 255 || (!user_.empty() && password_.empty()))
            throw error(errc::proxy_login_refused, "SOCKS5 needs a user name and a password of 1 to 255 octets");
        // RFC 1928, 3: what the client can do. No login is offered as well: many proxies decide by address.
        output_ = user_.empty() ? secret_string(std::string_view("\x05\x01\x00", 3))
                                : secret_string(std::string_view("\x05\x02\x00\x02", 4));
    }

    /// To be written before reading.
    secret_string const& output() const noexcept { return output_; }

    /// How many octets to read next.
    std::size_t wanted() const noexcept { return wanted_; }

    bool done() const noexcept { return step_ == step::done; }

    /// @param octets wanted() of them. @throws error with an errc of proxies.
    void take(std::string_view octets)
    {
        output_.clear();
        auto const octet = [&](std::size_t i) { return static_cast<unsigned char>(octets[i]); };
        switch (step_)
        {
        case step::method:
            if (octet(0) != 5)
                throw error(errc::proxy_protocol, "it is no SOCKS5 proxy: the first octet is " + std::to_string(octet(0)));
            if (octet(1) == 0xff)
                throw error(errc::proxy_login_refused,
                            user_.empty() ? "it wants a login, and none was given" : "it accepts no login by password");
            if (octet(1) == 2 && !user_.empty())
                return log_in();
            if (octet(1) != 0)
                throw error(errc::proxy_protocol, "it chose a method that was not offered");
            return ask();
        case step::login:
            if (octet(1) != 0)
                throw error(errc::proxy_login_refused, "user name or password are wrong");
            return ask();
        case step::reply:
            if (octet(0) != 5)
                throw error(errc::proxy_protocol, "its reply is not SOCKS5");
            if (octet(1) != 0)
                throw error(errc::proxy_refused, reason(octet(1)));
            return skip_address(octet(3), octet(4));
        case step::address:
        case step::done: step_ = step::done; wanted_ = 0;
        }
    }

private:
    enum class step : unsigned char { method, login, reply, address, done };

    template <class Octets>
    void append(char type, Octets const& address)
    {
        request_ += type;
        for (auto const o : address)
            request_ += static_cast<char>(o);
    }

    void log_in()
    {
        output_ = secret_string("\x01");
        output_.push_back(static_cast<char>(static_cast<unsigned char>(user_.size())));
        output_.append(user_);
        output_.push_back(static_cast<char>(static_cast<unsigned char>(password_.size())));
        output_.append(password_.view());
        password_.clear();
        step_   = step::login;
        wanted_ = 2;
    }

    void ask()
    {
        output_ = secret_string(request_);
        step_   = step::reply;
        wanted_ = 5; // the shortest that tells how long it is
    }

    /// @param type Of the address that was bound. @param first Its first octet: the length of a name.
    void skip_address(unsigned type, unsigned first)
    {
        if (type != 1 && type != 3 && type != 4)
            throw error(errc::proxy_protocol, "its reply has an address of unknown type");
        step_   = step::address;
        wanted_ = type == 1 ? 3U + 2U : type == 4 ? 15U + 2U : first + 2U;
    }

    static std::string reason(unsigned code)
    {
        switch (code)
        {
        case 1: return "general failure";
        case 2: return "its rules do not allow this connection";
        case 3: return "the network is unreachable";
        case 4: return "the host is unreachable";
        case 5: return "the peer refused the connection";
        case 6: return "the time to live has expired";
        case 7: return "it does not know the command";
        case 8: return "it does not know the type of the address";
        default: return "reason " + std::to_string(code);
        }
    }

    std::string   user_;
    secret_string password_;
    std::string   request_;
    secret_string output_;
    std::size_t   wanted_ = 2;
    step          step_   = step::method;
};

} // namespace posthorn::net::detail

#endif
