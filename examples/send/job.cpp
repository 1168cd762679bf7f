//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "job.hpp"

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/core/error.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/net/proxy.hpp>
#include <posthorn/net/tls_context.hpp>
#include <posthorn/net/tlsa.hpp>
#include <posthorn/net/url.hpp>
#include <posthorn/sasl/select.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/domain.hpp>
#include <posthorn/source/file.hpp>
#include <posthorn/source/memory.hpp>

#include <asio/ip/address.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tool {

namespace {

namespace net  = posthorn::net;
namespace smtp = posthorn::smtp;

template <class T>
std::chrono::duration<T, std::milli> in_milliseconds(double seconds)
{
    return std::chrono::duration<T, std::milli>(static_cast<T>(seconds * 1000));
}

// Server ------------------------------------------------------------------------------------------------------

void set_tls(options const& o, net::url const& u, smtp::client_settings& s)
{
    bool const implicit = net::is_implicit_tls(u.scheme);
    require(!implicit || o.tls.empty() || o.tls == "implicit",
            "--tls " + o.tls + " contradicts " + std::string(net::name_of(u.scheme)) +
                "://, which is TLS from the first octet: use smtp:// or submission://");
    if (o.tls == "none")
        s.tls = smtp::tls_mode::none;
    else if (o.tls == "starttls")
        s.tls = smtp::tls_mode::required;
    else if (o.tls == "opportunistic")
        s.tls = smtp::tls_mode::opportunistic;
    else if (o.tls == "implicit")
        s.tls = smtp::tls_mode::implicit;

    auto& how = s.tls_settings;
    require(o.cert.empty() || !o.key.empty(), "--cert needs the key of the certificate: add --key FILE");
    require(o.key.empty() || !o.cert.empty(), "--key needs the certificate it belongs to: add --cert FILE");
    if (!o.ca.empty())
        require_file(o.ca, "--ca");
    if (!o.cert.empty())
    {
        require_file(o.cert, "--cert");
        require_file(o.key, "--key");
    }
    how.ca_file          = o.ca;
    how.certificate_file = o.cert;
    how.key_file         = o.key;
    how.minimum_version  = o.tls_min == "1.3" ? net::tls_version::tls_1_3 : net::tls_version::tls_1_2;
    how.verify_peer = how.verify_host = !o.insecure;
    how.pins = o.pins;
    for (auto const& record : o.tlsa)
        how.tlsa.push_back(
            parsed("--tlsa", record, [](std::string const& text) { return net::tlsa_record(std::string_view(text)); }));
    require((o.pins.empty() && o.tlsa.empty()) || s.tls != smtp::tls_mode::none,
            "--pin and --tlsa mean nothing without TLS: use --tls starttls or --tls implicit");
    if (o.ca.empty() && o.cert.empty() && o.pins.empty() && o.tlsa.empty())
        return;
    try
    {
        net::tls_context const check(how);
    }
    catch (posthorn::error const& e)
    {
        throw usage_error(std::string("--ca, --cert, --key, --pin, --tlsa: ") + e.what());
    }
}

void set_connection(options const& o, net::url const& u, smtp::client_settings& s)
{
    bool const local = net::is_local(u.scheme);
    require(!o.ipv4 || !o.ipv6, "--ipv4 and --ipv6 contradict each other: give one, or none for both");
    require(!local || (!o.ipv4 && !o.ipv6 && o.source.empty() && o.proxy.empty()),
            "--ipv4, --ipv6, --source and --proxy mean nothing for a Unix socket: leave them out");
    if (!o.proxy.empty())
        s.proxy = parsed("--proxy", posthorn::printable(o.proxy.substr(0, o.proxy.find("://"))) + "://...",
                         [&o](std::string const&) { return net::proxy_settings(std::string_view(o.proxy)); });
    auto& how = s.connection;
    if (o.ipv4)
        how.resolve.family = net::address_family::v4;
    if (o.ipv6)
        how.resolve.family = net::address_family::v6;
    if (!o.source.empty())
    {
        std::error_code ec;
        auto const      from = asio::ip::make_address(o.source, ec);
        require(!ec, "--source: " + in_quotes(o.source) + " is no IP address; give one of this host's");
        require(!(from.is_v4() ? o.ipv6 : o.ipv4),
                "--source " + o.source + " is of the other family than --ipv4 or --ipv6 wants");
        if (from.is_v4())
            how.source_v4 = from.to_v4();
        else
            how.source_v6 = from.to_v6();
    }
    if (o.connect_timeout > 0)
    {
        auto const most =
            std::max(in_milliseconds<std::int64_t>(o.connect_timeout), std::chrono::milliseconds(1));
        s.session.timeouts.connect = most;
        how.total_timeout          = most;
        how.resolve.timeout        = most;
    }
    if (o.timeout > 0)
        s.session.timeouts.total =
            std::max(in_milliseconds<std::int64_t>(o.timeout), std::chrono::milliseconds(1));
    if (o.ehlo)
    {
        auto const defect = smtp::check_ehlo_name(*o.ehlo);
        require(!defect, "--ehlo: " + in_quotes(*o.ehlo) + ": " + std::string(defect.detail) +
                             "; give a domain name, or an address in brackets");
        s.session.ehlo_name = *o.ehlo;
    }
}

// Login -------------------------------------------------------------------------------------------------------

void set_login(options const& o, net::url const& u, smtp::client_settings& s)
{
    require(!o.user || !u.user, "the user is given twice: by --user and in the URL; leave one out");
    int const passwords =
        (u.password ? 1 : 0) + (o.password ? 1 : 0) + (o.password_file ? 1 : 0) + (o.password_env ? 1 : 0);
    require(passwords <= 1,
            "the password is given more than once: use one of --password, --password-file, --password-env "
            "and the URL");
    if (o.user)
    {
        require(!o.user->empty(), "--user: the name is empty; leave it out to send without a login");
        s.login.user = *o.user;
    }
    if (o.password || o.password_file || o.password_env)
        s.login.password = password_of(o.password, o.password_file, o.password_env);
    require(!o.token || !o.token_file, "the token is given twice: use --token or --token-file");
    if (o.token)
        s.login.token = *o.token;
    if (o.token_file)
        s.login.token = first_line(*o.token_file, "--token-file");
    bool const token = o.token || o.token_file;
    require(!token || !s.login.token.empty(), "the token is empty");
    s.login.authorization_identity = o.authzid;

    bool const user = o.user || u.user;
    // Who one is can be shown by a certificate, a ticket, or not at all.
    bool const alone = std::any_of(o.mechanisms.begin(), o.mechanisms.end(), [](std::string const& name) {
        return posthorn::ascii::iequals(name, "EXTERNAL") || posthorn::ascii::iequals(name, "ANONYMOUS") ||
               posthorn::ascii::iequals(name, "GSSAPI");
    });
    require(user || passwords == 0, "a password without a user: add --user NAME");
    require(!user || passwords != 0 || token || alone,
            "a user without a password: add --password-file FILE or --password-env NAME");
    require(passwords == 0 || !s.login.password.empty(), "the password is empty");
    require(user || token || alone || (o.mechanisms.empty() && !o.allow_plaintext && o.authzid.empty()),
            "--auth, --authzid and --allow-plaintext-auth need a login: add --user NAME");
    for (auto const& name : o.mechanisms)
    {
        std::string known;
        bool        is_known = false;
        for (auto const one : posthorn::sasl::known_mechanisms())
        {
            known += ' ' + std::string(one);
            is_known = is_known || posthorn::ascii::iequals(one, name);
        }
        require(is_known || posthorn::ascii::iequals(name, "EXTERNAL") || posthorn::ascii::iequals(name, "ANONYMOUS"),
                "--auth: the mechanism " + in_quotes(name) + " is not known; known are" + known + " EXTERNAL ANONYMOUS");
    }
    s.mechanisms.allowed         = o.mechanisms;
    s.mechanisms.allow_plaintext = o.allow_plaintext;
}

// Envelope ----------------------------------------------------------------------------------------------------

smtp::notify to_notify(std::string_view text)
{
    constexpr std::pair<std::string_view, smtp::notify> words[] = {{"never", smtp::notify::never},
                                                                   {"success", smtp::notify::success},
                                                                   {"failure", smtp::notify::failure},
                                                                   {"delay", smtp::notify::delay}};
    auto                                                result  = smtp::notify::unspecified;
    for (std::size_t at = 0; at <= text.size();)
    {
        auto const end  = std::min(text.find(',', at), text.size());
        auto const word = text.substr(at, end - at);
        auto const it =
            std::find_if(std::begin(words), std::end(words), [&](auto const& w) { return w.first == word; });
        require(it != std::end(words),
                "--notify: " + in_quotes(word) +
                    " is unknown; give never, or a list of success, failure and delay");
        result = result | it->second;
        at     = end + 1;
    }
    require(result == smtp::notify::never || !contains(result, smtp::notify::never),
            "--notify: never excludes all others; leave it out or give it alone");
    return result;
}

/// SECONDS[;R|;N][T]
smtp::deliver_by to_deliver_by(std::string_view text)
{
    smtp::deliver_by result;
    auto const       wrong =
        "--deliver-by: " + in_quotes(text) + " is not SECONDS[;R|;N][T]; give e.g. 3600 or '3600;N'";
    auto rest = text;
    if (!rest.empty() && rest.back() == 'T')
    {
        result.trace = true;
        rest.remove_suffix(1);
    }
    if (auto const mode = rest.find(';'); mode != rest.npos)
    {
        require(rest.substr(mode) == ";R" || rest.substr(mode) == ";N", wrong);
        if (rest.back() == 'N')
            result.mode = smtp::deliver_by::on_failure::notify_delay;
        rest = rest.substr(0, mode);
    }
    auto const [end, ec] = std::from_chars(rest.data(), rest.data() + rest.size(), result.seconds);
    require(ec == std::errc() && end == rest.data() + rest.size(), wrong);
    return result;
}

smtp::original_recipient to_original(std::string const& text)
{
    auto const semicolon = text.find(';');
    if (semicolon == text.npos || text.find('@') < semicolon)
        return smtp::original_recipient(text);
    return {text.substr(0, semicolon), text.substr(semicolon + 1)};
}

/// What no server would get to see is found out before there is a connection.
void check_envelope(smtp::envelope const& e)
{
    posthorn::byte_buffer scratch;
    smtp::command_writer  w(scratch);
    auto                  parameters = e.parameters;
    parameters.smtputf8              = true;
    if (w.mail(e.sender, parameters))
        throw usage_error("the envelope cannot be sent: " + std::string(w.detail()));
    for (auto const& r : e.recipients)
        if (w.rcpt(r.address, r.parameters, true))
            throw usage_error("the envelope cannot be sent: " + std::string(w.detail()));
}

smtp::envelope make_envelope(options const& o, smtp::tls_mode tls)
{
    smtp::envelope e;
    e.sender = parsed("--from", o.from, [](std::string const& text) { return smtp::reverse_path(text); });
    for (auto const& to : o.to)
        e.recipients.push_back(
            parsed("--to", to, [](std::string const& text) { return smtp::recipient(text); }));
    require(o.orcpt.size() <= 1 || o.orcpt.size() == o.to.size(),
            "--orcpt: give one for all recipients, or one for each --to, in the same order");
    for (std::size_t i = 0; i != e.recipients.size(); ++i)
    {
        auto& p = e.recipients[i].parameters;
        if (o.notify)
            p.notify_on = to_notify(*o.notify);
        if (!o.orcpt.empty())
            p.orcpt = to_original(o.orcpt[o.orcpt.size() == 1 ? 0 : i]);
    }
    auto& p = e.parameters;
    if (!o.ret.empty())
        p.ret = o.ret == "full" ? smtp::return_content::full : smtp::return_content::headers;
    if (o.envid)
    {
        require(!o.envid->empty(), "--envid: it is empty; leave it out");
        p.envid = *o.envid;
    }
    require(!o.require_tls || tls != smtp::tls_mode::none,
            "--require-tls needs a connection with TLS: use --tls starttls or --tls implicit");
    p.require_tls = o.require_tls;
    p.mt_priority = o.priority;
    if (o.deliver_by)
        p.by = to_deliver_by(*o.deliver_by);
    require(!o.hold_for || !o.hold_until, "--hold-for and --hold-until exclude each other: give one");
    p.hold_for = o.hold_for;
    if (o.hold_until)
    {
        require(!o.hold_until->empty(), "--hold-until: it is empty; leave it out");
        p.hold_until = *o.hold_until;
    }
    check_envelope(e);
    return e;
}

// Message and transfer ----------------------------------------------------------------------------------------

void set_sending(options const& o, smtp::send_options& s)
{
    if (o.policy == "at-least-one")
        s.policy = smtp::recipient_policy::at_least_one;
    else if (o.policy == "all-or-nothing")
        s.policy = smtp::recipient_policy::all_or_nothing;
    if (o.smtputf8 == "force")
        s.smtputf8 = smtp::smtputf8_use::force;
    else if (o.smtputf8 == "never")
        s.smtputf8 = smtp::smtputf8_use::never;
    if (o.drop_unsupported)
        s.unsupported = smtp::unsupported::drop;
    require(o.line_endings != "verbatim" || o.chunking != "off",
            "--line-endings verbatim needs BDAT, which --chunking off forbids: leave one out");
    if (o.line_endings == "strict")
        s.endings = smtp::line_endings::strict;
    else if (o.line_endings == "verbatim")
        s.endings = smtp::line_endings::verbatim;
    s.pipelining = o.pipelining != "off";
    if (o.chunking == "on")
        s.chunking = smtp::chunking::on;
    else if (o.chunking == "off")
        s.chunking = smtp::chunking::off;
    if (o.chunk_size)
        s.chunk_size = *o.chunk_size;
}

std::string read_all(std::istream& in, std::string const& name)
{
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    require(!in.bad(), "--message: cannot read " + name);
    return text;
}

/// From where it lies, unless it is needed again and cannot be read again, or is needed several times at once.
std::shared_ptr<posthorn::source> open_message(options const& o)
{
    bool const again = o.count > 1;
    if (o.message == "-")
    {
        if (again)
            return std::make_shared<posthorn::string_source>(read_all(std::cin, "the standard input"));
        return std::make_shared<posthorn::file_source>(stdin, "the standard input");
    }
    require_file(o.message, "--message");
    std::error_code ec;
    if (!again || (!o.burst && o.connections == 1 && std::filesystem::is_regular_file(o.message, ec)))
        return parsed("--message", o.message,
                      [](std::string const& name) { return std::make_shared<posthorn::file_source>(name); });
    std::ifstream in(o.message, std::ios::binary);
    return std::make_shared<posthorn::string_source>(read_all(in, in_quotes(o.message)));
}

} // namespace

job make_job(options const& o)
{
    net::url   u;
    auto const problem = net::parse_url(o.url, u);
    require(problem.ok(), "--url, at octet " + std::to_string(problem.position) + ": " +
                              std::string(net::describe(problem)));
    job j;
    try
    {
        j.settings = smtp::client_settings(o.url);
    }
    catch (posthorn::error const& e)
    {
        throw usage_error(std::string("--url: ") + e.what() +
                          "; use smtp://, smtps://, submission://, submissions:// or lmtp://, or "
                          "smtp+unix: or lmtp+unix:");
    }
    set_tls(o, u, j.settings);
    set_connection(o, u, j.settings);
    set_login(o, u, j.settings);
    set_sending(o, j.settings.sending);
    j.mail.envelope = make_envelope(o, j.settings.tls);
    j.mail.content  = open_message(o);
    require(o.connections == 1 || o.count > 1, "--connections is for many messages: add --count N");
    j.count         = o.count;
    j.connections   = o.connections;
    j.burst         = o.burst;
    return j;
}

} // namespace tool
