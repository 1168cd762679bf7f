//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What is due on a thread: the queue that pump() and the message loop work off. On Windows a hidden window stands behind it,
// so that the ordinary message loop works it off as well.

#ifndef POSTHORN_LEGACY_DETAIL_PUMP_QUEUE_HPP
#define POSTHORN_LEGACY_DETAIL_PUMP_QUEUE_HPP

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#if defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#endif

namespace posthorn::legacy::detail {

/// What a queue holds: the promise that something is to be run, which may have been taken back meanwhile.
class due_item
{
public:
    due_item()                           = default;
    due_item(due_item const&)            = delete;
    due_item& operator=(due_item const&) = delete;
    virtual ~due_item()                  = default;

    /// Runs it on the thread of the queue. @return Whether there was anything left to run.
    virtual bool run() = 0;

    /// Is there still something to run?
    virtual bool is_live() const = 0;

    /// The thread ends, and this is the last that it does about it: it is not dropped, but waits for another thread.
    virtual void retire() noexcept {}
};

/** The queue of one thread.

    @par Thread safety
    push() from any thread; everything else from the thread it belongs to.
*/
class pump_queue
{
public:
    using clock = std::chrono::steady_clock;

    pump_queue() = default;
    pump_queue(pump_queue const&)            = delete;
    pump_queue& operator=(pump_queue const&) = delete;

    /// The queue of the calling thread. It ends with the thread; what is pushed later is dropped. Objects that outlive it,
    /// as static ones do, find one that takes nothing.
    static std::shared_ptr<pump_queue> const& of_this_thread()
    {
#if !defined(_WIN32)
        if (mark_of_this_thread().ended)
            return ended_one();
        thread_local holder const mine;
        return mine.queue;
#else
        auto const& known = slots::instance();
        auto* const there = known.holder_here();
        if (there != nullptr)
            return there == slots::ended() ? ended_one() : there->queue;
        auto made = std::make_unique<holder>();
        made->queue->open_window();
        known.keep(made.get());
        return made.release()->queue;
#endif
    }

    /// Is it the queue of the calling thread? Makes none.
    bool is_mine() const noexcept
    {
#if !defined(_WIN32)
        return mark_of_this_thread().queue == this;
#else
        auto* const there = slots::instance().holder_here();
        return there != nullptr && there != slots::ended() && there->queue.get() == this;
#endif
    }

    /// Adds an item and wakes the thread. @return False if the thread has ended: the item is left as it is.
    bool push(std::shared_ptr<due_item>&& item)
    {
        std::lock_guard lock(mutex_);
        if (closed_)
            return false;
        bool const first = items_.empty();
        items_.push_back(std::move(item));
        raise_signal(first);
        wake_.notify_one();
        return true;
    }

    /// Is something due? Items that were taken back are dropped.
    bool has_items()
    {
        for (auto first = front(); first; first = front())
        {
            if (first->is_live())
                return true;
            take(); // only this thread takes, so it still is the first
        }
        return false;
    }

    /// How many items there are, those that were taken back included.
    std::size_t size() const
    {
        std::lock_guard lock(mutex_);
        return items_.size();
    }

    /// Runs the item that waits longest. @return Whether one was run; items that were taken back do not count.
    bool run_one()
    {
        while (auto item = take())
            if (item->run())
                return true;
        return false;
    }

    /// Waits for an item, which may have been taken back. @return Whether there is one.
    bool wait_until(clock::time_point when)
    {
        std::unique_lock lock(mutex_);
        auto const       there = [this] { return !items_.empty(); };
        if (when == clock::time_point::max())
        {
            wake_.wait(lock, there);
            return true;
        }
        return wake_.wait_until(lock, when, there);
    }

    // WM_QUIT --------------------------------------------------------------------------------------------------

    void               post_quit(int code) noexcept { quit_ = code; }
    std::optional<int> quit_code() const noexcept { return quit_; }
    void               take_quit() noexcept { quit_.reset(); }

#if !defined(_WIN32)
    /** A descriptor that can be read as long as the queue is not empty.
        @throws std::system_error if there is none to be had. */
    int handle()
    {
        std::lock_guard lock(mutex_);
        if (signal_.readable < 0)
        {
            signal_.open();
            if (!items_.empty())
                signal_.raise();
        }
        return signal_.readable;
    }
#else
    /// The window whose messages run what is due.
    HWND handle() const noexcept { return window_; }

    /// Is it the message that runs what is due?
    bool is_due_message(MSG const& m) const noexcept { return m.hwnd == window_ && m.message == due_message; }

    /// It was taken out of the message queue: what is due from now on needs another one.
    void due_message_taken()
    {
        std::lock_guard lock(mutex_);
        posted_ = false;
        if (!items_.empty())
            raise_signal(false);
    }

    ~pump_queue()
    {
        if (window_ != nullptr)
            ::DestroyWindow(window_); // on another thread it fails, but then the window went with its own
    }
#endif

private:
#if !defined(_WIN32)
    struct holder
    {
        holder() { mark_of_this_thread().queue = queue.get(); }
        holder(holder const&)            = delete;
        holder& operator=(holder const&) = delete;
        ~holder()
        {
            mark_of_this_thread() = {nullptr, true};
            queue->close();
        }

        std::shared_ptr<pump_queue> const queue = std::make_shared<pump_queue>();
    };

    /// What can be asked about the queue of a thread when that is destroyed already.
    struct mark
    {
        pump_queue const* queue;
        bool              ended;
    };

    static mark& mark_of_this_thread() noexcept
    {
        thread_local mark here {nullptr, false}; // nothing destroys it
        return here;
    }
#else
    struct holder
    {
        std::shared_ptr<pump_queue> const queue = std::make_shared<pump_queue>();
    };

