//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// From a host name to addresses, without blocking the executor and with errors that say what to do.

#ifndef POSTHORN_NET_RESOLVE_HPP
#define POSTHORN_NET_RESOLVE_HPP

#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/coro/this_coro.hpp>
#include <posthorn/coro/use_task.hpp>
#include <posthorn/coro/with_timeout.hpp>
#include <posthorn/net/detail/executor.hpp>
#include <posthorn/net/endpoint.hpp>
#include <posthorn/net/error.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/bind_executor.hpp>
#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/resolver_base.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace posthorn::net {

using asio::ip::tcp;

/// Which kinds of addresses may be used.
enum class address_family : unsigned char
{
    any,
    v4,
    v6
};

/// A caller's own way to look up names: the addresses in the order in which they should be tried.
using resolver_function =
    std::function<task<std::vector<tcp::endpoint>>(std::string host, std::string service)>;

/// How a host name is looked up.
struct resolve_options
{
    resolve_options() = default;

    address_family            family = address_family::any;
    std::chrono::milliseconds timeout {30'000}; ///< For the whole lookup; zero: no limit.

    /// Used instead of the system's resolver if set. What it throws with a code of net::errc is passed on
    /// unchanged; other failures count as temporary. It is not asked about addresses.
    resolver_function resolver;
};

/// A name that gave no address: what() names the host and the reason.
class resolve_error : public error
{
public:
    resolve_error(errc code, std::string const& host, std::error_code reason)
        : error(make_error_code(code), describe(host, reason)), reason_(reason)
    {
    }

    /// What the resolver reported; empty if it reported nothing.
    std::error_code reason() const noexcept { return reason_; }

private:
    static error_context describe(std::string const& host, std::error_code reason)
    {
        error_context c;
        c.phase = "resolving " + printable(host, 253);
        if (reason)
            c.detail = reason.message();
        return c;
    }

    std::error_code reason_;
};

namespace detail {

/** One lookup by Asio's resolver, which ignores cancellation slots and cannot interrupt the system's call.

    When it is cancelled, the handler is completed at once and what the system still does is forgotten.
*/
template <class Handler>
class lookup : public std::enable_shared_from_this<lookup<Handler>>
{
public:
    using results = tcp::resolver::results_type;
    using flags   = asio::ip::resolver_base::flags;

    lookup(asio::any_io_executor const& ex, Handler&& handler)
        : executor_(ex), resolver_(ex), handler_(std::move(handler))
    {
    }

    void start(std::string const& host, std::string const& service, address_family family, flags how)
    {
        // Weak: the signal belongs to the chain, and the chain to the handler kept here.
        if (auto slot = asio::get_associated_cancellation_slot(*handler_); slot.is_connected())
            slot.assign([weak = this->weak_from_this()](asio::cancellation_type_t) {
                if (auto const self = weak.lock())
                    self->give_up();
            });
        auto done = asio::bind_executor(
            executor_, [self = this->shared_from_this()](std::error_code const& ec, results found) {
                self->finish(ec, std::move(found));
            });
        if (family == address_family::any)
            resolver_.async_resolve(host, service, how, std::move(done));
        else
            resolver_.async_resolve(family == address_family::v4 ? tcp::v4() : tcp::v6(), host, service, how,
                                    std::move(done));
    }

private:
    void finish(std::error_code ec, results found)
    {
        if (auto handler = take())
            std::move (*handler)(ec, std::move(found));
    }

    void give_up()
    {
        if (auto handler = take())
        {
            resolver_.cancel();
            asio::post(executor_, [h = std::move(*handler)]() mutable {
                std::move(h)(std::error_code(asio::error::operation_aborted), results());
            });
        }
    }

    std::optional<Handler> take() noexcept
    {
        std::optional<Handler> taken;
        if (handler_)
        {
            taken.emplace(std::move(*handler_));
            handler_.reset();
        }
        return taken;
    }

