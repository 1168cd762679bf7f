//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Names and sentences of result codes, and FormatMessage.

#include <imnxport.h>

#include <posthorn/legacy/detail/error_table.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

TEST_SUITE_BEGIN("legacy/error_text");

namespace {

using posthorn::legacy::error_name;
using posthorn::legacy::error_text;

constexpr HRESULT unknown = static_cast<HRESULT>(0x800CCFFFu);

DWORD format(DWORD flags, HRESULT code, char* buffer, DWORD size)
{
    return FormatMessageA(flags, nullptr, static_cast<DWORD>(code), 0, buffer, size, nullptr);
}

} // namespace

TEST_CASE("each documented code has its name and a sentence")
{
    std::ifstream file(POSTHORN_SOURCE_DIR "/tests/legacy/imnxport_values.csv");
    std::string   line;
    int           count = 0;
    while (std::getline(file, line))
    {
        std::size_t const first = line.find(','), second = line.rfind(',');
        std::string const kind = line.substr(0, first), name = line.substr(first + 1, second - first - 1);
        if ((kind != "error" && kind != "error_other" && kind != "hresult_std") || name == "NOERROR")
            continue;
        auto const code = static_cast<HRESULT>(std::stoul(line.substr(second + 1), nullptr, 0));
        CAPTURE(name);
        REQUIRE(error_name(code) != nullptr);
        CHECK(std::string(error_name(code)) == name);
        std::string const text = error_text(code);
        CHECK(text.size() > 10);
        CHECK(text.back() == '.');
        ++count;
    }
    CHECK(count == 88 + 74 + 15);
}

TEST_CASE("no two codes share a number, a name or a sentence")
{
    std::set<HRESULT>          codes;
    std::set<std::string_view> names, texts;
    for (auto const& entry : posthorn::legacy::detail::error_table)
    {
        CAPTURE(entry.name);
        CHECK(codes.insert(entry.code).second);
        CHECK(names.insert(entry.name).second);
        CHECK(texts.insert(entry.text).second);
    }
}

TEST_CASE("successes and failures with one number differ")
{
    CHECK(std::string(error_text(IXP_S_SMTP_334_AUTH_READY_RESPONSE)) ==
          "The server waits for the next step of the logon (334).");
    CHECK(std::string(error_text(IXP_E_SMTP_REJECTED_SENDER)) == "The server refused the sender.");
    CHECK(HR_CODE(IXP_S_SMTP_334_AUTH_READY_RESPONSE) == HR_CODE(IXP_E_SMTP_REJECTED_SENDER));
    CHECK(FAILED(IXP_S_SMTP_NO_DSN_SUPPORT)); // whatever its name says
}

TEST_CASE("unknown codes have neither")
{
    CHECK(error_text(unknown) == nullptr);
    CHECK(error_name(unknown) == nullptr);
}

TEST_CASE("HRESULTs come apart")
{
    HRESULT const result = IXP_E_TIMEOUT;
    CHECK(HRESULT_SEVERITY(result) == SEVERITY_ERROR);
    CHECK(HRESULT_FACILITY(result) == FACILITY_INTERNET);
    CHECK(HRESULT_CODE(result) == 0xCC19);
    CHECK(MAKE_HRESULT(SEVERITY_ERROR, FACILITY_INTERNET, 0xCC19) == result);
    CHECK(HRESULT_FROM_WIN32(5) == E_ACCESSDENIED);
    CHECK(HRESULT_FROM_WIN32(ERROR_SUCCESS) == S_OK);
    CHECK(HRESULT_FROM_WIN32(E_FAIL) == E_FAIL); // it is one already
    CHECK(SUCCEEDED(S_FALSE));
    CHECK_FALSE(SUCCEEDED(E_FAIL));
    CHECK_FALSE(FAILED(IXP_S_SMTP_CONTINUE));
}

TEST_CASE("FormatMessage writes the sentence and a line end")
{
    char        buffer[200] = "?";
    DWORD const length      = format(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, IXP_E_TIMEOUT, buffer, 200);
    CHECK(std::string(buffer) == "The server did not answer in time.\r\n");
    CHECK(length == std::strlen(buffer));

    // By the other name, from the other place, and on one line.
    CHECK(FormatMessage(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_MAX_WIDTH_MASK, nullptr,
                        static_cast<DWORD>(IXP_E_TIMEOUT), 0, buffer, 200, nullptr) == 34);
    CHECK(std::string(buffer) == "The server did not answer in time.");
}

TEST_CASE("FormatMessage needs room for all of it")
{
    char buffer[40] = "?";
    CHECK(format(FORMAT_MESSAGE_FROM_SYSTEM, IXP_E_TIMEOUT, buffer, 36) == 0);
    CHECK(std::string(buffer) == "?");
    CHECK(format(FORMAT_MESSAGE_FROM_SYSTEM, IXP_E_TIMEOUT, buffer, 37) == 36);
    CHECK(format(FORMAT_MESSAGE_FROM_SYSTEM, IXP_E_TIMEOUT, buffer, 0) == 0);
}

TEST_CASE("FormatMessage allocates")
{
    constexpr DWORD flags = FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM;
    char*           text  = nullptr;
    CHECK(format(flags, E_FAIL, reinterpret_cast<char*>(&text), 0) == 23);
    REQUIRE(text != nullptr);
    CHECK(std::string(text) == "The operation failed.\r\n");
    CHECK(GlobalSize(text) == 24);
    LocalFree(text);
    CHECK(format(flags, E_FAIL, reinterpret_cast<char*>(&text), 500) == 23);
    CHECK(GlobalSize(text) == 500);
    LocalFree(text);
}

TEST_CASE("what FormatMessage refuses")
{
    char buffer[200] = "?";
    CHECK(format(FORMAT_MESSAGE_FROM_SYSTEM, unknown, buffer, 200) == 0);
    CHECK(format(FORMAT_MESSAGE_FROM_STRING, E_FAIL, buffer, 200) == 0);
    CHECK(format(FORMAT_MESSAGE_FROM_SYSTEM, E_FAIL, nullptr, 200) == 0);
    CHECK(std::string(buffer) == "?");
}

TEST_SUITE_END();
