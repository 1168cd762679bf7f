//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Storing in the HTTPMail server: PROPPATCH and BPROPPATCH, PUT, POST to folders and to the contacts, sending.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_STORING_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_STORING_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_changing.hpp>
#include <posthorn/testing/detail/httpmail_headers.hpp>
#include <posthorn/testing/detail/httpmail_reading.hpp>
#include <posthorn/testing/detail/httpmail_store.hpp>
#include <posthorn/testing/detail/httpmail_text.hpp>
#include <posthorn/testing/detail/httpmail_urls.hpp>
#include <posthorn/testing/detail/httpmail_xml.hpp>
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

/// Answers one request that brings values or content.
class httpmail_storing
{
public:
    httpmail_storing(httpmail_context& c, std::vector<httpmail_submission>& sent) : c_(&c), sent_(&sent) {}

    httpmail_response proppatch(httpmail_place place, httpmail_document const& document)
    {
        if (!document.good || document.root.local != "propertyupdate" || document.changes.empty())
            return httpmail_response(400);
        bool created = false;
        if (auto const refused = condition(place); refused != 0)
            return httpmail_response(refused);
        if (place.what == httpmail_place::kind::missing && verbs().creates_by_patch)
        {
            place.item          = &c_->store.add(*place.folder, {}, place.segment);
            place.what          = httpmail_place::kind::item;
            place.item->contact = place.folder->contacts;
            created             = true;
        }
        if (!place.exists())
            return httpmail_response(404);
        auto       entry = apply(place, document.changes, created);
        bool const good  = std::all_of(entry.propstats.begin(), entry.propstats.end(),
                                       [](auto const& p) { return p.first < 300; });
        bool const plain = c_->hotmail() && !(place.is_item() && place.item->contact);
        if (good && verbs().patch_says_400)
        {
            httpmail_response odd(400, "<html><body>Bad request</body></html>");
            return odd.with("Content-Type", "text/html");
        }
        if (good && (plain || c_->brief()))
            return httpmail_changing(*c_).done("PROPPATCH", 200, std::nullopt);
        return c_->multistatus({entry});
    }

    httpmail_response bproppatch(httpmail_place const& place, httpmail_document const& document)
    {
        if (!document.good || document.root.local != "propertyupdate" || document.targets.empty())
            return httpmail_response(400);
        using outcome = httpmail_changing::outcome;
        std::vector<httpmail_entry> details;
        bool                        good   = true;
        auto                        answer = httpmail_changing(*c_).bulk(
                                   place, document, [&](httpmail_place const& p, httpmail_target const&) {
                if (p.is_item() && p.item->locked)
                    return outcome(423);
                auto entry = apply(p, document.changes, false);
                auto bad = std::find_if(entry.propstats.begin(), entry.propstats.end(),
                                                               [](auto const& s) { return s.first >= 300; });
                good     = good && bad == entry.propstats.end();
                details.push_back(entry);
                return outcome(bad == entry.propstats.end() ? 200 : bad->first);
            });
        if (answer.status != 207 || !details.size())
            return answer;
        if (good && details.size() == document.targets.size() && c_->brief())
            return httpmail_changing(*c_).done("BPROPPATCH", 200, std::nullopt);
        return answer;
    }

    httpmail_response put(httpmail_place const& place)
    {
        if (place.what == httpmail_place::kind::submission)
            return verbs().put_sends ? send() : httpmail_response(403);
        if (place.folder == nullptr || place.what == httpmail_place::kind::nowhere)
            return httpmail_response(place.what == httpmail_place::kind::nowhere ? 409 : 403);
        if (auto const refused = condition(place); refused != 0)
            return httpmail_response(refused);
        if (auto const refused = room(); refused != 0)
            return httpmail_response(refused);
        if (place.is_item())
        {
            c_->store.replace(*place.folder, *place.item, stored(c_->request.body));
            return httpmail_changing(*c_).done(
                "PUT", c_->settings.dialect == httpmail_dialect::dav ? 204 : 200, std::nullopt);
        }
        if (place.is_folder() && c_->settings.dialect == httpmail_dialect::dav)
            return httpmail_response(405);
        auto& made = c_->store.add(*place.folder, stored(c_->request.body), place.segment);
        made.read  = verbs().stored_is_read;
        return httpmail_changing(*c_).done(
            "PUT", 201, c_->urls.location(c_->urls.path(*place.folder, made), *place.folder));
    }

    httpmail_response post(httpmail_place const& place, httpmail_document const& document)
    {
        if (place.what == httpmail_place::kind::submission)
            return c_->hotmail() || verbs().put_sends ? send() : httpmail_response(500);
        if (!place.is_folder())
            return httpmail_response(place.exists() ? 405 : 404);
        if (place.folder->contacts)
            return new_contact(*place.folder, document);
        if (!verbs().post_appends)
            return httpmail_response(c_->settings.dialect == httpmail_dialect::dav ? 405 : 500);
        if (place.folder->parent == nullptr)
            return httpmail_response(403);
        if (media_type() != "message/rfc822")
            return httpmail_response(415);
        if (auto const refused = room(); refused != 0)
            return httpmail_response(refused);
        auto& made = c_->store.add(*place.folder, stored(c_->request.body));
        made.read  = verbs().stored_is_read;
        return httpmail_changing(*c_).done(
            "POST", 201, c_->urls.location(c_->urls.path(*place.folder, made), *place.folder));
    }

private:
    httpmail_verb_options const& verbs() const { return c_->settings.verbs; }

