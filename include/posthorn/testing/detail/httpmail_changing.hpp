//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Moving, copying, deleting and making things in the HTTPMail server, one by one and in bulk.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_CHANGING_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_CHANGING_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_reading.hpp>
#include <posthorn/testing/detail/httpmail_store.hpp>
#include <posthorn/testing/detail/httpmail_text.hpp>
#include <posthorn/testing/detail/httpmail_urls.hpp>
#include <posthorn/testing/detail/httpmail_xml.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// Answers one request that changes something.
class httpmail_changing
{
public:
    explicit httpmail_changing(httpmail_context& c) : c_(&c) {}

    /// MOVE or COPY.
    httpmail_response transfer(httpmail_place const& source, bool copy)
    {
        auto const told = c_->request.field("Destination");
        if (!told)
            return httpmail_response(400);
        auto const target = c_->urls.target_of(*told);
        if (!target)
            return httpmail_response(502);
        auto const to = c_->urls.find(*target);
        if (c_->settings.tree.slash_matters && !copy)
        {
            if (!to.slash)
                return httpmail_response(400);
            if (!source.slash && source.is_item() && source.folder->special.empty() && to.folder != nullptr)
            {
                // The path ends one segment too early for this server: it takes the folder for what is to be moved.
                source.folder->name = to.folder->segment;
                c_->store.changed(*source.folder);
                return done("MOVE", 201, c_->urls.location(c_->urls.path(*source.folder), *source.folder));
            }
        }
        auto const result =
            source.is_folder() ? transfer_folder(source, to, copy) : transfer_item(source, to, copy);
        if (result.status >= 300)
            return httpmail_response(result.status);
        auto where = result.location;
        if (copy && verbs().wrong_copy_location && source.is_item())
            where = c_->urls.relative(c_->urls.path(*to.folder) +
                                      httpmail_percent_encode(source.item->segment) + "/");
        return done(copy ? "COPY" : "MOVE", result.status, where);
    }

    /// BMOVE or BCOPY.
    httpmail_response bulk_transfer(httpmail_place const& place, httpmail_document const& document, bool copy)
    {
        auto const told   = c_->request.field("Destination");
        auto const target = told ? c_->urls.target_of(*told) : std::nullopt;
        if (!document.good || document.targets.empty() || !told)
            return httpmail_response(400);
        auto const to = target ? c_->urls.find(*target) : httpmail_place();
        if (!to.is_folder())
            return httpmail_response(target ? 409 : 502);
        return bulk(place, document, [&](httpmail_place const& source, httpmail_target const& t) {
            auto destination    = to;
            destination.what    = httpmail_place::kind::missing;
            destination.segment = source.is_item()           ? source.item->segment
                                  : source.folder == nullptr ? ""
                                                             : source.folder->segment;
            if (!t.destination.empty())
            {
                auto const own = c_->urls.target_of(t.destination);
                destination    = own ? c_->urls.find(*own) : httpmail_place();
            }
            else if (to.folder->item(destination.segment) != nullptr)
            {
                destination.what = httpmail_place::kind::item;
                destination.item = to.folder->item(destination.segment);
            }
            return source.is_folder() ? transfer_folder(source, destination, copy)
                                      : transfer_item(source, destination, copy);
        });
    }

    httpmail_response erase(httpmail_place const& place)
    {
        auto const result = erase_one(place);
        return result.status >= 300 ? httpmail_response(result.status)
                                    : done("DELETE", result.status, std::nullopt);
    }

    httpmail_response bulk_erase(httpmail_place const& place, httpmail_document const& document)
    {
        if (!document.good || document.targets.empty())
            return httpmail_response(400);
        return bulk(place, document,
                    [&](httpmail_place const& p, httpmail_target const&) { return erase_one(p); });
    }

    httpmail_response make_folder(httpmail_place const& place, httpmail_document const& document)
    {
        if (!c_->request.body.empty() && !document.good)
            return httpmail_response(415);
        if (place.what == httpmail_place::kind::nowhere)
            return httpmail_response(409);
        bool const exists = place.exists();
        if (place.folder == nullptr || (exists && !verbs().duplicates) ||
            (exists && place.is_folder() && place.folder->parent == nullptr))
            return httpmail_response(exists ? verbs().existing_folder : 403);
        auto& parent = exists && place.is_folder() ? *place.folder->parent : *place.folder;
        if (parent.contacts || (c_->hotmail() && parent.parent != nullptr))
            return httpmail_response(403);
        auto const name = exists && place.is_folder() ? place.folder->name : c_->urls.name_of(place.segment);
        if (!verbs().duplicates && named(parent, name) != nullptr)
            return httpmail_response(verbs().existing_folder);
        auto& made = c_->store.create(parent, name);
        for (auto const& change : document.changes)
            if (!change.remove)
                made.properties[change.name] = change.value;
        return done("MKCOL", 201, c_->urls.location(c_->urls.path(made), made));
    }

