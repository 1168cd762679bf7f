//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Each row of imnxport_values.csv against the headers: the documented values, sizes, offsets, identifiers and places in
// vtables. The file's sizes and offsets are those of systems whose pointers have 64 bits, and sizes for 32 bits besides.

#include <imnxport.h>

#include <posthorn/legacy/detail/result_codes.hpp>

#include "support/legacy_abi.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

static_assert(sizeof(void*) == 8, "the file has the layout of 64-bit systems");

TEST_SUITE_BEGIN("legacy/abi");

namespace {

struct row
{
    std::string kind, name, value;
};

std::vector<row> rows_of(std::string const& kind)
{
    std::ifstream    file(POSTHORN_SOURCE_DIR "/tests/legacy/imnxport_values.csv");
    std::string      line;
    std::vector<row> rows;
    REQUIRE(std::getline(file, line));
    REQUIRE(line == "kind,name,value");
    while (std::getline(file, line))
    {
        std::size_t const first = line.find(','), second = line.rfind(',');
        REQUIRE(first < second);
        row const found {line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)};
        if (kind.empty() || found.kind == kind)
            rows.push_back(found);
    }
    return rows;
}

std::uint32_t number(std::string const& text)
{
    std::size_t         end   = 0;
    unsigned long const value = std::stoul(text, &end, 0);
    REQUIRE(end == text.size());
    return static_cast<std::uint32_t>(value);
}

support::abi_facts const& facts_of_headers()
{
    static support::abi_facts const known = [] {
        support::abi_facts facts;
        LEGACY_NUMBERS_IN_WINE(LEGACY_ABI_NUMBER)
        LEGACY_NUMBERS_ONLY_HERE(LEGACY_ABI_NUMBER)
        LEGACY_STRUCTS_IN_WINE(LEGACY_ABI_STRUCT)
        LEGACY_STRUCTS_ONLY_HERE(LEGACY_ABI_STRUCT)
        LEGACY_MEMBERS_IN_WINE(LEGACY_ABI_MEMBER)
        LEGACY_MEMBERS_ONLY_HERE(LEGACY_ABI_MEMBER)
        LEGACY_INTERFACES_IN_WINE(LEGACY_ABI_INTERFACE)
        LEGACY_INTERFACES_ONLY_HERE(LEGACY_ABI_INTERFACE)
        LEGACY_METHODS_IN_WINE(LEGACY_ABI_METHOD)
        LEGACY_METHODS_ONLY_HERE(LEGACY_ABI_METHOD)
#define LEGACY_ABI_IDENTIFIER(name) facts.identifiers[#name] = guid_text(name);
        LEGACY_IDENTIFIERS_IN_WINE(LEGACY_ABI_IDENTIFIER)
        LEGACY_IDENTIFIERS_ONLY_HERE(LEGACY_ABI_IDENTIFIER)
        return facts;
    }();
    return known;
}

/// Compares all rows of one kind. @return How many there were.
template <class Look>
std::size_t compare(std::string const& kind, Look look)
{
    auto const rows = rows_of(kind);
    for (row const& r : rows)
    {
        CAPTURE(r.kind);
        CAPTURE(r.name);
        look(r);
    }
    return rows.size();
}

std::map<std::string, support::abi_member> members_by_name()
{
    std::map<std::string, support::abi_member> found;
    for (auto const& member : facts_of_headers().members)
        found[member.owner + "." + member.name] = member;
    return found;
}

/// The size a structure would have with pointers of 32 bits, out of what its members are.
std::size_t size_with_narrow_pointers(std::string const& type)
{
    auto const& facts = facts_of_headers();
    std::size_t end = 0, start = 0, wide_start = SIZE_MAX, alignment = 1;
    for (auto const& member : facts.members)
    {
        if (facts.structs.at(member.owner).type != type)
            continue;
        std::size_t size = member.pointer ? 4 : member.size, needs = std::min<std::size_t>(member.alignment, 4);
        for (auto const& [name, nested] : facts.structs)
            if (nested.type == member.type)
                size = size_with_narrow_pointers(nested.type);
        if (member.offset != wide_start) // else it lies over the one before: a union
            start = (end + needs - 1) / needs * needs;
        wide_start = member.offset;
        end        = std::max(end, start + size);
        alignment  = std::max(alignment, needs);
    }
    return (end + alignment - 1) / alignment * alignment;
}

} // namespace

