//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What a multistatus says about one resource: its href, its properties, its status.

#ifndef POSTHORN_DAV_RESPONSE_HPP
#define POSTHORN_DAV_RESPONSE_HPP

#include <posthorn/core/config.hpp>
#include <posthorn/dav/names.hpp>
#include <posthorn/dav/value.hpp>
#include <posthorn/xml/name.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::dav {

class property;

/** One response of a multistatus (RFC 4918, 14.24).

    A value: one string that holds all texts, and where they are. Everything in it is what the server sent; show it by
    printable(). Views and properties are valid while the response is unchanged. Thread-safe like std::string.
*/
class response
{
public:
    response() = default;

    /// The first href, byte for byte but for white space around it. May be relative; empty if the server sent none.
    std::string_view href() const noexcept { return hrefs_.empty() ? std::string_view() : view(hrefs_[0]); }

    /// A status can speak for several resources at once.
    std::size_t      href_count() const noexcept { return hrefs_.size(); }
    std::string_view href(std::size_t i) const noexcept { return view(hrefs_[i]); } ///< @pre i < href_count()

    /// The status of the whole response, beside its href; 0 if it has none.
    int status() const noexcept { return propstats_.empty() ? 0 : propstats_[0].status; }

    /** The worst that is said: the status of the response, else the first propstat that is no success, else 200.

        A missing status counts as success.
    */
    int worst_status() const noexcept
    {
        if (status() != 0)
            return status();
        for (auto const& p : propstats_)
            if (p.status != 0 && p.status / 100 != 2)
                return p.status;
        return 200;
    }

    /// Where the resource is now; empty if nothing is said.
    std::string_view location() const noexcept { return view(location_); }

    /// In the server's words; empty if there are none. The first of the response or of its propstats.
    std::string_view description() const noexcept
    {
        for (auto const& p : propstats_)
            if (p.description.size != 0)
                return view(p.description);
        return {};
    }

    /// Conditions that failed (RFC 4918, 16), such as `cannot-modify-protected-property`: details, never the decision.
    std::size_t condition_count() const noexcept { return conditions_.size(); }
    xml::name   condition(std::size_t i) const noexcept
    {
        return name_of(conditions_[i]);
    } ///< @pre i < condition_count()

    /** The properties, of whatever status: `for (auto const& p : r.properties())`. */
    class property_range;
    property_range properties() const noexcept;

    /// A property that the server gave with success, or nothing. An empty element is a property with empty text.
    std::optional<property> find(xml::name const& n) const noexcept;

    /// The text of find().
    std::optional<std::string_view> text(xml::name const& n) const noexcept;

    /// Is the resource a collection, by `resourcetype`, `isfolder` or `iscollection`?
    bool is_collection() const noexcept;

    /// Forgets everything and keeps the memory.
    void clear() noexcept
    {
        text_.clear();
        spaces_.clear();
        nodes_.clear();
        propstats_.clear();
        hrefs_.clear();
        conditions_.clear();
        location_ = {};
    }

    friend void swap(response& a, response& b) noexcept
    {
        using std::swap;
        swap(a.text_, b.text_);
        swap(a.spaces_, b.spaces_);
        swap(a.nodes_, b.nodes_);
        swap(a.propstats_, b.propstats_);
        swap(a.hrefs_, b.hrefs_);
        swap(a.conditions_, b.conditions_);
        swap(a.location_, b.location_);
    }

private:
    friend class property;
    friend class multistatus_reader;

    /// A part of text_.
    struct extent
    {
        std::uint32_t begin = 0;
        std::uint32_t size  = 0;
    };

    struct expanded_name
    {
        extent space;
        extent local;
    };

    /// A property or an element in it; in document order.
    struct node
    {
        expanded_name name;
        extent        text;
        value_kind    kind;
        std::uint32_t depth    = 1; ///< 1 for a property.
        std::uint32_t end      = 0; ///< Behind its last inner node.
        std::uint32_t propstat = 0;
    };

    /// The first stands for the response itself.
    struct propstat
    {
        int    status = 0;
        extent description;
    };

    std::string_view view(extent e) const noexcept { return std::string_view(text_).substr(e.begin, e.size); }
    xml::name        name_of(expanded_name const& n) const noexcept { return {view(n.space), view(n.local)}; }

    int status_of(node const& n) const noexcept
    {
        int const own = propstats_[n.propstat].status;
        return own != 0 ? own : status() != 0 ? status() : 200;
    }

    extent add(std::string_view piece)
    {
        extent e;
        e.begin = static_cast<std::uint32_t>(text_.size());
        e.size  = static_cast<std::uint32_t>(piece.size());
        text_ += piece;
        return e;
    }

    /// Namespaces repeat, so each is kept once.
    expanded_name add_name(xml::name const& n)
    {
        auto const space = is_dav(n.space) ? dav_space : n.space;
        auto const known =
            std::find_if(spaces_.begin(), spaces_.end(), [&](extent e) { return view(e) == space; });
        expanded_name result;
        if (known != spaces_.end())
            result.space = *known;
        else
        {
            result.space = add(space);
            if (spaces_.size() < 16) // looked through one by one
                spaces_.push_back(result.space);
        }
        result.local = add(n.local);
        return result;
    }