    /// @param fallback The status if the settings name none.
    httpmail_response done(std::string_view method, int fallback,
                           std::optional<std::string> const& location) const
    {
        auto const        at = verbs().success.find(std::string(method));
        httpmail_response answer(at != verbs().success.end() ? at->second : fallback);
        if (location)
            answer.with("Location", *location);
        return answer;
    }

    struct outcome
    {
        explicit outcome(int s, std::optional<std::string> l = std::nullopt)
            : status(s), location(std::move(l))
        {
        }

        int                        status;
        std::optional<std::string> location;
    };

    /// Runs a function over the targets of a B method and writes what came of it.
    template <class Function>
    httpmail_response bulk(httpmail_place const& place, httpmail_document const& document, Function one)
    {
        using answers = httpmail_verb_options::bulk_answer;
        if (!place.is_folder())
            return httpmail_response(404);
        std::vector<httpmail_entry> all, failed;
        for (auto const& target : document.targets)
        {
            auto const    source = c_->urls.find_in(*place.folder, target.href);
            outcome const o      = act(source, target, document, one);
            auto const    href =
                source.exists() && o.status >= 300 ? path_of(source) : full(*place.folder, target);
            httpmail_entry entry(c_->urls.href(href), o.status < 300 && c_->hotmail() ? 200 : o.status);
            if (verbs().bulk_location && o.location && o.status < 300)
                entry.location = *o.location;
            if (o.status >= 300)
                failed.push_back(entry);
            all.push_back(std::move(entry));
        }
        auto const chosen = verbs().success.find(c_->request.method);
        bool const plain  = verbs().bulk_answers == answers::silent || chosen != verbs().success.end();
        if (plain && (failed.empty() || verbs().blind_success || verbs().bulk_answers == answers::silent))
            return done(c_->request.method, 201, std::nullopt);
        if (verbs().bulk_answers == answers::failures && failed.empty())
            return done(c_->request.method, 204, std::nullopt);
        auto answer   = c_->multistatus(verbs().bulk_answers == answers::failures ? failed : all);
        answer.status = 207;
        return answer;
    }

private:
    using kind = httpmail_place::kind;

    httpmail_verb_options const& verbs() const { return c_->settings.verbs; }

    template <class Function>
    outcome act(httpmail_place const& source, httpmail_target const& target,
                httpmail_document const& document, Function& one)
    {
        bool const whole = target.href.find("://") != std::string::npos || target.href.starts_with('/');
        bool const idle =
            (verbs().last_segments_only && whole) || (verbs().target_first && !document.target_first);
        if (idle || (!source.exists() && verbs().blind_success))
        {
            auto const told = c_->request.field("Destination");
            auto const made = target.href.substr(target.href.find_last_of('/', target.href.size() - 2) + 1);
            return outcome(200, told ? std::optional<std::string>(*told + made) : std::nullopt);
        }
        if (!source.exists())
            return outcome(404);
        return one(source, target);
    }

    std::string path_of(httpmail_place const& p) const
    {
        return p.is_item() ? c_->urls.path(*p.folder, *p.item) : c_->urls.path(*p.folder);
    }

    /// The target of a B method as a whole; whatever was in it may be elsewhere by now.
    std::string full(httpmail_node& folder, httpmail_target const& target) const
    {
        if (target.href.find("://") != std::string::npos)
            return c_->urls.target_of(target.href).value_or(target.href);
        return target.href.starts_with('/') ? target.href : c_->urls.path(folder) + target.href;
    }

    bool may_rename() const { return ascii::iequals(c_->request.field("Allow-Rename").value_or("f"), "t"); }
    bool may_overwrite() const { return !ascii::iequals(c_->request.field("Overwrite").value_or("T"), "F"); }

    static httpmail_node* named(httpmail_node const& parent, std::string_view name)
    {
        for (auto const& c : parent.children)
            if (c->name == name)
                return c.get();
        return nullptr;
    }