TEST_CASE("every kind of row is compared below")
{
    std::map<std::string, int> kinds;
    for (row const& r : rows_of(""))
        ++kinds[r.kind];
    std::map<std::string, int> const known {
        {"clsid", 6}, {"clsid_wine_only", 1}, {"const", 54}, {"enum", 124}, {"enum_sdkheader", 3},
        {"error", 88}, {"error_other", 74}, {"hresult_std", 16}, {"http_status", 21}, {"iid", 19},
        {"proptag", 29}, {"smtp_reply", 26}, {"struct_align", 25}, {"struct_offset", 139},
        {"struct_offset_sdkheader", 4}, {"struct_size", 25}, {"struct_size_sdkheader", 2},
        {"struct_size_win32", 25}, {"struct_size_win32_sdkheader", 2}, {"vtbl_count", 15},
        {"vtbl_slot", 92}};
    CHECK(kinds == known);
}

TEST_CASE("identifiers")
{
    auto const& known = facts_of_headers().identifiers;
    auto const  look  = [&](row const& r) { CHECK(known.at(r.name) == r.value); };
    CHECK(compare("iid", look) + compare("clsid", look) + compare("clsid_wine_only", look) == known.size());
}

TEST_CASE("the identifiers that compilers of Windows read are the same ones")
{
    std::map<std::string, std::string> written;
    for (char const* header : {"imnact.h", "imnxport/transport.h", "imnxport/smtp.h", "imnxport/dav.h", "imnxport/httpmail.h"})
    {
        std::ifstream     file(std::string(POSTHORN_SOURCE_DIR "/include/posthorn/legacy/") + header);
        std::string       line;
        std::string const mark = "POSTHORN_LEGACY_INTERFACE(\"";
        while (std::getline(file, line))
            if (line.rfind(mark, 0) == 0)
            {
                std::size_t const name = line.find(") ") + 2;
                written["IID_" + line.substr(name, line.find(' ', name) - name)] = line.substr(mark.size(), 36);
            }
    }
    auto known = facts_of_headers().identifiers;
    known["IID_IHTTPMailTransport2"] = guid_text(IID_IHTTPMailTransport2);
    CHECK(written.size() == 16);
    for (auto const& [name, id] : written)
    {
        CAPTURE(name);
        CHECK(known.at(name) == id);
    }
    for (auto const& [name, id] : known) // the one that is not authentic is nobody else's
        CHECK((name == "IID_IHTTPMailTransport2" || id != known.at("IID_IHTTPMailTransport2")));
}

TEST_CASE("enumerators, constants, property tags and result codes")
{
    auto const& known = facts_of_headers().numbers;
    auto const  look  = [&](row const& r) { CHECK(known.at(r.name) == number(r.value)); };
    std::size_t count = 0;
    for (char const* kind : {"enum", "const", "proptag", "error", "error_other", "hresult_std"})
    {
        std::size_t const found = compare(kind, look);
        CHECK(found != 0);
        count += found;
    }
    CHECK(count == known.size());
}

TEST_CASE("the oldest headers' bounds are those before what came later")
{
    std::map<std::string, std::uint32_t> const before {{"HTTPMAIL_PROP_LAST", HTTPMAIL_PROP_MAXPOLLINGINTERVAL},
                                                       {"HTTPMAIL_SF_LAST", HTTPMAIL_SF_BULKMAIL},
                                                       {"TYPE_LAST", TYPE_ULARGEINTEGER}};
    CHECK(compare("enum_sdkheader", [&](row const& r) { CHECK(before.at(r.name) == number(r.value)); }) == 3);
}

