//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The HTTPMail server without a network: takes requests, gives answers, remembers; may be looked at from any thread.

#ifndef POSTHORN_TESTING_DETAIL_HTTPMAIL_SITE_HPP
#define POSTHORN_TESTING_DETAIL_HTTPMAIL_SITE_HPP

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/testing/detail/httpmail_changing.hpp>
#include <posthorn/testing/detail/httpmail_gate.hpp>
#include <posthorn/testing/detail/httpmail_reading.hpp>
#include <posthorn/testing/detail/httpmail_store.hpp>
#include <posthorn/testing/detail/httpmail_storing.hpp>
#include <posthorn/testing/detail/httpmail_text.hpp>
#include <posthorn/testing/detail/httpmail_urls.hpp>
#include <posthorn/testing/detail/httpmail_xml.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_server_settings.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::testing::detail {

/** One mailbox behind URLs.

    For each request: begin(), then admit() when its head is there, answer() when its body is there, note() and end().
*/
class httpmail_site
{
public:
    explicit httpmail_site(httpmail_server_settings s)
        : settings_(std::move(s)), store_(settings_), gate_(settings_),
          faults_(settings_.faults.begin(), settings_.faults.end())
    {
    }
    httpmail_site(httpmail_site const&)            = delete;
    httpmail_site& operator=(httpmail_site const&) = delete;

    httpmail_server_settings const& settings() const noexcept { return settings_; }

    // ---- requests ----

    /// Numbers a request. @return The fault that it has.
    std::optional<httpmail_fault> begin(httpmail_request& request)
    {
        std::lock_guard const lock(mutex_);
        request.number       = ++totals_.requests;
        totals_.most_at_once = std::max(totals_.most_at_once, ++totals_.in_progress);
        for (auto& f : faults_)
        {
            bool const fits =
                (f.fault.method.empty() || f.fault.method == request.method) &&
                (f.fault.target.empty() || request.target.find(f.fault.target) != std::string::npos);
            if (!fits)
                continue;
            std::size_t const seen = f.seen++;
            if (seen >= f.fault.skip && (f.fault.times == 0 || seen < f.fault.skip + f.fault.times))
                return f.fault;
        }
        return std::nullopt;
    }

    /// What is answered whatever the body is; status 0: the body counts.
    httpmail_response admit(httpmail_request const& request)
    {
        std::lock_guard const lock(mutex_);
        auto                  answer = first_look(request);
        if (answer.status != 0)
            decorate(answer, request);
        return answer;
    }

    /// Does what is asked for. An answer with status 0 and `close` ends the connection without one.
    httpmail_response answer(httpmail_request const& request)
    {
        httpmail_response hooked;
        if (settings_.on_request)
            hooked = settings_.on_request(request);
        std::lock_guard const lock(mutex_);
        if (hooked.status != 0)
            return hooked;
        auto answer = settings_.auth.form && request.method == "POST" && httpmail_gate::is_form(request)
                          ? gate_.log_in(request)
                          : dispatch(request);
        if (answer.status != 0)
            decorate(answer, request);
        return answer;
    }

    /** Remembers a request with its answer, before the client can see it.
        @param status 0: there will be none.
    */
    void note(httpmail_request const& request, int status)
    {
        std::lock_guard const lock(mutex_);
        if (!settings_.log)
            return;
        requests_.push_back(request);
        requests_.back().status = status;
        requests_.back().body.resize(std::min(request.body.size(), settings_.log_body));
    }

    /// A request is over. @param complete Its answer was written to the end.
    void end(bool complete)
    {
        std::lock_guard const lock(mutex_);
        --totals_.in_progress;
        totals_.responses += complete ? 1U : 0U;
    }

    // ---- connections ----

    /// @return Whether there is room for it.
    bool opened()
    {
        std::lock_guard const lock(mutex_);
        ++totals_.connections;
        totals_.peak = std::max(totals_.peak, ++totals_.open);
        return settings_.transfer.max_connections == 0 || totals_.open <= settings_.transfer.max_connections;
    }
    void closed()
    {
        std::lock_guard const lock(mutex_);
        --totals_.open;
    }
    void refused()
    {
        std::lock_guard const lock(mutex_);
        ++totals_.refused;
    }
    void moved(std::size_t in, std::size_t out)
    {
        std::lock_guard const lock(mutex_);
        totals_.octets_in += in;
        totals_.octets_out += out;
    }

    /// How many requests have been answered, or given up.
    std::uint64_t finished() const
    {
        std::lock_guard const lock(mutex_);
        return totals_.requests - totals_.in_progress;
    }

    // ---- for tests ----

    /// Runs a function with the store and nothing else going on.
    template <class Function>
    auto with_store(Function f)
    {
        std::lock_guard const lock(mutex_);
        return f(store_);
    }

