//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Switches of an httpmail_server: how it writes, whom it lets in, what its verbs do, and what goes wrong.

#ifndef POSTHORN_TESTING_HTTPMAIL_OPTIONS_HPP
#define POSTHORN_TESTING_HTTPMAIL_OPTIONS_HPP

#include <posthorn/testing/httpmail_contents.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
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

    prefix_style prefixes       = prefix_style::fixed;
    charset      encoding       = charset::windows_1252;
    absence      missing        = absence::not_found;
    bool         status_first   = false; ///< In a propstat.
    bool         indented       = true;  ///< Lines and tabs; else one line.
    bool         typed          = false; ///< dt attributes.
    bool         relative       = false; ///< href is a path, without scheme and host.
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

    date_form   dates              = date_form::plain;
    header_form headers            = header_form::raw;
    raw_octets  eight_bit          = raw_octets::guessed;
    bool        from_is_name       = false; ///< m:from is only the display name; h:fromaddr comes unasked.
    bool        attachment_in_m    = true;  ///< m:hasattachment exists.
    bool        attachment_in_hm   = false; ///< hm:hasattachment exists.
    bool        everything         = false; ///< All properties, whatever was asked for.
    bool        special_have_names = false; ///< D:displayname for special folders.
    bool        lengths_count_crlf = false; ///< D:getcontentlength counts CRLF where GET gives LF alone.
    bool        one_etag           = false; ///< The same D:getetag for every message.
    bool        received_breaks = false; ///< 501 to a list with m:received if one message has no such field.
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

    std::string algorithm; ///< In the challenge: "MD5", "SHA-256", or empty for none, which means MD5.
    std::string opaque;    ///< In the challenge if it is not empty, and demanded back.
    bool        qop        = true;  ///< Offer "auth".
    bool        lax        = false; ///< Check neither method, URI nor nonce count, as Hotmail did.
    bool        once       = true;  ///< A nonce count must not be used twice.
    std::size_t nonce_uses = 0;     ///< Then it is stale; 0: never.
    bool        hint_stale = true;  ///< Say stale=true of an old nonce.

    bool close_after_401 = true;
    bool session_cookie  = false; ///< Requests need the cookie HMSC, which every 401 sets.
    bool password_cookie =
        false; ///< Set an expired cookie with the password, and believe it above all else, as b1gMail.
    std::vector<std::string> cookies; ///< Values of Set-Cookie on redirects and on the first answers.
};

/// The way to the mailbox.
struct httpmail_redirect_options
{
    httpmail_redirect_options() = default;

    enum class kind
    {
        none,     ///< The entry answers itself.
        absolute, ///< To the mailbox, with scheme and host.
        relative,
        foreign,    ///< To `host`, another origin.
        loop,       ///< Between two URLs, for ever.
        no_location ///< Only Content-Location tells where.
    };

    kind        first  = kind::none;
    int         status = 302;
    std::string host; ///< E.g. "localhost:8080"; the port of the server is added if there is none.
    bool        question_mark = true; ///< A bare "?" at the end of the location.
    bool second = false; ///< Another redirect after the login, from "/cgi-bin/hmdata" to "/cgi-bin/cluster".
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

