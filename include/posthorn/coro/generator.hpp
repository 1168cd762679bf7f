//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// generator<T>: a lazy sequence made by a coroutine that awaits nothing.

#ifndef POSTHORN_CORO_GENERATOR_HPP
#define POSTHORN_CORO_GENERATOR_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/coro/frame_memory.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace posthorn {

/** A sequence computed on demand: `for (auto&& x : numbers())`.

    The coroutine uses `co_yield`, never `co_await`. An element lives in the coroutine's frame until the
    iterator is advanced. Exceptions come out of begin() or operator++. Single pass, move-only.

    @tparam T The element; a reference type yields references to the yielded object.
*/
template <class T>
class [[nodiscard]] generator
{
public:
    using value_type = std::remove_cvref_t<T>;
    using reference  = std::conditional_t<std::is_reference_v<T>, T, T&>;
    using pointer    = std::add_pointer_t<reference>;

    class promise_type
    {
    public:
        generator get_return_object() noexcept
        {
            return generator(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        // A temporary in the co_yield expression lives until the coroutine goes on.
        std::suspend_always yield_value(std::remove_reference_t<reference>& value) noexcept
        {
            current = std::addressof(value);
            return {};
        }
        std::suspend_always yield_value(std::remove_reference_t<reference>&& value) noexcept
        {
            current = std::addressof(value);
            return {};
        }
        void return_void() const noexcept {}
        void unhandled_exception() noexcept { failure = std::current_exception(); }
        template <class U>
        void await_transform(U&&) = delete; // see async_generator

        static void* operator new(std::size_t size) { return detail::frame_memory::allocate(size); }
        static void  operator delete(void* frame, std::size_t size) noexcept
        {
            detail::frame_memory::deallocate(frame, size);
        }

        pointer            current = nullptr;
        std::exception_ptr failure;
    };

    class iterator
    {
    public:
        using iterator_category = std::input_iterator_tag;
        using difference_type   = std::ptrdiff_t;
        using value_type        = generator::value_type;
        using reference         = generator::reference;
        using pointer           = generator::pointer;

        iterator() noexcept = default;
        explicit iterator(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}

        reference operator*() const noexcept { return static_cast<reference>(*handle_.promise().current); }
        pointer   operator->() const noexcept { return handle_.promise().current; }
        iterator& operator++()
        {
            generator::advance(handle_);
            return *this;
        }
        void        operator++(int) { ++*this; }
        friend bool operator==(iterator const& i, std::default_sentinel_t) noexcept { return i.handle_.done(); }

    private:
        std::coroutine_handle<promise_type> handle_ {};
    };

    generator(generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    generator& operator=(generator&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~generator()
    {
        if (handle_)
            handle_.destroy();
    }

    /// Runs to the first element. To be called once.
    iterator begin()
    {
        advance(handle_);
        return iterator(handle_);
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    explicit generator(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}

    static void advance(std::coroutine_handle<promise_type> h)
    {
        h.resume();
        if (h.promise().failure)
            std::rethrow_exception(std::exchange(h.promise().failure, nullptr));
    }

    std::coroutine_handle<promise_type> handle_ {};
};

} // namespace posthorn

#endif
