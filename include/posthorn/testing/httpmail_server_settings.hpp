//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What an httpmail_server is: its dialect, and switches for all that servers of this kind do differently or wrong.

#ifndef POSTHORN_TESTING_HTTPMAIL_SERVER_SETTINGS_HPP
#define POSTHORN_TESTING_HTTPMAIL_SERVER_SETTINGS_HPP

#include <posthorn/net/tls_context.hpp>
#include <posthorn/testing/httpmail_contents.hpp>
#include <posthorn/testing/listener.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::testing {

/// The families of servers.
enum class httpmail_dialect
{
    hotmail,  ///< Folders listed at one level, sent by POST, numbered messages, untyped values.
    exchange, ///< A deep tree, SEARCH, BPROPFIND, typed values, messages named after their subject.
    dav       ///< A plain WebDAV server: messages are files, their properties are what clients have stored.
};

/// How the server writes XML.
struct httpmail_text_options
{
    httpmail_text_options() = default;

    enum class prefix_style
    {
        fixed,    ///< D, m, hm, c, h, as Hotmail did.
        lettered, ///< a for DAV:, then b, c ... in the order of appearance, as Exchange did.
        swapped,  ///< hm for Hotmail's namespace and letters for the others, as SOGo does.
        shuffled  ///< Any, others for every response.
    };
    enum class charset
    {
        windows_1252,
        utf_8
    };
    enum class absence ///< What becomes of names that a resource does not have.
    {
        not_found, ///< A propstat with 404.
        left_out,
        empty ///< Empty elements among the values that exist, as b1gMail does.
    };

    prefix_style prefixes     = prefix_style::fixed;
    charset      encoding     = charset::windows_1252;
    absence      missing      = absence::not_found;
    bool         status_first = false; ///< In a propstat.
    bool         indented     = true;  ///< Lines and tabs; else one line.
    bool         typed        = false; ///< dt attributes.
    bool         relative     = false; ///< href is a path, without scheme and host.
    bool         empty_propstat = false; ///< A propstat with 200 also if it holds nothing.
    bool         repeat_href    = false; ///< D:href also among the values that were found.
    std::string  label; ///< The encoding that the declaration names; empty for the true one, "-" for none.

    // Defects.
    bool bare_ampersands      = false; ///< & in header texts is not escaped.
    bool bare_angles          = false; ///< < and > in header texts are not escaped.
    bool html_entities        = false; ///< &eacute; and others of HTML for Latin-1 characters.
    bool escaped_twice        = false; ///< Header texts and the signature.
    bool control_references   = false; ///< &#1; and others that XML forbids; else they are left out.
    bool surrogate_references = false; ///< Two references for a character above U+FFFF.
    bool raw_controls         = false; ///< Control characters as they are.
    bool invalid_octets       = false; ///< An octet that is wrong in UTF-8 at the end of subjects.
    bool padded_subjects      = false; ///< White space before subjects.
    bool digit_names          = false; ///< A property whose name begins with a digit in every response.
    bool wrong_namespace      = false; ///< "Dav:" instead of "DAV:".
    bool undeclared_prefix    = false; ///< D is used, and not declared.
    bool cut_short            = false; ///< The document ends within its last response; the framing is right.
};

/// What the values of messages look like.
struct httpmail_value_options
{
    httpmail_value_options() = default;

    enum class date_form
    {
        plain, ///< 2004-06-10T10:12:09
        zoned, ///< 2004-06-10T10:12:09.000Z
        http   ///< Thu, 10 Jun 2004 10:12:09 GMT
    };
    enum class header_form
    {
        raw,     ///< As in the message, unfolded.
        decoded, ///< Encoded words are decoded.
        unquoted ///< Decoded, and display names lose their quotation marks.
    };
    enum class raw_octets ///< Headers with octets above 127.
    {
        guessed, ///< UTF-8 if it is, else Windows-1252.
        latin_1, ///< Always ISO-8859-1, so that UTF-8 comes out doubled.
        missing  ///< UTF-8 if it is, else the property is missing.
    };

    date_form   dates       = date_form::plain;
    header_form headers     = header_form::raw;
    raw_octets  eight_bit   = raw_octets::guessed;
    bool from_is_name       = false; ///< m:from is only the display name; h:fromaddr comes unasked.
    bool attachment_in_m    = true;  ///< m:hasattachment exists.
    bool attachment_in_hm   = false; ///< hm:hasattachment exists.
    bool everything         = false; ///< All properties, whatever was asked for.
    bool special_have_names = false; ///< D:displayname for special folders.
    bool lengths_count_crlf = false; ///< D:getcontentlength counts CRLF where GET gives LF alone.
    bool one_etag           = false; ///< The same D:getetag for every message.
    bool received_breaks    = false; ///< 501 to a list with m:received if one message has no such field.
};

