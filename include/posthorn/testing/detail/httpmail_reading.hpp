//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The verbs of the HTTPMail server that change nothing: OPTIONS, GET, PROPFIND, BPROPFIND, SEARCH.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_READING_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_READING_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/testing/detail/httpmail_properties.hpp>
#include <posthorn/testing/detail/httpmail_query.hpp>
#include <posthorn/testing/detail/httpmail_store.hpp>
#include <posthorn/testing/detail/httpmail_text.hpp>
#include <posthorn/testing/detail/httpmail_urls.hpp>
#include <posthorn/testing/detail/httpmail_xml.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/// What the verbs need, for one request.
struct httpmail_context
{
    httpmail_context(httpmail_server_settings const& s, httpmail_store& st, httpmail_request const& r)
        : settings(s), store(st), request(r), urls(s, st, r), properties(s, st, urls)
    {
    }
    httpmail_context(httpmail_context const&)            = delete;
    httpmail_context& operator=(httpmail_context const&) = delete;

    httpmail_response multistatus(std::vector<httpmail_entry> const& entries) const
    {
        httpmail_response answer(207, httpmail_text(settings.text, request.number).multistatus(entries));
        answer.with("Content-Type", "text/xml");
        if (auto const at = settings.verbs.success.find(request.method); at != settings.verbs.success.end())
            answer.status = at->second;
        return answer;
    }

    bool brief() const
    {
        return settings.verbs.brief && ascii::iequals(request.field("Brief").value_or("f"), "t");
    }

    bool hotmail() const { return settings.dialect == httpmail_dialect::hotmail; }

    httpmail_server_settings const& settings;
    httpmail_store&                 store;
    httpmail_request const&         request;
    httpmail_urls                   urls;
    httpmail_properties             properties;
};

/// Answers one request.
class httpmail_reading
{
public:
    explicit httpmail_reading(httpmail_context& c) : c_(&c) {}

    httpmail_response options() const
    {
        httpmail_response answer(200);
        std::string       allow = "OPTIONS, HEAD, GET, PROPFIND, PROPPATCH, MKCOL, MOVE, COPY, DELETE";
        allow += verbs().put_stores ? ", PUT" : "";
        allow += c_->settings.dialect == httpmail_dialect::dav ? "" : ", POST";
        allow += verbs().bulk == 0 ? ", BPROPPATCH, BMOVE, BCOPY, BDELETE" : "";
        allow += verbs().bulk_propfind ? ", BPROPFIND" : "";
        allow += verbs().search ? ", SEARCH" : "";
        answer.with("Allow", allow).with("DAV", "1,2").with("MS-Author-Via", "DAV");
        if (verbs().search)
            answer.with("DASL", "<DAV:sql>");
        return answer;
    }

    httpmail_response get(httpmail_place const& place) const
    {
        if (!place.is_item() && !place.is_folder())
        {
            if (!verbs().empty_for_missing || place.folder == nullptr)
                return httpmail_response(404);
            httpmail_response empty(200);
            empty.with("Content-Type", "message/rfc822");
            return empty;
        }
        if (place.is_folder())
            return httpmail_response(c_->hotmail() ? 403 : 405);
        auto const&           item = *place.item;
        httpmail_entity const entity{place.folder, place.item, false, false};
        auto const            etag = c_->properties.find(entity, {httpmail_ns_dav, "getetag"})->text;
        if (auto const known = c_->request.field("If-None-Match"); known && (*known == "*" || *known == etag))
            return httpmail_response(304);
        httpmail_response answer(200);
        bool const        source =
            verbs().source_by_default || ascii::iequals(c_->request.field("Translate").value_or("t"), "f");
        answer.with("Content-Type", source ? "message/rfc822" : "text/html");
        if (!c_->hotmail())
            answer.with("ETag", etag);
        answer.body = source ? item.content : "<html><body>" + item.segment + "</body></html>";
        if (source && verbs().gives_bare_lf)
            std::erase(answer.body, '\r');
        return answer;
    }

