//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// WebDAV as awaitable verbs over a client of HTTP, with the bulk verbs and SEARCH of Microsoft's servers.

#ifndef POSTHORN_DAV_CLIENT_HPP
#define POSTHORN_DAV_CLIENT_HPP

#include <posthorn/coro/task.hpp>
#include <posthorn/dav/depth.hpp>
#include <posthorn/dav/href.hpp>
#include <posthorn/dav/multistatus.hpp>
#include <posthorn/dav/options.hpp>
#include <posthorn/dav/outcome.hpp>
#include <posthorn/dav/request_body.hpp>
#include <posthorn/dav/rows.hpp>
#include <posthorn/dav/status_error.hpp>
#include <posthorn/http/client.hpp>
#include <posthorn/http/syntax.hpp>
#include <posthorn/source/source.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::dav {

/// Settings of a client.
struct client_settings
{
    client_settings() = default;

    multistatus_limits limits;
    std::string        content_type = "text/xml"; ///< Of bodies in XML. Old servers know no other.
};

/** The verbs of WebDAV (RFC 4918), and those that Hotmail and Exchange added.

    @par Errors
    A refusal is a status_error. Where one request is about several things, each has its own status in the result, and
    only a refusal of the whole is an exception. Besides: what http::client and multistatus throw; error with
    xml::errc::bad_text or bad_name if something cannot be written, before anything is sent.

    @par Cancellation
    As of http::client: the connection in use is closed, the client stays usable. Whether a change was made is then unknown.

    @par Thread safety
    As of the http::client: any number of requests at the same time, on one executor.
*/
class client
{
public:
    /// @param web Must outlive this and everything that comes from it.
    explicit client(http::client& web, client_settings settings = {})
        : web_(&web), settings_(std::move(settings))
    {
    }

    http::client& web() const noexcept { return *web_; }

    /** The properties of a resource, and of those below it.

        Where `reach` leaves out the root, a server that refuses that word (400) is asked without it, now and in
        future, and the root is taken out of the list here. It is taken out as well if a server lists it all the same.
    */
    task<multistatus> propfind(http::url at, depth reach, property_list what, request_options options)
    {
        std::string body = propfind_body(what);
        co_return co_await list("PROPFIND", std::move(at), reach, std::move(body), std::move(options));
    }
    task<multistatus> propfind(http::url at, depth reach, property_list what)
    {
        return propfind(std::move(at), reach, std::move(what), request_options());
    }

    /// BPROPFIND: the properties of several resources of a collection.
    task<multistatus> bpropfind(http::url collection, std::vector<target> targets, depth reach,
                                property_list what, request_options options)
    {
        std::string body = propfind_body(what, targets);
        co_return co_await list("BPROPFIND", with_slash(collection), reach, std::move(body),
                                std::move(options));
    }
    task<multistatus> bpropfind(http::url collection, std::vector<target> targets, depth reach,
                                property_list what)
    {
        return bpropfind(std::move(collection), std::move(targets), reach, std::move(what),
                         request_options());
    }

    /** SEARCH, by SQL as Exchange knows it; see sql_name() and sql_text().

        @param rows Which rows are wanted; multistatus::rows() tells which came. Past the end: errc::range_end.
    */
    task<multistatus> search(http::url at, std::string sql, std::optional<row_range> rows,
                             request_options options)
    {
        if (rows)
            options.fields.set("Range", rows->str());
        auto request = xml_request("SEARCH", std::move(at), search_body(sql), options);
        auto answer  = co_await web_->send(std::move(request));
        co_return co_await listed(std::move(answer), "SEARCH", false);
    }
    task<multistatus> search(http::url at, std::string sql)
    {
        return search(std::move(at), std::move(sql), std::nullopt, request_options());
    }

    /** Changes properties: all or none of them (RFC 4918, 9.2).

        A refusal of single properties is told in the details of the outcome, which is not ok() then.
    */
    task<outcome> proppatch(http::url at, property_update update, request_options options)
    {
        auto request = xml_request("PROPPATCH", std::move(at), proppatch_body(update), options);
        co_return co_await send(std::move(request));
    }
    task<outcome> proppatch(http::url at, property_update update)
    {
        return proppatch(std::move(at), std::move(update), request_options());
    }

