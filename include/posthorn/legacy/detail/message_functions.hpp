//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The message loop outside Windows, over the queue that pump() works off. For the one implementing translation unit.

#ifndef POSTHORN_LEGACY_DETAIL_MESSAGE_FUNCTIONS_HPP
#define POSTHORN_LEGACY_DETAIL_MESSAGE_FUNCTIONS_HPP

#include <posthorn/legacy/detail/pump_queue.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/pump.hpp>

#include <chrono>

namespace posthorn::legacy::detail {

/// "Something is due." DispatchMessage runs it, so that nothing is lost with a message that is thrown away.
inline constexpr UINT due_message = WM_APP + 0x70;

inline bool is_wanted(UINT number, UINT first, UINT last) noexcept
{
    return (first == 0 && last == 0) || (number >= first && number <= last);
}

/// The next message, if there is one.
inline bool next_message(MSG& message, UINT first, UINT last, bool remove)
{
    auto& queue  = *pump_queue::of_this_thread();
    message      = MSG();
    message.time = static_cast<DWORD>(
        std::chrono::duration_cast<std::chrono::milliseconds>(pump_queue::clock::now().time_since_epoch()).count());
    if (is_wanted(due_message, first, last) && queue.has_items())
    {
        message.message = due_message;
        return true;
    }
    auto const quit = queue.quit_code();
    if (!quit)
        return false;
    message.message = WM_QUIT;
    message.wParam  = static_cast<WPARAM>(*quit);
    if (remove)
        queue.take_quit();
    return true;
}

} // namespace posthorn::legacy::detail

extern "C" {

BOOL WINAPI GetMessage(LPMSG lpMsg, HWND, UINT wMsgFilterMin, UINT wMsgFilterMax)
{
    namespace detail = posthorn::legacy::detail;
    if (lpMsg == nullptr)
        return -1;
    while (!detail::next_message(*lpMsg, wMsgFilterMin, wMsgFilterMax, true))
    {
        if (!detail::is_wanted(detail::due_message, wMsgFilterMin, wMsgFilterMax) && detail::pump_queue::of_this_thread()->has_items())
            return -1; // nothing that is wanted can ever come
        detail::pump_queue::of_this_thread()->wait_until(detail::pump_queue::clock::time_point::max());
    }
    return lpMsg->message == WM_QUIT ? FALSE : TRUE;
}

BOOL WINAPI PeekMessage(LPMSG lpMsg, HWND, UINT wMsgFilterMin, UINT wMsgFilterMax, UINT wRemoveMsg)
{
    bool const remove = (wRemoveMsg & PM_REMOVE) != 0;
    return lpMsg != nullptr && posthorn::legacy::detail::next_message(*lpMsg, wMsgFilterMin, wMsgFilterMax, remove) ? TRUE : FALSE;
}

BOOL WINAPI TranslateMessage(MSG const*)
{
    return FALSE;
}

LRESULT WINAPI DispatchMessage(MSG const* lpMsg)
{
    namespace detail = posthorn::legacy::detail;
    if (lpMsg != nullptr && lpMsg->message == detail::due_message)
        detail::pump_queue::of_this_thread()->run_one();
    return 0;
}

void WINAPI PostQuitMessage(int nExitCode)
{
    posthorn::legacy::detail::pump_queue::of_this_thread()->post_quit(nExitCode);
}

DWORD WINAPI MsgWaitForMultipleObjects(DWORD nCount, HANDLE const*, BOOL, DWORD dwMilliseconds, DWORD)
{
    namespace detail = posthorn::legacy::detail;
    auto& queue      = *detail::pump_queue::of_this_thread();
    if (nCount != 0)
        return WAIT_FAILED;
    auto const when = detail::moment_in(dwMilliseconds);
    do
        if (queue.quit_code() || queue.has_items())
            return WAIT_OBJECT_0;
    while (queue.wait_until(when));
    return WAIT_TIMEOUT;
}

} // extern "C"

#endif