    /// The path of something in the mailbox.
    template <class Function>
    auto with_urls(Function f)
    {
        std::lock_guard const  lock(mutex_);
        httpmail_request const nobody;
        httpmail_urls const    urls(settings_, store_, nobody);
        return f(store_, urls);
    }

    std::vector<httpmail_submission> sent() const
    {
        std::lock_guard const lock(mutex_);
        return sent_;
    }
    std::vector<httpmail_request> requests() const
    {
        std::lock_guard const lock(mutex_);
        return requests_;
    }
    httpmail_totals totals() const
    {
        std::lock_guard const lock(mutex_);
        return totals_;
    }

    void fail(httpmail_fault fault)
    {
        std::lock_guard const lock(mutex_);
        faults_.emplace_back(std::move(fault));
    }

    void end_sessions()
    {
        std::lock_guard const lock(mutex_);
        gate_.forget();
    }

    void forget()
    {
        std::lock_guard const lock(mutex_);
        sent_.clear();
        requests_.clear();
        std::uint64_t const open = totals_.open, running = totals_.in_progress;
        totals_      = httpmail_totals();
        totals_.open = totals_.peak = open;
        totals_.in_progress = totals_.most_at_once = running;
    }

private:
    struct armed
    {
        explicit armed(httpmail_fault f) : fault(std::move(f)) {}

        httpmail_fault fault;
        std::size_t    seen = 0;
    };

    httpmail_response first_look(httpmail_request const& request)
    {
        if (settings_.throttle_every != 0 && request.number % settings_.throttle_every == 0)
            return httpmail_response(503).with("Retry-After", std::to_string(settings_.retry_after));
        if (settings_.redirect.refuses_question_mark && request.target.ends_with('?'))
            return httpmail_response(400);
        if (auto answer = redirect(request, false); answer.status != 0)
            return answer;
        if (settings_.auth.form && httpmail_gate::is_form(request))
            return httpmail_response();
        auto answer = gate_.admit(request);
        if (answer.status != 0)
        {
            // Exchange does not ask who it is there.
            if (answer.status == 401 && settings_.dialect == httpmail_dialect::exchange &&
                request.target.find("DavMailSubmissionURI") != std::string::npos)
                return httpmail_response(404);
            if (answer.status == 401 && settings_.dialect == httpmail_dialect::hotmail)
                answer.body = "<html><body>Authorization required</body></html>";
            return answer;
        }
        if (!settings_.subscription)
        {
            answer        = httpmail_response(402);
            answer.reason = settings_.subscription_text;
            return answer;
        }
        return redirect(request, true);
    }

    httpmail_response redirect(httpmail_request const& request, bool known)
    {
        using kind        = httpmail_redirect_options::kind;
        auto const& o     = settings_.redirect;
        auto        asked = std::string_view(request.target);
        if (asked.ends_with('?'))
            asked.remove_suffix(1);
        httpmail_urls const urls(settings_, store_, request);
        auto const          mailbox = urls.mailbox() + (o.question_mark ? "?" : "");
        httpmail_response   answer;
        if (known && o.second && asked == settings_.tree.base)
            return httpmail_response(o.status).with("Location", urls.absolute("/cgi-bin/cluster"));
        if (known || o.first == kind::none || (asked != settings_.tree.entry && asked != "/loop"))
            return answer;
        answer = httpmail_response(o.status);
        switch (o.first)
        {
        case kind::none: break;
        case kind::absolute: answer.with("Location", urls.absolute(mailbox)); break;
        case kind::relative: answer.with("Location", mailbox); break;
        case kind::foreign: answer.with("Location", scheme() + foreign_host(request) + mailbox); break;
        case kind::loop:
            answer.with("Location", asked == "/loop" ? settings_.tree.entry : std::string("/loop"));
            break;
        case kind::no_location: answer.with("Content-Location", urls.absolute(mailbox)); break;
        }
        answer.with("Content-Type", "text/html");
        for (auto const& cookie : settings_.auth.cookies)
            answer.with("Set-Cookie", cookie);
        return answer;
    }

    std::string scheme() const { return settings_.tls_context ? "https://" : "http://"; }

    std::string foreign_host(httpmail_request const& request) const
    {
        auto       host = settings_.redirect.host;
        auto const own  = request.field("Host").value_or("");
        if (host.find(':') == std::string::npos && own.rfind(':') != std::string::npos)
            host += own.substr(own.rfind(':'));
        return host;
    }

