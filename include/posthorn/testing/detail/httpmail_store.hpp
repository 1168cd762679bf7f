//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The mailbox of the HTTPMail server: folders and what is in them, in memory.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_STORE_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_STORE_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_charset.hpp>
#include <posthorn/testing/detail/httpmail_headers.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// A folder in the tree.
struct httpmail_node
{
    httpmail_node() = default;

    std::string                                 segment;
    std::string                                 name;
    std::string                                 special;
    bool                                        contacts = false;
    std::uint64_t                               id       = 0;
    std::int64_t                                created = 0, modified = 0;
    httpmail_node*                              parent = nullptr;
    std::map<httpmail_name, std::string>        properties;
    std::vector<std::unique_ptr<httpmail_node>> children;
    std::vector<std::unique_ptr<httpmail_item>> items;

    httpmail_node* child(std::string_view wanted) const
    {
        for (auto const& c : children)
            if (c->segment == wanted)
                return c.get();
        return nullptr;
    }

    httpmail_item* item(std::string_view wanted) const
    {
        for (auto const& i : items)
            if (i->segment == wanted)
                return i.get();
        return nullptr;
    }

    std::size_t unread() const
    {
        std::size_t n = 0;
        for (auto const& i : items)
            n += i->read || i->contact ? 0U : 1U;
        return n;
    }

    bool within(httpmail_node const& other) const
    {
        for (auto const* n = this; n != nullptr; n = n->parent)
            if (n == &other)
                return true;
        return false;
    }
};

/// The tree. Not thread-safe.
class httpmail_store
{
public:
    explicit httpmail_store(httpmail_server_settings const& s) : settings_(&s)
    {
        root_.created = root_.modified = now();
        struct special
        {
            char const* token;
            char const* hotmail;
            char const* numbered;
            char const* exchange;
        };
        constexpr special all[] = {{"inbox", "ACTIVE", "0", "Inbox"},
                                   {"sentitems", "sAVeD", "-2", "Sent Items"},
                                   {"deleteditems", "trAsH", "-5", "Deleted Items"},
                                   {"drafts", "drAfT", "-3", "Drafts"},
                                   {"junkemail", "HM_BuLkMail_", "-4", "Junk E-mail"},
                                   {"outbox", nullptr, nullptr, "Outbox"},
                                   {"contacts", "abdata", nullptr, "Contacts"}};
        for (auto const& one : all)
        {
            bool const  hotmail  = s.dialect == httpmail_dialect::hotmail;
            char const* segment  = !hotmail ? one.exchange : s.tree.in_query ? one.numbered : one.hotmail;
            bool const  contacts = std::string_view(one.token) == "contacts";
            if (segment == nullptr || (contacts && !s.verbs.contacts))
                continue;
            auto& made    = attach(root_, segment, one.exchange);
            made.special  = one.token;
            made.contacts = contacts;
            if (s.dialect == httpmail_dialect::dav) // nothing is live there
                made.properties[httpmail_name("urn:schemas:httpmail:", "special")] = one.token;
        }
    }
    httpmail_store(httpmail_store const&)            = delete;
    httpmail_store& operator=(httpmail_store const&) = delete;

    httpmail_node& root() noexcept { return root_; }

    httpmail_node* special(std::string_view token)
    {
        for (auto const& c : root_.children)
            if (c->special == token)
                return c.get();
        return nullptr;
    }

    /// The time of a change: later than that of any change before.
    std::int64_t touch()
    {
        last_ = std::max(last_ + 1, now());
        return last_;
    }

    void changed(httpmail_node& folder)
    {
        folder.modified = touch();
        root_.modified  = folder.modified; // the list of folders shows counts
    }

    /// The segment that a new folder of this name gets.
    std::string segment_for(std::string const& name)
    {
        using naming       = httpmail_tree_options::naming;
        auto const encoded = settings_->tree.code_page ? httpmail_to_code_page(name) : name;
        switch (settings_->tree.folders)
        {
        case naming::by_name: return encoded;
        case naming::prefixed: return "folder" + encoded;
        case naming::assigned: break;
        }
        auto number = std::to_string(++folders_);
        if (settings_->tree.in_query)
            return number;
        number.insert(0, 4 - std::min<std::size_t>(4, number.size()), '0');
        return "F" + number;
    }

    httpmail_node& create(httpmail_node& parent, std::string const& name)
    {
        auto& made = attach(parent, segment_for(name), name);
        changed(parent);
        return made;
    }

    /// Adds a message; its segment is made up unless one is given.
    httpmail_item& add(httpmail_node& folder, std::string content, std::string segment = {})
    {
        auto item      = std::make_unique<httpmail_item>();
        item->id       = ++items_;
        item->received = item->modified = touch();
        item->contact                   = folder.contacts;
        item->content                   = std::move(content);
        item->segment = segment.empty() ? free_segment(folder, segment_of(*item)) : std::move(segment);
        octets_ += item->content.size();
        folder.items.push_back(std::move(item));
        changed(folder);
        return *folder.items.back();
    }

