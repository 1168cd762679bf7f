//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a server says of the properties of resources, as the client of PROPFIND sees it.

#ifndef POSTHORN_LEGACY_DETAIL_DAV_ANSWERS_HPP
#define POSTHORN_LEGACY_DETAIL_DAV_ANSWERS_HPP

#include <posthorn/dav/response.hpp>
#include <posthorn/legacy/com_ptr.hpp>
#include <posthorn/legacy/detail/dav_requests.hpp>
#include <posthorn/legacy/detail/guarded.hpp>
#include <posthorn/legacy/detail/task_text.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/// The properties of one resource. It never changes: what the client gets has arrived as a whole.
class prop_find_response final : public unknown<IPropFindResponse>
{
public:
    /// @param href The resource's whole URL.
    prop_find_response(std::string href, dav::response found, std::shared_ptr<namespace_list const> spaces)
        : href_(std::move(href)), found_(std::move(found)), spaces_(std::move(spaces))
    {
    }

    STDMETHODIMP_(BOOL) IsComplete() override { return TRUE; }

    STDMETHODIMP GetHref(LPSTR* href) override { return href == nullptr ? E_INVALIDARG : give_text(href_, href); }

    STDMETHODIMP GetProperty(DWORD number, LPCSTR local, LPSTR* value) override
    {
        if (value == nullptr)
            return E_INVALIDARG;
        *value = nullptr;
        if (local == nullptr || !spaces_->has(number))
            return E_INVALIDARG;
        auto const text = found_.text(xml::name((*spaces_)[number], local));
        return text ? give_text(*text, value) : E_FAIL;
    }

private:
    std::string                           href_;
    dav::response                         found_;
    std::shared_ptr<namespace_list const> spaces_;
};

/// Grows until the answer has arrived.
class prop_find_multi_response final : public unknown<IPropFindMultiResponse>
{
public:
    STDMETHODIMP_(BOOL) IsComplete() override { return complete_ ? TRUE : FALSE; }

    STDMETHODIMP GetLength(ULONG* length) override
    {
        if (length == nullptr)
            return E_INVALIDARG;
        *length = static_cast<ULONG>(all_.size());
        return S_OK;
    }

    STDMETHODIMP GetResponse(ULONG i, IPropFindResponse** one) override
    {
        if (one == nullptr)
            return E_INVALIDARG;
        *one = nullptr;
        if (i >= all_.size())
            return E_INVALIDARG;
        auto copy = all_[i];
        *one      = copy.detach();
        return S_OK;
    }

    void add(com_ptr<IPropFindResponse> one) { all_.push_back(std::move(one)); }
    void complete() noexcept { complete_ = true; }

private:
    std::vector<com_ptr<IPropFindResponse>> all_;
    bool                                    complete_ = false;
};

} // namespace posthorn::legacy::detail

#endif
