//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Defines how COM is started on a thread and how objects are made.

#ifndef POSTHORN_LEGACY_DETAIL_COM_STARTUP_HPP
#define POSTHORN_LEGACY_DETAIL_COM_STARTUP_HPP

#include <posthorn/legacy/com.h>
#include <posthorn/legacy/detail/class_factory.hpp>
#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/unknown.hpp>

#include <atomic>

namespace posthorn::legacy::detail {

/// How often, and which way, COM was started on one thread.
class apartment
{
public:
    apartment()                            = default;
    apartment(apartment const&)            = delete;
    apartment& operator=(apartment const&) = delete;
    ~apartment() // of a thread that ends without CoUninitialize
    {
        if (starts_ != 0 && multithreaded_)
            --multithreaded_threads;
    }

    static apartment& of_this_thread() noexcept
    {
        static thread_local apartment instance;
        return instance;
    }

    HRESULT start(bool multithreaded) noexcept
    {
        if (starts_ != 0 && multithreaded != multithreaded_)
            return RPC_E_CHANGED_MODE;
        multithreaded_ = multithreaded;
        if (++starts_ != 1)
            return S_FALSE;
        if (multithreaded)
            ++multithreaded_threads;
        return S_OK;
    }

    void stop() noexcept
    {
        if (starts_ != 0 && --starts_ == 0 && multithreaded_)
            --multithreaded_threads;
    }

    /// A thread that was not started belongs to the multithreaded ones while there are any.
    bool usable() const noexcept { return starts_ != 0 || multithreaded_threads != 0; }

private:
    static inline std::atomic<unsigned> multithreaded_threads {0};

    unsigned starts_        = 0;
    bool     multithreaded_ = false;
};

/// Finds the maker of a class. S_OK, CO_E_NOTINITIALIZED or REGDB_E_CLASSNOTREG.
inline HRESULT find_class(REFCLSID id, DWORD context, object_maker& maker) noexcept
{
    if (!apartment::of_this_thread().usable())
        return CO_E_NOTINITIALIZED;
    maker = (context & CLSCTX_INPROC_SERVER) == 0 ? nullptr : class_registration::find(id);
    return maker == nullptr ? REGDB_E_CLASSNOTREG : S_OK;
}

} // namespace posthorn::legacy::detail

extern "C" {

HRESULT STDAPICALLTYPE CoInitializeEx(LPVOID pvReserved, DWORD dwCoInit)
{
    constexpr DWORD known = COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE | COINIT_SPEED_OVER_MEMORY;
    if (pvReserved != nullptr || (dwCoInit & ~known) != 0)
        return E_INVALIDARG;
    return posthorn::legacy::detail::apartment::of_this_thread().start((dwCoInit & COINIT_APARTMENTTHREADED) == 0);
}

HRESULT STDAPICALLTYPE CoInitialize(LPVOID pvReserved)
{
    return CoInitializeEx(pvReserved, COINIT_APARTMENTTHREADED);
}

void STDAPICALLTYPE CoUninitialize()
{
    posthorn::legacy::detail::apartment::of_this_thread().stop();
}

HRESULT STDAPICALLTYPE OleInitialize(LPVOID pvReserved)
{
    return CoInitialize(pvReserved);
}

void STDAPICALLTYPE OleUninitialize()
{
    CoUninitialize();
}

HRESULT STDAPICALLTYPE CoGetClassObject(REFCLSID rclsid, DWORD dwClsContext, LPVOID pvReserved, REFIID riid, LPVOID* ppv)
{
    namespace detail = posthorn::legacy::detail;
    if (ppv == nullptr)
        return E_POINTER;
    *ppv = nullptr;
    if (pvReserved != nullptr)
        return E_INVALIDARG;
    detail::object_maker maker  = nullptr;
    HRESULT const        result = detail::find_class(rclsid, dwClsContext, maker);
    return FAILED(result) ? result : detail::make_object<detail::class_factory>(riid, ppv, maker);
}

HRESULT STDAPICALLTYPE CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid, LPVOID* ppv)
{
    namespace detail = posthorn::legacy::detail;
    if (ppv == nullptr)
        return E_POINTER;
    *ppv = nullptr;
    detail::object_maker maker  = nullptr;
    HRESULT const        result = detail::find_class(rclsid, dwClsContext, maker);
    if (FAILED(result))
        return result;
    return pUnkOuter != nullptr ? CLASS_E_NOAGGREGATION : maker(riid, ppv);
}

} // extern "C"

#endif
