//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The factory that CoGetClassObject gives out.

#ifndef POSTHORN_LEGACY_DETAIL_CLASS_FACTORY_HPP
#define POSTHORN_LEGACY_DETAIL_CLASS_FACTORY_HPP

#include <posthorn/legacy/com.h>
#include <posthorn/legacy/detail/class_registry.hpp>
#include <posthorn/legacy/detail/unknown.hpp>

namespace posthorn::legacy::detail {

/// The factory of any known class.
class class_factory final : public unknown<IClassFactory>
{
public:
    explicit class_factory(object_maker maker) noexcept : maker_(maker) {}

    STDMETHODIMP CreateInstance(IUnknown* outer, REFIID riid, void** object) override
    {
        if (object == nullptr)
            return E_POINTER;
        *object = nullptr;
        return outer != nullptr ? CLASS_E_NOAGGREGATION : maker_(riid, object);
    }

    STDMETHODIMP LockServer(BOOL) override { return S_OK; }

private:
    object_maker maker_;
};

} // namespace posthorn::legacy::detail

#endif
