//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "session.hpp"

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/dav/href.hpp>
#include <posthorn/httpmail/folder.hpp>
#include <posthorn/httpmail/locate.hpp>
#include <posthorn/source/file.hpp>

#include "../tool/checks.hpp"
#include "settings.hpp"

#include <cstdio>
#include <iostream>
#include <optional>
#include <tuple>
#include <utility>

namespace tool {

namespace {

namespace dav      = posthorn::dav;
namespace http     = posthorn::http;
namespace httpmail = posthorn::httpmail;

bool is_absolute(std::string const& text)
{
    return posthorn::ascii::istarts_with(text, "http://") || posthorn::ascii::istarts_with(text, "https://");
}

std::string no_url(std::string const& text)
{
    return in_quotes(text) + " is no URL; give one as the commands folders and list print it";
}

} // namespace

session::session(options const& o) : box(entry_of(o), settings_of(o)), options_(&o) {}

http::url session::located(std::string const& text) const
{
    auto const& root = box.root().folder_root;
    if (text == ".")
        return root;
    // With the tree in the query, a name is not to be resolved: that would lose the query.
    bool const named = httpmail::has_tree_in_query(root) && !is_absolute(text) && text.find('?') == text.npos &&
                       text.front() != '/';
    auto const u     = named ? std::optional(root.with_target(dav::with_slash(root).target() + text))
                             : dav::resolve_href(dav::with_slash(root), text);
    require(u.has_value(), no_url(text));
    return *u;
}

posthorn::task<http::url> session::folder(std::string text)
{
    require(!text.empty(), "the name of the folder is empty; give its URL, or inbox, sent, drafts, deleted or outbox");
    if (auto const kind = httpmail::parse_folder_kind(text))
        co_return co_await box.find(*kind);
    if (is_absolute(text))
    {
        auto const u = http::url::read(text, http::hash_sign::literal);
        require(u.has_value(), no_url(text));
        co_return *u;
    }
    std::ignore = co_await box.open();
    co_return located(text);
}

posthorn::task<http::url> session::item(std::string text)
{
    require(!text.empty(), "the URL is empty; the command list prints the URLs of messages");
    std::string const is_folder = in_quotes(text) + " is a folder; name a message by its URL, which the command list prints";
    require(!httpmail::parse_folder_kind(text), is_folder);
    if (is_absolute(text) && !http::url::read(text))
        throw usage_error(no_url(text));
    std::ignore = co_await box.open();
    auto const at = located(text);
    require(httpmail::kind_of(box.root(), at) == httpmail::folder_kind::ordinary && !same_resource(at, box.root().folder_root),
            is_folder);
    co_return at;
}

posthorn::task<std::vector<http::url>> session::items()
{
    std::vector<http::url> all;
    for (auto const& text : options_->messages)
    {
        auto at = co_await item(text);
        all.push_back(std::move(at));
    }
    co_return all;
}

void session::print(std::vector<record> const& rows, std::vector<std::string> const& columns) const
{
    std::cout << (options_->json ? to_json(rows) : to_table(rows, columns));
}

void session::print(record const& one) const
{
    std::cout << (options_->json ? to_json(std::vector<record>(1, one)) : to_lines(one));
}

void session::complain(exit_code code, std::string const& text)
{
    code_ = worse(code_, code);
    std::cerr << "posthorn-mailbox: " << text << '\n';
}

std::shared_ptr<posthorn::source> open_file(std::string const& name, std::string const& option)
{
    if (name == "-")
        return std::make_shared<posthorn::file_source>(stdin, "the standard input");
    require_file(name, option);
    return parsed(option, name, [](std::string const& file) { return std::make_shared<posthorn::file_source>(file); });
}

} // namespace tool