/// How clients show who they are.
struct httpmail_auth_options
{
    httpmail_auth_options() = default;

    bool        required = true;
    bool        basic    = false;
    bool        digest   = true;
    bool        form     = false; ///< 440 without cookies, and a login form at /exchweb/bin/auth/owaauth.dll.
    std::string bearer;           ///< A token that is accepted; empty: none.
    std::string realm          = "hotmail.com";
    std::string challenge_name = "WWW-Authenticate"; ///< The name of the field.
    bool        lower_case     = false;              ///< "basic realm=" instead of "Basic realm=".

    std::string algorithm;        ///< In the challenge: "MD5", "SHA-256", or empty for none, which means MD5.
    std::string opaque;           ///< In the challenge if it is not empty, and demanded back.
    bool        qop        = true; ///< Offer "auth".
    bool        lax        = false; ///< Check neither method, URI nor nonce count, as Hotmail did.
    bool        once       = true;  ///< A nonce count must not be used twice.
    std::size_t nonce_uses = 0;     ///< Then it is stale; 0: never.
    bool        hint_stale = true;  ///< Say stale=true of an old nonce.

    bool close_after_401 = true;
    bool session_cookie  = false; ///< Requests need the cookie HMSC, which every 401 sets.
    bool password_cookie = false; ///< Set an expired cookie with the password, and believe it above all else, as b1gMail.
    std::vector<std::string> cookies; ///< Values of Set-Cookie on redirects and on the first answers.
};

/// The way to the mailbox.
struct httpmail_redirect_options
{
    httpmail_redirect_options() = default;

    enum class kind
    {
        none,        ///< The entry answers itself.
        absolute,    ///< To the mailbox, with scheme and host.
        relative,
        foreign,     ///< To `host`, another origin.
        loop,        ///< Between two URLs, for ever.
        no_location  ///< Only Content-Location tells where.
    };

    kind        first  = kind::none;
    int         status = 302;
    std::string host;             ///< E.g. "localhost:8080"; the port of the server is added if there is none.
    bool question_mark = true;    ///< A bare "?" at the end of the location.
    bool second        = false;   ///< Another redirect after the login, from "/cgi-bin/hmdata" to "/cgi-bin/cluster".
    bool refuses_question_mark = false; ///< 400 to a bare "?" at the end of a target.
};

/// How URLs are made.
struct httpmail_tree_options
{
    httpmail_tree_options() = default;

    enum class naming ///< Of folders that clients create.
    {
        by_name,  ///< The name is the segment.
        assigned, ///< The server makes one up, which renaming does not change.
        prefixed  ///< "folder" and the name.
    };
    enum class location
    {
        absolute,
        relative,
        folder, ///< Of what was stored: the folder that it is in, relative.
        none
    };

    std::string entry = "/svcs/hotmail/httpmail.asp"; ///< Where clients begin.
    std::string base  = "/cgi-bin/hmdata";            ///< Of the mailbox; the user follows.
    bool        in_query         = false; ///< The tree stands in the query, as on b1gMail.
    bool        code_page        = true;  ///< Folder names in URLs are Windows-1252; else UTF-8. Both are understood.
    bool        message_slash    = false; ///< A slash after messages in lists.
    bool        slash_matters    = false; ///< MOVE without slashes at the ends does damage, as on b1gMail.
    bool        unknown_is_inbox = false; ///< A folder that is no number is read as the inbox, as on b1gMail.
    naming      folders          = naming::by_name;
    location    locations        = location::absolute;
    std::string public_host; ///< Written into URLs instead of what the client called the server.
};

/// What the verbs do.
struct httpmail_verb_options
{
    httpmail_verb_options() = default;

    enum class noroot
    {
        honoured,
        ignored, ///< The folder itself is listed.
        refused  ///< 400.
    };
    enum class bulk_answer
    {
        verbose,  ///< 207 with all targets.
        failures, ///< 207 with those that failed; without any, 204.
        silent    ///< 201 whatever happened.
    };
    enum class timestamps
    {
        off,
        told,        ///< X-Timestamp in answers.
        not_modified, ///< Also: 304 if nothing is newer than what the client knows.
        empty_list   ///< Also: an empty list in that case.
    };