    /// BPROPPATCH: the same changes to several resources of a collection.
    task<bulk_outcome> bproppatch(http::url collection, std::vector<target> targets, property_update update,
                                  request_options options)
    {
        auto request =
            xml_request("BPROPPATCH", with_slash(collection), proppatch_body(update, targets), options);
        co_return co_await bulk(std::move(request), std::move(targets));
    }
    task<bulk_outcome> bproppatch(http::url collection, std::vector<target> targets, property_update update)
    {
        return bproppatch(std::move(collection), std::move(targets), std::move(update), request_options());
    }

    /** Makes a collection. Take its URL from the outcome's location if there is one: servers give names of their own.

        @param update Properties to set at once, as Exchange allows it; empty: none, and no body.
    */
    task<outcome> mkcol(http::url at, property_update update, request_options options)
    {
        http::request request("MKCOL", std::move(at));
        if (update.changes().empty())
            request.fields.set("Content-Type",
                               settings_.content_type); // as old clients did, without any body
        else
            request.set_body(proppatch_body(update), settings_.content_type);
        add_fields(request, options);
        co_return co_await send(std::move(request));
    }
    task<outcome> mkcol(http::url at) { return mkcol(std::move(at), property_update(), request_options()); }

    /// COPY. A slash at the end of the source is given to the destination as well.
    task<outcome> copy(http::url from, http::url to, transfer_options options)
    {
        return transfer("COPY", std::move(from), std::move(to), std::move(options));
    }
    task<outcome> copy(http::url from, http::url to)
    {
        return copy(std::move(from), std::move(to), transfer_options());
    }

    /// MOVE, which is renaming, too. A slash at the end of the source is given to the destination as well.
    task<outcome> move(http::url from, http::url to, transfer_options options)
    {
        return transfer("MOVE", std::move(from), std::move(to), std::move(options));
    }
    task<outcome> move(http::url from, http::url to)
    {
        return move(std::move(from), std::move(to), transfer_options());
    }

    /// BCOPY: copies resources of a collection into another.
    task<bulk_outcome> bcopy(http::url collection, http::url to, std::vector<target> targets,
                             transfer_options options)
    {
        return bulk_transfer(bulk_verb::copy, std::move(collection), std::move(to), std::move(targets),
                             std::move(options));
    }

    /// BMOVE: moves resources of a collection into another.
    task<bulk_outcome> bmove(http::url collection, http::url to, std::vector<target> targets,
                             transfer_options options)
    {
        return bulk_transfer(bulk_verb::move, std::move(collection), std::move(to), std::move(targets),
                             std::move(options));
    }

    /// DELETE: a resource, or a collection with all in it.
    task<outcome> remove(http::url at, request_options options)
    {
        http::request request("DELETE", std::move(at));
        add_fields(request, options);
        co_return co_await send(std::move(request));
    }
    task<outcome> remove(http::url at) { return remove(std::move(at), request_options()); }

    /// BDELETE: resources of a collection.
    task<bulk_outcome> bdelete(http::url collection, std::vector<target> targets, request_options options)
    {
        auto request =
            xml_request("BDELETE", with_slash(collection), bulk_body(bulk_verb::remove, targets), options);
        co_return co_await bulk(std::move(request), std::move(targets));
    }
    task<bulk_outcome> bdelete(http::url collection, std::vector<target> targets)
    {
        return bdelete(std::move(collection), std::move(targets), request_options());
    }

    /** GET.
        @return The response, whose body is to be read. With if_none_match it can be a 304, which is no refusal here.
    */
    task<http::response> get(http::url at, request_options options)
    {
        http::request request("GET", std::move(at));
        add_fields(request, options);
        auto answer = co_await web_->send(std::move(request));
        if (!answer.ok() && answer.status() != 304)
            co_await refuse(answer, "GET");
        co_return answer;
    }
    task<http::response> get(http::url at) { return get(std::move(at), request_options()); }

    /// PUT: writes a resource. @param content Must be rewindable() to survive a challenge or a redirect.
    task<outcome> put(http::url at, std::shared_ptr<source> content, std::string content_type,
                      request_options options)
    {
        http::request request("PUT", std::move(at));
        request.body = std::move(content);
        request.fields.set("Content-Type", std::move(content_type));
        add_fields(request, options);
        co_return co_await send(std::move(request));
    }
    task<outcome> put(http::url at, std::shared_ptr<source> content, std::string content_type)
    {
        return put(std::move(at), std::move(content), std::move(content_type), request_options());
    }

