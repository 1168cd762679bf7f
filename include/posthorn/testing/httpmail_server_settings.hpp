//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What an httpmail_server is and does: its dialect, its user, its switches; and those of known servers.

#ifndef POSTHORN_TESTING_HTTPMAIL_SERVER_SETTINGS_HPP
#define POSTHORN_TESTING_HTTPMAIL_SERVER_SETTINGS_HPP

#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/httpmail_options.hpp>
#include <posthorn/testing/listener.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::testing {

/// What an httpmail_server is and does. The default is Hotmail's dialect without defects.
struct httpmail_server_settings
{
    httpmail_server_settings() = default;

    listen_settings                 listen;
    std::optional<net::tls_context> tls_context; ///< With it, TLS from the first octet on.

    httpmail_dialect         dialect  = httpmail_dialect::hotmail;
    std::string              user     = "alice@example.com";
    std::string              password = "open sesame";
    std::vector<std::string> senders; ///< Addresses that mail may be from; empty: the user's; "*": any.

    httpmail_auth_options     auth;
    httpmail_redirect_options redirect;
    httpmail_tree_options     tree;
    httpmail_text_options     text;
    httpmail_value_options    values;
    httpmail_verb_options     verbs;
    httpmail_transfer_options transfer;

    std::string server    = "Microsoft-IIS/5.0"; ///< The field Server; empty: none.
    bool        dav_error = true;                ///< X-Dav-Error in every answer.
    std::string adbar     = "AdPane=Off*";
    std::string signature;
    unsigned    max_poll = 30; ///< Minutes between polls that clients should keep.

    std::uint64_t quota             = 0; ///< Octets of all messages; 0: any number.
    int           quota_status      = 507;
    std::uint64_t max_message       = 0;    ///< 413 for larger ones; 0: any size.
    bool          subscription      = true; ///< Without one, everything is answered by 402.
    std::string   subscription_text = "Access to this mailbox from Outlook and Outlook Express now needs a "
                                      "subscription. See http://upgrade.example.com/";
    std::size_t   throttle_every    = 0;     ///< Each so-manieth request gets 503 with Retry-After; 0: none.
    unsigned      retry_after       = 1;     ///< Seconds.
    bool          error_pages       = false; ///< Refusals have a status of 200 and a page of HTML.

    std::vector<httpmail_fault> faults;

    bool        log      = true;        ///< Keep the requests.
    std::size_t log_body = 1024 * 1024; ///< Octets kept of each body.

    /// The time, in seconds since 1970; empty: the system's. Times of changes always grow.
    std::function<std::int64_t()> now;

    /// Asked before anything else; an answer with a status is sent as it is. Runs on the executor.
    std::function<httpmail_response(httpmail_request const&)> on_request;

    static httpmail_server_settings hotmail();  ///< Redirected first, Digest.
    static httpmail_server_settings exchange(); ///< Basic.
    static httpmail_server_settings dav();      ///< Basic, like Apache with mod_dav.
    static httpmail_server_settings
    b1gmail();                              ///< What b1gMail 7.4 does, with all that is surprising about it.
    static httpmail_server_settings sogo(); ///< What SOGo 5.8 does.
};

inline httpmail_server_settings httpmail_server_settings::hotmail()
{
    httpmail_server_settings s;
    s.redirect.first      = httpmail_redirect_options::kind::absolute;
    s.verbs.stamps        = httpmail_verb_options::timestamps::told;
    s.values.from_is_name = true;
    return s;
}

inline httpmail_server_settings httpmail_server_settings::exchange()
{
    httpmail_server_settings s;
    s.dialect                   = httpmail_dialect::exchange;
    s.user                      = "alice";
    s.senders                   = {"alice@example.com"};
    s.server                    = "Microsoft-IIS/6.0";
    s.dav_error                 = false;
    s.auth.basic                = true;
    s.auth.digest               = false;
    s.auth.realm                = "mail.example.com";
    s.tree.entry                = "/exchange/alice/";
    s.tree.base                 = "/exchange";
    s.tree.code_page            = false;
    s.text.prefixes             = httpmail_text_options::prefix_style::lettered;
    s.text.encoding             = httpmail_text_options::charset::utf_8;
    s.text.label                = "-";
    s.text.status_first         = true;
    s.text.indented             = false;
    s.text.typed                = true;
    s.values.dates              = httpmail_value_options::date_form::zoned;
    s.values.attachment_in_m    = false;
    s.values.attachment_in_hm   = true;
    s.values.special_have_names = true;
    s.verbs.bulk_propfind       = true;
    s.verbs.search              = true;
    s.verbs.brief               = true;
    s.verbs.put_stores          = true;
    s.verbs.put_sends           = true;
    s.verbs.creates_by_patch    = true;
    s.verbs.source_by_default   = false;
    return s;
}