    httpmail_response propfind(httpmail_place const& place, httpmail_document document) const
    {
        auto const depth = ascii::to_lower(c_->request.field("Depth").value_or("infinity"));
        bool const deep  = depth == "infinity" || depth == "infinity,noroot";
        bool const known = deep || depth == "0" || depth == "1" || depth == "1,noroot";
        bool const bare  = depth.ends_with(",noroot");
        if (!known || (bare && verbs().without_root == httpmail_verb_options::noroot::refused))
            return httpmail_response(400);
        if (!document.good && !c_->request.body.empty())
            return httpmail_response(400);
        if (c_->request.body.empty())
            document.all = true;
        else if (document.root.local != "propfind" || !ascii::iequals(document.root.space, httpmail_ns_dav))
            return httpmail_response(verbs().by_prefix ? 207 : 422);
        bool const exists = place.exists() || place.what == httpmail_place::kind::root;
        if (!exists)
        {
            bool const quiet = verbs().empty_missing_folder && place.what != httpmail_place::kind::outside;
            return quiet ? c_->multistatus({}) : httpmail_response(404);
        }
        if (deep && !verbs().infinity && !verbs().ignores_depth)
            return httpmail_response(403);
        translate(document);
        if (auto const same = unchanged(place))
            return *same;
        auto const entities = listed(place, depth, bare);
        if (breaks(entities, document))
            return httpmail_response(501);
        std::vector<httpmail_entry> entries;
        for (auto const& e : entities)
        {
            entries.push_back(values(e, document));
            // What b1gMail does: the list of the folder, below the URL of the message.
            if (verbs().ignores_depth && place.is_item() && e.item != nullptr)
                entries.back().href =
                    c_->urls.href(c_->request.target + (place.slash ? "" : "/") + e.item->segment + "/");
        }
        httpmail_response answer;
        if (verbs().propfind_range && c_->request.has("Range"))
            return rows(std::move(entries));
        answer = c_->multistatus(entries);
        return answer;
    }

    httpmail_response bpropfind(httpmail_place const& place, httpmail_document const& document) const
    {
        if (!document.good || document.targets.empty())
            return httpmail_response(400);
        if (!place.is_folder())
            return httpmail_response(404);
        std::vector<httpmail_entry> entries;
        for (auto const& target : document.targets)
        {
            auto const found = c_->urls.find_in(*place.folder, target.href);
            if (found.exists())
                entries.push_back(values({found.folder, found.item, false, true}, document));
            else if (verbs().made_up_values)
                entries.push_back(made_up(target, document));
            else
                entries.emplace_back(target.href, 404);
        }
        return c_->multistatus(entries);
    }

    httpmail_response search(httpmail_place const& place, httpmail_document const& document) const
    {
        auto const query = document.good ? httpmail_query_parser::parse(document.sql) : std::nullopt;
        if (!query)
        {
            httpmail_response answer(verbs().bad_sql_closes ? 0 : document.good ? 422 : 400);
            answer.close = verbs().bad_sql_closes;
            return answer;
        }
        auto scope = place;
        if (!query->scope.empty())
        {
            auto const target = c_->urls.target_of(query->scope);
            scope             = target ? c_->urls.find(*target) : httpmail_place();
        }
        if (!scope.is_folder())
            return httpmail_response(404);
        std::vector<httpmail_entity> found;
        collect(*scope.folder, query->how, found);
        std::erase_if(found, [&](auto const& e) {
            return query->where && !verbs().plain_search &&
                   !query->where([&](httpmail_name const& n) { return text_of(e, n); });
        });
        if (query->group)
            return grouped(*scope.folder, *query, found);
        if (!verbs().plain_search)
            sort(*query, found);
        httpmail_document wanted;
        wanted.all = query->columns.empty();
        for (auto const& column : query->columns)
            wanted.names.push_back({column.name, {}});
        std::vector<httpmail_entry> entries;
        for (auto const& e : found)
            entries.push_back(values(e, wanted));
        for (auto& e : entries)
            rename(*query, e);
        return rows(std::move(entries));
    }

private:
    httpmail_verb_options const& verbs() const { return c_->settings.verbs; }

