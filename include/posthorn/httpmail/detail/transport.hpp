//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Messages on their way: fetched, sent, stored.

#ifndef POSTHORN_HTTPMAIL_DETAIL_TRANSPORT_HPP
#define POSTHORN_HTTPMAIL_DETAIL_TRANSPORT_HPP

#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/dav/sniff.hpp>
#include <posthorn/http/request.hpp>
#include <posthorn/httpmail/detail/mail_body.hpp>
#include <posthorn/httpmail/detail/mailbox_state.hpp>
#include <posthorn/httpmail/detail/names_made_up.hpp>
#include <posthorn/httpmail/outcome.hpp>
#include <posthorn/httpmail/reader.hpp>
#include <posthorn/httpmail/submission.hpp>
#include <posthorn/smtp/envelope.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace posthorn::httpmail::detail {

/// GET of a message, until its first octets have come.
inline task<message_reader> open_message(mailbox_state& s, http::url at, fetch_options options)
{
    auto          lane = co_await s.lanes.enter();
    auto const    from = s.message_url(at);
    http::request r("GET", from);
    r.fields = s.settings.fields;
    r.fields.set("Accept", "message/rfc822, */*");
    if (!s.rules.translate)
        r.fields.set("Translate", "f");
    r.on_download = std::move(options.on_progress);
    auto answer   = co_await s.web.send(std::move(r));
    s.admit_answer(from, answer.url());
    int const status = answer.status();
    if (status != 200)
    {
        auto facts = mailbox_state::facts_of(answer, "GET");
        co_await answer.discard();
        // 207 is as good as 200 for nothing but lists.
        std::error_code const why = status == 404 || status == 410 ? make_error_code(errc::message_gone)
                                    : answer.ok() ? make_error_code(dav::errc::unexpected_status)
                                                  : dav::refusal(status);
        throw dav::status_error(why, std::move(facts));
    }
    auto const  block = co_await answer.next();
    std::string first(block);
    if (first.empty() && s.rules.empty_is_gone)
        throw dav::status_error(errc::message_gone, mailbox_state::facts_of(answer, "GET"));
    auto const type = answer.fields().get("Content-Type").value_or("");
    if (ascii::istarts_with(type, "text/html") && dav::is_login_page(first))
        throw dav::status_error(dav::errc::session_expired, mailbox_state::facts_of(answer, "GET"));
    message_reader reader(std::move(answer), std::move(first), std::move(lane));
    co_return reader;
}

/** Carries a message to the server, once.

    @param body  Prepared.
    @return What the server says. @throws send_error if it says nothing.
*/
inline task<send_report> deliver(mailbox_state& s, http::request r, std::shared_ptr<mail_body> body, send_report report)
{
    co_await body->rewind(); // it may have been tried before
    report.content_bytes = body->content_size();
    r.body               = body;
    r.repeatable         = false;
    auto const method    = r.method;
    std::optional<posthorn::error> why;
    http::response                 answer;
    bool                           answered = false;
    try
    {
        answer        = co_await s.web.send(std::move(r));
        answered      = true;
        report.status = answer.status();
        if (answer.status() == 200) // an expired session answers with a page
        {
            std::string front;
            while (front.size() < 65536)
            {
                auto const block = co_await answer.next();
                if (block.empty())
                    break;
                front += block;
            }
            if (dav::is_login_page(front))
                report.error = dav::errc::session_expired;
        }
    }
    catch (posthorn::error const& e)
    {
        why.emplace(e);
    }
    if (why)
    {
        report.fate  = fate_of(why->code(), answered || body->complete());
        report.error = why->code();
        report.text  = why->what();
        throw send_error(why->code(), why->context(), std::move(report));
    }
    if (!report.error)
        report.error = dav::refusal(report.status);
    report.fate = !report.error ? fate::done : fate::refused;
    if (report.status == 502 || report.status == 504)
        report.fate = fate::in_doubt;
    report.text = printable(answer.reason(), 500);
    if (auto const more = answer.fields().get("X-Dav-Error"); more && report.error)
        report.text += ", X-Dav-Error: " + printable(*more, 500);
    if (auto const where = answer.fields().get("Location"); where && answer.ok())
        if (auto const u = dav::resolve_href(answer.url(), *where))
            report.location = s.located(answer.url(), u);
    try
    {
        co_await answer.discard();
    }
    catch (posthorn::error const&)
    {
        // What became of the message is known.
    }
    co_return report;
}