    std::string media_type() const
    {
        auto const type = c_->request.field("Content-Type").value_or("");
        return ascii::to_lower(ascii::trim(std::string_view(type).substr(0, type.find(';'))));
    }

    std::string stored(std::string content) const
    {
        return verbs().adds_newline ? content + "\r\n" : std::move(content);
    }

    /// 0, or why the body cannot be kept.
    int room() const
    {
        auto const size = c_->request.body.size();
        if (c_->settings.max_message != 0 && size > c_->settings.max_message)
            return verbs().blind_success ? 403 : 413;
        return c_->store.has_room(size) ? 0 : verbs().blind_success ? 403 : c_->settings.quota_status;
    }

    /// 0, or the status for If-Match, If-None-Match and a lock.
    int condition(httpmail_place const& place) const
    {
        if (place.is_item() && place.item->locked)
            return 423;
        auto const match = c_->request.field("If-Match");
        auto const none  = c_->request.field("If-None-Match");
        if (none && *none == "*" && place.exists())
            return 412;
        if (!match)
            return 0;
        if (!place.exists())
            return 412;
        httpmail_entity const entity{place.folder, place.item, false, false};
        auto const            etag = c_->properties.find(entity, {httpmail_ns_dav, "getetag"});
        return *match == "*" || (etag && *match == etag->text) ? 0 : 412;
    }

    static std::optional<bool> flag(std::string_view text)
    {
        text = ascii::trim(text);
        for (std::string_view const yes : {"1", "true", "t"})
            if (ascii::iequals(text, yes))
                return true;
        for (std::string_view const no : {"0", "false", "f"})
            if (ascii::iequals(text, no))
                return false;
        return std::nullopt;
    }

    /// 200, or why this property cannot be changed so.
    int judge(httpmail_place const& place, httpmail_change const& change) const
    {
        bool const protected_name = ascii::iequals(change.name.space, httpmail_ns_dav) &&
                                    change.name.local != "contentclass" && change.name.local != "displayname";
        if (protected_name)
            return 403;
        if (c_->settings.dialect == httpmail_dialect::dav)
            return 200;
        bool const read = change.name == httpmail_name(httpmail_ns_mail, "read");
        if (read && place.is_item())
            return change.remove || !flag(change.value) ? 409 : 200;
        bool const free =
            c_->settings.dialect == httpmail_dialect::exchange || (place.is_item() && place.item->contact);
        return free ? 200 : 403;
    }

    /// All of the changes or none.
    httpmail_entry apply(httpmail_place const& place, std::vector<httpmail_change> const& changes,
                         bool created)
    {
        std::vector<std::pair<int, httpmail_value>> judged;
        bool                                        good = true;
        for (auto const& change : changes)
        {
            judged.emplace_back(judge(place, change), httpmail_value(change.name, {}));
            good = good && judged.back().first == 200;
        }
        if (good)
            for (auto const& change : changes)
                set(place, change);
        if (good && place.is_item())
            place.item->modified = c_->store.touch();
        if (good)
            c_->store.changed(*place.folder);
        httpmail_entity const       entity{place.folder, place.item, false, false};
        httpmail_entry              entry(c_->urls.href(c_->properties.path_of(entity)));
        std::vector<httpmail_value> values;
        if (good && place.is_item() && place.item->contact && c_->hotmail())
            for (auto const& name :
                 {httpmail_name(httpmail_ns_dav, "id"), httpmail_name(httpmail_ns_hotmail, "modified")})
                values.push_back(*c_->properties.find(entity, name));
        for (auto& [status, value] : judged)
        {
            int const told = good ? (created ? 201 : 200) : status == 200 ? 424 : status;
            auto      at   = std::find_if(entry.propstats.begin(), entry.propstats.end(),
                                          [&](auto const& p) { return p.first == told; });
            if (at == entry.propstats.end())
                at = entry.propstats.insert(at, {told, std::exchange(values, {})});
            at->second.push_back(std::move(value));
        }
        return entry;
    }

    void set(httpmail_place const& place, httpmail_change const& change)
    {
        bool const plain = c_->settings.dialect == httpmail_dialect::dav;
        if (!plain && place.is_item() && change.name == httpmail_name(httpmail_ns_mail, "read"))
        {
            place.item->read = flag(change.value).value_or(false);
            return;
        }
        auto& stored = place.is_item() ? place.item->properties : place.folder->properties;
        if (change.remove)
            stored.erase(change.name);
        else if (stored.size() < 1000)
            stored[change.name] = change.value;
    }