    /// Servers that match prefixes know these five only.
    void translate(httpmail_document& document) const
    {
        if (!verbs().by_prefix)
            return;
        std::map<std::string, std::string_view> const known = {{"d", httpmail_ns_dav},
                                                               {"h", httpmail_ns_hotmail},
                                                               {"hm", httpmail_ns_mail},
                                                               {"m", httpmail_ns_header},
                                                               {"c", httpmail_ns_contacts}};
        std::vector<httpmail_asked>                   understood;
        for (auto& asked : document.names)
            if (auto const at = known.find(ascii::to_lower(asked.prefix)); at != known.end())
            {
                asked.name.space = std::string(at->second);
                understood.push_back(asked);
            }
        document.names = std::move(understood);
    }

    std::vector<httpmail_entity> listed(httpmail_place const& place, std::string const& depth,
                                        bool bare) const
    {
        bool const                   root = place.what == httpmail_place::kind::root;
        std::vector<httpmail_entity> all;
        auto* const                  folder = place.folder;
        bool const                   entry  = root || (folder->parent == nullptr && !c_->hotmail());
        if (verbs().ignores_depth && (!root || folder->parent != nullptr))
        {
            children(*folder, false, all);
            return all;
        }
        bool const own =
            depth == "0" || verbs().ignores_depth ||
            (bare ? verbs().without_root == httpmail_verb_options::noroot::ignored : verbs().own_entry);
        if (own || place.is_item())
            all.push_back({folder, place.item, place.item == nullptr && entry, false});
        if (depth != "0" && !place.is_item() && !verbs().ignores_depth)
            children(*folder, depth.starts_with("infinity"), all);
        return all;
    }

    void children(httpmail_node& folder, bool deep, std::vector<httpmail_entity>& all) const
    {
        for (auto const& child : folder.children)
        {
            if (c_->hotmail() && child->contacts)
                continue; // beside the folders, not among them
            all.push_back({child.get(), nullptr, false, true});
            if (deep)
                children(*child, true, all);
        }
        for (auto const& item : folder.items)
            all.push_back({&folder, item.get(), false, true});
    }

    void collect(httpmail_node& folder, httpmail_query::traversal how,
                 std::vector<httpmail_entity>& all) const
    {
        if (how == httpmail_query::traversal::hierarchical)
        {
            for (auto const& child : folder.children)
            {
                all.push_back({child.get(), nullptr, false, true});
                if (!verbs().plain_search)
                    collect(*child, how, all);
            }
            return;
        }
        children(folder, how == httpmail_query::traversal::deep, all);
    }

    bool breaks(std::vector<httpmail_entity> const& entities, httpmail_document const& document) const
    {
        httpmail_name const received(httpmail_ns_header, "received");
        bool const          asked = std::any_of(document.names.begin(), document.names.end(),
                                                [&](auto const& a) { return a.name == received; });
        return c_->settings.values.received_breaks && asked &&
               std::any_of(entities.begin(), entities.end(), [&](auto const& e) {
                   return e.item != nullptr && c_->properties.lacks_received(*e.item);
               });
    }