    std::string entry     = "/svcs/hotmail/httpmail.asp"; ///< Where clients begin.
    std::string base      = "/cgi-bin/hmdata";            ///< Of the mailbox; the user follows.
    bool        in_query  = false;                        ///< The tree stands in the query, as on b1gMail.
    bool        code_page = true; ///< Folder names in URLs are Windows-1252; else UTF-8. Both are understood.
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
        told,         ///< X-Timestamp in answers.
        not_modified, ///< Also: 304 if nothing is newer than what the client knows.
        empty_list    ///< Also: an empty list in that case.
    };

    noroot without_root  = noroot::honoured;
    bool   ignores_depth = false; ///< Every PROPFIND is a list without the folder itself, as on b1gMail.
    bool   own_entry     = true;  ///< Depth 1 lists the folder itself.
    bool   infinity      = true;  ///< Depth infinity is allowed; else 403.
    bool   empty_missing_folder = false; ///< An empty list of a folder that does not exist.

    int         bulk          = 0;                    ///< Status of all B verbs; 0: they work.
    bulk_answer bulk_answers  = bulk_answer::verbose; ///< Of BPROPPATCH, BMOVE, BCOPY and BDELETE.
    bool        bulk_location = true;                 ///< D:location in them.
    bool last_segments_only   = false; ///< Targets that are whole URLs are done nothing to, as on b1gMail.
    bool target_first         = false; ///< Nothing is done if `target` does not come first, as on b1gMail.
    bool blind_success        = false; ///< Missing targets and resources are reported as done, as on b1gMail.
    bool bulk_propfind        = false; ///< BPROPFIND exists.
    bool made_up_values       = false; ///< BPROPFIND gives defaults for missing targets, as on SOGo.

    bool search         = false;
    bool ignores_range  = false; ///< SEARCH gives all rows, and says so.
    bool plain_search   = false; ///< WHERE and ORDER BY are ignored, HIERARCHICAL is one level, as on SOGo.
    bool bad_sql_closes = false; ///< The connection, without an answer.
    bool propfind_range = false; ///< Range: rows also works for PROPFIND.
    bool brief          = false; ///< Brief: t is understood.
    bool by_prefix      = false; ///< Names are matched by the prefixes D, h, hm, m, c, as on b1gMail.

    bool post_appends           = true;  ///< POST to a folder stores a message.
    bool put_stores             = false; ///< PUT to a name does.
    bool put_sends              = false; ///< PUT to the submission URI sends.
    bool adds_newline           = false; ///< CRLF after every message stored, as on b1gMail.
    bool stored_is_read         = true;  ///< What is appended counts as read.
    bool gives_bare_lf          = false; ///< GET without CRs, as on SOGo.
    bool empty_for_missing      = false; ///< GET of a missing message: 200 without a body, as on b1gMail.
    bool always_saves           = false; ///< A copy of what is sent, whatever SAVEINSENT says.
    bool strict_envelope        = false; ///< MAIL FROM: and RCPT TO: in upper case only, as on b1gMail.
    bool source_by_default      = true;  ///< GET without Translate: f gives the message; else a page of HTML.
    std::size_t most_recipients = 100;   ///< 403 for more.

    bool delete_to_trash     = false; ///< DELETE outside of the trash moves there.
    bool mail_survives       = false; ///< DELETE of a folder moves its messages to the trash, as on b1gMail.
    bool duplicates          = false; ///< MKCOL of a name that exists makes a second folder, as on b1gMail.
    bool wrong_copy_location = false; ///< Location of COPY names the old segment, as on b1gMail.
    bool protects_special    = true;  ///< 403 to renaming or deleting special folders.
    bool folder_rename       = true;  ///< MOVE of a folder; else 412.
    bool single_moves        = true;  ///< MOVE and COPY of messages; else 501.
    bool creates_by_patch    = false; ///< PROPPATCH to a URL where nothing is creates an item there.
    bool contacts            = true;
    bool contact_record =
        false;                 ///< A new contact is answered by 207 with its values; else 201 with Location.
    int  patch            = 0; ///< Status of every PROPPATCH; 0: it works.
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

    bool        chunked                 = false; ///< Bodies of responses.
    std::size_t chunk                   = 4096;
    bool        chunked_get             = false; ///< Only those of GET.
    bool        until_close             = false; ///< Bodies without a length, ended by the connection.
    bool        close_207               = false; ///< Every 207 ends its connection.
    std::size_t requests_per_connection = 0;     ///< Then it is closed; 0: any number.
    std::size_t max_connections         = 0;     ///< At the same time; 503 and close for more. 0: any number.
    bool        needs_length            = false; ///< 411 to bodies without Content-Length.
    bool        accepts_expect          = true;  ///< 100 Continue; else 417.

    std::chrono::milliseconds delay{0}; ///< Before each response, as long as a round trip.
    std::size_t               slow_octets =
        0; ///< Bodies in pieces of so many octets, with `slow_pause` between them; 0: no.
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
        answer,       ///< `response`, without doing what was asked for.
        answer_after, ///< `response`, after doing it.
        close,        ///< Ends the connection when the head has come; nothing is done.
        close_after,  ///< Does it, and ends the connection without an answer.
        cut,          ///< Ends the connection after `octets` of the response.
        delay,        ///< Answers properly, after `pause`.
        stall         ///< Does it, and never answers.
    };

    std::string               method;       ///< Empty: any.
    std::string               target;       ///< A part of it; empty: any.
    std::size_t               skip     = 0; ///< So many that fit are let through first.
    std::size_t               times    = 1; ///< Then so many have the fault; 0: all.
    what                      kind     = what::answer;
    httpmail_response         response = httpmail_response(500);
    std::size_t               octets   = 0;
    std::chrono::milliseconds pause{0};
};

} // namespace posthorn::testing

#endif
