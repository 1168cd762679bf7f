//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/httpmail/login_form.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace posthorn::httpmail;

TEST_SUITE_BEGIN("httpmail/login_form");

TEST_CASE("the form with the password is found, whatever the page looks like")
{
    auto const form = find_login_form("<html><form action=search><input name=q></form>"
                                      "<FORM METHOD=post ACTION = \"/owa/auth.owa?a=1&amp;b=2\" ><input type='hidden' name='destination' value='https://h/x&quot;'>"
                                      "<input TYPE=HIDDEN NAME=flags VALUE=0/><input type=hidden value=nameless><input id=u name='user name'/>"
                                      "<input name=other><input type=\"Password\" name=pass><input type=submit name=go></form><form></form>");
    REQUIRE(form);
    CHECK(form->action == "/owa/auth.owa?a=1&b=2");
    CHECK(form->user == "user name");
    CHECK(form->password == "pass");
    REQUIRE(form->hidden.size() == 2);
    CHECK(form->hidden[0].second == "https://h/x\"");
    CHECK(fill_in(*form, "http://other/", "a", "b").view() == "destination=https%3A%2F%2Fh%2Fx%22&flags=4&user+name=a&pass=b&trusted=4");
}

TEST_CASE("what has no such form")
{
    for (auto const* page : {"", "<form", "<form>", "<form><input type=text name=a></form>", "<form><input type=password></form>",
                             "<form></form><input type=password name=p>", "<form action='", "<form><input type=password name='p"})
    {
        CAPTURE(page);
        auto const form = find_login_form(page);
        CHECK(form.has_value() == (std::string(page).find("name='p") != std::string::npos));
    }
}

TEST_CASE("texts are encoded, so that nothing in them can be another field")
{
    login_form form;
    form.hidden = {{"a&b", "c=d"}, {"destination", ""}, {"trusted", "0"}};
    CHECK(fill_in(form, "http://h/", "EXAMPLE\\alice", "p&=\xc3\xa9 +").view() ==
          "destination=http%3A%2F%2Fh%2F&flags=4&username=EXAMPLE%5Calice&password=p%26%3D%C3%A9+%2B&trusted=4&a%26b=c%3Dd");
}

TEST_SUITE_END();