    httpmail_response new_contact(httpmail_node& folder, httpmail_document const& document)
    {
        bool const named = std::any_of(document.changes.begin(), document.changes.end(), [](auto const& c) {
            return c.name.space == httpmail_ns_contacts && !c.remove;
        });
        if (!document.good || !named)
            return httpmail_response(document.good ? 422 : 400);
        httpmail_place place;
        place.what       = httpmail_place::kind::item;
        place.folder     = &folder;
        place.item       = &c_->store.add(folder, {});
        auto       entry = apply(place, document.changes, true);
        auto const where = c_->urls.absolute(c_->urls.path(folder, *place.item));
        if (!verbs().contact_record)
            return httpmail_changing(*c_).done("POST", 201, where);
        auto answer = c_->multistatus({entry});
        return answer.with("Location", where);
    }

    struct envelope
    {
        std::string              from;
        std::vector<std::string> to;
        std::string              content;
    };

    /// Reads MAIL FROM, RCPT TO and the empty line. Nothing if it is none.
    std::optional<envelope> read_envelope() const
    {
        envelope         e;
        std::string_view rest = c_->request.body;
        bool             from = false;
        for (;;)
        {
            if (rest.empty())
                return std::nullopt;
            auto const line = httpmail_take_line(rest);
            if (line.empty())
                break;
            auto const begins = [&](std::string_view verb) {
                return verbs().strict_envelope ? line.starts_with(verb) : ascii::istarts_with(line, verb);
            };
            if (begins("MAIL FROM:") && !from)
            {
                e.from = httpmail_bare_address(line.substr(10));
                from   = true;
            }
            else if (begins("RCPT TO:") && from)
                e.to.push_back(httpmail_bare_address(line.substr(8)));
            else
                return std::nullopt;
        }
        e.content = std::string(rest);
        return from ? std::optional(std::move(e)) : std::nullopt;
    }

    /// Sender and recipients out of the header.
    envelope from_header() const
    {
        envelope e;
        e.content = c_->request.body;
        e.from    = httpmail_bare_address(httpmail_raw_header(e.content, "From").value_or(""));
        for (char const* const name : {"To", "Cc", "Bcc"})
        {
            auto             value = httpmail_raw_header(e.content, name).value_or("");
            std::string_view rest  = value;
            while (!rest.empty())
            {
                auto const        one   = rest.substr(0, rest.find(','));
                std::size_t const comma = rest.find(',');
                rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
                if (auto address = httpmail_bare_address(one); !address.empty())
                    e.to.push_back(std::move(address));
            }
        }
        return e;
    }

    bool may_be_from(std::string_view address) const
    {
        auto const& senders = c_->settings.senders;
        if (senders.empty())
            return ascii::iequals(address, c_->settings.user);
        return std::any_of(senders.begin(), senders.end(),
                           [&](auto const& s) { return s == "*" || ascii::iequals(s, address); });
    }

    httpmail_response send()
    {
        auto const type = media_type();
        if (type != "message/rfc821" && (type != "message/rfc822" || c_->hotmail()))
            return httpmail_response(c_->hotmail() ? 403 : 415);
        auto const read = type == "message/rfc821" ? read_envelope() : std::optional(from_header());
        if (!read || read->to.empty() || read->to.size() > verbs().most_recipients ||
            !may_be_from(read->from))
            return httpmail_response(read || c_->hotmail() ? 403 : 400);
        if (auto const refused = room(); refused != 0)
            return httpmail_response(refused);
        httpmail_submission made;
        made.from       = read->from;
        made.recipients = read->to;
        made.content    = read->content;
        made.type       = type;
        if (auto const save = c_->request.field("SAVEINSENT"))
            made.save = flag(*save).value_or(false);
        std::optional<std::string> where;
        bool const                 keeps = verbs().always_saves || made.save.value_or(!c_->hotmail());
        auto*                      sent  = c_->store.special("sentitems");
        if (auto const told = c_->request.field("Savedestination"))
            if (auto const target = c_->urls.target_of(*told))
                if (auto const place = c_->urls.find(*target); place.is_folder())
                    sent = place.folder;
        if (keeps && sent != nullptr)
        {
            // Exchange keeps the envelope lines inside the copy.
            auto& copy    = c_->store.add(*sent, stored(c_->hotmail() ? made.content : c_->request.body));
            copy.read     = true;
            made.saved_as = c_->urls.path(*sent, copy);
            where         = c_->urls.location(made.saved_as, *sent);
        }
        auto* const inbox = c_->store.special("inbox");
        for (auto const& address : made.recipients)
            if (inbox != nullptr &&
                (ascii::iequals(address, c_->settings.user) ||
                 (!c_->settings.senders.empty() && ascii::iequals(address, c_->settings.senders.front()))))
                c_->store.add(*inbox, stored(made.content));
        sent_->push_back(std::move(made));
        return httpmail_changing(*c_).done(c_->request.method, c_->hotmail() ? 201 : 200, where);
    }

    httpmail_context*                 c_;
    std::vector<httpmail_submission>* sent_;
};

} // namespace posthorn::testing::detail

#endif