    httpmail_entry values(httpmail_entity const& entity, httpmail_document const& document) const
    {
        using absence = httpmail_text_options::absence;
        std::vector<httpmail_value> found, missing;
        auto const&                 text = c_->settings.text;
        if (document.all || document.names_only || c_->settings.values.everything)
        {
            for (auto const& name : c_->properties.names(entity))
                found.push_back(document.names_only ? httpmail_value(name, {})
                                                    : *c_->properties.find(entity, name));
        }
        else
            for (auto const& asked : document.names)
            {
                auto  value = c_->properties.find(entity, asked.name);
                auto& list  = value || text.missing == absence::empty ? found : missing;
                list.push_back(value ? std::move(*value) : httpmail_value(asked.name, {}));
                bool const from = asked.name == httpmail_name(httpmail_ns_header, "from");
                if (from && entity.item != nullptr)
                    if (auto address = c_->properties.find(entity, {httpmail_ns_hotmail, "fromaddr"}))
                        found.push_back(std::move(*address));
            }
        httpmail_entry entry(c_->urls.href(c_->properties.path_of(entity)));
        if (text.repeat_href)
            found.emplace_back(httpmail_name(httpmail_ns_dav, "href"), entry.href);
        bool const hidden = text.missing == absence::left_out || c_->brief();
        if (!found.empty() || text.empty_propstat || missing.empty() || hidden)
            entry.propstats.emplace_back(200, std::move(found));
        if (!missing.empty() && !hidden)
            entry.propstats.emplace_back(404, std::move(missing));
        return entry;
    }

    httpmail_entry made_up(httpmail_target const& target, httpmail_document const& document) const
    {
        httpmail_entry              entry(target.href);
        std::vector<httpmail_value> found, missing;
        for (auto const& asked : document.names)
        {
            bool const flag = asked.name.local == "read" || asked.name.local == "isfolder";
            (flag ? found : missing).emplace_back(asked.name, flag ? "0" : "");
        }
        entry.propstats.emplace_back(200, std::move(found));
        entry.propstats.emplace_back(404, std::move(missing));
        return entry;
    }

    std::optional<std::string> text_of(httpmail_entity const& e, httpmail_name const& n) const
    {
        auto value = c_->properties.find(e, n);
        return value ? std::optional<std::string>(std::move(value->text)) : std::nullopt;
    }

    void sort(httpmail_query const& query, std::vector<httpmail_entity>& found) const
    {
        struct keyed
        {
            std::vector<std::string> keys;
            std::size_t              place;
        };
        std::vector<keyed> lines;
        for (auto const& e : found)
        {
            lines.push_back({{}, lines.size()});
            for (auto const& by : query.order)
                lines.back().keys.push_back(text_of(e, by.first).value_or(""));
        }
        std::sort(lines.begin(), lines.end(), [&query](keyed const& a, keyed const& b) {
            for (std::size_t i = 0; i < query.order.size(); ++i)
                if (int const c = httpmail_compare(a.keys[i], b.keys[i]); c != 0)
                    return query.order[i].second ? c > 0 : c < 0;
            return a.place < b.place;
        });
        std::vector<httpmail_entity> sorted;
        for (auto const& r : lines)
            sorted.push_back(found[r.place]);
        found = std::move(sorted);
    }

    /// One entry for each value: how many rows have it, as "visiblecount". Nothing for an empty folder.
    httpmail_response grouped(httpmail_node& scope, httpmail_query const& query,
                              std::vector<httpmail_entity> const& found) const
    {
        std::map<std::string, std::size_t> counts;
        for (auto const& e : found)
            ++counts[text_of(e, *query.group).value_or("")];
        std::vector<httpmail_entry> entries;
        for (auto const& [value, count] : counts)
        {
            httpmail_entry              entry(c_->urls.href(c_->urls.path(scope)));
            std::vector<httpmail_value> values;
            for (auto const& column : query.columns)
            {
                bool const total = column.name.local == "visiblecount";
                values.emplace_back(column.name,
                                    total                         ? std::to_string(count)
                                    : column.name == *query.group ? value
                                                                  : "",
                                    total ? "int" : "");
            }
            entry.propstats.emplace_back(200, std::move(values));
            entries.push_back(std::move(entry));
        }
        return rows(std::move(entries));
    }