    std::string                text_;
    std::vector<extent>        spaces_;
    std::vector<node>          nodes_;
    std::vector<propstat>      propstats_;
    std::vector<extent>        hrefs_;
    std::vector<expanded_name> conditions_;
    extent                     location_;
};

/// A property of a response, or an element inside of its value. A view into the response.
class property
{
public:
    xml::name name() const noexcept { return owner_->name_of(node().name); }

    /// The text directly inside, as the server wrote it.
    std::string_view text() const noexcept { return owner_->view(node().text); }

    /// The declared type of the value.
    value_kind kind() const noexcept { return node().kind; }

    /// 200, or why there is no value: 404, 403 ...
    int  status() const noexcept { return owner_->status_of(node()); }
    bool ok() const noexcept { return status() / 100 == 2; }

    /// What the server says about it, e.g. why it cannot be set; empty if nothing.
    std::string_view description() const noexcept
    {
        return owner_->view(owner_->propstats_[node().propstat].description);
    }

    /// The text as a value; nothing if it is none of that kind. See value.hpp.
    std::optional<bool>         as_boolean() const noexcept { return to_boolean(text()); }
    std::optional<std::int64_t> as_integer() const noexcept { return to_integer(text()); }
    std::optional<double>       as_real() const { return to_real(text()); }
    std::optional<std::int64_t> as_fixed_14_4() const noexcept { return to_fixed_14_4(text()); }
    std::optional<time_point>   as_time() const noexcept { return to_time(text()); }

    /// The octets of a value declared as `bin.hex` or `bin.base64`; base64 if nothing is declared.
    std::optional<std::string> as_octets() const
    {
        return kind().type == value_type::hex ? to_octets_from_hex(text()) : to_octets_from_base64(text());
    }

    /// The values of a list: the texts of its `v` elements, or the one text if there are none.
    std::vector<std::string_view> as_list() const
    {
        std::vector<std::string_view> values;
        for (auto i = index_ + 1; i < node().end; i = owner_->nodes_[i].end)
            if (auto const n = property(*owner_, i).name(); n.space == values_space && n.local == "v")
                values.push_back(property(*owner_, i).text());
        if (values.empty() && !trim_value(text()).empty())
            values.push_back(text());
        return values;
    }

    /// The first element inside with this name.
    std::optional<property> child(xml::name const& n) const noexcept
    {
        for (auto i = index_ + 1; i < node().end; i = owner_->nodes_[i].end)
            if (property(*owner_, i).name() == n)
                return property(*owner_, i);
        return std::nullopt;
    }

    /// Does its value have elements?
    bool has_children() const noexcept { return node().end > index_ + 1; }

private:
    friend class response;
    friend class response::property_range;

    property(response const& owner, std::uint32_t index) noexcept : owner_(&owner), index_(index) {}

    response::node const& node() const noexcept { return owner_->nodes_[index_]; }

    response const* owner_;
    std::uint32_t   index_;
};

/// The properties of a response in document order.
class response::property_range
{
public:
    class iterator
    {
    public:
        using value_type        = property;
        using difference_type   = std::ptrdiff_t;
        using reference         = property;
        using pointer           = void;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        iterator(response const& owner, std::uint32_t index) noexcept : owner_(&owner), index_(index) {}

        property  operator*() const noexcept { return property(*owner_, index_); }
        iterator& operator++() noexcept
        {
            index_ = owner_->nodes_[index_].end;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            auto const before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(iterator const& a, iterator const& b) noexcept { return a.index_ == b.index_; }

    private:
        response const* owner_ = nullptr;
        std::uint32_t   index_ = 0;
    };

    explicit property_range(response const& owner) noexcept : owner_(&owner) {}

    iterator begin() const noexcept { return {*owner_, 0}; }
    iterator end() const noexcept { return {*owner_, static_cast<std::uint32_t>(owner_->nodes_.size())}; }

private:
    response const* owner_;
};

inline response::property_range response::properties() const noexcept { return property_range(*this); }

inline std::optional<property> response::find(xml::name const& n) const noexcept
{
    for (auto const p : properties())
        if (p.ok() && p.name() == n)
            return p;
    return std::nullopt;
}

inline std::optional<std::string_view> response::text(xml::name const& n) const noexcept
{
    auto const p = find(n);
    return p ? std::optional<std::string_view>(p->text()) : std::nullopt;
}

inline bool response::is_collection() const noexcept
{
    if (auto const type = find(names::resourcetype); type && type->child(names::collection))
        return true;
    for (std::string_view const flag : {"isfolder", "iscollection"})
        if (auto const p = find({dav_space, flag}); p && p->as_boolean() == true)
            return true;
    return false;
}

} // namespace posthorn::dav

#endif
