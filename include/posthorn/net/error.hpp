//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What can go wrong on the way to a peer: names, addresses, connections.

#ifndef POSTHORN_NET_ERROR_HPP
#define POSTHORN_NET_ERROR_HPP

#include <posthorn/core/error.hpp>

#include <string>
#include <system_error>
#include <type_traits>

namespace posthorn::net {

/// Errors of finding and reaching a peer.
enum class errc
{
    resolve_temporary = 1, ///< The name could not be looked up now; it may work later.
    resolve_permanent,     ///< The name does not exist, or has no address at all.
    resolve_timed_out,     ///< No answer about the name came in time.
    no_addresses,          ///< The peer has no address that the options allow.
    connect_failed,        ///< No address could be connected to.
    connect_timed_out,     ///< No address answered in time.
    no_source_address,     ///< An address was left out: no local address of its family is configured.
    bad_url,               ///< A URL does not follow its grammar.
    bad_host_name,         ///< A host is neither a name nor an address.
    proxy_refused,         ///< The proxy did not connect to the peer.
    proxy_login_refused,   ///< The proxy wants a login, or refused the one it got.
    proxy_protocol,        ///< What answers does not speak the protocol of the proxy.
    bad_port               ///< A port is neither a number from 1 to 65535 nor the name of a service.
};

namespace detail {

class net_category_type final : public std::error_category
{
public:
    char const* name() const noexcept override { return "posthorn.net"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value))
        {
        case errc::resolve_temporary: return "the host name cannot be looked up at present";
        case errc::resolve_permanent: return "the host name cannot be resolved";
        case errc::resolve_timed_out: return "looking up the host name took too long";
        case errc::no_addresses: return "the peer has no usable address";
        case errc::connect_failed: return "no connection could be made";
        case errc::connect_timed_out: return "no connection could be made in time";
        case errc::no_source_address: return "no local address of this family is configured";
        case errc::proxy_refused: return "the proxy did not make the connection";
        case errc::proxy_login_refused: return "the proxy did not accept the login";
        case errc::proxy_protocol: return "the proxy does not speak the protocol that was expected";
        case errc::bad_url: return "malformed URL";
        case errc::bad_host_name: return "malformed host name or address";
        case errc::bad_port: return "malformed port or service name";
        }
        return "unknown network error";
    }

    bool equivalent(int value, std::error_condition const& asked) const noexcept override
    {
        auto const is = [&](condition c) { return asked == make_error_condition(c); };
        switch (static_cast<errc>(value))
        {
        case errc::resolve_temporary:
        case errc::proxy_refused:
        case errc::connect_failed: return is(condition::unreachable) || is(condition::temporary);
        case errc::resolve_timed_out:
        case errc::connect_timed_out:
            return is(condition::unreachable) || is(condition::temporary) || is(condition::timeout);
        case errc::resolve_permanent:
        case errc::proxy_login_refused:
        case errc::proxy_protocol:
        case errc::no_addresses:
        case errc::no_source_address: return is(condition::unreachable) || is(condition::permanent);
        case errc::bad_url:
        case errc::bad_host_name:
        case errc::bad_port: return is(condition::permanent);
        }
        return false;
    }
};

} // namespace detail

/// The category of net::errc.
inline std::error_category const& net_category() noexcept
{
    static detail::net_category_type const instance;
    return instance;
}

inline std::error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), net_category()};
}

} // namespace posthorn::net

template <>
struct std::is_error_code_enum<posthorn::net::errc> : std::true_type
{
};

#endif