inline task<std::shared_ptr<mail_body>> prepared(mailbox_state& s, std::string lines, std::shared_ptr<source> content,
                                                 filter_options options)
{
    if (!content)
        throw error(posthorn::errc::invalid_argument, "there is no message");
    auto body = std::make_shared<mail_body>(std::move(lines), std::move(content), options);
    co_await body->prepare(s.settings.most_in_memory);
    co_return body;
}

/// Sends a message to the recipients of its envelope.
inline task<send_report> submit(mailbox_state& s, smtp::envelope envelope, std::shared_ptr<source> content,
                                send_options options)
{
    if (s.root.send_message.empty() || !s.rules.can_send)
        throw error(errc::cannot_send, s.root.at.str());
    s.admit(s.root.send_message);
    std::vector<smtp::address> to;
    send_report                report;
    for (auto const& r : envelope.recipients)
    {
        report.recipients.push_back(wire_address(r.address));
        to.push_back(r.address);
    }
    filter_options filter;
    filter.normalise = options.normalise;
    filter.drop_bcc  = !options.keep_bcc;
    auto lines = submission_head(envelope.sender, to);
    auto body  = co_await prepared(s, std::move(lines), std::move(content), filter);

    bool const    exchange = s.rules.is == dialect::exchange;
    http::request r(s.rules.send_by_put ? "PUT" : "POST", s.root.send_message);
    r.fields = s.settings.fields;
    if (!s.rules.translate && exchange)
        r.fields.set("Translate", "f");
    r.fields.set(exchange ? "Saveinsent" : "SAVEINSENT", options.save_in_sent ? "t" : "f");
    if (!options.save_to.empty())
    {
        s.admit(options.save_to);
        r.fields.set("Savedestination", options.save_to.str());
    }
    r.fields.set("Content-Type", "message/rfc821");
    r.on_upload     = std::move(options.on_progress);
    auto const lane = co_await s.lanes.enter();
    auto       done = co_await deliver(s, r, body, report);
    if (!exchange || done.status != 404)
        co_return done;
    // Exchange says so on a connection that is not logged in. That can be changed, and then it is asked once more.
    auto o        = s.options();
    auto question = root_question(s.rules.is);
    auto list     = co_await s.dav.propfind(s.root.at, dav::depth::zero, std::move(question), std::move(o));
    auto all      = co_await list.collect();
    std::ignore   = all;
    co_return co_await deliver(s, std::move(r), std::move(body), std::move(report));
}

/// Stores a message in a folder.
inline task<send_report> store(mailbox_state& s, http::url at, std::shared_ptr<source> content, append_options options)
{
    auto const     folder = s.folder_url(at);
    filter_options filter;
    filter.normalise = options.normalise;
    auto       body  = co_await prepared(s, std::string(), std::move(content), filter);
    auto const lane  = co_await s.lanes.enter();
    if (!s.rules.append_by_put)
    {
        http::request r("POST", folder);
        r.fields = s.settings.fields;
        r.fields.set("Content-Type", "message/rfc822");
        r.on_upload = std::move(options.on_progress);
        auto report = co_await deliver(s, std::move(r), std::move(body), send_report());
        // b1gMail names the folder.
        if (report.location && same_resource(*report.location, folder))
            report.location.reset();
        co_return report;
    }
    constexpr int most_names = 5;
    for (int tries = 1;; ++tries)
    {
        auto const    name = options.name.empty() ? unique_digits() + std::string(s.rules.suffix) : options.name;
        auto const    to   = dav::child_url(folder, name);
        http::request r("PUT", to);
        r.fields = s.settings.fields;
        if (!s.rules.translate)
            r.fields.set("Translate", "f");
        r.fields.set("If-None-Match", "*"); // nothing is ever replaced
        r.fields.set("Content-Type", "message/rfc822");
        r.on_upload = options.on_progress;
        auto report = co_await deliver(s, std::move(r), body, send_report());
        if (report.status == 412 && options.name.empty() && tries != most_names)
            continue;
        if (report.accepted() && !report.location)
            report.location = to;
        co_return report;
    }
}

} // namespace posthorn::httpmail::detail

#endif
