//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The pump: runs the callbacks that are due on the calling thread. The only place where they ever come from.

#ifndef POSTHORN_LEGACY_PUMP_HPP
#define POSTHORN_LEGACY_PUMP_HPP

#include <posthorn/legacy/detail/pump_queue.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace posthorn::legacy {

/// As a time for pump(): without limit.
inline constexpr unsigned forever = 0xFFFFFFFFu;

namespace detail {

inline pump_queue::clock::time_point moment_in(unsigned milliseconds)
{
    return milliseconds == forever ? pump_queue::clock::time_point::max()
                                   : pump_queue::clock::now() + std::chrono::milliseconds(milliseconds);
}

#if defined(_WIN32)
/// WM_QUIT is for the loop that comes later.
class kept_quit
{
public:
    kept_quit() = default;
    kept_quit(kept_quit const&)            = delete;
    kept_quit& operator=(kept_quit const&) = delete;
    ~kept_quit()
    {
        if (code_)
            ::PostQuitMessage(*code_);
    }

    void keep(MSG const& message) noexcept { code_ = static_cast<int>(message.wParam); }

private:
    std::optional<int> code_;
};
#endif

/// Runs something, or waits for it until `when`. @return Whether something was run.
inline bool pump_one(pump_queue& queue, pump_queue::clock::time_point when)
{
#if defined(_WIN32)
    kept_quit quit;
    for (;;)
    {
        if (queue.run_one())
            return true;
        MSG message;
        while (::PeekMessageW(&message, nullptr, 0, 0, PM_REMOVE))
        {
            if (queue.is_due_message(message))
            {
                queue.due_message_taken();
                break; // run from here, so that exceptions come out
            }
            if (message.message != WM_QUIT)
            {
                ::TranslateMessage(&message);
                ::DispatchMessageW(&message);
                return true;
            }
            quit.keep(message);
        }
        if (queue.size() != 0)
            continue;
        auto const now = pump_queue::clock::now();
        if (now >= when)
            return false;
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(when - now).count();
        ::MsgWaitForMultipleObjectsEx(0, nullptr, left > 1'000'000 ? 1'000'000 : static_cast<DWORD>(left), QS_ALLINPUT, MWMO_INPUTAVAILABLE);
    }
#else
    for (;;)
    {
        if (queue.run_one())
            return true;
        if (!queue.wait_until(when)) // what came may have been taken back before it could be run
            return false;
    }
#endif
}

} // namespace detail

/** Runs what is due on the calling thread: callbacks, and the steps of transports between them.

    @param milliseconds If nothing is due, how long to wait for the first that is; `forever` for as long as it takes.
    @return How many steps were run; 0 if nothing became due in time. A step need not end in a callback. What becomes due
            meanwhile is left for the next time.

    May be called from inside a callback, as a modal dialog does: it then runs what comes next. On Windows messages of other windows
    are dispatched as well, and count; WM_QUIT is left.

    @par Exceptions
    What a callback throws; the rest stays due.
*/
inline std::size_t pump(unsigned milliseconds)
{
    auto&       queue = *detail::pump_queue::of_this_thread();
    std::size_t count = 0;
    if (detail::pump_one(queue, detail::moment_in(milliseconds)))
        for (std::size_t const all = queue.size() + (count = 1); count != all && queue.run_one(); ++count)
        {
        }
    return count;
}

/** Pumps until a condition holds.

    @param done    Asked before the first step and after each.
    @param timeout How long at most.
    @return Whether it holds.
*/
template <class Predicate, class Rep, class Period>
bool pump_until(Predicate&& done, std::chrono::duration<Rep, Period> timeout)
{
    auto&      queue = *detail::pump_queue::of_this_thread();
    auto const when  = detail::pump_queue::clock::now() + std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
    while (!done())
        if (!detail::pump_one(queue, when))
            return static_cast<bool>(done());
    return true;
}

/// The same without limit of time.
template <class Predicate>
void pump_until(Predicate&& done)
{
    auto& queue = *detail::pump_queue::of_this_thread();
    while (!done())
        detail::pump_one(queue, detail::pump_queue::clock::time_point::max());
}

/** What to wait for in another event loop: when it is ready, call pump(0).

    Outside Windows a file descriptor, readable as long as something is due on the calling thread: for poll(), epoll and the
    like; never to be read or closed. On Windows a window, to which the messages come that an ordinary message loop dispatches.
    @throws std::system_error if there is none to be had.
*/
inline auto pump_handle()
{
    return detail::pump_queue::of_this_thread()->handle();
}

} // namespace posthorn::legacy

#endif