    outcome transfer_item(httpmail_place const& source, httpmail_place const& to, bool copy)
    {
        if (!source.is_item())
            return outcome(404);
        if (!verbs().single_moves && !c_->request.method.starts_with('B'))
            return outcome(copy ? 500 : 501);
        if (to.what == kind::nowhere || to.what == kind::outside || to.folder == nullptr || to.is_folder())
            return outcome(to.what == kind::outside ? 403 : 409);
        if (to.folder->contacts != source.folder->contacts)
            return outcome(403);
        bool const  taken   = to.is_item();
        std::string segment = taken ? to.item->segment : to.segment;
        if (source.item->locked && !copy)
            return outcome(423);
        if (taken && may_rename())
            segment = httpmail_store::free_segment(*to.folder, segment);
        else if (taken && to.item == source.item)
            return outcome(403);
        else if (taken && !may_overwrite())
            return outcome(412);
        else if (taken && to.item->locked)
            return outcome(423);
        else if (taken)
            c_->store.remove(*to.folder, *to.item);
        if (copy && !c_->store.has_room(source.item->content.size()))
            return outcome(c_->settings.quota_status);
        // Two messages with one number would be mixed up where the number is all that counts.
        if (copy && c_->settings.tree.in_query)
            segment = std::to_string(source.item->id + 100000 + to.folder->items.size());
        auto& placed = copy ? c_->store.copy(*source.item, *to.folder, std::move(segment))
                            : c_->store.move(*source.folder, *source.item, *to.folder, std::move(segment));
        return outcome(taken && !may_rename() ? 204 : 201,
                       c_->urls.absolute(c_->urls.path(*to.folder, placed)));
    }

    outcome transfer_folder(httpmail_place const& source, httpmail_place const& to, bool copy)
    {
        auto& folder = *source.folder;
        if (folder.parent == nullptr || (!copy && verbs().protects_special && !folder.special.empty()))
            return outcome(403);
        if (!verbs().folder_rename)
            return outcome(412);
        if (to.folder == nullptr || to.what == kind::nowhere || to.what == kind::outside)
            return outcome(to.what == kind::nowhere ? 409 : 403);
        if (to.exists())
            return outcome(to.folder == &folder ? 403 : 412);
        if (to.folder->within(folder))
            return outcome(409);
        auto const name    = c_->urls.name_of(to.segment);
        bool const renames = c_->settings.tree.folders != httpmail_tree_options::naming::assigned;
        auto*      placed  = &folder;
        if (copy)
            placed = &copy_folder(folder, *to.folder, name);
        else
        {
            if (named(*to.folder, name) != nullptr && named(*to.folder, name) != &folder)
                return outcome(412);
            folder.name = name;
            c_->store.move(folder, *to.folder, renames ? c_->store.segment_for(name) : folder.segment);
        }
        return outcome(201, c_->urls.location(c_->urls.path(*placed), *placed));
    }

    httpmail_node& copy_folder(httpmail_node const& from, httpmail_node& to, std::string const& name)
    {
        auto& made      = c_->store.create(to, name);
        made.properties = from.properties;
        for (auto const& item : from.items)
            c_->store.copy(*item, made, item->segment);
        for (auto const& child : from.children)
            copy_folder(*child, made, child->name);
        return made;
    }

    outcome erase_one(httpmail_place const& place)
    {
        int const good = c_->settings.dialect == httpmail_dialect::dav ? 204 : 200;
        if (place.is_item())
        {
            auto* const trash = c_->store.special("deleteditems");
            if (place.item->locked)
                return outcome(423);
            if (verbs().delete_to_trash && trash != nullptr && place.folder != trash && !place.item->contact)
                c_->store.move(*place.folder, *place.item, *trash,
                               httpmail_store::free_segment(*trash, place.item->segment));
            else
                c_->store.remove(*place.folder, *place.item);
            return outcome(good);
        }
        if (!place.is_folder())
            return outcome(verbs().blind_success ? good : 404);
        auto& folder = *place.folder;
        if (folder.parent == nullptr || (verbs().protects_special && !folder.special.empty()))
            return outcome(verbs().blind_success ? good : 403);
        bool const locked =
            std::any_of(folder.items.begin(), folder.items.end(), [](auto const& i) { return i->locked; });
        if (locked)
            return outcome(423);
        if (auto* const trash = c_->store.special("deleteditems"); verbs().mail_survives && trash != nullptr)
            while (!folder.items.empty())
            {
                auto& item = *folder.items.front();
                c_->store.move(folder, item, *trash, httpmail_store::free_segment(*trash, item.segment));
            }
        c_->store.remove(folder);
        return outcome(good);
    }

    httpmail_context* c_;
};

} // namespace posthorn::testing::detail

#endif
