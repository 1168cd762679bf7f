//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The URLs of the HTTPMail server: from a request target to a folder or a message, and back.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_URLS_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_URLS_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_charset.hpp>
#include <posthorn/testing/detail/httpmail_store.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// What a target names.
struct httpmail_place
{
    enum class kind
    {
        outside, ///< Not below the mailbox.
        root,    ///< The mailbox itself.
        folder,  ///< `folder`, which may be the root of folders.
        item,    ///< `item` in `folder`.
        missing, ///< Nothing with the name `segment` in `folder`.
        nowhere, ///< The folder above is missing too.
        submission
    };

    kind           what   = kind::outside;
    httpmail_node* folder = nullptr;
    httpmail_item* item   = nullptr;
    std::string    segment;
    bool           slash = false; ///< The target ends with one.

    bool is_folder() const noexcept { return what == kind::folder; }
    bool is_item() const noexcept { return what == kind::item; }
    bool exists() const noexcept { return is_folder() || is_item(); }
};

/// Makes and reads URLs for one request.
class httpmail_urls
{
public:
    httpmail_urls(httpmail_server_settings const& s, httpmail_store& store, httpmail_request const& request)
        : settings_(&s), store_(&store),
          host_(s.tree.public_host.empty() ? request.field("Host").value_or("localhost")
                                           : s.tree.public_host),
          called_(request.field("Host").value_or("")),
          origin_((s.tls_context ? "https://" : "http://") + host_)
    {
    }

    /// The mailbox: "/exchange/alice/", "/cgi-bin/hmdata" ...
    std::string mailbox() const
    {
        auto const& tree = settings_->tree;
        if (hotmail())
            return tree.base;
        return tree.base + "/" + httpmail_percent_encode(settings_->user) + "/";
    }

    std::string submission() const
    {
        if (settings_->tree.in_query)
            return settings_->tree.base + "?/sendmsg/";
        return hotmail() ? user() + "sendmsg" : mailbox() + "##DavMailSubmissionURI##";
    }

    /// The target of a folder, with a slash at the end.
    std::string path(httpmail_node const& folder) const
    {
        if (folder.parent == nullptr)
            return folders();
        if (hotmail() && folder.contacts && folder.parent->parent == nullptr)
            return user() + httpmail_percent_encode(folder.segment) + "/";
        return path(*folder.parent) + httpmail_percent_encode(folder.segment) + "/";
    }

    /// @param listed In a list, where some servers add a slash.
    std::string path(httpmail_node const& folder, httpmail_item const& item, bool listed = false) const
    {
        bool const slash = settings_->tree.in_query || (listed && settings_->tree.message_slash);
        return path(folder) + httpmail_percent_encode(item.segment) + (slash && !item.contact ? "/" : "");
    }

    /// As it stands in `href`: with scheme and host, or as a path.
    std::string href(std::string const& path) const
    {
        return settings_->text.relative ? path : origin_ + path;
    }

    /// With scheme and host.
    std::string absolute(std::string const& path) const { return origin_ + path; }

    /// The value of a Location for something new in a folder; nothing where there is none.
    std::optional<std::string> location(std::string const& path, httpmail_node const& folder) const
    {
        using where = httpmail_tree_options::location;
        switch (settings_->tree.locations)
        {
        case where::absolute: return absolute(path);
        case where::relative: return relative(path);
        case where::folder: return relative(this->path(folder));
        case where::none: break;
        }
        return std::nullopt;
    }

    /// Relative to a target in the tree: the query of it, or its path.
    std::string relative(std::string const& path) const
    {
        std::size_t const slash = path.rfind('/', path.find('?'));
        return settings_->tree.in_query && slash != path.npos ? path.substr(slash + 1) : path;
    }

    /// Is a URL in Destination on this server? Gives its target, or nothing.
    std::optional<std::string> target_of(std::string_view url) const
    {
        for (std::string_view const scheme : {"http://", "https://"})
            if (ascii::istarts_with(url, scheme))
            {
                url.remove_prefix(scheme.size());
                std::size_t const slash = url.find('/');
                auto const        host  = url.substr(0, slash);
                if (!ascii::iequals(host, host_) && !ascii::iequals(host, called_))
                    return std::nullopt;
                return std::string(slash == url.npos ? "/" : url.substr(slash));
            }
        if (!url.starts_with('/'))
            return std::nullopt;
        return std::string(url);
    }