    httpmail_response dispatch(httpmail_request const& request)
    {
        httpmail_context  context(settings_, store_, request);
        auto const        place = context.urls.find(request.target);
        httpmail_reading  reading(context);
        httpmail_changing changing(context);
        httpmail_storing  storing(context, sent_);
        auto const&       verb = request.method;
        auto const&       v    = settings_.verbs;
        auto const        body = [&] { return httpmail_xml_reader::read(request.body); };
        bool const        put  = v.put_stores || v.put_sends;
        if (verb == "OPTIONS" && v.options_and_head)
            return reading.options();
        if (settings_.tree.in_query && place.what == httpmail_place::kind::outside)
            return httpmail_response(400);
        if (verb == "GET" || (verb == "HEAD" && v.options_and_head))
            return reading.get(place);
        if (verb == "PROPFIND")
            return reading.propfind(place, body());
        if (verb == "PROPPATCH")
            return v.patch != 0 ? httpmail_response(v.patch) : storing.proppatch(place, body());
        if (verb == "MKCOL")
            return changing.make_folder(place, body());
        if (verb == "MOVE" || verb == "COPY")
            return place.exists() || settings_.tree.slash_matters ? changing.transfer(place, verb == "COPY")
                                                                  : httpmail_response(404);
        if (verb == "DELETE")
            return changing.erase(place);
        if (verb == "POST")
            return storing.post(place, body());
        if (verb == "PUT" && put)
            return storing.put(place);
        if (verb == "SEARCH" && v.search)
            return reading.search(place, body());
        bool const bulk = verb == "BPROPPATCH" || verb == "BMOVE" || verb == "BCOPY" || verb == "BDELETE";
        if (verb == "BPROPFIND" && v.bulk_propfind)
            return reading.bpropfind(place, body());
        if (!bulk)
            return httpmail_response(v.unknown_method);
        if (v.bulk != 0)
            return httpmail_response(v.bulk);
        if (verb == "BPROPPATCH")
            return storing.bproppatch(place, body());
        return verb == "BDELETE" ? changing.bulk_erase(place, body())
                                 : changing.bulk_transfer(place, body(), verb == "BCOPY");
    }

    /// The fields and pages that answers have everywhere.
    void decorate(httpmail_response& answer, httpmail_request const& request)
    {
        if (settings_.error_pages && answer.status >= 400 && answer.status != 401)
        {
            answer = httpmail_response(200, "<html><body><h1>Error</h1></body></html>");
            answer.with("Content-Type", "text/html");
        }
        if (!settings_.server.empty())
            answer.fields.insert(answer.fields.begin(), {"Server", settings_.server});
        if (settings_.dav_error)
        {
            std::string const reason =
                answer.status < 400 ? "200 No error"
                : answer.status == 401
                    ? "401 Wrong email address"
                    : std::to_string(answer.status) + " " + std::string(httpmail_reason(answer.status));
            answer.with("X-Dav-Error", reason);
        }
        if (settings_.auth.password_cookie)
            answer.with("Set-Cookie", gate_.password_cookie());
        if (answer.status == 207 && settings_.verbs.stamps != httpmail_verb_options::timestamps::off)
            answer.with("X-Timestamp", stamps(request));
        if (answer.status == 207 && !answer.body.empty() && !settings_.auth.cookies.empty() && !greeted_)
        {
            greeted_ = true;
            for (auto const& cookie : settings_.auth.cookies)
                answer.with("Set-Cookie", cookie);
        }
        if (answer.status >= 400 && settings_.dialect != httpmail_dialect::hotmail && answer.body.empty() &&
            answer.status != 401 && answer.status != 440 && request.method != "HEAD" &&
            settings_.text.repeat_href && settings_.verbs.bulk != answer.status)
        {
            // SOGo's errors, with a namespace that lacks its colon.
            answer.body =
                "<D:error xmlns:D=\"DAV\">" + std::string(httpmail_reason(answer.status)) + "</D:error>";
            answer.with("Content-Type", "text/xml");
        }
    }

    std::string stamps(httpmail_request const& request)
    {
        httpmail_urls const urls(settings_, store_, request);
        auto const          place  = urls.find(request.target);
        auto const*         folder = place.folder != nullptr && place.folder->parent != nullptr
                                         ? place.folder
                                         : store_.special("inbox");
        std::string         text   = "folders=" + std::to_string(store_.root().modified);
        if (folder != nullptr)
            text += ", " + folder->segment + "=" + std::to_string(folder->modified);
        return text;
    }

    mutable std::mutex               mutex_;
    httpmail_server_settings         settings_;
    httpmail_store                   store_;
    httpmail_gate                    gate_;
    std::vector<armed>               faults_;
    std::vector<httpmail_submission> sent_;
    std::vector<httpmail_request>    requests_;
    httpmail_totals                  totals_;
    bool                             greeted_ = false;
};

} // namespace posthorn::testing::detail

#endif
