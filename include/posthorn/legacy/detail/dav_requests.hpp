//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Numbers for namespaces, and the requests for properties that are made with them.

#ifndef POSTHORN_LEGACY_DETAIL_DAV_REQUESTS_HPP
#define POSTHORN_LEGACY_DETAIL_DAV_REQUESTS_HPP

#include <posthorn/dav/names.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/legacy/detail/guarded.hpp>
#include <posthorn/legacy/detail/task_text.hpp>
#include <posthorn/legacy/detail/unknown.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/xml/name.hpp>
#include <posthorn/xml/writer.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/// The namespaces that a request knows: a number is a place in the list.
class namespace_list
{
public:
    namespace_list() : spaces_(std::begin(built_in), std::end(built_in)) {}

    std::optional<DWORD> find(std::string_view space) const
    {
        auto const at = std::find(spaces_.begin(), spaces_.end(), space);
        return at == spaces_.end() ? std::nullopt : std::optional(static_cast<DWORD>(at - spaces_.begin()));
    }

    DWORD add(std::string_view space)
    {
        if (auto const known = find(space))
            return *known;
        spaces_.emplace_back(space);
        return static_cast<DWORD>(spaces_.size() - 1);
    }

    bool               has(DWORD number) const noexcept { return number < spaces_.size(); }
    std::string const& operator[](DWORD number) const { return spaces_[number]; } ///< @pre has(number)

    std::string prefix(DWORD number) const
    {
        auto const usual = dav::usual_prefix(spaces_[number]);
        return usual.empty() ? "n" + std::to_string(number) : std::string(usual);
    }

    /// What those that were added are called in a body that uses these.
    std::vector<dav::bound_prefix> prefixes(std::set<DWORD> const& used) const
    {
        std::vector<dav::bound_prefix> all;
        for (DWORD const n : used)
            if (n >= std::size(built_in))
                all.push_back({prefix(n), spaces_[n]});
        return all;
    }

private:
    static constexpr std::string_view built_in[] = {dav::dav_space, dav::hotmail_space, dav::httpmail_space,
                                                    dav::mailheader_space, dav::contacts_space};

    std::vector<std::string> spaces_;
};

/// By which the transport asks a request whether it is one of ours. It has no interface: what comes is a namespace_list.
inline constexpr IID iid_namespace_list = {0x4B6E8A57, 0x0C1B, 0x4E7D, {0x9A, 0x51, 0x3D, 0x7C, 0x52, 0x0E, 0x96, 0x1F}};

/// The numbers that a request has given. Of another program's request only those that all requests know.
inline namespace_list namespaces_of(IUnknown& request)
{
    void* list = nullptr;
    if (FAILED(request.QueryInterface(iid_namespace_list, &list)) || list == nullptr)
        return namespace_list();
    struct holder
    {
        IUnknown* request;
        ~holder() { request->Release(); }
    } const held {&request};
    return *static_cast<namespace_list const*>(list);
}

/// IDAVNamespaceArbiter, for the requests that derive from it.
template <class Interface>
class dav_request : public unknown<Interface, IDAVNamespaceArbiter>
{
public:
    STDMETHODIMP QueryInterface(REFIID riid, void** object) override
    {
        if (object == nullptr || !(riid == iid_namespace_list))
            return unknown<Interface, IDAVNamespaceArbiter>::QueryInterface(riid, object);
        this->AddRef();
        *object = &spaces_;
        return S_OK;
    }

    STDMETHODIMP AddNamespace(LPCSTR space, DWORD* number) override
    {
        return guarded([&] {
            if (space == nullptr || number == nullptr || *space == '\0' || !xml::is_text(space))
                return E_INVALIDARG;
            *number = spaces_.add(space);
            return S_OK;
        });
    }

    STDMETHODIMP GetNamespaceID(LPCSTR space, DWORD* number) override
    {
        if (space == nullptr || number == nullptr)
            return E_INVALIDARG;
        auto const known = spaces_.find(space);
        *number          = known.value_or(DAVNAMESPACE_UNKNOWN);
        return known ? S_OK : E_INVALIDARG;
    }

    STDMETHODIMP GetNamespacePrefix(DWORD number, LPSTR* prefix) override
    {
        return guarded([&] {
            if (prefix == nullptr)
                return E_INVALIDARG;
            *prefix = nullptr;
            return spaces_.has(number) ? give_text(spaces_.prefix(number), prefix) : E_INVALIDARG;
        });
    }

protected:
    /// Can a property be called that?
    bool is_name(DWORD number, LPCSTR local) const { return local != nullptr && spaces_.has(number) && xml::is_local_name(local); }

    dav::property_name name(DWORD number, LPCSTR local)
    {
        used_.insert(number);
        return dav::property_name(spaces_[number], local);
    }

    std::vector<dav::bound_prefix> prefixes() const { return spaces_.prefixes(used_); }

private:
    namespace_list  spaces_;
    std::set<DWORD> used_;
};

class prop_find_request final : public dav_request<IPropFindRequest>
{
public:
    STDMETHODIMP AddProperty(DWORD number, LPCSTR local) override
    {
        return guarded([&] {
            if (!is_name(number, local))
                return E_INVALIDARG;
            wanted_.push_back(name(number, local));
            return S_OK;
        });
    }

    STDMETHODIMP GenerateXML(LPSTR* xml) override
    {
        return guarded([&] {
            if (xml == nullptr)
                return E_INVALIDARG;
            *xml = nullptr;
            return give_text(dav::propfind_body(dav::property_list(wanted_), {}, prefixes()), xml);
        });
    }

private:
    std::vector<dav::property_name> wanted_;
};

class prop_patch_request final : public dav_request<IPropPatchRequest>
{
public:
    STDMETHODIMP SetProperty(DWORD number, LPCSTR local, LPCSTR value) override
    {
        return guarded([&] {
            if (!is_name(number, local) || value == nullptr || !xml::is_text(value))
                return E_INVALIDARG;
            update_.set(name(number, local), value);
            return S_OK;
        });
    }

    STDMETHODIMP RemoveProperty(DWORD number, LPCSTR local) override
    {
        return guarded([&] {
            if (!is_name(number, local))
                return E_INVALIDARG;
            update_.remove(name(number, local));
            return S_OK;
        });
    }

    STDMETHODIMP GenerateXML(LPSTR* xml) override
    {
        return guarded([&] {
            if (xml == nullptr)
                return E_INVALIDARG;
            *xml = nullptr;
            return give_text(dav::proppatch_body(update_, {}, prefixes()), xml);
        });
    }

private:
    dav::property_update update_;
};

} // namespace posthorn::legacy::detail

#endif