    httpmail_place find(std::string_view target) const
    {
        httpmail_place place;
        place.slash = target.ends_with('/');
        std::vector<std::string> segments;
        auto const               rest = below(target, place);
        if (!rest)
            return place;
        std::string_view left = *rest;
        while (!left.empty() && segments.size() < 64)
        {
            auto const part = left.substr(0, left.find('/'));
            left.remove_prefix(std::min(left.size(), part.size() + 1));
            if (part.empty())
                continue;
            segments.push_back(httpmail_percent_decode(part));
            // b1gMail reads the query as it stands: a number that is written in another way is none.
            auto const* const inbox = store_->special("inbox");
            if (settings_->tree.unknown_is_inbox && segments.size() == 1 && part != segments[0] &&
                is_number(segments[0]) && inbox != nullptr)
                segments[0] = inbox->segment;
        }
        return walk(segments, place);
    }

    /// A target of a B method, seen from the folder of the request.
    httpmail_place find_in(httpmail_node& folder, std::string_view href) const
    {
        bool const whole = href.find("://") != href.npos || href.starts_with('/');
        if (whole)
        {
            auto const target = target_of(href);
            return target ? find(*target) : httpmail_place();
        }
        if (href.starts_with("./"))
            href.remove_prefix(2);
        return find(path(folder) + std::string(href));
    }

    /// A folder name in UTF-8 from a segment that a client has made up, in UTF-8 or Windows-1252.
    static std::string name_of(std::string const& segment)
    {
        return httpmail_is_utf_8(segment) ? segment : httpmail_from_code_page(segment);
    }

private:
    using kind = httpmail_place::kind;

    bool hotmail() const { return settings_->dialect == httpmail_dialect::hotmail; }

    std::string user() const
    {
        if (settings_->tree.in_query)
            return settings_->tree.base + "?/";
        return settings_->tree.base + "/" + httpmail_percent_encode(settings_->user) + "/";
    }

    std::string folders() const { return hotmail() ? user() + "folders/" : mailbox(); }

    /// What follows the root of folders; nothing if the place is known already.
    std::optional<std::string_view> below(std::string_view target, httpmail_place& place) const
    {
        auto const root = mailbox();
        bool const same = target == root ||
                          (target.ends_with('?') && target.substr(0, target.size() - 1) == root) ||
                          std::string(target) + "/" == root || target == settings_->tree.entry ||
                          (settings_->redirect.second && target == "/cgi-bin/cluster");
        if (same)
        {
            place.what   = hotmail() ? kind::root : kind::folder;
            place.folder = &store_->root();
            return std::nullopt;
        }
        auto const decoded = httpmail_percent_decode(target);
        if (target == submission() || (!hotmail() && decoded == mailbox() + "##DavMailSubmissionURI##"))
        {
            place.what = kind::submission;
            return std::nullopt;
        }
        auto const prefix = folders();
        if (target.starts_with(prefix))
            return target.substr(prefix.size());
        std::string const bare = prefix.substr(0, prefix.size() - 1);
        if (target == bare)
            return std::string_view();
        auto* const contacts = store_->special("contacts");
        if (hotmail() && contacts != nullptr)
        {
            auto const at = path(*contacts);
            if (target.starts_with(at.substr(0, at.size() - 1)))
            {
                place.folder = contacts;
                return target.substr(std::min(at.size(), target.size()));
            }
        }
        return std::nullopt;
    }

    httpmail_place walk(std::vector<std::string> const& segments, httpmail_place place) const
    {
        if (place.folder == nullptr)
            place.folder = &store_->root();
        place.what = kind::folder;
        for (std::size_t i = 0; i < segments.size(); ++i)
        {
            bool const last = i + 1 == segments.size();
            auto*      next = place.folder->child(segments[i]);
            if (next != nullptr && next->contacts && hotmail() && place.folder->parent == nullptr)
                next = nullptr; // it is not below the root of folders
            if (next == nullptr && i == 0 && settings_->tree.unknown_is_inbox && !segments[0].empty() &&
                !is_number(segments[0]) && !last)
                next = store_->special("inbox");
            if (next != nullptr)
            {
                place.folder = next;
                continue;
            }
            place.segment = segments[i];
            place.what    = last ? kind::missing : kind::nowhere;
            if (last)
            {
                place.item = place.folder->item(segments[i]);
                place.what = place.item != nullptr ? kind::item : kind::missing;
            }
            break;
        }
        return place;
    }

    static bool is_number(std::string_view s)
    {
        if (s.starts_with('-'))
            s.remove_prefix(1);
        return !s.empty() && std::all_of(s.begin(), s.end(), ascii::is_digit);
    }

    httpmail_server_settings const* settings_;
    httpmail_store*                 store_;
    std::string                     host_;
    std::string                     called_;
    std::string                     origin_;
};

} // namespace posthorn::testing::detail

#endif