    /// OPTIONS.
    task<server_features> options(http::url at)
    {
        auto answer = co_await web_->send(http::request("OPTIONS", std::move(at)));
        if (!answer.ok())
            co_await refuse(answer, "OPTIONS");
        server_features f;
        f.status = answer.status();
        f.fields = answer.fields();
        members(f.fields, "DAV", f.classes);
        members(f.fields, "Allow", f.methods);
        members(f.fields, "Public", f.methods);
        co_await answer.discard();
        co_return f;
    }

    /** Any other request that changes something, such as a POST that sends or appends a message.
        @return As for the verbs above: a refusal of the whole is an exception, a list is in the details. */
    task<outcome> send(http::request request)
    {
        std::string method = request.method;
        auto        answer = co_await web_->send(std::move(request));
        co_return co_await changed(std::move(answer), std::move(method));
    }

private:
    static void members(http::headers const& fields, std::string_view name, std::vector<std::string>& to)
    {
        for (std::string_view list : fields.all(name))
            for (std::string_view one; http::next_member(list, one);)
                if (std::find(to.begin(), to.end(), one) == to.end())
                    to.emplace_back(one);
    }

    static void add_fields(http::request& r, request_options const& o)
    {
        if (o.brief)
            r.fields.set("Brief", "t");
        if (!o.translate)
            r.fields.set("Translate", "f");
        if (!o.if_match.empty())
            r.fields.set("If-Match", o.if_match);
        if (!o.if_none_match.empty())
            r.fields.set("If-None-Match", o.if_none_match);
        for (auto const& f : o.fields)
            r.fields.set(f.name, f.value);
        if (o.repeatable)
            r.repeatable = o.repeatable;
    }

    static void add_transfer_fields(http::request& r, http::url const& to, transfer_options const& o)
    {
        r.fields.set("Destination", to.str());
        if (!o.overwrite)
            r.fields.set("Overwrite", "F");
        if (o.allow_rename)
            r.fields.set("Allow-Rename", "t");
        add_fields(r, o);
    }

    http::request xml_request(std::string method, http::url at, std::string body,
                              request_options const& o) const
    {
        http::request r(std::move(method), std::move(at));
        r.set_body(std::move(body), settings_.content_type);
        add_fields(r, o);
        return r;
    }

    /// Throws what the response amounts to; a short body is read, to keep the connection.
    task<void> refuse(http::response& answer, std::string method)
    {
        auto f = facts_of(answer, method);
        co_await answer.discard();
        throw status_error(refusal(f.status), std::move(f));
    }

    task<multistatus> list(std::string method, http::url at, depth reach, std::string body,
                           request_options options)
    {
        bool const skip  = leaves_out_root(reach);
        auto const home  = at.origin();
        bool const plain = skip && knows_no_noroot_.contains(home);
        auto       first = xml_request(method, at, body, options);
        first.fields.set("Depth", std::string(to_string(plain ? without_noroot(reach) : reach)));
        auto answer = co_await web_->send(std::move(first));
        if (skip && !plain && answer.status() == 400)
        {
            co_await answer.discard();
            auto again = xml_request(method, std::move(at), std::move(body), options);
            again.fields.set("Depth", std::string(to_string(without_noroot(reach))));
            answer = co_await web_->send(std::move(again));
            if (answer.ok())
                knows_no_noroot_.insert(home);
        }
        co_return co_await listed(std::move(answer), std::move(method), skip);
    }

    task<multistatus> listed(http::response answer, std::string method, bool skip)
    {
        if (answer.status() != 207 && answer.status() != 200)
            co_await refuse(answer, method);
        multistatus list(std::move(answer), std::move(method), skip, settings_.limits);
        co_return list;
    }

