//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// posthorn-send: sends a message from a file or the standard input, and tells what became of it for each recipient.

#include <posthorn/smtp.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using json     = nlohmann::ordered_json;
namespace smtp = posthorn::smtp;

// The exit codes are those of sysexits.h; where several apply, the first in this order counts.
enum exit_code
{
    all_accepted   = 0,
    in_doubt       = 74,
    protocol_error = 76,
    login_refused  = 77,
    unreachable    = 69,
    refused        = 65,
    temporary      = 75,
    usage          = 64
};

struct options
{
    std::string              url;
    std::string              tls;
    std::string              ca;
    std::string              user;
    std::string              password;
    std::vector<std::string> mechanisms;
    std::string              from;
    std::vector<std::string> to;
    std::string              message = "-";
    bool                     as_json = false;
    bool                     trace   = false;
};

/// What there is to say about a run, whether it succeeded or not.
struct result
{
    std::optional<smtp::report> report;
    json                        tls  = nullptr;
    json                        auth = nullptr;
    json                        error = nullptr;
    std::string                 what;
    int                         code = all_accepted;
};

smtp::client_settings make_settings(options const& o, result& r)
{
    smtp::client_settings s(o.url);
    static std::map<std::string, smtp::tls_mode> const modes = {{"none", smtp::tls_mode::none},
                                                                {"starttls", smtp::tls_mode::required},
                                                                {"opportunistic", smtp::tls_mode::opportunistic},
                                                                {"implicit", smtp::tls_mode::implicit}};
    if (!o.tls.empty())
        s.tls = modes.at(o.tls);
    if (!o.ca.empty())
        s.tls_settings.ca_file = o.ca;
    if (!o.user.empty())
        s.login.user = o.user;
    if (!o.password.empty())
        s.login.password = o.password;
    s.mechanisms.allowed = o.mechanisms;

    smtp::event_handler log;
    if (o.trace)
        log = smtp::protocol_log([](std::string_view line) { std::cerr << line << '\n'; });
    s.session.on_event = [log, &r](smtp::event const& e) {
        if (log)
            log(e);
        if (auto const* secured = std::get_if<smtp::events::secured>(&e))
            r.tls = {{"version", secured->version}, {"cipher", secured->cipher}, {"verified", secured->verified}};
        if (auto const* login = std::get_if<smtp::events::authenticated>(&e))
            r.auth = login->mechanism;
    };
    return s;
}

std::shared_ptr<posthorn::source> open_message(std::string const& name)
{
    if (name == "-")
        return std::make_shared<posthorn::file_source>(stdin, "the standard input");
    return std::make_shared<posthorn::file_source>(name);
}

posthorn::task<> send(smtp::client_settings settings, smtp::message const& mail, result& r)
{
    smtp::client client(std::move(settings)); // in here, because it must not outlive the event loop
    auto         report = co_await client.send(mail);
    r.report.emplace(std::move(report));
    co_await client.quit();
}

json to_json(std::optional<smtp::enhanced_code> const& code)
{
    return code ? json(code->to_string()) : json(nullptr);
}

json to_json(result const& r)
{
    json out;
    out["outcome"] = r.report ? to_string(r.report->outcome()) : to_string(smtp::overall::not_sent);
    out["reply"]   = nullptr;
    if (r.report && !r.report->final_reply().empty())
        out["reply"] = {{"code", r.report->final_reply().code()},
                        {"enhanced", to_json(r.report->final_reply().enhanced())},
                        {"text", posthorn::printable(r.report->final_reply().text())}};
    out["recipients"] = json::array();
    if (r.report)
        for (auto const& one : r.report->recipients())
            out["recipients"].push_back({{"address", one.address},
                                         {"outcome", to_string(one.outcome)},
                                         {"phase", to_string(one.phase)},
                                         {"code", one.code},
                                         {"enhanced", to_json(one.enhanced)},
                                         {"text", one.text}});
    out["tls"]         = r.tls;
    out["auth"]        = r.auth;
    out["transfer"]    = "DATA";
    out["round_trips"] = r.report ? r.report->round_trips() : 0;
    out["bytes"]       = r.report ? r.report->content_bytes() : 0;
    out["error"]       = r.error;
    return out;
}

