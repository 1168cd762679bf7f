//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The right to use one connection of a pool, which comes back however its user ends.

#ifndef POSTHORN_SMTP_DETAIL_POOL_LEASE_HPP
#define POSTHORN_SMTP_DETAIL_POOL_LEASE_HPP

#include <posthorn/coro/serial_executor.hpp>
#include <posthorn/smtp/client.hpp>
#include <posthorn/smtp/client_settings.hpp>
#include <posthorn/smtp/detail/pool_gate.hpp>

#include <asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace posthorn::smtp::detail {

/// One connection, on a strand of its own.
struct pool_slot
{
    pool_slot(asio::any_io_executor const& ex, client_settings const& s) : strand(serial_executor(ex)), client(s) {}

    asio::any_io_executor   strand;
    smtp::client            client;         ///< Used on its strand, by who has the slot.
    std::size_t             connection = 0; ///< Which one of the client's `messages` and `since` are about.
    std::size_t             messages   = 0;
    pool_gate::clock::time_point since {};
    pool_gate::clock::time_point unused {};         ///< When it was given back.
    bool                    open    = false; ///< When it was given back.
    bool                    leaving = false; ///< QUIT was tried.
};

/// Where connections go back to.
class pool_owner
{
public:
    /// @param s Null if none was chosen. Called from destructors: neither allocates nor throws.
    virtual void give_back(std::unique_ptr<pool_slot> s) noexcept = 0;

protected:
    ~pool_owner() = default;
};

/** The right to use one connection, and the connection once it was chosen. Given back when this goes, whether that is
    because its user has finished, was cancelled, or was abandoned by its event loop. */
class pool_lease
{
public:
    pool_lease() noexcept = default;
    explicit pool_lease(std::shared_ptr<pool_owner> s) noexcept : owner_(std::move(s)) {}
    pool_lease(std::shared_ptr<pool_owner> owner, std::unique_ptr<pool_slot> s) noexcept
        : owner_(std::move(owner)), slot_(std::move(s))
    {
    }
    pool_lease(pool_lease&&) noexcept = default;
    pool_lease& operator=(pool_lease&& other) noexcept
    {
        pool_lease moved(std::move(other));
        owner_.swap(moved.owner_);
        slot_.swap(moved.slot_);
        return *this;
    }
    ~pool_lease()
    {
        if (owner_)
            owner_->give_back(std::move(slot_));
    }

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    void     choose(std::unique_ptr<pool_slot> s) noexcept { slot_ = std::move(s); }

    pool_slot& operator*() const noexcept { return *slot_; }
    pool_slot* operator->() const noexcept { return slot_.get(); }

private:
    std::shared_ptr<pool_owner> owner_;
    std::unique_ptr<pool_slot>  slot_;
};

} // namespace posthorn::smtp::detail

#endif