    task<outcome> transfer(std::string method, http::url from, http::url to, transfer_options options)
    {
        if (ends_with_slash(from))
            to = with_slash(to);
        auto first = transfer_request(method, from, to, options);
        if (!options.retry_with_slash || ends_with_slash(to))
            co_return co_await send(std::move(first));

        auto       answer = co_await web_->send(std::move(first));
        int const  status = answer.status();
        bool const again  = status == 400 || status == 404 || status == 409;
        if (!again)
            co_return co_await changed(std::move(answer), std::move(method));
        co_await answer.discard();
        auto second = transfer_request(method, std::move(from), with_slash(to), options);
        co_return co_await send(std::move(second));
    }

    static http::request transfer_request(std::string const& method, http::url from, http::url const& to,
                                          transfer_options const& options)
    {
        http::request r(method, std::move(from));
        // A MOVE is always of everything (RFC 4918, 9.9.2), and some servers do not like to hear it.
        if (method == "COPY")
            r.fields.set("Depth", std::string(to_string(options.reach)));
        add_transfer_fields(r, to, options);
        return r;
    }

    task<bulk_outcome> bulk_transfer(bulk_verb verb, http::url collection, http::url to,
                                     std::vector<target> targets, transfer_options options)
    {
        auto request = xml_request(verb == bulk_verb::copy ? "BCOPY" : "BMOVE", with_slash(collection),
                                   bulk_body(verb, targets), request_options());
        add_transfer_fields(request, with_slash(to), options);
        co_return co_await bulk(std::move(request), std::move(targets));
    }

    task<outcome> changed(http::response answer, std::string method)
    {
        if (!answer.ok())
            co_await refuse(answer, method);
        outcome o;
        o.status = answer.status();
        o.url    = answer.url();
        o.etag   = answer.fields().get("ETag").value_or("");
        if (auto const where = answer.fields().get("Location"))
            o.location = resolve_href(o.url, *where);
        bool const is_list =
            o.status == 207 ||
            (o.status == 200 && is_xml_type(answer.fields().get("Content-Type").value_or("")));
        if (!is_list || answer.size() == 0U)
        {
            co_await drop(answer, method);
            co_return o;
        }
        multistatus list(std::move(answer), std::move(method), false, settings_.limits);
        o.details = co_await list.collect();
        o.status  = 200;
        for (auto const& r : o.details)
            if (o.ok() && r.worst_status() / 100 != 2)
                o.status = r.worst_status();
        co_return o;
    }

    /** Sends a bulk request. The answer is a list, or has no body at all: then all went well. With 200 anything else is
        an error, since that is what error pages and login pages come with. */
    task<bulk_outcome> bulk(http::request request, std::vector<target> targets)
    {
        std::string method = request.method;
        auto        answer = co_await web_->send(std::move(request));
        if (!answer.ok())
            co_await refuse(answer, method);
        int const    status = answer.status();
        bulk_matcher matcher(answer.url(), targets);
        if ((status != 207 && status != 200) || answer.size() == 0U)
        {
            co_await answer.discard();
            co_return matcher.take(status);
        }
        multistatus list(std::move(answer), std::move(method), false, settings_.limits);
        response    one;
        for (;;)
        {
            bool found = false;
            try
            {
                found = co_await list.next(one);
            }
            catch (posthorn::error const& e)
            {
                if (e.code() != xml::errc::empty)
                    throw;
            }
            if (!found)
                co_return matcher.take(status);
            matcher.add(one);
        }
    }

    /// Drops a body that is of no use, after a look at it: with 200 it may be the login page of an expired session.
    static task<void> drop(http::response& answer, std::string method)
    {
        constexpr std::size_t most = 64 * 1024;
        std::string           front;
        while (answer.status() == 200 && front.size() < most)
        {
            auto const block = co_await answer.next();
            if (block.empty())
                break;
            front.append(block.substr(0, most - front.size()));
        }
        if (is_login_page(front))
            throw status_error(errc::session_expired, facts_of(answer, method));
        co_await answer.discard();
    }

    static status_error::facts facts_of(http::response const& answer, std::string const& method)
    {
        status_error::facts f;
        f.method    = method;
        f.url       = answer.url().str();
        f.status    = answer.status();
        f.reason    = answer.reason();
        f.dav_error = answer.fields().get("X-Dav-Error").value_or("");
        return f;
    }

    http::client*          web_;
    client_settings        settings_;
    std::set<http::origin> knows_no_noroot_;
};

} // namespace posthorn::dav

#endif