    noroot without_root   = noroot::honoured;
    bool   ignores_depth  = false; ///< Every PROPFIND is a list without the folder itself, as on b1gMail.
    bool   own_entry      = true;  ///< Depth 1 lists the folder itself.
    bool   infinity       = true;  ///< Depth infinity is allowed; else 403.
    bool   empty_missing_folder = false; ///< An empty list of a folder that does not exist.

    int         bulk = 0;                             ///< Status of all B verbs; 0: they work.
    bulk_answer bulk_answers  = bulk_answer::verbose; ///< Of BPROPPATCH, BMOVE, BCOPY and BDELETE.
    bool        bulk_location = true;                 ///< D:location in them.
    bool        last_segments_only = false; ///< Targets that are whole URLs are done nothing to, as on b1gMail.
    bool        target_first       = false; ///< Nothing is done if `target` does not come first, as on b1gMail.
    bool        blind_success      = false; ///< Missing targets and resources are reported as done, as on b1gMail.
    bool        bulk_propfind      = false; ///< BPROPFIND exists.
    bool        made_up_values     = false; ///< BPROPFIND gives defaults for missing targets, as on SOGo.

    bool search          = false;
    bool ignores_range   = false; ///< SEARCH gives all rows, and says so.
    bool plain_search    = false; ///< WHERE and ORDER BY are ignored, HIERARCHICAL is one level, as on SOGo.
    bool bad_sql_closes  = false; ///< The connection, without an answer.
    bool propfind_range  = false; ///< Range: rows also works for PROPFIND.
    bool brief           = false; ///< Brief: t is understood.
    bool by_prefix       = false; ///< Names are matched by the prefixes D, h, hm, m, c, as on b1gMail.

    bool        post_appends       = true;  ///< POST to a folder stores a message.
    bool        put_stores         = false; ///< PUT to a name does.
    bool        put_sends          = false; ///< PUT to the submission URI sends.
    bool        adds_newline       = false; ///< CRLF after every message stored, as on b1gMail.
    bool        stored_is_read     = true;  ///< What is appended counts as read.
    bool        gives_bare_lf      = false; ///< GET without CRs, as on SOGo.
    bool        empty_for_missing  = false; ///< GET of a missing message: 200 without a body, as on b1gMail.
    bool        always_saves       = false; ///< A copy of what is sent, whatever SAVEINSENT says.
    bool        strict_envelope    = false; ///< MAIL FROM: and RCPT TO: in upper case only, as on b1gMail.
    bool        source_by_default  = true;  ///< GET without Translate: f gives the message; else a page of HTML.
    std::size_t most_recipients    = 100;   ///< 403 for more.

    bool delete_to_trash  = false; ///< DELETE outside of the trash moves there.
    bool mail_survives    = false; ///< DELETE of a folder moves its messages to the trash, as on b1gMail.
    bool duplicates       = false; ///< MKCOL of a name that exists makes a second folder, as on b1gMail.
    bool wrong_copy_location = false; ///< Location of COPY names the old segment, as on b1gMail.
    bool protects_special = true;  ///< 403 to renaming or deleting special folders.
    bool folder_rename    = true;  ///< MOVE of a folder; else 412.
    bool single_moves     = true;  ///< MOVE and COPY of messages; else 501.
    bool creates_by_patch = false; ///< PROPPATCH to a URL where nothing is creates an item there.
    bool contacts         = true;
    bool contact_record   = false; ///< A new contact is answered by 207 with its values; else 201 with Location.
    int  patch            = 0;     ///< Status of every PROPPATCH; 0: it works.
    int  existing_folder  = 405;   ///< Of MKCOL for a name that exists.
    bool patch_says_400   = false; ///< PROPPATCH works and answers 400, as on b1gMail.
    bool options_and_head = true;  ///< OPTIONS and HEAD exist.
    int  unknown_method   = 501;

    timestamps stamps = timestamps::off;

    /// Other statuses for success, by method, e.g. {"MOVE", 200}.
    std::map<std::string, int> success;
};

/// Framing, and what the connection bears.
struct httpmail_transfer_options
{
    httpmail_transfer_options() = default;

    bool        chunked       = false; ///< Bodies of responses.
    std::size_t chunk         = 4096;
    bool        chunked_get   = false; ///< Only those of GET.
    bool        until_close   = false; ///< Bodies without a length, ended by the connection.
    bool        close_207     = false; ///< Every 207 ends its connection.
    std::size_t requests_per_connection = 0; ///< Then it is closed; 0: any number.
    std::size_t max_connections         = 0; ///< At the same time; 503 and close for more. 0: any number.
    bool        needs_length            = false; ///< 411 to bodies without Content-Length.
    bool        accepts_expect          = true;  ///< 100 Continue; else 417.