    static void rename(httpmail_query const& query, httpmail_entry& entry)
    {
        for (auto const& column : query.columns)
            for (auto& [status, values] : entry.propstats)
                for (auto& v : values)
                    if (!column.alias.empty() && v.name == column.name)
                        v.name = httpmail_name({}, column.alias);
    }

    /// The rows of Range, which may be several ranges; all without one.
    httpmail_response rows(std::vector<httpmail_entry> entries) const
    {
        auto const        range = c_->request.field("Range").value_or("");
        std::size_t const total = entries.size();
        std::string       told  = "rows 0-" + std::to_string(total == 0 ? 0 : total - 1);
        if (range.starts_with("rows=") && !verbs().ignores_range)
        {
            std::vector<httpmail_entry> chosen;
            std::string                 spans;
            std::string_view            rest = std::string_view(range).substr(5);
            while (!rest.empty())
            {
                auto const        part  = ascii::trim(rest.substr(0, rest.find(',')));
                std::size_t const comma = rest.find(',');
                rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
                auto const span = span_of(part, total);
                if (!span)
                    return httpmail_response(400);
                if (span->first >= total)
                    continue;
                for (std::size_t i = span->first; i <= span->second; ++i)
                    chosen.push_back(entries[i]);
                spans += (spans.empty() ? "" : ",") + std::to_string(span->first) + "-" +
                         std::to_string(span->second);
            }
            if (chosen.empty() && total != 0)
                return httpmail_response(416);
            if (total != 0)
                told = "rows " + spans;
            entries = std::move(chosen);
        }
        auto answer = c_->multistatus(entries);
        answer.with("Accept-Ranges", "rows");
        if (!range.empty())
            answer.with("Content-Range", told + "; total=" + std::to_string(total));
        return answer;
    }

    /// First and last row, inclusive.
    static std::optional<std::pair<std::size_t, std::size_t>> span_of(std::string_view text,
                                                                      std::size_t      total)
    {
        std::size_t const dash   = text.find('-');
        auto const        number = [](std::string_view s) -> std::optional<std::size_t> {
            std::size_t value = 0;
            auto const  r     = std::from_chars(s.data(), s.data() + s.size(), value);
            return r.ec == std::errc() && r.ptr == s.data() + s.size() && value < SIZE_MAX / 2
                              ? std::optional(value)
                              : std::nullopt;
        };
        if (dash == text.npos)
            return std::nullopt;
        auto const        first = number(text.substr(0, dash)), last = number(text.substr(dash + 1));
        std::size_t const end = total == 0 ? 0 : total - 1;
        if (dash == 0)
            return last ? std::optional(std::pair(total - std::min(*last, total), end)) : std::nullopt;
        if (!first || (!last && dash + 1 != text.size()) || (last && *last < *first))
            return std::nullopt;
        return std::pair(*first, last ? std::min(*last, end) : end);
    }

    /// An answer to X-Timestamp that nothing is new, if that is switched on and true.
    std::optional<httpmail_response> unchanged(httpmail_place const& place) const
    {
        using stamps    = httpmail_verb_options::timestamps;
        auto const told = c_->request.field("X-Timestamp");
        if (!told || (verbs().stamps != stamps::not_modified && verbs().stamps != stamps::empty_list))
            return std::nullopt;
        auto&      root = c_->store.root();
        auto const same = [&](std::string const& name, std::int64_t when) {
            return (", " + *told + ",").find(", " + name + "=" + std::to_string(when) + ",") !=
                   std::string::npos;
        };
        auto const* folder = place.folder->parent == nullptr ? c_->store.special("inbox") : place.folder;
        bool const  list   = place.folder->parent == nullptr;
        if ((list && !same("folders", root.modified)) || !same(folder->segment, folder->modified))
            return std::nullopt;
        return verbs().stamps == stamps::not_modified ? httpmail_response(304) : c_->multistatus({});
    }

    httpmail_context* c_;
};

} // namespace posthorn::testing::detail

#endif
