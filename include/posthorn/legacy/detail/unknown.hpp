//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The three methods every object has, written once: counting references and answering for interfaces.

#ifndef POSTHORN_LEGACY_DETAIL_UNKNOWN_HPP
#define POSTHORN_LEGACY_DETAIL_UNKNOWN_HPP

#include <posthorn/legacy/detail/guarded.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/interface_id.hpp>

#include <atomic>
#include <utility>

namespace posthorn::legacy::detail {

/** Base of objects that implement one interface and those it derives from.

    An object is born with one reference, which belongs to who made it, and ends with the last one, on whatever thread gives
    that back. There is one vtable, so QueryInterface gives the same pointer for every interface: the identity rule holds.

    @tparam Interface The most derived interface.
    @tparam Bases     The interfaces it derives from and answers for, besides IUnknown.
*/
template <class Interface, class... Bases>
class unknown : public Interface
{
public:
    unknown()                          = default;
    unknown(unknown const&)            = delete;
    unknown& operator=(unknown const&) = delete;

    STDMETHODIMP QueryInterface(REFIID riid, void** object) override
    {
        if (object == nullptr)
            return E_POINTER;
        bool const known = riid == IID_IUnknown || riid == interface_id<Interface>::value() ||
                           (... || (riid == interface_id<Bases>::value()));
        *object = known ? static_cast<Interface*>(this) : nullptr;
        if (!known)
            return E_NOINTERFACE;
        this->AddRef();
        return S_OK;
    }

    STDMETHODIMP_(ULONG) AddRef() override { return references_.fetch_add(1, std::memory_order_relaxed) + 1; }

    STDMETHODIMP_(ULONG) Release() override
    {
        ULONG const left = references_.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if (left == 0)
            last_release();
        return left;
    }

    /// Adds a reference, unless the last one was given back: for those who know of the object without holding it.
    /// @return Whether it did.
    bool hold() noexcept
    {
        ULONG there = references_.load(std::memory_order_relaxed);
        while (there != 0 && !references_.compare_exchange_weak(there, there + 1, std::memory_order_relaxed))
        {
        }
        return there != 0;
    }

protected:
    virtual ~unknown() = default;

    /// Ends the object, unless a class has more to do first.
    virtual void last_release() noexcept { delete this; }

private:
    std::atomic<ULONG> references_ {1};
};

/** Makes an object of a class derived from unknown and gives out one interface of it.

    @return S_OK; E_POINTER; E_NOINTERFACE; E_OUTOFMEMORY.
*/
template <class Object, class... Arguments>
HRESULT make_object(REFIID riid, void** object, Arguments&&... arguments) noexcept
{
    if (object == nullptr)
        return E_POINTER;
    *object = nullptr;
    return guarded([&] {
        auto* const   made   = new Object(std::forward<Arguments>(arguments)...);
        HRESULT const result = made->QueryInterface(riid, object);
        made->Release();
        return result;
    });
}

} // namespace posthorn::legacy::detail

#endif