    /** Where a thread has its queue, and what happens when it ends. Not thread_local: MinGW's run-time library destroys such objects
        after it has given back their memory. */
    class slots
    {
    public:
        static slots const& instance()
        {
            static slots const only;
            return only;
        }

        /// Stands in place of the queue of a thread that has ended but for its last objects.
        static holder* ended() noexcept
        {
            static holder* const none = reinterpret_cast<holder*>(static_cast<std::uintptr_t>(1));
            return none;
        }

        holder* holder_here() const noexcept { return static_cast<holder*>(::TlsGetValue(here_)); }

        void keep(holder* one) const
        {
            if (!::FlsSetValue(end_, one) || !::TlsSetValue(here_, one))
            {
                ::FlsSetValue(end_, nullptr);
                fail();
            }
        }

    private:
        slots() : here_(::TlsAlloc()), end_(::FlsAlloc(&at_end))
        {
            if (here_ == TLS_OUT_OF_INDEXES || end_ == FLS_OUT_OF_INDEXES)
                fail();
        }

        [[noreturn]] static void fail()
        {
            throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), "the queue of the message pump");
        }

        static void NTAPI at_end(void* one)
        {
            if (one == nullptr)
                return;
            ::TlsSetValue(instance().here_, ended());
            std::unique_ptr<holder> const mine(static_cast<holder*>(one));
            mine->queue->close();
        }

        DWORD here_;
        DWORD end_;
    };
#endif

    static std::shared_ptr<pump_queue> const& ended_one()
    {
        static auto const& one = *new std::shared_ptr<pump_queue>(std::make_shared<pump_queue>()); // outlives every static object
        one->close();
        return one;
    }

    std::shared_ptr<due_item> front() const
    {
        std::lock_guard lock(mutex_);
        return items_.empty() ? nullptr : items_.front();
    }

    std::shared_ptr<due_item> take()
    {
        std::lock_guard           lock(mutex_);
        std::shared_ptr<due_item> item;
        if (items_.empty())
            return item;
        item = std::move(items_.front());
        items_.pop_front();
        if (items_.empty())
            lower_signal();
        else
            raise_signal(false);
        return item;
    }

    void close()
    {
        std::deque<std::shared_ptr<due_item>> rest;
        {
            std::lock_guard lock(mutex_);
            closed_ = true;
            rest.swap(items_);
        }
        for (auto const& one : rest)
            one->retire();
    }

#if !defined(_WIN32)
    /// A pipe that holds one octet while the queue is not empty.
    struct signal_pipe
    {
        signal_pipe() = default;
        signal_pipe(signal_pipe const&)            = delete;
        signal_pipe& operator=(signal_pipe const&) = delete;
        ~signal_pipe()
        {
            if (readable >= 0)
            {
                ::close(readable);
                ::close(writable);
            }
        }

        void open()
        {
            int ends[2];
            if (::pipe(ends) != 0)
                throw std::system_error(errno, std::generic_category(), "the handle of the message pump");
            for (int const end : ends)
            {
                ::fcntl(end, F_SETFD, FD_CLOEXEC);
                ::fcntl(end, F_SETFL, O_NONBLOCK);
            }
            readable = ends[0];
            writable = ends[1];
        }

        void raise() const noexcept
        {
            char const one = 1;
            while (readable >= 0 && ::write(writable, &one, 1) < 0 && errno == EINTR)
            {
            }
        }

        void lower() const noexcept
        {
            char octets[16];
            while (readable >= 0 && ::read(readable, octets, sizeof octets) < 0 && errno == EINTR)
            {
            }
        }

        int readable = -1;
        int writable = -1;
    };

    void raise_signal(bool first) const noexcept
    {
        if (first)
            signal_.raise();
    }
    void lower_signal() const noexcept { signal_.lower(); }

    signal_pipe signal_;
#else
    static constexpr UINT due_message = WM_APP + 0x70;

    // Exceptions must not pass through the system, which calls this: one of a callback ends the program, unless it comes out of pump().
    static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM w, LPARAM l) noexcept
    {
        if (message != due_message)
            return ::DefWindowProcW(window, message, w, l);
        auto const queue = of_this_thread();
        queue->due_message_taken();
        queue->run_one();
        return 0;
    }

    void open_window()
    {
        static ATOM const class_of_window = [] {
            WNDCLASSW c     = {};
            c.lpfnWndProc   = &on_message;
            c.hInstance     = ::GetModuleHandleW(nullptr);
            c.lpszClassName = L"posthorn.legacy.pump";
            return ::RegisterClassW(&c);
        }();
        // A class is meant by its number here, in the place of its name.
        auto const name = reinterpret_cast<LPCWSTR>(static_cast<ULONG_PTR>(class_of_window));
        window_ = ::CreateWindowExW(0, name, L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, ::GetModuleHandleW(nullptr), nullptr);
        if (window_ == nullptr)
            throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), "the window of the message pump");
    }

    // One message at a time stands in the thread's message queue for all that is due, so that neither is lost when many come.
    void raise_signal(bool) noexcept
    {
        if (!posted_ && window_ != nullptr)
            posted_ = ::PostMessageW(window_, due_message, 0, 0) != FALSE;
    }
    void lower_signal() const noexcept {}

    bool posted_ = false; ///< A message is on its way.
    HWND window_ = nullptr;
#endif

    mutable std::mutex                    mutex_;
    std::condition_variable               wake_;
    std::deque<std::shared_ptr<due_item>> items_;
    bool                                  closed_ = false;
    std::optional<int>                    quit_;
};

} // namespace posthorn::legacy::detail

#endif
