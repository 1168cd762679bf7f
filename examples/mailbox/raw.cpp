//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// The command raw: a request of one's own, and the answer.

#include "commands.hpp"

#include <posthorn/core/printable.hpp>
#include <posthorn/dav/status_error.hpp>
#include <posthorn/http/event.hpp>
#include <posthorn/http/request.hpp>
#include <posthorn/http/response.hpp>

#include "../tool/checks.hpp"
#include "failure.hpp"

#include <cstddef>
#include <ios>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace tool {

namespace {

namespace http = posthorn::http;

http::headers header_fields(std::vector<std::string> const& lines)
{
    http::headers all;
    for (auto const& line : lines)
    {
        auto const colon = line.find(':');
        // The value may be a secret.
        require(colon != line.npos && colon != 0, "--header: there is no name before a colon; give 'NAME: VALUE'");
        auto const value = line.find_first_not_of(' ', colon + 1);
        all.add(line.substr(0, colon), value == line.npos ? std::string() : line.substr(value));
    }
    return all;
}

record to_record(http::response const& answer, std::string body)
{
    record fields = record::array();
    for (auto const& f : answer.fields())
        fields.push_back(record{{"name", f.name}, {"value", http::public_value(f.name, f.value)}});
    record r;
    r["status"] = answer.status();
    r["reason"] = answer.reason();
    r["fields"] = std::move(fields);
    r["body"]   = std::move(body);
    r["href"]   = answer.url().str();
    return r;
}

} // namespace

posthorn::task<void> send_raw(session& s)
{
    auto const&   o = s.given();
    http::request r;
    r.method = o.method;
    r.fields = header_fields(o.fields);
    if (!o.file.empty())
        r.body = open_file(o.file, "--body");
    r.url = co_await s.folder(o.place);
    auto       answer = co_await s.box.web().send(std::move(r));
    auto const status = answer.status();
    if (o.json)
    {
        constexpr std::size_t most = std::size_t(64) << 20U;
        auto                  body = co_await answer.text(most);
        std::vector<record>   rows;
        rows.push_back(to_record(answer, std::move(body)));
        s.print(rows, {});
    }
    else
    {
        std::cout << http::public_head(answer.head()) << "\r\n";
        for (;;)
        {
            auto const block = co_await answer.next();
            if (block.empty())
                break;
            std::cout.write(block.data(), static_cast<std::streamsize>(block.size()));
        }
    }
    auto const why = posthorn::dav::refusal(status);
    if (!why)
        co_return;
    auto const        what = advice(why);
    std::string const text = o.method + ' ' + answer.url().str() + ": " + why.message() + ": " + std::to_string(status) + ' ' +
                             posthorn::printable(answer.reason()) + (what.empty() ? "" : " (" + std::string(what) + ")");
    s.complain(code_of_failure(why), text);
}

} // namespace tool
