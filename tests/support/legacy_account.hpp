//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// An account object, as far as a transport reads it.

#ifndef POSTHORN_TESTS_SUPPORT_LEGACY_ACCOUNT_HPP
#define POSTHORN_TESTS_SUPPORT_LEGACY_ACCOUNT_HPP

#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>

#include <cstring>
#include <map>
#include <string>

namespace support {

class legacy_account final : public posthorn::legacy::detail::unknown<IImnAccount, IPropertyContainer>
{
public:
    std::map<DWORD, std::string> texts;
    std::map<DWORD, DWORD>       numbers;

    STDMETHODIMP GetProp(DWORD, BYTE*, ULONG*) override { return E_NOTIMPL; }
    STDMETHODIMP GetPropDw(DWORD tag, DWORD* value) override
    {
        auto const found = numbers.find(tag);
        if (found == numbers.end())
            return E_NoPropData;
        *value = found->second;
        return S_OK;
    }
    STDMETHODIMP GetPropSz(DWORD tag, LPSTR text, ULONG room) override
    {
        auto const found = texts.find(tag);
        if (found == texts.end())
            return E_NoPropData;
        if (found->second.size() >= room)
            return E_BufferTooSmall;
        std::memcpy(text, found->second.c_str(), found->second.size() + 1);
        return S_OK;
    }
    STDMETHODIMP SetProp(DWORD, BYTE*, ULONG) override { return E_NOTIMPL; }
    STDMETHODIMP SetPropDw(DWORD, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP SetPropSz(DWORD, LPSTR) override { return E_NOTIMPL; }
    STDMETHODIMP Exist() override { return S_OK; }
    STDMETHODIMP SetAsDefault() override { return E_NOTIMPL; }
    STDMETHODIMP Delete() override { return E_NOTIMPL; }
    STDMETHODIMP SaveChanges() override { return E_NOTIMPL; }
    STDMETHODIMP GetAccountType(ACCTTYPE*) override { return E_NOTIMPL; }
    STDMETHODIMP GetServerTypes(DWORD*) override { return E_NOTIMPL; }
    STDMETHODIMP ShowProperties(HWND, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP ValidateProperty(DWORD, BYTE*, ULONG) override { return E_NOTIMPL; }
    STDMETHODIMP DoWizard(HWND, DWORD) override { return E_NOTIMPL; }
    STDMETHODIMP DoImportWizard(HWND, CLSID, DWORD) override { return E_NOTIMPL; }
};

} // namespace support

#endif
