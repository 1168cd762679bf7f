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
#include <type_traits>
#include <utility>
#include <variant>

namespace posthorn::detail {

template <class T>
class outcome
{
public:
    template <class... Args>
    void emplace(Args&&... args)
    {
        value_.template emplace<1>(std::forward<Args>(args)...);
    }
    void fail(std::exception_ptr e) noexcept { value_.template emplace<2>(std::move(e)); }

    bool               has_value() const noexcept { return value_.index() == 1; }
    std::exception_ptr failure() const noexcept
    {
        return value_.index() == 2 ? std::get<2>(value_) : std::exception_ptr();
    }

    /// Moves the value out, or throws what was left.
    T take()
    {
        if (value_.index() == 2)
            std::rethrow_exception(std::get<2>(value_));
        POSTHORN_ASSERT(value_.index() == 1);
        return std::move(std::get<1>(value_));
    }

private:
    std::variant<std::monostate, T, std::exception_ptr> value_;
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
