//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The place where a coroutine leaves its result: nothing yet, a value, a reference, or an exception.

#ifndef POSTHORN_CORO_OUTCOME_HPP
#define POSTHORN_CORO_OUTCOME_HPP

#include <posthorn/core/config.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace posthorn::detail {

// A union and not std::variant: one is instantiated for every type that a task returns, and a variant takes a compiler
// several times as long.
template <class T>
class outcome
{
public:
    outcome() noexcept {}
    outcome(outcome const&)            = delete;
    outcome& operator=(outcome const&) = delete;
    ~outcome() { reset(); }

    template <class... Args>
    void emplace(Args&&... args)
    {
        reset();
        std::construct_at(std::addressof(value_), std::forward<Args>(args)...);
        has_value_ = true;
    }

    void fail(std::exception_ptr e) noexcept
    {
        reset();
        failure_ = std::move(e);
    }

    bool               has_value() const noexcept { return has_value_; }
    std::exception_ptr failure() const noexcept { return failure_; }

    /// Moves the value out, or throws what was left.
    T take()
    {
        if (failure_)
            std::rethrow_exception(failure_);
        POSTHORN_ASSERT(has_value_);
        return std::move(value_);
    }

private:
    void reset() noexcept
    {
        if (has_value_)
            std::destroy_at(std::addressof(value_));
        has_value_ = false;
    }

    union
    {
        T value_;
    };
    std::exception_ptr failure_;
    bool               has_value_ = false;
};

template <class T>
class outcome<T&>
{
public:
    void               emplace(T& value) noexcept { value_ = std::addressof(value); }
    void               fail(std::exception_ptr e) noexcept { failure_ = std::move(e); }
    bool               has_value() const noexcept { return value_ != nullptr; }
    std::exception_ptr failure() const noexcept { return failure_; }

    T& take()
    {
        if (failure_)
            std::rethrow_exception(failure_);
        POSTHORN_ASSERT(value_ != nullptr);
        return *value_;
    }

private:
    T*                 value_ = nullptr;
    std::exception_ptr failure_;
};

template <>
class outcome<void>
{
public:
    void               emplace() noexcept { done_ = true; }
    void               fail(std::exception_ptr e) noexcept { failure_ = std::move(e); }
    bool               has_value() const noexcept { return done_; }
    std::exception_ptr failure() const noexcept { return failure_; }

    void take()
    {
        if (failure_)
            std::rethrow_exception(failure_);
    }

private:
    std::exception_ptr failure_;
    bool               done_ = false;
};

} // namespace posthorn::detail

#endif
