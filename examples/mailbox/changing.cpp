//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Commands that change messages and folders: put, send, mark, move, copy, delete, mkdir, rename, rmdir.

#include "commands.hpp"

#include <posthorn/core/error.hpp>
#include <posthorn/httpmail/outcome.hpp>
#include <posthorn/smtp/envelope.hpp>

#include "../tool/checks.hpp"
#include "failure.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace tool {

namespace {

namespace http     = posthorn::http;
namespace httpmail = posthorn::httpmail;
namespace smtp     = posthorn::smtp;

record status_of(int status) { return status == 0 ? record(nullptr) : record(status); }

record text_or_null(std::string const& text) { return text.empty() ? record(nullptr) : record(text); }

std::string with_advice(std::string text, std::error_code const& ec)
{
    auto const what = advice(ec);
    return what.empty() ? text : text + " (" + std::string(what) + ")";
}

/// @param what E.g. "sent".
void tell(session& s, httpmail::send_report const& r, char const* what)
{
    record one = {{"outcome", std::string(to_string(r.fate))},
                  {"status", status_of(r.status)},
                  {"text", text_or_null(r.text)},
                  {"octets", r.content_bytes}};
    if (s.given().what == command::send)
        one["recipients"] = r.recipients;
    one["href"] = shown(r.location);
    s.print(one);
    if (r.accepted())
        return;
    auto const text = r.error.message() + (r.status == 0 ? "" : ": " + std::to_string(r.status)) +
                      (r.text.empty() ? "" : " " + r.text);
    auto const code = code_of_fate(r.fate, r.error);
    s.complain(code, "the message was not " + std::string(what) + ": " + with_advice(text, r.error));
}

/// What became of each message. @param why If work ended early.
void tell(session& s, std::vector<httpmail::item_outcome> const& all, posthorn::error const* why)
{
    std::vector<record> rows;
    std::size_t         bad = 0;
    std::error_code     first;
    for (auto const& one : all)
    {
        rows.push_back(record{{"outcome", std::string(to_string(one.fate))},
                              {"status", status_of(one.status)},
                              {"href", one.item.str()},
                              {"location", shown(one.location)},
                              {"text", one.error ? record(one.error.message() + (one.text.empty() ? "" : ": " + one.text))
                                                 : text_or_null(one.text)}});
        if (one.ok())
            continue;
        ++bad;
        if (!first)
            first = one.error;
    }
    s.print(rows, {"outcome", "status", "href", "location", "text"});
    if (why != nullptr)
        s.complain(code_of_failure(why->code()), explain(*why));
    if (bad == 0)
        return;
    exit_code code = success;
    for (auto const& one : all)
        code = worse(code, code_of_fate(one.fate, one.error));
    if (why == nullptr)
        s.complain(code, with_advice(std::to_string(bad) + " of " + std::to_string(all.size()) + " not done: " + first.message(), first));
}

void tell_place(session& s, http::url const& at)
{
    std::vector<record> rows;
    rows.push_back(record{{"href", shown(at)}});
    s.print(rows, {"href"});
}

posthorn::task<std::vector<httpmail::item_outcome>> changed(session& s, std::vector<http::url> items, http::url to)
{
    auto const& o = s.given();
    switch (o.what)
    {
    case command::move: co_return co_await s.box.move(std::move(items), std::move(to));
    case command::copy: co_return co_await s.box.copy(std::move(items), std::move(to));
    case command::mark:
    {
        bool const read = o.flag == "read";
        co_return co_await s.box.mark(std::move(items), read);
    }
    default: break;
    }
    auto const how = o.for_good ? httpmail::deletion::for_good : httpmail::deletion::to_deleted_items;
    co_return co_await s.box.remove(std::move(items), how);
}

} // namespace

posthorn::task<void> put_message(session& s)
{
    auto content = open_file(s.given().file, "FILE");
    auto at      = co_await s.folder(s.given().place);
    httpmail::send_report              report;
    std::optional<httpmail::send_error> failed;
    try
    {
        report = co_await s.box.append(std::move(at), std::move(content));
    }
    catch (httpmail::send_error const& e)
    {
        failed.emplace(e);
    }
    if (failed)
        report = failed->report();
    tell(s, report, "stored");
}

posthorn::task<void> send_message(session& s)
{
    auto const&    o = s.given();
    smtp::envelope to_whom;
    to_whom.sender = parsed("--from", o.from, [](std::string const& text) { return smtp::reverse_path(text); });
    for (auto const& to : o.to)
        to_whom.recipients.push_back(parsed("--to", to, [](std::string const& text) { return smtp::recipient(text); }));
    auto                   content = open_file(o.file, "FILE");
    httpmail::send_options how;
    how.save_in_sent = !o.no_copy;
    httpmail::send_report               report;
    std::optional<httpmail::send_error> failed;
    try
    {
        report = co_await s.box.send(std::move(to_whom), std::move(content), std::move(how));
    }
    catch (httpmail::send_error const& e)
    {
        failed.emplace(e);
    }
    if (failed)
        report = failed->report();
    tell(s, report, "sent");
}

posthorn::task<void> change_messages(session& s)
{
    auto const& o = s.given();
    http::url   to;
    if (o.what == command::move || o.what == command::copy)
        to = co_await s.folder(o.place);
    auto                                items = co_await s.items();
    std::vector<httpmail::item_outcome> outcomes;
    std::optional<httpmail::bulk_error> failed;
    try
    {
        outcomes = co_await changed(s, std::move(items), std::move(to));
    }
    catch (httpmail::bulk_error const& e)
    {
        failed.emplace(e);
    }
    if (failed)
        outcomes = failed->items();
    tell(s, outcomes, failed ? &*failed : nullptr);
}

posthorn::task<void> make_folder(session& s)
{
    auto       parent = co_await s.folder(s.given().place);
    auto const at     = co_await s.box.create_folder(std::move(parent), s.given().name);
    tell_place(s, at);
}

posthorn::task<void> rename_folder(session& s)
{
    auto       from = co_await s.folder(s.given().place);
    auto const at   = co_await s.box.rename_folder(std::move(from), s.given().name);
    tell_place(s, at);
}

posthorn::task<void> remove_folder(session& s)
{
    auto const at = co_await s.folder(s.given().place);
    co_await s.box.delete_folder(at);
    tell_place(s, at);
}

} // namespace tool
