//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Windows: how CoCreateInstance finds the classes of a program that has them linked in. COM itself looks for DLLs in the registry.
// So the program's calls come here first, and go on to the system for all classes that are not known here. Calls of DLLs do not.

#ifndef POSTHORN_LEGACY_DETAIL_COM_ACTIVATION_HPP
#define POSTHORN_LEGACY_DETAIL_COM_ACTIVATION_HPP

#if defined(_WIN32)

#include <posthorn/legacy/com.h>
#include <posthorn/legacy/detail/class_factory.hpp>
#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/unknown.hpp>

namespace posthorn::legacy::detail {

/// The maker of a class that is known here, or nullptr; S_OK, or CO_E_NOTINITIALIZED as the system tells it.
inline HRESULT find_linked_class(REFCLSID id, DWORD context, object_maker& maker) noexcept
{
    maker = (context & CLSCTX_INPROC_SERVER) == 0 ? nullptr : class_registration::find(id);
    if (maker == nullptr)
        return S_OK;
    APTTYPE          type      = APTTYPE_CURRENT;
    APTTYPEQUALIFIER qualifier = APTTYPEQUALIFIER_NONE;
    return ::CoGetApartmentType(&type, &qualifier);
}

} // namespace posthorn::legacy::detail

// The names that the linker looks for, in programs that declare the functions as imported and in those that do not. These come before
// the system's import library. On 32 bits they are other ones.
extern "C" {

HRESULT WINAPI posthorn_create_instance(REFCLSID id, LPUNKNOWN outer, DWORD context, REFIID riid, LPVOID* object) __asm__("CoCreateInstance");
HRESULT WINAPI posthorn_class_object(REFCLSID id, DWORD context, LPVOID where, REFIID riid, LPVOID* object) __asm__("CoGetClassObject");
extern decltype(&posthorn_create_instance) const posthorn_create_instance_import __asm__("__imp_CoCreateInstance");
extern decltype(&posthorn_class_object) const    posthorn_class_object_import __asm__("__imp_CoGetClassObject");

decltype(&posthorn_create_instance) const posthorn_create_instance_import = &posthorn_create_instance;
decltype(&posthorn_class_object) const    posthorn_class_object_import    = &posthorn_class_object;

/// CoCreateInstance.
HRESULT WINAPI posthorn_create_instance(REFCLSID id, LPUNKNOWN outer, DWORD context, REFIID riid, LPVOID* object)
{
    namespace detail = posthorn::legacy::detail;
    if (object == nullptr)
        return E_POINTER;
    *object = nullptr;
    detail::object_maker maker  = nullptr;
    HRESULT              result = detail::find_linked_class(id, context, maker);
    if (FAILED(result))
        return result;
    if (maker != nullptr)
        return outer != nullptr ? CLASS_E_NOAGGREGATION : maker(riid, object);
    MULTI_QI wanted = {&riid, nullptr, S_OK};
    result          = ::CoCreateInstanceEx(id, outer, context, nullptr, 1, &wanted);
    *object         = wanted.pItf;
    return result;
}

/// CoGetClassObject.
HRESULT WINAPI posthorn_class_object(REFCLSID id, DWORD context, LPVOID where, REFIID riid, LPVOID* object)
{
    namespace detail = posthorn::legacy::detail;
    if (object == nullptr)
        return E_POINTER;
    *object = nullptr;
    detail::object_maker maker  = nullptr;
    HRESULT const        result = detail::find_linked_class(id, context, maker);
    if (FAILED(result))
        return result;
    if (maker != nullptr)
        return where != nullptr ? E_INVALIDARG : detail::make_object<detail::class_factory>(riid, object, maker);
    auto const of_system = ::GetProcAddress(::GetModuleHandleW(L"ole32.dll"), "CoGetClassObject");
    if (of_system == nullptr)
        return REGDB_E_CLASSNOTREG;
    return reinterpret_cast<decltype(&posthorn_class_object)>(reinterpret_cast<void*>(of_system))(id, context, where, riid, object);
}

} // extern "C"

#endif

#endif
