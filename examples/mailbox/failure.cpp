//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "failure.hpp"

#include <posthorn/dav/error.hpp>
#include <posthorn/http/error.hpp>
#include <posthorn/httpmail/error.hpp>

#include <utility>

namespace tool {

namespace {

namespace dav      = posthorn::dav;
namespace http     = posthorn::http;
namespace httpmail = posthorn::httpmail;
using posthorn::condition;

std::string_view advice_http(http::errc e)
{
    switch (e)
    {
    case http::errc::auth_failed: return "check --user and the password";
    case http::errc::auth_unavailable: return "leave --auth out, or name what the server offers: --trace shows it";
    case http::errc::auth_not_allowed:
        return "use https://, or --allow-plaintext-auth to show the password to the network; if another server asks that is the "
               "right one, name it by --trust";
    case http::errc::redirect_downgrade: return "if that server is the right one, give its URL as --url";
    case http::errc::redirect_refused: return "give the URL that it leads to";
    case http::errc::bad_url: return "give a URL as the server gave it: the commands folders and list print them";
    case http::errc::bad_header: return "correct --header";
    case http::errc::bad_method: return "give the name of a method, e.g. PROPFIND";
    case http::errc::in_doubt: return "look whether it was done before doing it again";
    default: return {};
    }
}

std::string_view advice_dav(dav::errc e)
{
    switch (e)
    {
    case dav::errc::auth_required: return "give --user NAME and --password-file FILE";
    case dav::errc::session_expired: return "log in: give --user NAME and --password-file FILE";
    case dav::errc::not_found: return "look where it is: the commands folders and list print URLs";
    case dav::errc::conflict: return "something is in the way, or the folder is missing: look at folders and list";
    case dav::errc::storage_full: return "delete something first, or send a smaller message";
    case dav::errc::locked:
    case dav::errc::server_busy: return "try again later";
    case dav::errc::not_multistatus: return "check --url: this does not look like a mailbox; --trace shows the answer";
    case dav::errc::not_supported: return "this server cannot do that here; check --url and --dialect";
    default: return {};
    }
}

std::string_view advice_mail(httpmail::errc e)
{
    switch (e)
    {
    case httpmail::errc::not_a_mailbox: return "check --url; if it is right, name the --dialect";
    case httpmail::errc::no_such_folder: return "give its URL: the command folders prints them; to delete without such a folder, --for-good";
    case httpmail::errc::cannot_send: return "this server does not send; use posthorn-send, and put to keep a copy";
    case httpmail::errc::foreign_url: return "name that server by --trust if it is the right one";
    case httpmail::errc::special_folder: return "name another folder";
    case httpmail::errc::bad_name: return "choose another name, without slashes and control characters";
    case httpmail::errc::folder_exists: return "choose another name";
    case httpmail::errc::message_gone: return "look where it is: the command list prints the URLs of messages";
    case httpmail::errc::no_recipients: return "add --to ADDRESS";
    case httpmail::errc::in_doubt: return "look whether it was done before doing it again";
    case httpmail::errc::not_done: return "do it again";
    default: return {};
    }
}

/// Was it the command line that cannot be obeyed?
bool is_usage(std::error_code const& ec)
{
    return ec == http::errc::bad_url || ec == http::errc::bad_header || ec == http::errc::bad_method ||
           ec == httpmail::errc::bad_name || ec == httpmail::errc::no_recipients || ec == posthorn::errc::invalid_argument;
}

} // namespace

exit_code code_of_failure(std::error_code const& ec)
{
    if (ec == http::errc::in_doubt || ec == httpmail::errc::in_doubt)
        return in_doubt;
    if (ec == dav::errc::session_expired)
        return login_refused; // it was tried to log in
    return is_usage(ec) ? usage : code_of(ec);
}

exit_code code_of_fate(httpmail::fate f, std::error_code const& ec)
{
    if (f == httpmail::fate::done)
        return success;
    if (f == httpmail::fate::in_doubt)
        return in_doubt;
    return ec ? code_of_failure(ec) : temporary;
}

std::string_view advice(std::error_code const& ec)
{
    if (ec.category() == http::category())
        if (auto const text = advice_http(static_cast<http::errc>(ec.value())); !text.empty())
            return text;
    if (ec.category() == dav::category())
        return advice_dav(static_cast<dav::errc>(ec.value()));
    if (ec.category() == httpmail::category())
        return advice_mail(static_cast<httpmail::errc>(ec.value()));
    if (ec == condition::unreachable)
        return "check --url, and that the server runs";
    if (ec == condition::tls)
        return "check that --url is the server's name; if its authority is your own, give it by --ca";
    if (ec == condition::timeout)
        return "try again later";
    if (ec == condition::protocol)
        return "check --url: this may be no server of HTTP; --trace shows the answer";
    return {};
}

std::string explain(posthorn::error const& e)
{
    auto const what = advice(e.code());
    if (what.empty())
        return e.what();
    auto context = e.context(); // whose hint may be about the library
    context.hint = what;
    return posthorn::error(e.code(), std::move(context)).what();
}

} // namespace tool