    std::chrono::milliseconds delay{0}; ///< Before each response, as long as a round trip.
    std::size_t               slow_octets = 0; ///< Bodies in pieces of so many octets, with `slow_pause` between them; 0: no.
    std::chrono::milliseconds slow_pause{1};
    std::chrono::milliseconds idle_timeout{0}; ///< Close when nothing arrives for so long; 0: never.

    std::size_t max_head = 64 * 1024;        ///< Octets; 431 for more.
    std::size_t max_body = 64 * 1024 * 1024; ///< Octets; 413 for more.
};

/** Something that goes wrong, once or some times.

    Faults are looked through in order for each request; the first that fits, and has its turn, happens.
*/
struct httpmail_fault
{
    httpmail_fault() = default;

    enum class what
    {
        answer,         ///< `response`, without doing what was asked for.
        answer_after,   ///< `response`, after doing it.
        close,          ///< Ends the connection when the head has come; nothing is done.
        close_after,    ///< Does it, and ends the connection without an answer.
        cut,            ///< Ends the connection after `octets` of the response.
        delay,          ///< Answers properly, after `pause`.
        stall           ///< Does it, and never answers.
    };

    std::string               method; ///< Empty: any.
    std::string               target; ///< A part of it; empty: any.
    std::size_t               skip  = 0; ///< So many that fit are let through first.
    std::size_t               times = 1; ///< Then so many have the fault; 0: all.
    what                      kind  = what::answer;
    httpmail_response         response = httpmail_response(500);
    std::size_t               octets   = 0;
    std::chrono::milliseconds pause{0};
};

/// What an httpmail_server is and does. The default is Hotmail's dialect without defects.
struct httpmail_server_settings
{
    httpmail_server_settings() = default;

    listen_settings                 listen;
    std::optional<net::tls_context> tls_context; ///< With it, TLS from the first octet on.

    httpmail_dialect dialect  = httpmail_dialect::hotmail;
    std::string      user     = "alice@example.com";
    std::string      password = "open sesame";
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

    std::uint64_t quota        = 0; ///< Octets of all messages; 0: any number.
    int           quota_status = 507;
    std::uint64_t max_message  = 0; ///< 413 for larger ones; 0: any size.
    bool          subscription = true; ///< Without one, everything is answered by 402.
    std::string   subscription_text =
        "Access to this mailbox from Outlook and Outlook Express now needs a subscription. See http://upgrade.example.com/";
    std::size_t throttle_every = 0; ///< Each so-manieth request gets 503 with Retry-After; 0: none.
    unsigned    retry_after    = 1; ///< Seconds.
    bool        error_pages    = false; ///< Refusals have a status of 200 and a page of HTML.

    std::vector<httpmail_fault> faults;

    bool        log        = true;        ///< Keep the requests.
    std::size_t log_body   = 1024 * 1024; ///< Octets kept of each body.

    /// The time, in seconds since 1970; empty: the system's. Times of changes always grow.
    std::function<std::int64_t()> now;

    /// Asked before anything else; an answer with a status is sent as it is. Runs on the executor.
    std::function<httpmail_response(httpmail_request const&)> on_request;

    static httpmail_server_settings hotmail();  ///< Redirected first, Digest.
    static httpmail_server_settings exchange(); ///< Basic.
    static httpmail_server_settings dav();      ///< Basic, like Apache with mod_dav.
    static httpmail_server_settings b1gmail();  ///< What b1gMail 7.4 does, with all that is surprising about it.
    static httpmail_server_settings sogo();     ///< What SOGo 5.8 does.
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
    s.dialect            = httpmail_dialect::exchange;
    s.user               = "alice";
    s.senders            = {"alice@example.com"};
    s.server             = "Microsoft-IIS/6.0";
    s.dav_error          = false;
    s.auth.basic         = true;
    s.auth.digest        = false;
    s.auth.realm         = "mail.example.com";
    s.tree.entry         = "/exchange/alice/";
    s.tree.base          = "/exchange";
    s.tree.code_page     = false;
    s.text.prefixes      = httpmail_text_options::prefix_style::lettered;
    s.text.encoding      = httpmail_text_options::charset::utf_8;
    s.text.label         = "-";
    s.text.status_first  = true;
    s.text.indented      = false;
    s.text.typed         = true;
    s.values.dates       = httpmail_value_options::date_form::zoned;
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
    s.dialect            = httpmail_dialect::dav;
    s.user               = "alice";
    s.server             = "Apache/2.4";
    s.dav_error          = false;
    s.auth.basic         = true;
    s.auth.digest        = false;
    s.auth.realm         = "dav";
    s.tree.entry         = "/dav/alice/";
    s.tree.base          = "/dav";
    s.tree.code_page     = false;
    s.tree.locations     = httpmail_tree_options::location::absolute;
    s.text.encoding      = httpmail_text_options::charset::utf_8;
    s.text.relative      = true;
    s.verbs.without_root = httpmail_verb_options::noroot::refused;
    s.verbs.infinity     = false;
    s.verbs.bulk         = 405;
    s.verbs.post_appends = false;
    s.verbs.put_stores   = true;
    s.verbs.unknown_method   = 405;
    s.verbs.protects_special = false;
    s.verbs.contacts         = false;
    return s;
}