inline httpmail_server_settings httpmail_server_settings::dav()
{
    httpmail_server_settings s;
    s.dialect                = httpmail_dialect::dav;
    s.user                   = "alice";
    s.server                 = "Apache/2.4";
    s.dav_error              = false;
    s.auth.basic             = true;
    s.auth.digest            = false;
    s.auth.realm             = "dav";
    s.tree.entry             = "/dav/alice/";
    s.tree.base              = "/dav";
    s.tree.code_page         = false;
    s.tree.locations         = httpmail_tree_options::location::absolute;
    s.text.encoding          = httpmail_text_options::charset::utf_8;
    s.text.relative          = true;
    s.verbs.without_root     = httpmail_verb_options::noroot::refused;
    s.verbs.infinity         = false;
    s.verbs.bulk             = 405;
    s.verbs.post_appends     = false;
    s.verbs.put_stores       = true;
    s.verbs.unknown_method   = 405;
    s.verbs.protects_special = false;
    s.verbs.contacts         = false;
    return s;
}

inline httpmail_server_settings httpmail_server_settings::b1gmail()
{
    httpmail_server_settings s;
    s.server                         = "Apache/2.4";
    s.auth.basic                     = true;
    s.auth.digest                    = false;
    s.auth.realm                     = "HTTPMail";
    s.auth.close_after_401           = false;
    s.auth.password_cookie           = true;
    s.redirect.refuses_question_mark = true;
    s.tree.entry                     = "/interface/httpmail.php";
    s.tree.base                      = "/interface/httpmail.php";
    s.tree.in_query                  = true;
    s.tree.code_page                 = false;
    s.tree.message_slash             = true;
    s.tree.slash_matters             = true;
    s.tree.unknown_is_inbox          = true;
    s.tree.folders                   = httpmail_tree_options::naming::assigned;
    s.tree.locations                 = httpmail_tree_options::location::folder;
    s.text.encoding                  = httpmail_text_options::charset::utf_8;
    s.text.missing                   = httpmail_text_options::absence::empty;
    s.text.control_references        = true;
    s.values.headers                 = httpmail_value_options::header_form::decoded;
    s.values.eight_bit               = httpmail_value_options::raw_octets::latin_1;
    s.verbs.ignores_depth            = true;
    s.verbs.own_entry                = false;
    s.verbs.empty_missing_folder     = true;
    s.verbs.last_segments_only       = true;
    s.verbs.target_first             = true;
    s.verbs.blind_success            = true;
    s.verbs.by_prefix                = true;
    s.verbs.adds_newline             = true;
    s.verbs.empty_for_missing        = true;
    s.verbs.always_saves             = true;
    s.verbs.strict_envelope          = true;
    s.verbs.most_recipients          = 20;
    s.verbs.duplicates               = true;
    s.verbs.wrong_copy_location      = true;
    s.verbs.contacts                 = false;
    s.verbs.patch_says_400           = true;
    s.verbs.unknown_method           = 400;
    s.verbs.options_and_head         = false;
    s.verbs.mail_survives            = true;
    s.verbs.success        = {{"DELETE", 201}, {"BDELETE", 201}, {"BPROPPATCH", 201}, {"BCOPY", 201}};
    s.transfer.chunked_get = true;
    s.transfer.close_207   = true;
    return s;
}

inline httpmail_server_settings httpmail_server_settings::sogo()
{
    httpmail_server_settings s  = exchange();
    s.server                    = "";
    s.auth.realm                = "SOGo";
    s.auth.challenge_name       = "Www-Authenticate";
    s.auth.lower_case           = true;
    s.tree.message_slash        = true;
    s.tree.folders              = httpmail_tree_options::naming::prefixed;
    s.tree.locations            = httpmail_tree_options::location::none;
    s.text.prefixes             = httpmail_text_options::prefix_style::swapped;
    s.text.relative             = true;
    s.text.typed                = false;
    s.text.empty_propstat       = true;
    s.text.repeat_href          = true;
    s.text.surrogate_references = true;
    s.values.dates              = httpmail_value_options::date_form::http;
    s.values.headers            = httpmail_value_options::header_form::unquoted;
    s.values.eight_bit          = httpmail_value_options::raw_octets::missing;
    s.values.lengths_count_crlf = true;
    s.values.one_etag           = true;
    s.values.received_breaks    = true;
    s.verbs.bulk                = 403;
    s.verbs.made_up_values      = true;
    s.verbs.ignores_range       = true;
    s.verbs.plain_search        = true;
    s.verbs.patch               = 403;
    s.verbs.existing_folder     = 500;
    s.verbs.bad_sql_closes      = true;
    s.verbs.gives_bare_lf       = true;
    s.verbs.source_by_default   = true;
    s.verbs.put_sends           = false;
    s.verbs.post_appends        = false;
    s.verbs.creates_by_patch    = false;
    s.verbs.folder_rename       = false;
    s.verbs.single_moves        = false;
    s.verbs.contacts            = false;
    return s;
}

} // namespace posthorn::testing

#endif
