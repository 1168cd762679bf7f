//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The message loop, where there is no Windows: what an old program runs so that its callbacks arrive. There are no windows
// and no input; a message is a callback that is due, a posted one, or WM_QUIT.

#ifndef POSTHORN_LEGACY_COM_MESSAGE_H
#define POSTHORN_LEGACY_COM_MESSAGE_H

#include "types.h"

#ifdef GetMessage
#undef GetMessage
#endif
#ifdef PeekMessage
#undef PeekMessage
#endif
#ifdef DispatchMessage
#undef DispatchMessage
#endif

typedef struct tagPOINT
{
    LONG x;
    LONG y;
} POINT;

/// One message of a thread's queue.
typedef struct tagMSG
{
    HWND   hwnd;    ///< NULL.
    UINT   message; ///< WM_...
    WPARAM wParam;  ///< With WM_QUIT the exit code.
    LPARAM lParam;
    DWORD  time; ///< When it was posted, in milliseconds of a clock that never goes back.
    POINT  pt;
} MSG, *LPMSG;

#define WM_NULL 0x0000
#define WM_QUIT 0x0012
#define WM_TIMER 0x0113
#define WM_USER 0x0400
#define WM_APP 0x8000

#define PM_NOREMOVE 0x0000
#define PM_REMOVE 0x0001
#define PM_NOYIELD 0x0002

#define QS_KEY 0x0001
#define QS_MOUSE 0x0006
#define QS_POSTMESSAGE 0x0008
#define QS_TIMER 0x0010
#define QS_PAINT 0x0020
#define QS_SENDMESSAGE 0x0040
#define QS_HOTKEY 0x0080
#define QS_ALLPOSTMESSAGE 0x0100
#define QS_INPUT (QS_MOUSE | QS_KEY)
#define QS_ALLEVENTS (QS_INPUT | QS_POSTMESSAGE | QS_TIMER | QS_PAINT | QS_HOTKEY)
#define QS_ALLINPUT (QS_ALLEVENTS | QS_SENDMESSAGE)

#define WAIT_OBJECT_0 0x00000000u
#define WAIT_TIMEOUT 0x00000102u
#define WAIT_FAILED 0xFFFFFFFFu

// Results and kinds of a question to the user: ITransportCallback::OnPrompt.
#define IDOK 1
#define IDCANCEL 2
#define IDABORT 3
#define IDRETRY 4
#define IDIGNORE 5
#define IDYES 6
#define IDNO 7
#define MB_OK 0x00000000u
#define MB_OKCANCEL 0x00000001u
#define MB_ABORTRETRYIGNORE 0x00000002u
#define MB_YESNOCANCEL 0x00000003u
#define MB_YESNO 0x00000004u
#define MB_RETRYCANCEL 0x00000005u
#define MB_ICONHAND 0x00000010u
#define MB_ICONSTOP MB_ICONHAND
#define MB_ICONERROR MB_ICONHAND
#define MB_ICONQUESTION 0x00000020u
#define MB_ICONEXCLAMATION 0x00000030u
#define MB_ICONWARNING MB_ICONEXCLAMATION
#define MB_ICONASTERISK 0x00000040u
#define MB_ICONINFORMATION MB_ICONASTERISK
#define MB_DEFBUTTON1 0x00000000u
#define MB_DEFBUTTON2 0x00000100u
#define MB_SETFOREGROUND 0x00010000u

extern "C" {

/** Waits for a message of the calling thread and takes it.

    @param lpMsg         Gets the message.
    @param hWnd          NULL.
    @param wMsgFilterMin With wMsgFilterMax, the numbers wanted; 0 and 0 for all. WM_QUIT always comes.
    @return FALSE for WM_QUIT, -1 if `lpMsg` is NULL, TRUE for everything else.
*/
BOOL WINAPI GetMessage(LPMSG lpMsg, HWND hWnd, UINT wMsgFilterMin, UINT wMsgFilterMax);

/// The same without waiting. @param wRemoveMsg PM_REMOVE or PM_NOREMOVE. @return Whether there was one.
BOOL WINAPI PeekMessage(LPMSG lpMsg, HWND hWnd, UINT wMsgFilterMin, UINT wMsgFilterMax, UINT wRemoveMsg);

/// Has no effect: there are no keys. @return FALSE.
BOOL WINAPI TranslateMessage(MSG const* lpMsg);

/// Runs the callback a message stands for. @return 0.
LRESULT WINAPI DispatchMessage(MSG const* lpMsg);

/// Lets the calling thread's GetMessage answer FALSE once all else was taken. @param nExitCode Comes in MSG::wParam.
void WINAPI PostQuitMessage(int nExitCode);

/** Waits until there is a message for the calling thread.

    @param nCount         0: there are no handles to wait for here besides.
    @param pHandles       Ignored.
    @param fWaitAll       Ignored.
    @param dwMilliseconds How long at most, or INFINITE.
    @param dwWakeMask     QS_...: which kinds of messages.
    @return WAIT_OBJECT_0 + nCount if there is a message, WAIT_TIMEOUT, or WAIT_FAILED if `nCount` is not 0.
*/
DWORD WINAPI MsgWaitForMultipleObjects(DWORD nCount, HANDLE const* pHandles, BOOL fWaitAll, DWORD dwMilliseconds, DWORD dwWakeMask);

} // extern "C"

// The spellings with a letter. Messages carry no text, so both mean the same.
inline BOOL GetMessageA(LPMSG lpMsg, HWND hWnd, UINT wMsgFilterMin, UINT wMsgFilterMax)
{
    return GetMessage(lpMsg, hWnd, wMsgFilterMin, wMsgFilterMax);
}
inline BOOL GetMessageW(LPMSG lpMsg, HWND hWnd, UINT wMsgFilterMin, UINT wMsgFilterMax)
{
    return GetMessage(lpMsg, hWnd, wMsgFilterMin, wMsgFilterMax);
}
inline BOOL PeekMessageA(LPMSG lpMsg, HWND hWnd, UINT wMsgFilterMin, UINT wMsgFilterMax, UINT wRemoveMsg)
{
    return PeekMessage(lpMsg, hWnd, wMsgFilterMin, wMsgFilterMax, wRemoveMsg);
}
inline BOOL PeekMessageW(LPMSG lpMsg, HWND hWnd, UINT wMsgFilterMin, UINT wMsgFilterMax, UINT wRemoveMsg)
{
    return PeekMessage(lpMsg, hWnd, wMsgFilterMin, wMsgFilterMax, wRemoveMsg);
}
inline LRESULT DispatchMessageA(MSG const* lpMsg)
{
    return DispatchMessage(lpMsg);
}
inline LRESULT DispatchMessageW(MSG const* lpMsg)
{
    return DispatchMessage(lpMsg);
}

#endif