int exit_code_of(smtp::report const& report)
{
    if (report.count(smtp::disposition::in_doubt) != 0)
        return in_doubt;
    if (report.count(smtp::disposition::refused_permanently) != 0)
        return refused;
    return report.all_accepted() ? all_accepted : temporary;
}

int exit_code_of(std::error_code ec)
{
    using posthorn::condition;
    if (ec == condition::authentication && ec != condition::temporary)
        return login_refused;
    if (ec == condition::unreachable)
        return unreachable;
    if (ec == condition::protocol || ec == condition::tls)
        return protocol_error;
    if (ec == condition::permanent)
        return refused;
    return temporary;
}

void note_failure(result& r, posthorn::error const& e)
{
    auto const* in_session = dynamic_cast<smtp::session_error const*>(&e);
    r.what                 = e.what();
    r.error = {{"category", e.code().category().name()},
               {"code", e.code().value()},
               {"message", e.what()},
               {"phase", in_session ? to_string(in_session->phase()) : to_string(smtp::phase::connect)}};
    r.code = exit_code_of(e.code());
    if (auto const* unsent = dynamic_cast<smtp::send_error const*>(&e))
    {
        r.report.emplace(unsent->report());
        if (r.report->count(smtp::disposition::in_doubt) != 0)
            r.code = in_doubt;
    }
}

void print(result const& r, bool as_json)
{
    if (as_json)
    {
        std::cout << to_json(r).dump() << '\n';
        return;
    }
    if (r.report)
        std::cout << r.report->describe();
    if (r.report && !r.report->final_reply().empty())
        std::cout << r.report->final_reply().describe() << '\n';
    if (!r.what.empty())
        std::cerr << "posthorn-send: " << r.what << '\n';
}

} // namespace

int main(int argc, char** argv)
{
    options  o;
    CLI::App app {"Sends a message by SMTP. Exit codes: 0 accepted, 65 refused, 69 unreachable, 74 in doubt, "
                  "75 try again later, 76 protocol or TLS error, 77 login refused, 64 usage."};
    app.name("posthorn-send");
    app.add_option("--url", o.url, "smtp://HOST[:PORT], submission://, smtps://, smtp+unix:PATH")->required();
    app.add_option("--tls", o.tls, "How to protect the connection; by default starttls, implicit with smtps://")
        ->check(CLI::IsMember({"none", "starttls", "opportunistic", "implicit"}));
    app.add_option("--ca", o.ca, "File with the certificates to trust, instead of the system's")
        ->check(CLI::ExistingFile);
    app.add_option("--user", o.user, "Log in as");
    app.add_option("--password", o.password, "Password for the login");
    app.add_option("--auth", o.mechanisms, "Mechanism to use, in order of preference (repeatable)");
    app.add_option("--from", o.from, "Sender of the envelope; \"\" for none")->required();
    app.add_option("--to", o.to, "Recipient of the envelope (repeatable)")->required();
    app.add_option("--message", o.message, "File with the message, - for the standard input")->capture_default_str();
    app.add_flag("--json", o.as_json, "Print one JSON object");
    app.add_flag("--trace", o.trace, "Write the dialogue to the standard error, without secrets");
    try
    {
        app.parse(argc, argv);
    }
    catch (CLI::ParseError const& e)
    {
        return app.exit(e) == 0 ? all_accepted : usage;
    }

    result r;
    try
    {
        smtp::message mail;
        mail.envelope.sender = smtp::reverse_path(o.from);
        for (auto const& address : o.to)
            mail.envelope.add(address);
        mail.content = open_message(o.message);
        auto settings = make_settings(o, r);
        try
        {
            posthorn::sync_wait(send(std::move(settings), mail, r));
            r.code = exit_code_of(*r.report);
        }
        catch (posthorn::error const& e)
        {
            note_failure(r, e);
        }
    }
    catch (std::exception const& e) // an address, a URL or a file that cannot be used
    {
        std::cerr << "posthorn-send: " << e.what() << '\n';
        return usage;
    }
    print(r, o.as_json);
    return r.code;
}
