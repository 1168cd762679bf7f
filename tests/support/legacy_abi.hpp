//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The binary interface of an Imnxport.h as facts that can be compared: collected from whichever header was included before
// this one. That may be this library's or Wine's, each in a translation unit of its own.

#ifndef POSTHORN_TESTS_SUPPORT_LEGACY_ABI_HPP
#define POSTHORN_TESTS_SUPPORT_LEGACY_ABI_HPP

#include "support/legacy_abi_facts.hpp"
#include "support/legacy_abi_names.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <typeinfo>

namespace {

/** The place of a virtual function in the vtable, out of a pointer to it: the Itanium C++ ABI, 2.3, and its variant for ARM,
    which keeps the mark of virtual functions in the other half.
*/
template <class Function>
std::size_t slot_of(Function function)
{
    std::ptrdiff_t halves[2];
    static_assert(sizeof function == sizeof halves);
    std::memcpy(halves, &function, sizeof halves);
    bool const           arm    = (halves[1] & 1) != 0;
    std::ptrdiff_t const offset = arm ? halves[0] : halves[0] - 1;
    return static_cast<std::size_t>(offset) / sizeof(void*);
}

/// The same for a name that stands for more than the method: MinGW's IUnknown has a template beside this one.
inline std::size_t slot_of(HRESULT (STDMETHODCALLTYPE IUnknown::*function)(REFIID, void**))
{
    return slot_of<decltype(function)>(function);
}

/// A method declared behind all of an interface tells how many there are.
template <class Interface>
struct with_one_more : Interface
{
    virtual void last() = 0;
};

template <class Guid>
std::string guid_text(Guid const& id)
{
    char text[40];
    std::snprintf(text, sizeof text, "%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X", static_cast<unsigned>(id.Data1),
                  static_cast<unsigned>(id.Data2), static_cast<unsigned>(id.Data3), id.Data4[0], id.Data4[1], id.Data4[2],
                  id.Data4[3], id.Data4[4], id.Data4[5], id.Data4[6], id.Data4[7]);
    return text;
}

template <class Member>
support::abi_member member_facts(char const* owner, char const* name, std::size_t offset)
{
    return {owner, name, offset, sizeof(Member), alignof(Member), std::is_pointer_v<Member>, typeid(Member).name()};
}

} // namespace

#define LEGACY_ABI_NUMBER(n) facts.numbers[#n] = static_cast<std::uint32_t>(n);
#define LEGACY_ABI_STRUCT(s) facts.structs[#s] = {sizeof(s), alignof(s), typeid(s).name()};
#define LEGACY_ABI_MEMBER(s, m) facts.members.push_back(member_facts<decltype(s::m)>(#s, #m, offsetof(s, m)));
#define LEGACY_ABI_INTERFACE(i) facts.counts[#i] = slot_of(&with_one_more<i>::last);
#define LEGACY_ABI_METHOD(i, m) facts.slots[#i "." #m] = slot_of(&i::m);

#endif
