//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Commands that change nothing: props, folders, list, get.

#include "commands.hpp"

#include <posthorn/dav/value.hpp>
#include <posthorn/httpmail/folder.hpp>
#include <posthorn/httpmail/message_info.hpp>

#include "../tool/checks.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ios>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace tool {

namespace {

namespace dav      = posthorn::dav;
namespace httpmail = posthorn::httpmail;

template <class T>
record shown_value(std::optional<T> const& value)
{
    return value ? record(*value) : record(nullptr);
}

record shown_text(std::string const& text) { return text.empty() ? record(nullptr) : record(text); }

/// As in RFC 3339, UTC.
std::string to_text(dav::time_point t)
{
    using namespace std::chrono;
    auto const           day = floor<days>(t);
    year_month_day const date(day);
    hh_mm_ss const       time(floor<seconds>(t) - day);
    char                 text[48];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return text;
}

record to_record(httpmail::folder const& f)
{
    return {{"displayname", f.name()},
            {"special", std::string(to_string(f.kind))},
            {"unreadcount", shown_value(f.unread)},
            {"visiblecount", shown_value(f.messages)},
            {"hassubs", shown_value(f.has_children)},
            {"nosubs", f.may_have_children ? record(!*f.may_have_children) : record(nullptr)},
            {"outlookfolderclass", shown_text(f.item_class)},
            {"depth", f.depth},
            {"href", f.url.str()}};
}

record to_record(httpmail::message_info const& m)
{
    return {{"date", m.date ? record(to_text(*m.date)) : shown_text(m.date_text)},
            {"read", shown_value(m.read)},
            {"hasattachment", shown_value(m.has_attachment)},
            {"from", shown_text(m.from)},
            {"fromaddr", shown_text(m.from_address)},
            {"to", shown_text(m.to)},
            {"subject", shown_text(m.subject)},
            {"getcontentlength", shown_value(m.size)},
            {"id", shown_text(m.id)},
            {"href", m.url.str()}};
}

/// A file that is written as a whole, or not at all.
class new_file
{
public:
    explicit new_file(std::string name) : name_(std::move(name)), file_(std::fopen(name_.c_str(), "wb"))
    {
        require(file_ != nullptr, "--output: cannot write " + in_quotes(name_) + ": " + std::generic_category().message(errno));
    }
    new_file(new_file const&)            = delete;
    new_file& operator=(new_file const&) = delete;
    ~new_file()
    {
        if (file_ == nullptr)
            return;
        std::fclose(file_);
        std::remove(name_.c_str());
    }

    void write(std::string_view block)
    {
        if (std::fwrite(block.data(), 1, block.size(), file_) != block.size())
            fail();
    }

    /// It is complete.
    void keep()
    {
        auto* const file = std::exchange(file_, nullptr);
        if (std::fclose(file) != 0)
        {
            int const why = errno;
            std::remove(name_.c_str());
            errno = why;
            fail();
        }
    }

private:
    [[noreturn]] void fail() const
    {
        throw posthorn::error(std::error_code(errno, std::generic_category()), "writing " + name_);
    }

    std::string name_;
    std::FILE*  file_;
};

} // namespace

record shown(posthorn::http::url const& u) { return u.empty() ? record(nullptr) : record(u.str()); }

record shown(std::optional<posthorn::http::url> const& u) { return u ? shown(*u) : record(nullptr); }

posthorn::task<void> show_properties(session& s)
{
    auto const r    = co_await s.box.open();
    record     poll = nullptr;
    if (r.polling_interval)
        poll = r.polling_interval->count();
    s.print(record{{"href", shown(r.at)},
                   {"dialect", std::string(to_string(s.box.speaks()))},
                   {"msgfolderroot", shown(r.folder_root)},
                   {"inbox", shown(r.inbox)},
                   {"sentitems", shown(r.sent_items)},
                   {"drafts", shown(r.drafts)},
                   {"deleteditems", shown(r.deleted_items)},
                   {"outbox", shown(r.outbox)},
                   {"junkemail", shown(r.junk_email)},
                   {"contacts", shown(r.contacts)},
                   {"calendar", shown(r.calendar)},
                   {"sendmsg", shown(r.send_message)},
                   {"maxpoll", poll},
                   {"sig", shown_text(r.signature)},
                   {"adbar", shown_text(r.adbar)}});
}

posthorn::task<void> list_folders(session& s)
{
    std::vector<httpmail::folder> all;
    if (s.given().place.empty())
        all = co_await s.box.folder_tree();
    else
    {
        auto at = co_await s.folder(s.given().place);
        all     = co_await s.box.folders(std::move(at));
    }
    std::vector<record> rows;
    for (auto const& f : all)
        rows.push_back(to_record(f));
    if (!s.given().json) // in folders
        for (std::size_t i = 0; i != all.size(); ++i)
            rows[i]["displayname"] = std::string(std::size_t(2) * all[i].depth, ' ') + all[i].name();
    s.print(rows, {"displayname", "special", "unreadcount", "visiblecount", "href"});
}

posthorn::task<void> list_messages(session& s)
{
    httpmail::list_options how;
    if (s.given().limit)
        how.most = *s.given().limit;
    auto                at   = co_await s.folder(s.given().place);
    auto                list = s.box.messages(std::move(at), std::move(how));
    std::vector<record> rows;
    for (;;)
    {
        auto const m = co_await list.next();
        if (!m)
            break;
        rows.push_back(to_record(*m));
    }
    s.print(rows, {"date", "read", "hasattachment", "from", "subject", "getcontentlength", "href"});
}

posthorn::task<void> get_message(session& s)
{
    auto const& file = s.given().file;
    require(!s.given().json || !file.empty(), "get --json needs a file for the message: add -o FILE");
    auto const              at     = co_await s.item(s.given().place);
    auto                    reader = co_await s.box.get(at);
    std::optional<new_file> to;
    if (!file.empty())
        to.emplace(file);
    std::uint64_t size = 0;
    for (;;)
    {
        auto const block = co_await reader.next();
        if (block.empty())
            break;
        size += block.size();
        if (to)
            to->write(block);
        else
            std::cout.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
    if (!to)
        co_return;
    to->keep();
    std::vector<record> rows;
    rows.push_back(record{{"getcontentlength", size}, {"file", file}, {"href", at.str()}});
    s.print(rows, {"getcontentlength", "file", "href"});
}

} // namespace tool