    void replace(httpmail_node& folder, httpmail_item& item, std::string content)
    {
        octets_ += content.size();
        octets_ -= item.content.size();
        item.content  = std::move(content);
        item.modified = touch();
        changed(folder);
    }

    void remove(httpmail_node& folder, httpmail_item const& item)
    {
        octets_ -= item.content.size();
        std::erase_if(folder.items, [&](auto const& i) { return i.get() == &item; });
        changed(folder);
    }

    /// Removes a folder with all that is in it. @pre It is not the root.
    void remove(httpmail_node& folder)
    {
        release(folder);
        auto& parent = *folder.parent;
        std::erase_if(parent.children, [&](auto const& c) { return c.get() == &folder; });
        changed(parent);
    }

    /// @param segment In the new place; must be free there.
    httpmail_item& move(httpmail_node& from, httpmail_item& item, httpmail_node& to, std::string segment)
    {
        auto const at   = std::find_if(from.items.begin(), from.items.end(),
                                       [&](auto const& i) { return i.get() == &item; });
        auto       held = std::move(*at);
        from.items.erase(at);
        held->segment = std::move(segment);
        to.items.push_back(std::move(held));
        changed(from);
        changed(to);
        return *to.items.back();
    }

    httpmail_item& copy(httpmail_item const& item, httpmail_node& to, std::string segment)
    {
        auto made     = std::make_unique<httpmail_item>(item);
        made->segment = std::move(segment);
        made->id      = ++items_;
        made->locked  = false;
        octets_ += made->content.size();
        to.items.push_back(std::move(made));
        changed(to);
        return *to.items.back();
    }

    /// @pre `to` is not within `folder`, and the segment is free in it.
    void move(httpmail_node& folder, httpmail_node& to, std::string segment)
    {
        auto&      from = *folder.parent;
        auto const at   = std::find_if(from.children.begin(), from.children.end(),
                                       [&](auto const& c) { return c.get() == &folder; });
        auto       held = std::move(*at);
        from.children.erase(at);
        held->segment = std::move(segment);
        held->parent  = &to;
        to.children.push_back(std::move(held));
        changed(from);
        changed(to);
    }

    /// `wanted`, or with "-2", "-3" ... before its extension if that is taken.
    static std::string free_segment(httpmail_node const& folder, std::string const& wanted)
    {
        std::string segment = wanted;
        for (unsigned n = 2; folder.item(segment) != nullptr || folder.child(segment) != nullptr; ++n)
        {
            std::size_t const dot = wanted.rfind('.');
            bool const        eml =
                dot != wanted.npos && ascii::iequals(std::string_view(wanted).substr(dot), ".EML");
            segment = wanted.substr(0, eml ? dot : wanted.npos) + "-" + std::to_string(n);
            segment += eml ? wanted.substr(dot) : std::string();
        }
        return segment;
    }

    /// Is there room for so many octets more?
    bool has_room(std::size_t more) const
    {
        return settings_->quota == 0 || (octets_ <= settings_->quota && more <= settings_->quota - octets_);
    }

    std::uint64_t octets() const noexcept { return octets_; }

private:
    std::int64_t now() const
    {
        if (settings_->now)
            return settings_->now();
        auto const since = std::chrono::system_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::seconds>(since).count();
    }

    httpmail_node& attach(httpmail_node& parent, std::string segment, std::string name)
    {
        auto made     = std::make_unique<httpmail_node>();
        made->segment = std::move(segment);
        made->name    = std::move(name);
        made->parent  = &parent;
        made->id      = ++nodes_;
        made->created = made->modified = touch();
        parent.children.push_back(std::move(made));
        return *parent.children.back();
    }

    std::string segment_of(httpmail_item const& item) const
    {
        bool const hotmail = settings_->dialect == httpmail_dialect::hotmail;
        if (item.contact)
            return hotmail ? "C" + std::to_string(item.id) : "Contact-" + std::to_string(item.id) + ".EML";
        if (hotmail && settings_->tree.in_query)
            return std::to_string(item.id);
        if (hotmail)
            return "MSG" + std::to_string(item.received) + "." + std::to_string(item.id);
        auto const  subject = httpmail_header(item.content, "Subject", settings_->values,
                                              httpmail_value_options::header_form::decoded);
        std::string name    = subject.value_or("");
        std::replace_if(
            name.begin(), name.end(), [](char c) { return c == '/' || ascii::is_control(c); }, '_');
        name = name.substr(0, 60);
        while (!httpmail_is_utf_8(name)) // cut within a character
            name.pop_back();
        return (name.empty() ? "No Subject" : name) + ".EML";
    }

    void release(httpmail_node const& folder)
    {
        for (auto const& i : folder.items)
            octets_ -= i->content.size();
        for (auto const& c : folder.children)
            release(*c);
    }

    httpmail_server_settings const* settings_;
    httpmail_node                   root_;
    std::uint64_t                   items_ = 0, nodes_ = 0, folders_ = 0, octets_ = 0;
    std::int64_t                    last_ = 0;
};

} // namespace posthorn::testing::detail

#endif