inline httpmail_server_settings httpmail_server_settings::b1gmail()
{
    httpmail_server_settings s;
    s.server                   = "Apache/2.4";
    s.auth.basic               = true;
    s.auth.digest              = false;
    s.auth.realm               = "HTTPMail";
    s.auth.close_after_401     = false;
    s.auth.password_cookie     = true;
    s.redirect.refuses_question_mark = true;
    s.tree.entry               = "/interface/httpmail.php";
    s.tree.base                = "/interface/httpmail.php";
    s.tree.in_query            = true;
    s.tree.code_page           = false;
    s.tree.message_slash       = true;
    s.tree.slash_matters       = true;
    s.tree.unknown_is_inbox    = true;
    s.tree.folders             = httpmail_tree_options::naming::assigned;
    s.tree.locations           = httpmail_tree_options::location::folder;
    s.text.encoding            = httpmail_text_options::charset::utf_8;
    s.text.missing             = httpmail_text_options::absence::empty;
    s.text.control_references  = true;
    s.values.headers           = httpmail_value_options::header_form::decoded;
    s.values.eight_bit         = httpmail_value_options::raw_octets::latin_1;
    s.verbs.ignores_depth      = true;
    s.verbs.own_entry          = false;
    s.verbs.empty_missing_folder = true;
    s.verbs.last_segments_only = true;
    s.verbs.target_first       = true;
    s.verbs.blind_success      = true;
    s.verbs.by_prefix          = true;
    s.verbs.adds_newline       = true;
    s.verbs.empty_for_missing  = true;
    s.verbs.always_saves       = true;
    s.verbs.strict_envelope    = true;
    s.verbs.most_recipients    = 20;
    s.verbs.duplicates         = true;
    s.verbs.wrong_copy_location = true;
    s.verbs.contacts           = false;
    s.verbs.patch_says_400     = true;
    s.verbs.unknown_method     = 400;
    s.verbs.options_and_head   = false;
    s.verbs.mail_survives      = true;
    s.verbs.success            = {{"DELETE", 201}, {"BDELETE", 201}, {"BPROPPATCH", 201}, {"BCOPY", 201}};
    s.transfer.chunked_get     = true;
    s.transfer.close_207       = true;
    return s;
}

inline httpmail_server_settings httpmail_server_settings::sogo()
{
    httpmail_server_settings s = exchange();
    s.server                   = "";
    s.auth.realm               = "SOGo";
    s.auth.challenge_name      = "Www-Authenticate";
    s.auth.lower_case          = true;
    s.tree.message_slash       = true;
    s.tree.folders             = httpmail_tree_options::naming::prefixed;
    s.tree.locations           = httpmail_tree_options::location::none;
    s.text.prefixes            = httpmail_text_options::prefix_style::swapped;
    s.text.relative            = true;
    s.text.typed               = false;
    s.text.empty_propstat      = true;
    s.text.repeat_href         = true;
    s.text.surrogate_references = true;
    s.values.dates             = httpmail_value_options::date_form::http;
    s.values.headers           = httpmail_value_options::header_form::unquoted;
    s.values.eight_bit         = httpmail_value_options::raw_octets::missing;
    s.values.lengths_count_crlf = true;
    s.values.one_etag          = true;
    s.values.received_breaks   = true;
    s.verbs.bulk               = 403;
    s.verbs.made_up_values     = true;
    s.verbs.ignores_range      = true;
    s.verbs.plain_search       = true;
    s.verbs.patch              = 403;
    s.verbs.existing_folder    = 500;
    s.verbs.bad_sql_closes     = true;
    s.verbs.gives_bare_lf      = true;
    s.verbs.source_by_default  = true;
    s.verbs.put_sends          = false;
    s.verbs.post_appends       = false;
    s.verbs.creates_by_patch   = false;
    s.verbs.folder_rename      = false;
    s.verbs.single_moves       = false;
    s.verbs.contacts           = false;
    return s;
}

} // namespace posthorn::testing

#endif
