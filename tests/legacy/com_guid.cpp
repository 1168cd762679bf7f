//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Identifiers: comparing, writing and reading.

#include <imnxport.h>

#include <doctest/doctest.h>

#include <string>
#include <vector>

TEST_SUITE_BEGIN("legacy/com_guid");

namespace {

wchar_t const* const text_of_smtp = L"{FD853CE6-7F86-11D0-8252-00C04FD85AB4}";

/// Not the constant's memory, so that values are compared.
CLSID copy_of(CLSID const& id) { return id; }

} // namespace

TEST_CASE("identifiers are equal by value")
{
    CLSID const copy = copy_of(CLSID_ISMTPTransport);
    CHECK(copy == CLSID_ISMTPTransport);
    CHECK_FALSE(copy != CLSID_ISMTPTransport);
    CHECK(IsEqualCLSID(copy, CLSID_ISMTPTransport) == TRUE);
    CHECK(IsEqualGUID(copy, CLSID_IHTTPMailTransport) == FALSE);
    CHECK(IsEqualIID(IID_ISMTPTransport, IID_ISMTPTransport2) == FALSE); // one octet apart
    CHECK(IID_ISMTPTransport != IID_ISMTPTransport2);
    CHECK(GUID_NULL == GUID {});

    for (unsigned i = 0; i != sizeof(GUID); ++i) // every octet counts
    {
        CLSID other = copy;
        reinterpret_cast<unsigned char*>(&other)[i] ^= 1;
        CAPTURE(i);
        CHECK(other != copy);
    }
}

TEST_CASE("programs define identifiers of their own")
{
    DEFINE_GUID(IID_Own, 0x12345678, 0x9ABC, 0xDEF0, 1, 2, 3, 4, 5, 6, 7, 8);
    wchar_t text[39];
    CHECK(StringFromGUID2(IID_Own, text, 39) == 39);
    CHECK(std::wstring(text) == L"{12345678-9ABC-DEF0-0102-030405060708}");
}

TEST_CASE("an identifier is written if there is room for all of it")
{
    wchar_t text[40] = L"x";
    CHECK(StringFromGUID2(CLSID_ISMTPTransport, text, 38) == 0);
    CHECK(StringFromGUID2(CLSID_ISMTPTransport, text, 0) == 0);
    CHECK(StringFromGUID2(CLSID_ISMTPTransport, text, -1) == 0);
    CHECK(StringFromGUID2(CLSID_ISMTPTransport, nullptr, 40) == 0);
    CHECK(std::wstring(text) == L"x");
    CHECK(StringFromGUID2(CLSID_ISMTPTransport, text, 39) == 39);
    CHECK(std::wstring(text) == text_of_smtp);
}

TEST_CASE("an identifier is written to new memory")
{
    wchar_t* text = nullptr;
    REQUIRE(StringFromCLSID(CLSID_ISMTPTransport, &text) == S_OK);
    CHECK(std::wstring(text) == text_of_smtp);
    CoTaskMemFree(text);
    REQUIRE(StringFromIID(GUID_NULL, &text) == S_OK);
    CHECK(std::wstring(text) == L"{00000000-0000-0000-0000-000000000000}");
    CoTaskMemFree(text);
    CHECK(StringFromCLSID(CLSID_ISMTPTransport, nullptr) == E_INVALIDARG);
    CHECK(StringFromIID(CLSID_ISMTPTransport, nullptr) == E_INVALIDARG);
}

TEST_CASE("an identifier is read in any case of letters")
{
    CLSID id = GUID_NULL;
    CHECK(CLSIDFromString(text_of_smtp, &id) == S_OK);
    CHECK(id == CLSID_ISMTPTransport);
    id = GUID_NULL;
    CHECK(IIDFromString(L"{fd853ce6-7f86-11d0-8252-00c04fd85ab4}", &id) == S_OK);
    CHECK(id == CLSID_ISMTPTransport);
    CHECK(CLSIDFromString(nullptr, &id) == S_OK);
    CHECK(id == GUID_NULL);
    CHECK(CLSIDFromString(text_of_smtp, nullptr) == E_INVALIDARG);
    CHECK(IIDFromString(text_of_smtp, nullptr) == E_INVALIDARG);
}

TEST_CASE("all else is refused: every text one character away from an identifier")
{
    std::wstring const        good = text_of_smtp;
    std::vector<std::wstring> bad {L"", L"{", L"SMTP.Transport", good + L" ", good + L"}", L" " + good};
    for (std::size_t i = 0; i != good.size(); ++i)
    {
        bad.push_back(good.substr(0, i));
        bad.push_back(good.substr(0, i) + good.substr(i + 1));
        std::wstring changed = good;
        for (wchar_t const c : {L'g', L'_', L'/', L':', L'@', L'`', L'\x0130'})
        {
            changed[i] = c;
            bad.push_back(changed);
        }
    }
    for (std::wstring const& text : bad)
    {
        CLSID id = CLSID_ISMTPTransport;
        CAPTURE(text.size());
        CHECK(CLSIDFromString(text.c_str(), &id) == CO_E_CLASSSTRING);
        CHECK(id == GUID_NULL);
        CHECK(IIDFromString(text.c_str(), &id) == E_INVALIDARG);
    }
}

TEST_SUITE_END();
