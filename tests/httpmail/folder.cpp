//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/folder.hpp>

#include <doctest/doctest.h>

#include <support/responses.hpp>

#include <string>

namespace http = posthorn::http;
using namespace posthorn::httpmail;
using support::response_with;

TEST_SUITE_BEGIN("httpmail/folder");

TEST_CASE("what a folder is for")
{
    CHECK(parse_special("inbox") == folder_kind::inbox);
    CHECK(parse_special(" SentItems ") == folder_kind::sent_items);
    CHECK(parse_special("junkemail") == folder_kind::junk_email);
    CHECK(parse_special("bulkmail") == folder_kind::junk_email);
    CHECK(parse_special("msnpromo") == folder_kind::promotions);
    CHECK(parse_special("") == folder_kind::ordinary);
    CHECK(parse_special("attic") == folder_kind::unrecognised);
}

TEST_CASE("words for well-known folders")
{
    for (auto const k : {folder_kind::inbox, folder_kind::sent_items, folder_kind::deleted_items, folder_kind::drafts, folder_kind::outbox,
                         folder_kind::junk_email, folder_kind::contacts, folder_kind::calendar})
        CHECK(parse_folder_kind(to_string(k)) == k);
    CHECK(parse_folder_kind("sentitems") == folder_kind::sent_items);
    CHECK(parse_folder_kind("Trash") == folder_kind::deleted_items);
    CHECK_FALSE(parse_folder_kind("folder"));
    CHECK_FALSE(parse_folder_kind(""));
    CHECK_FALSE(parse_folder_kind("special"));
    CHECK(to_string(folder_kind::promotions) == "promotions");
    CHECK(to_string(folder_kind::ordinary) == "folder");
    CHECK(to_string(folder_kind::unrecognised) == "special");
    CHECK(to_string(static_cast<folder_kind>(99)) == "unknown");
}

TEST_CASE("the root knows folders that the list does not name")
{
    root_properties root;
    int             n = 0;
    for (auto* u : {&root.inbox, &root.sent_items, &root.deleted_items, &root.drafts, &root.outbox, &root.junk_email, &root.contacts, &root.calendar})
        *u = http::url("http://h/" + std::to_string(n++));
    n = 0;
    for (auto const k : {folder_kind::inbox, folder_kind::sent_items, folder_kind::deleted_items, folder_kind::drafts, folder_kind::outbox,
                         folder_kind::junk_email, folder_kind::contacts, folder_kind::calendar})
    {
        http::url const u("http://h/" + std::to_string(n++) + "/");
        CHECK(same_resource(url_of(root, k), u));
        CHECK(kind_of(root, u) == k);
    }
    CHECK(url_of(root, folder_kind::ordinary).empty());
    CHECK(kind_of(root, http::url("http://h/x")) == folder_kind::ordinary);
    auto const f = read_folder(response_with("<D:isfolder>1</D:isfolder><D:displayname>Boîte</D:displayname>"), http::url("http://h/0"), root);
    REQUIRE(f);
    CHECK(f->kind == folder_kind::inbox);
    CHECK(f->name() == "Boîte");
    CHECK(f->url.str() == "http://h/0/");
}

TEST_CASE("values that make no sense are as good as none")
{
    root_properties const root;
    auto const f = read_folder(response_with("<D:isfolder>1</D:isfolder><hm:unreadcount>many</hm:unreadcount><D:visiblecount>-1</D:visiblecount>"
                                             "<D:hassubs>?</D:hassubs><hm:special>attic</hm:special><ex:outlookfolderclass>IPF.Note</ex:outlookfolderclass>"),
                               http::url("http://h/a"), root);
    REQUIRE(f);
    CHECK_FALSE(f->unread);
    CHECK_FALSE(f->messages);
    CHECK_FALSE(f->has_children);
    CHECK_FALSE(f->may_have_children);
    CHECK(f->kind == folder_kind::unrecognised);
    CHECK(f->name() == "attic");
    CHECK(f->item_class == "IPF.Note");
    CHECK_FALSE(read_folder(response_with("<D:isfolder>0</D:isfolder>"), http::url("http://h/a"), root));
    CHECK_FALSE(read_folder(response_with(""), http::url("http://h/a"), root));
    CHECK_FALSE(read_folder(response_with("<D:isfolder>1</D:isfolder><D:ishidden>1</D:ishidden>"), http::url("http://h/a"), root));
}

TEST_CASE("names that a folder can have")
{
    CHECK(is_folder_name("a"));
    CHECK(is_folder_name("caf\xc3\xa9 & more %"));
    CHECK_FALSE(is_folder_name(""));
    CHECK_FALSE(is_folder_name("."));
    CHECK_FALSE(is_folder_name(".."));
    CHECK_FALSE(is_folder_name("a/b"));
    CHECK_FALSE(is_folder_name("a\r\nb"));
    CHECK_FALSE(is_folder_name("\xff"));
    CHECK_FALSE(is_folder_name(std::string(1001, 'x')));
}

TEST_CASE("what is asked for")
{
    CHECK(folder_question(dialect::hotmail).some().size() == 7);
    CHECK(folder_question(dialect::exchange).some().size() == 9);
    CHECK(folder_question(dialect::dav).some().size() == 8);
}

TEST_SUITE_END();