    asio::any_io_executor  executor_;
    tcp::resolver          resolver_;
    std::optional<Handler> handler_;
};

struct initiate_lookup
{
    template <class Handler>
    void operator()(Handler&& handler, asio::any_io_executor const& ex, std::string const& host,
                    std::string const& service, address_family family,
                    asio::ip::resolver_base::flags how) const
    {
        using type = lookup<std::decay_t<Handler>>;
        std::make_shared<type>(ex, std::forward<Handler>(handler))->start(host, service, family, how);
    }
};

/// Will the same lookup fail again?
inline errc kind_of_resolve_failure(std::error_code ec) noexcept
{
    bool const permanent =
        ec == asio::error::host_not_found || ec == asio::error::no_data || ec == asio::error::no_recovery ||
        ec == asio::error::service_not_found || ec == asio::error::socket_type_not_supported ||
        ec == asio::error::invalid_argument || ec == asio::error::address_family_not_supported;
    return permanent ? errc::resolve_permanent : errc::resolve_temporary;
}

/// Asks the system.
inline task<std::vector<tcp::endpoint>> system_resolve(std::string host, std::string service,
                                                       address_family family, bool literal)
{
    using flags = asio::ip::resolver_base::flags;
    auto const ex = co_await this_coro::executor;
    auto const io = io_executor(ex, "looking up a name");
    flags how = literal ? asio::ip::resolver_base::numeric_host : asio::ip::resolver_base::address_configured;
    if (parse_port(service))
        how |= asio::ip::resolver_base::numeric_service;
    using signature = void(std::error_code, tcp::resolver::results_type);
    auto operation = asio::async_initiate<use_task_t const&, signature>(initiate_lookup(), use_task, io, host,
                                                                        service, family, how);
    auto const found = co_await std::move(operation);
    std::vector<tcp::endpoint> endpoints;
    endpoints.reserve(found.size());
    for (auto const& entry : found)
        endpoints.push_back(entry.endpoint());
    co_return endpoints;
}

inline void keep_family(std::vector<tcp::endpoint>& endpoints, address_family family)
{
    if (family != address_family::any)
        std::erase_if(endpoints, [family](tcp::endpoint const& e) {
            return e.address().is_v6() != (family == address_family::v6);
        });
}

/// The addresses of a peer whose syntax is right.
inline task<std::vector<tcp::endpoint>> lookup_addresses(host_port const& peer,
                                                         resolve_options const& options)
{
    std::error_code            none;
    auto const                 address = asio::ip::make_address(peer.host(), none);
    bool const                 literal = !none;
    auto const                 port    = peer.port();
    std::vector<tcp::endpoint> found;
    if (literal && port)
        found.emplace_back(address, *port);
    else if (!literal && options.resolver)
        found = co_await options.resolver(peer.host(), peer.service());
    else
    {
        std::string const service = port ? std::to_string(*port) : peer.service();
        found = co_await system_resolve(peer.host(), service, options.family, literal);
    }
    keep_family(found, options.family);
    co_return found;
}

inline task<std::vector<tcp::endpoint>> resolve(host_port peer, resolve_options options)
{
    std::error_code            failure;
    std::vector<tcp::endpoint> found;
    try
    {
        if (options.timeout.count() > 0)
            found = co_await with_timeout(lookup_addresses(peer, options), bounded(options.timeout));
        else
            found = co_await lookup_addresses(peer, options);
    }
    catch (std::system_error const& e)
    {
        failure = e.code();
        if (failure.category() == net_category() || failure == posthorn::errc::no_executor)
            throw;
    }
    if (failure == posthorn::errc::timeout)
        throw resolve_error(errc::resolve_timed_out, peer.host(), std::error_code());
    if (failure == condition::canceled)
        throw error(posthorn::errc::canceled, "resolving " + printable(peer.host(), 253));
    if (failure)
        throw resolve_error(kind_of_resolve_failure(failure), peer.host(), failure);
    if (found.empty())
        throw resolve_error(errc::no_addresses, peer.host(), std::error_code());
    co_return found;
}

} // namespace detail

/** Looks up the addresses of a host, in the order of RFC 6724 as far as the system sorts them.

    An address needs no lookup, with or without brackets. The system's resolver runs on a thread of Asio's,
    never on the executor; one lookup at a time per execution context. Names are passed on as they are: give
    A-labels for internationalised ones.

    @param host    A name or an address.
    @param service A port, or a name such as "submission".
    @throws resolve_error with errc::resolve_temporary, resolve_permanent, resolve_timed_out or no_addresses;
            error with errc::bad_host_name or bad_port, posthorn::errc::no_executor or canceled.

    @par Cancellation
    Ends the wait at once. A call of the system's resolver that is under way goes on in its thread until the
    system gives up, and keeps the event loop from running out of work until then.
*/
inline task<std::vector<tcp::endpoint>> resolve(std::string host, std::string service,
                                                resolve_options options)
{
    host_port peer(std::move(host), std::move(service));
    co_return co_await detail::resolve(std::move(peer), std::move(options));
}

/// The same with default options.
inline task<std::vector<tcp::endpoint>> resolve(std::string host, std::string service)
{
    co_return co_await resolve(std::move(host), std::move(service), resolve_options());
}

} // namespace posthorn::net

#endif