TEST_CASE("enumerations have four bytes and take any int")
{
    CHECK(sizeof(INETADDRTYPE) == 4);
    CHECK(sizeof(IXPSTATUS) == 4);
    CHECK(sizeof(SMTPCOMMAND) == 4);
    CHECK(sizeof(HTTPMAILPROPTYPE) == 4);
    CHECK(static_cast<int>(static_cast<IXPISSTATE>(-7)) == -7);
}

TEST_CASE("plain types have the widths of Windows")
{
    CHECK(sizeof(HRESULT) == 4);
    CHECK(sizeof(DWORD) == 4);
    CHECK(sizeof(LONG) == 4);
    CHECK(sizeof(ULONG) == 4);
    CHECK(sizeof(BOOL) == 4);
    CHECK(sizeof(boolean) == 1);
    CHECK(sizeof(GUID) == 16);
    CHECK(sizeof(LARGE_INTEGER) == 8);
    CHECK(sizeof(ULARGE_INTEGER) == 8);
    CHECK(sizeof(FILETIME) == 8);
    CHECK(offsetof(STATSTG, cbSize) == 16);
    CHECK(sizeof(STATSTG) == 80);
}

TEST_CASE("what servers' numbers mean")
{
    namespace detail  = posthorn::legacy::detail;
    auto const& known = facts_of_headers().numbers;
    CHECK(compare("smtp_reply", [&](row const& r) {
              CHECK(static_cast<std::uint32_t>(detail::from_smtp_reply(std::stoi(r.name))) == known.at(r.value));
          }) == 26);
    CHECK(compare("http_status", [&](row const& r) {
              CHECK(static_cast<std::uint32_t>(detail::from_http_status(std::stoi(r.name))) == known.at(r.value));
          }) == 21);

    // What has no name of its own.
    CHECK(detail::from_smtp_reply(252) == S_OK);
    CHECK(detail::from_smtp_reply(355) == IXP_S_SMTP_CONTINUE);
    CHECK(detail::from_smtp_reply(455) == IXP_E_SMTP_UNKNOWN_RESPONSE_CODE);
    CHECK(detail::from_smtp_reply(535) == IXP_E_SMTP_UNKNOWN_RESPONSE_CODE);
    CHECK(detail::from_smtp_reply(0) == IXP_E_SMTP_RESPONSE_ERROR);
    CHECK(detail::from_smtp_reply(150) == IXP_E_SMTP_RESPONSE_ERROR);
    CHECK(detail::from_smtp_reply(600) == IXP_E_SMTP_RESPONSE_ERROR);
    CHECK(detail::from_http_status(207) == S_OK);
    CHECK(detail::from_http_status(302) == IXP_E_HTTP_BAD_REQUEST);
    CHECK(detail::from_http_status(422) == IXP_E_HTTP_BAD_REQUEST);
    CHECK(detail::from_http_status(599) == IXP_E_HTTP_INTERNAL_ERROR);
}

TEST_CASE("structures: sizes, alignments, offsets")
{
    auto const& known   = facts_of_headers().structs;
    auto const  members = members_by_name();
    CHECK(compare("struct_size", [&](row const& r) { CHECK(known.at(r.name).size == number(r.value)); }) == known.size());
    CHECK(compare("struct_align", [&](row const& r) { CHECK(known.at(r.name).alignment == number(r.value)); }) ==
          known.size());
    CHECK(compare("struct_offset", [&](row const& r) { CHECK(members.at(r.name).offset == number(r.value)); }) ==
          members.size());
}

TEST_CASE("structures have no gaps but before what needs eight bytes")
{
    // The rows tell no sizes of members: one that is too small would hide in a gap.
    auto const& facts = facts_of_headers();
    for (std::size_t i = 0; i != facts.members.size(); ++i)
    {
        auto const& member = facts.members[i];
        auto const* next   = i + 1 != facts.members.size() ? &facts.members[i + 1] : nullptr;
        auto const& owner  = facts.structs.at(member.owner);
        CAPTURE(member.owner);
        CAPTURE(member.name);
        bool const        last  = next == nullptr || next->owner != member.owner;
        std::size_t const end   = member.offset + member.size;
        std::size_t const after = last ? owner.size : next->offset;
        if (member.owner == "HTTPMAILRESPONSE" && member.offset == 64)
            continue; // the union
        REQUIRE(end <= after);
        CHECK((after - end == 0 || (after - end == 4 && (last ? owner.alignment : next->alignment) == 8)));
    }
    CHECK(sizeof(HTTPMAILRESPONSE::rMemberInfoList) == 32); // the largest of the union
}

