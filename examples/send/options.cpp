//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include "options.hpp"

#include "../tool/command_line.hpp"

#include <cstddef>

namespace tool {

namespace {

void add_server(CLI::App& app, options& o)
{
    section const g(app, "Server");
    g.option("--url", o.url, "URL",
             "Where to send: smtp://, smtps://, submission://, submissions:// or lmtp:// with "
             "[USER[:PASSWORD]@]HOST[:PORT], "
             "or smtp+unix:PATH or lmtp+unix:PATH")
        ->required();
    g.option("--tls", o.tls, "HOW",
             "How to protect the connection; by default as the URL says: starttls, which must succeed, or "
             "implicit "
             "with smtps:// and submissions://, or none on a Unix socket")
        ->check(CLI::IsMember({"none", "starttls", "opportunistic", "implicit"}));
    g.option("--ca", o.ca, "FILE", "File with the authorities to trust, PEM, instead of the system's");
    g.option("--cert", o.cert, "FILE", "File with the certificate to present, PEM; --key goes with it");
    g.option("--key", o.key, "FILE", "File with the key of the certificate, PEM");
    g.option("--pin", o.pins, "SHA256", "A key to accept, sha256//BASE64 (repeatable); no other is")->allow_extra_args(false);
    g.option("--tlsa", o.tlsa, "RECORD",
             "What DNSSEC says about the certificate, e.g. '3 1 1 0B9F...' (repeatable); it is verified by that, and by "
             "no authority")
        ->allow_extra_args(false);
    g.option("--proxy", o.proxy, "URL", "Connect by way of socks5://, socks5h:// or http://[USER:PASSWORD@]HOST[:PORT]");
    g.option("--tls-min", o.tls_min, "VERSION", "The oldest version of TLS to speak")
        ->check(CLI::IsMember({"1.2", "1.3"}));
    g.flag("--insecure", o.insecure, "Do not check who the server is");
    g.option("--ehlo", o.ehlo, "NAME", "The name to give in EHLO; by default that of this host");
    g.option("--source", o.source, "ADDRESS", "The local address to connect from");
    g.flag("--ipv4", o.ipv4, "Connect by IPv4 only");
    g.flag("--ipv6", o.ipv6, "Connect by IPv6 only");
    g.option("--connect-timeout", o.connect_timeout, "SECONDS", "Seconds until there must be a connection")
        ->check(CLI::Range(0.001, 1e9).description(""));
    g.option("--timeout", o.timeout, "SECONDS", "Seconds until everything must be done")
        ->check(CLI::Range(0.001, 1e9).description(""));
}

void add_login(CLI::App& app, options& o)
{
    section const g(app, "Login");
    g.option("--user", o.user, "NAME", "Log in as");
    g.option("--password", o.password, "TEXT",
             "The password; other users of this host can see it in the list of processes");
    g.option("--password-file", o.password_file, "FILE", "File whose first line is the password");
    g.option("--password-env", o.password_env, "NAME", "Environment variable that holds the password");
    g.option("--token", o.token, "TEXT", "An OAuth 2.0 access token, for OAUTHBEARER and XOAUTH2; others can see it, too");
    g.option("--token-file", o.token_file, "FILE", "File whose first line is the token");
    g.option("--authzid", o.authzid, "NAME", "Act as somebody else");
    g.option("--auth", o.mechanisms, "MECH",
             "Mechanism to use, in order of preference (repeatable); by default the best")
        ->allow_extra_args(false);
    g.flag("--allow-plaintext-auth", o.allow_plaintext,
           "Show the password to the network if there is no TLS");
}

void add_envelope(CLI::App& app, options& o)
{
    section const g(app, "Envelope");
    g.option("--from", o.from, "ADDRESS", "The sender; \"\" for none")->required();
    g.option("--to", o.to, "ADDRESS", "A recipient (repeatable)")->required()->allow_extra_args(false);
    g.option("--policy", o.policy, "POLICY",
             "For whom the message is sent if the server refuses some recipients; each by default")
        ->check(CLI::IsMember({"each", "at-least-one", "all-or-nothing"}));
    g.option("--notify", o.notify, "WHEN",
             "What to report by mail: never, or a list of success, failure and delay");
    g.option("--orcpt", o.orcpt, "ADDRESS",
             "The original recipient, ADDRESS or TYPE;ADDRESS: one for all, or one for each --to in the same "
             "order "
             "(repeatable)")
        ->allow_extra_args(false);
    g.option("--ret", o.ret, "WHAT", "What of the message a report contains")
        ->check(CLI::IsMember({"full", "hdrs"}));
    g.option("--envid", o.envid, "TEXT", "Identifies the message in reports");
    g.flag("--require-tls", o.require_tls, "TLS on the whole way, or no delivery (REQUIRETLS)");
    g.option("--priority", o.priority, "N", "From -9 to 9 (MT-PRIORITY)")
        ->check(CLI::Range(-9, 9).description(""));
    g.option("--deliver-by", o.deliver_by, "TIME",
             "SECONDS[;R|;N][T]: if it takes longer, return the message (R, the default) or send a notice "
             "(N); T traces "
             "relays that do not know of it");
    g.option("--hold-for", o.hold_for, "SECONDS", "Seconds for which the server shall hold the message")
        ->check(CLI::Range(1, 999999999).description(""));
    g.option("--hold-until", o.hold_until, "TIME", "Until when it shall, e.g. 2026-12-24T18:00:00Z");
    g.option("--smtputf8", o.smtputf8, "HOW", "Ask for SMTPUTF8 if it is needed (auto), always, or never")
        ->check(CLI::IsMember({"auto", "force", "never"}));
    g.flag("--drop-unsupported", o.drop_unsupported,
           "Leave out what the server does not offer, where no promise breaks");
}

void add_message(CLI::App& app, options& o)
{
    section const g(app, "Message");
    g.option("--message", o.message, "FILE", "File with the message, - for the standard input")
        ->capture_default_str();
    g.option("--line-endings", o.line_endings, "HOW",
             "Make every line end CRLF (normalise), refuse others (strict), or send the file as it is by "
             "BDAT (verbatim)")
        ->check(CLI::IsMember({"normalise", "strict", "verbatim"}));
}

void add_transfer(CLI::App& app, options& o)
{
    section const g(app, "Transfer");
    g.option("--pipelining", o.pipelining, "HOW", "Send commands without waiting for each reply")
        ->check(CLI::IsMember({"auto", "off"}));
    g.option("--chunking", o.chunking, "HOW",
             "Send the content by BDAT (on), by DATA (off), or by what suits (auto)")
        ->check(CLI::IsMember({"auto", "on", "off"}));
    g.option("--chunk-size", o.chunk_size, "OCTETS", "Octets in a BDAT command, at the most")
        ->check(CLI::Range(std::size_t(1), std::size_t(1) << 40).description(""));
    g.option("--count", o.count, "N", "Send the message so many times, one after the other")
        ->check(CLI::Range(std::size_t(1), std::size_t(1'000'000'000)).description(""));
    g.option("--connections", o.connections, "N", "Send over so many connections at once")
        ->check(CLI::Range(std::size_t(1), std::size_t(10'000)).description(""));
    g.flag("--burst", o.burst, "Do not wait for the reply to one before the next is sent");
}

void add_output(CLI::App& app, options& o)
{
    section const g(app, "Output");
    g.flag("--json", o.json, "Print one JSON object");
    g.flag("--trace", o.trace, "Write the dialogue to the standard error, without secrets");
}

} // namespace

std::optional<int> parse_command_line(int argc, char** argv, options& o)
{
    CLI::App app{"Sends a message by SMTP or LMTP, and tells what became of it for each recipient."};
    app.name("posthorn-send");
    app.footer(
        "Exit codes: 0 accepted by all, 65 refused for good, 75 try again later, 69 server unreachable,\n"
        "77 login refused, 76 protocol or TLS error, 74 in doubt, 64 usage.");
    add_server(app, o);
    add_login(app, o);
    add_envelope(app, o);
    add_message(app, o);
    add_transfer(app, o);
    add_output(app, o);
    return parse(app, argc, argv);
}

} // namespace tool
