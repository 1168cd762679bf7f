//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/outcome.hpp>

#include <doctest/doctest.h>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace dav  = posthorn::dav;
namespace http = posthorn::http;
using namespace posthorn::httpmail;
using posthorn::condition;

TEST_SUITE_BEGIN("httpmail/outcome");

TEST_CASE("what a failure means for the work that was asked for")
{
    CHECK(fate_of(dav::errc::forbidden, true) == fate::refused);
    CHECK(fate_of(dav::errc::session_expired, true, 200) == fate::refused);
    CHECK(fate_of(dav::errc::server_busy, true, 503) == fate::refused);
    CHECK(fate_of(dav::errc::server_busy, true, 504) == fate::in_doubt);
    CHECK(fate_of(dav::errc::server_error, true, 502) == fate::in_doubt);
    for (auto const e : {dav::errc::not_multistatus, dav::errc::too_many_responses, dav::errc::response_too_large})
        CHECK(fate_of(e, true, 207) == fate::in_doubt);
    for (auto const e : {http::errc::in_doubt, http::errc::bad_status_line, http::errc::truncated_body, http::errc::ambiguous_framing})
    {
        CHECK(fate_of(e, true) == fate::in_doubt);
        CHECK(fate_of(e, false) == fate::not_done);
    }
    for (auto const e : {http::errc::connection_ended, http::errc::redirect_refused, http::errc::redirect_downgrade, http::errc::redirect_loop,
                         http::errc::too_many_redirects, http::errc::bad_redirect, http::errc::auth_failed, http::errc::auth_unavailable,
                         http::errc::auth_not_allowed, http::errc::cannot_repeat, http::errc::bad_url, http::errc::bad_method, http::errc::bad_header})
        CHECK(fate_of(e, true) == fate::not_done);
    CHECK(fate_of(std::make_error_code(std::errc::connection_refused), true) == fate::not_done);
    using posthorn::net::tls_errc;
    for (auto const e : {tls_errc::handshake_failed, tls_errc::not_tls, tls_errc::protocol_version, tls_errc::certificate_rejected,
                         tls_errc::host_name_mismatch, tls_errc::expired, tls_errc::not_yet_valid, tls_errc::untrusted, tls_errc::self_signed,
                         tls_errc::pin_mismatch, tls_errc::dane_mismatch, tls_errc::no_certificate, tls_errc::configuration})
        CHECK(fate_of(e, true) == fate::not_done);
    for (auto const e : {tls_errc::protocol_error, tls_errc::alert_received, tls_errc::truncated, tls_errc::closed})
        CHECK(fate_of(e, true) == fate::in_doubt);
    CHECK(fate_of(posthorn::errc::canceled, true) == fate::in_doubt);
    CHECK(fate_of(posthorn::errc::canceled, false) == fate::not_done);
    CHECK(fate_of(posthorn::errc::timeout, true) == fate::in_doubt);
    CHECK(fate_of(posthorn::errc::invalid_argument, true) == fate::not_done);
    CHECK(fate_of(posthorn::httpmail::errc::no_free_name, true) == fate::not_done);
}

TEST_CASE("errors of many items count them")
{
    std::vector<item_outcome> items(4, item_outcome(http::url("http://h/")));
    items[0].fate = fate::done;
    items[1].fate = fate::in_doubt;
    items[2].fate = fate::refused;
    CHECK(items[0].ok());
    CHECK_FALSE(all_done(items));
    CHECK(all_done({}));
    bulk_error const e(posthorn::errc::timeout, items, "late");
    CHECK(e.code() == condition::timeout);
    CHECK(e.items().size() == 4);
    CHECK(std::string(e.what()).find("late; 1 done, 1 refused, 1 in doubt, 1 not done") != std::string::npos);
    auto const copy = e;
    CHECK(copy.items()[1].fate == fate::in_doubt);
}

TEST_CASE("words, and texts of errors")
{
    CHECK(to_string(fate::done) == "done");
    CHECK(to_string(fate::refused) == "refused");
    CHECK(to_string(fate::not_done) == "not_done");
    CHECK(to_string(fate::in_doubt) == "in_doubt");
    CHECK(to_string(static_cast<fate>(99)) == "unknown");
    send_report r;
    CHECK_FALSE(r.accepted());
    r.fate = fate::done;
    CHECK(r.accepted());
    send_error const e(http::errc::in_doubt, posthorn::error_context(), r);
    CHECK(e.report().accepted());
    using posthorn::httpmail::errc;
    std::string last;
    for (int i = 1; i <= 12; ++i)
    {
        std::error_code const ec = static_cast<errc>(i);
        CHECK(std::string(ec.category().name()) == "posthorn.httpmail");
        CHECK(ec.message() != last);
        last = ec.message();
        CHECK(last != "unknown HTTPMail error");
    }
    CHECK(make_error_code(static_cast<errc>(99)).message() == "unknown HTTPMail error");
    CHECK(make_error_code(errc::not_done) == condition::temporary);
    CHECK(make_error_code(errc::special_folder) == condition::permanent);
    CHECK_FALSE(make_error_code(errc::in_doubt) == condition::permanent);
    CHECK_FALSE(make_error_code(errc::in_doubt) == condition::temporary);
}

TEST_SUITE_END();