TEST_CASE("structures of the oldest headers end where later members begin")
{
    auto const                                members = members_by_name();
    std::map<std::string, std::string> const first_later {{"HTTPMAILGETPROP", "HTTPMAILGETPROP.dwProp"},
                                                          {"HTTPMEMBERINFOLIST", "HTTPMEMBERINFOLIST.pszRootTimeStamp"}};
    CHECK(compare("struct_offset_sdkheader", [&](row const& r) { CHECK(members.at(r.name).offset == number(r.value)); }) == 4);
    CHECK(compare("struct_size_sdkheader", [&](row const& r) {
              CHECK(members.at(first_later.at(r.name)).offset == number(r.value));
          }) == 2);
}

TEST_CASE("members are what gives the sizes of 32-bit Windows")
{
    auto const& known = facts_of_headers().structs;
    CHECK(compare("struct_size_win32", [&](row const& r) {
              CHECK(size_with_narrow_pointers(known.at(r.name).type) == number(r.value));
          }) == known.size());
    // Without the later members: one number of 32 bits, and two texts.
    std::map<std::string, std::size_t> const later {{"HTTPMAILGETPROP", 4}, {"HTTPMEMBERINFOLIST", 8}};
    CHECK(compare("struct_size_win32_sdkheader", [&](row const& r) {
              CHECK(size_with_narrow_pointers(known.at(r.name).type) - later.at(r.name) == number(r.value));
          }) == 2);
}

// 6.1: the pages of the interfaces say that they add no methods; the headers do, and these are what counts.
TEST_CASE("6.1: methods have their places, with nothing between or behind them")
{
    auto const& facts = facts_of_headers();
    CHECK(compare("vtbl_slot", [&](row const& r) { CHECK(facts.slots.at(r.name) == number(r.value)); }) ==
          facts.slots.size());
    CHECK(compare("vtbl_count", [&](row const& r) {
              // The documented GetPropertyDw is not in the oldest headers: it comes behind all they have.
              std::size_t const later = r.name == "IHTTPMailTransport" ? 1 : 0;
              CHECK(facts.counts.at(r.name) == number(r.value) + later);
          }) == facts.counts.size());
    CHECK(slot_of(&IHTTPMailTransport::GetPropertyDw) == 35);
    CHECK(slot_of(&IHTTPMailTransport2::RootMemberInfo) == 36);
    CHECK(slot_of(&IHTTPMailTransport2::FolderMemberInfo) == 37);
    CHECK(slot_of(&with_one_more<IHTTPMailTransport2>::last) == 38);
}

TEST_CASE("the streams' interfaces have the places of Windows")
{
    CHECK(slot_of(&ISequentialStream::Read) == 3);
    CHECK(slot_of(&ISequentialStream::Write) == 4);
    CHECK(slot_of(&IStream::Seek) == 5);
    CHECK(slot_of(&IStream::SetSize) == 6);
    CHECK(slot_of(&IStream::CopyTo) == 7);
    CHECK(slot_of(&IStream::Commit) == 8);
    CHECK(slot_of(&IStream::Revert) == 9);
    CHECK(slot_of(&IStream::LockRegion) == 10);
    CHECK(slot_of(&IStream::UnlockRegion) == 11);
    CHECK(slot_of(&IStream::Stat) == 12);
    CHECK(slot_of(&IStream::Clone) == 13);
    CHECK(slot_of(&IClassFactory::CreateInstance) == 3);
    CHECK(slot_of(&IClassFactory::LockServer) == 4);
    CHECK(slot_of(&IMalloc::Alloc) == 3);
    CHECK(slot_of(&IMalloc::HeapMinimize) == 8);
}

TEST_SUITE_END();
