//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A pointer to an interface that counts the reference it holds.

#ifndef POSTHORN_LEGACY_COM_PTR_HPP
#define POSTHORN_LEGACY_COM_PTR_HPP

#include <posthorn/legacy/com_error.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/legacy/interface_id.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace posthorn::legacy {

/** Holds one reference to an object, or none.

    As thread-safe as a plain pointer: different ones may be used on different threads, one and the same may not.
*/
template <class Interface>
class com_ptr
{
public:
    using element_type = Interface;

    com_ptr() = default;
    com_ptr(std::nullptr_t) noexcept {}

    /// Shares: adds a reference.
    explicit com_ptr(Interface* shared) noexcept : pointer_(shared) { add(); }

    com_ptr(com_ptr const& other) noexcept : pointer_(other.pointer_) { add(); }
    com_ptr(com_ptr&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}

    /// From a pointer to a derived interface.
    template <std::derived_from<Interface> Derived>
    com_ptr(com_ptr<Derived> other) noexcept : pointer_(other.detach())
    {
    }

    com_ptr& operator=(com_ptr other) noexcept
    {
        swap(other);
        return *this;
    }

    ~com_ptr()
    {
        if (pointer_ != nullptr)
            pointer_->Release();
    }

    /// Takes over a reference that exists, as functions give it out.
    static com_ptr attach(Interface* owned) noexcept
    {
        com_ptr made;
        made.pointer_ = owned;
        return made;
    }

    /// Gives the reference to the caller and keeps none.
    [[nodiscard]] Interface* detach() noexcept { return std::exchange(pointer_, nullptr); }

    /// Drops the reference and gives the place where a function puts another one: `create(p.put())`.
    [[nodiscard]] Interface** put() noexcept
    {
        reset();
        return &pointer_;
    }

    /// The same for functions that take a void**, as QueryInterface does.
    [[nodiscard]] void** put_void() noexcept { return reinterpret_cast<void**>(put()); }

    /// Drops the reference.
    void reset() noexcept { com_ptr().swap(*this); }

    Interface* get() const noexcept { return pointer_; }
    Interface& operator*() const noexcept { return *pointer_; }
    Interface* operator->() const noexcept { return pointer_; }
    explicit   operator bool() const noexcept { return pointer_ != nullptr; }

    void swap(com_ptr& other) noexcept { std::swap(pointer_, other.pointer_); }

    /// Another interface of the object, or an empty pointer if it has not that one. An empty pointer gives an empty one.
    template <class Other>
    com_ptr<Other> try_as() const noexcept
    {
        com_ptr<Other> other;
        if (pointer_ != nullptr && FAILED(pointer_->QueryInterface(interface_id<Other>::value(), other.put_void())))
            static_cast<void>(other.detach());
        return other;
    }

    /// Another interface of the object. @throw com_error with E_NOINTERFACE; with E_POINTER from an empty pointer.
    template <class Other>
    com_ptr<Other> as() const
    {
        com_ptr<Other> other;
        if (pointer_ == nullptr)
            throw com_error(E_POINTER, "QueryInterface");
        HRESULT const result = pointer_->QueryInterface(interface_id<Other>::value(), other.put_void());
        if (FAILED(result))
        {
            static_cast<void>(other.detach());
            throw com_error(result, "QueryInterface");
        }
        return other;
    }

    friend bool operator==(com_ptr const& a, com_ptr const& b) noexcept { return a.pointer_ == b.pointer_; }
    friend bool operator==(com_ptr const& a, Interface const* b) noexcept { return a.pointer_ == b; }
    friend bool operator==(com_ptr const& a, std::nullptr_t) noexcept { return a.pointer_ == nullptr; }

private:
    void add() noexcept
    {
        if (pointer_ != nullptr)
            pointer_->AddRef();
    }

    Interface* pointer_ = nullptr;
};

/** Makes an object by CoCreateInstance.

    @tparam Interface The interface wanted.
    @param  clsid     The class.
    @throw com_error with what CoCreateInstance returns.
*/
template <class Interface>
com_ptr<Interface> create_instance(REFCLSID clsid)
{
    com_ptr<Interface> made;
    check(CoCreateInstance(clsid, nullptr, CLSCTX_INPROC_SERVER, interface_id<Interface>::value(), made.put_void()),
          "CoCreateInstance");
    return made;
}

} // namespace posthorn::legacy

#endif
