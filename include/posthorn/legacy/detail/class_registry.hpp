//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The classes CoCreateInstance knows.

#ifndef POSTHORN_LEGACY_DETAIL_CLASS_REGISTRY_HPP
#define POSTHORN_LEGACY_DETAIL_CLASS_REGISTRY_HPP

#include <posthorn/legacy/imnxport.h>

namespace posthorn::legacy::detail {

/** Makes one object of a class and gives out an interface of it.

    Must not throw. `*object` is NULL when it is called, and stays so on failure.
    @return S_OK, E_NOINTERFACE, E_OUTOFMEMORY or what else may keep an object from being made.
*/
using object_maker = HRESULT (*)(REFIID riid, void** object);

/** Makes a class known for as long as this object lives: one of static storage duration, in the unit that has all others.

    Programs make theirs before main() and never change them, so looking one up needs no lock. Of two with one identifier the
    younger one counts.
*/
class class_registration
{
public:
    class_registration(REFCLSID id, object_maker maker) noexcept : id_(id), maker_(maker), next_(first()) { first() = this; }
    class_registration(class_registration const&)            = delete;
    class_registration& operator=(class_registration const&) = delete;
    ~class_registration()
    {
        for (class_registration** place = &first(); *place != nullptr; place = &(*place)->next_)
            if (*place == this)
            {
                *place = next_;
                return;
            }
    }

    /// The maker of a class, or nullptr.
    static object_maker find(REFCLSID id) noexcept
    {
        for (class_registration const* known = first(); known != nullptr; known = known->next_)
            if (IsEqualCLSID(known->id_, id))
                return known->maker_;
        return nullptr;
    }

private:
    static class_registration*& first() noexcept
    {
        static class_registration* instance = nullptr;
        return instance;
    }

    CLSID const         id_; // a copy: it may be looked up before or after the constant lives
    object_maker const  maker_;
    class_registration* next_;
};

} // namespace posthorn::legacy::detail

#endif
