//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Streams over memory and over files.

#include <imnxport.h>

#include <posthorn/legacy/com_ptr.hpp>

#include "support/allocations.hpp"
#include "support/own_stream.hpp"
#include "support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

TEST_SUITE_BEGIN("legacy/com_stream");

namespace {

using posthorn::legacy::com_ptr;
using stream = com_ptr<IStream>;

LARGE_INTEGER offset(LONGLONG value)
{
    LARGE_INTEGER number;
    number.QuadPart = value;
    return number;
}

ULARGE_INTEGER length(ULONGLONG value)
{
    ULARGE_INTEGER number;
    number.QuadPart = value;
    return number;
}

stream in_memory(std::string_view text = "")
{
    auto made = stream::attach(
        SHCreateMemStream(reinterpret_cast<BYTE const*>(text.data()), static_cast<UINT>(text.size())));
    REQUIRE(made);
    return made;
}

stream on_file(std::filesystem::path const& path, DWORD mode)
{
    stream made;
    REQUIRE(SHCreateStreamOnFileA(path.c_str(), mode, made.put()) == S_OK);
    return made;
}

std::uint64_t position_of(stream const& s)
{
    ULARGE_INTEGER position = length(99);
    REQUIRE(s->Seek(offset(0), STREAM_SEEK_CUR, &position) == S_OK);
    return position.QuadPart;
}

std::uint64_t size_of(stream const& s)
{
    STATSTG facts;
    REQUIRE(s->Stat(&facts, STATFLAG_NONAME) == S_OK);
    return facts.cbSize.QuadPart;
}

/// Up to `most` bytes from the position.
std::string read(stream const& s, ULONG most = 100'000)
{
    std::string text(most, '?');
    ULONG       got = 0;
    REQUIRE(SUCCEEDED(s->Read(text.data(), most, &got)));
    text.resize(got);
    return text;
}

std::string all_of(stream const& s)
{
    REQUIRE(s->Seek(offset(0), STREAM_SEEK_SET, nullptr) == S_OK);
    return read(s);
}

HRESULT write(stream const& s, std::string_view text)
{
    ULONG         put    = 0;
    HRESULT const result = s->Write(text.data(), static_cast<ULONG>(text.size()), &put);
    CHECK(put == (SUCCEEDED(result) ? text.size() : 0));
    return result;
}

std::string content_of(std::filesystem::path const& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What both kinds of streams do alike. @param s Empty, for reading and writing.
void behaves_as_a_stream(stream const& s)
{
    REQUIRE(size_of(s) == 0);
    CHECK(read(s).empty());
    CHECK(write(s, "hello world") == S_OK);
    CHECK(position_of(s) == 11);
    CHECK(size_of(s) == 11);

    // Seek
    ULARGE_INTEGER position;
    CHECK(s->Seek(offset(6), STREAM_SEEK_SET, &position) == S_OK);
    CHECK(position.QuadPart == 6);
    CHECK(read(s, 3) == "wor");
    CHECK(s->Seek(offset(-2), STREAM_SEEK_CUR, &position) == S_OK);
    CHECK(position.QuadPart == 7);
    CHECK(s->Seek(offset(-5), STREAM_SEEK_END, &position) == S_OK);
    CHECK(position.QuadPart == 6);
    CHECK(s->Seek(offset(-7), STREAM_SEEK_CUR, &position) == STG_E_INVALIDFUNCTION);
    CHECK(position.QuadPart == 6);
    CHECK(s->Seek(offset(-1), STREAM_SEEK_SET, nullptr) == STG_E_INVALIDFUNCTION);
    CHECK(s->Seek(offset(INT64_MIN), STREAM_SEEK_END, nullptr) == STG_E_INVALIDFUNCTION);
    CHECK(s->Seek(offset(INT64_MAX), STREAM_SEEK_CUR, nullptr) == STG_E_INVALIDFUNCTION);
    CHECK(s->Seek(offset(0), 3, nullptr) == STG_E_INVALIDFUNCTION);
    CHECK(position_of(s) == 6);

    // Writing in the middle, and behind the end.
    CHECK(write(s, "W") == S_OK);
    CHECK(all_of(s) == "hello World");
    CHECK(s->Seek(offset(13), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(read(s).empty());
    CHECK(position_of(s) == 13);
    CHECK(write(s, "!") == S_OK);
    CHECK(all_of(s) == std::string_view("hello World\0\0!", 14));

    // SetSize cuts and fills; the position stays.
    CHECK(s->Seek(offset(9), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(s->SetSize(length(5)) == S_OK);
    CHECK(position_of(s) == 9);
    CHECK(read(s).empty());
    CHECK(all_of(s) == "hello");
    CHECK(s->SetSize(length(7)) == S_OK);
    CHECK(all_of(s) == std::string_view("hello\0\0", 7));
    CHECK(s->SetSize(length(5)) == S_OK);

    // No bytes at all.
    char  byte  = 'x';
    ULONG count = 9;
    CHECK(s->Read(&byte, 0, &count) == S_OK);
    CHECK(count == 0);
    CHECK(s->Write(&byte, 0, &count) == S_OK);
    CHECK(count == 0);
    CHECK(size_of(s) == 5);

    // Missing pointers.
    count = 9;
    CHECK(s->Read(nullptr, 1, &count) == STG_E_INVALIDPOINTER);
    CHECK(count == 0);
    count = 9;
    CHECK(s->Write(nullptr, 1, &count) == STG_E_INVALIDPOINTER);
    CHECK(count == 0);
    CHECK(s->Write("a", 1, nullptr) == S_OK);
    CHECK(s->Seek(offset(0), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(s->Read(&byte, 1, nullptr) == S_OK);
    CHECK(byte == 'h');
    CHECK(s->Stat(nullptr, STATFLAG_DEFAULT) == STG_E_INVALIDPOINTER);
    CHECK(s->Clone(nullptr) == STG_E_INVALIDPOINTER);
    CHECK(s->SetSize(length(5)) == S_OK);

    // Clones share the bytes and start at the same position.
    CHECK(s->Seek(offset(2), STREAM_SEEK_SET, nullptr) == S_OK);
    stream clone;
    REQUIRE(s->Clone(clone.put()) == S_OK);
    CHECK(read(clone, 2) == "ll");
    CHECK(position_of(s) == 2);
    CHECK(write(s, "LL") == S_OK);
    CHECK(all_of(clone) == "heLLo");
    CHECK(clone->SetSize(length(4)) == S_OK);
    CHECK(size_of(s) == 4);

    // Facts
    STATSTG facts;
    CHECK(s->Stat(&facts, 7) == STG_E_INVALIDFLAG);
    REQUIRE(s->Stat(&facts, STATFLAG_NONAME) == S_OK);
    CHECK(facts.type == STGTY_STREAM);
    CHECK(facts.pwcsName == nullptr);
    CHECK(facts.grfMode == STGM_READWRITE);
    CHECK(facts.grfLocksSupported == 0);
    CHECK(facts.clsid == GUID_NULL);

    // The rest
    CHECK(s->Commit(STGC_DEFAULT) == S_OK);
    CHECK(s->Revert() == S_OK);
    CHECK(s->LockRegion(length(0), length(1), 0) == STG_E_INVALIDFUNCTION);
    CHECK(s->UnlockRegion(length(0), length(1), 0) == STG_E_INVALIDFUNCTION);

    // Interfaces
    void* same = nullptr;
    for (IID const& id : {IID_IUnknown, IID_ISequentialStream, IID_IStream})
    {
        CHECK(s->QueryInterface(id, &same) == S_OK);
        CHECK(same == s.get());
        s->Release();
    }
    CHECK(s->QueryInterface(IID_ISMTPTransport, &same) == E_NOINTERFACE);
    CHECK(same == nullptr);
}

/// A stream that takes a little of each write, and at some time no more.
class thrifty final : public support::bare_stream
{
public:
    std::string taken;
    std::size_t room   = 1'000'000;
    HRESULT     answer = S_OK;

    STDMETHODIMP Write(void const* from, ULONG size, ULONG* put) override
    {
        std::size_t const take = std::min<std::size_t>({size, 1000, room - taken.size()});
        taken.append(static_cast<char const*>(from), take);
        *put = static_cast<ULONG>(take);
        return take == 0 ? answer : S_OK;
    }
    STDMETHODIMP Commit(DWORD) override { return S_OK; }
    STDMETHODIMP Revert() override { return S_OK; }
};

std::string sample_text(std::size_t size)
{
    std::string text;
    while (text.size() < size)
        text += std::to_string(text.size()) + '\n';
    text.resize(size);
    return text;
}

} // namespace

TEST_CASE("a stream over new memory")
{
    stream s;
    REQUIRE(CreateStreamOnHGlobal(nullptr, TRUE, s.put()) == S_OK);
    behaves_as_a_stream(s);
}

TEST_CASE("a stream over a file")
{
    support::temp_dir const dir;
    behaves_as_a_stream(on_file(dir / "mail", STGM_READWRITE | STGM_CREATE));
    CHECK(content_of(dir / "mail") == "heLL");
}

TEST_CASE("the end: memory says S_OK, a file says S_FALSE, both say how much there was")
{
    support::temp_dir const dir;
    char                    text[8];
    ULONG                   got = 0;
    stream const            memory = in_memory("abc");
    CHECK(memory->Read(text, 8, &got) == S_OK);
    CHECK(got == 3);
    CHECK(memory->Read(text, 8, &got) == S_OK);
    CHECK(got == 0);

    stream const file = on_file(dir / "f", STGM_READWRITE | STGM_CREATE);
    CHECK(write(file, "abc") == S_OK);
    CHECK(file->Seek(offset(0), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(file->Read(text, 3, &got) == S_OK);
    CHECK(got == 3);
    CHECK(file->Read(text, 8, &got) == S_FALSE);
    CHECK(got == 0);
    CHECK(file->Seek(offset(INT64_MAX), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(file->Read(text, 8, &got) == S_FALSE);
    CHECK(got == 0);
    CHECK(file->Write(text, 8, &got) == STG_E_MEDIUMFULL);
    CHECK(got == 0);
}

TEST_CASE("a memory stream has 4 GiB at most")
{
    stream const s = in_memory("abc");
    CHECK(s->SetSize(length(0x1'0000'0000)) == STG_E_MEDIUMFULL);
    CHECK(s->SetSize(length(UINT64_MAX)) == STG_E_MEDIUMFULL);
    CHECK(s->Seek(offset(0xFFFF'FFFF), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(write(s, "d") == STG_E_MEDIUMFULL);
    CHECK(s->Seek(offset(INT64_MAX), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(write(s, "d") == STG_E_MEDIUMFULL);
    CHECK(position_of(s) == INT64_MAX);
    CHECK(all_of(s) == "abc");
}

TEST_CASE("many small writes")
{
    stream const      s    = in_memory();
    std::string const text = sample_text(50'000);
    for (std::size_t i = 0; i < text.size(); i += 7)
        REQUIRE(write(s, std::string_view(text).substr(i, 7)) == S_OK);
    CHECK(all_of(s) == text);
    HGLOBAL block = nullptr;
    REQUIRE(GetHGlobalFromStream(s.get(), &block) == S_OK);
    CHECK(GlobalSize(block) == text.size());
}

TEST_CASE("a stream over a block of the program's own")
{
    HGLOBAL const block = GlobalAlloc(GMEM_MOVEABLE, 5);
    std::memcpy(GlobalLock(block), "block", 5);
    GlobalUnlock(block);
    {
        stream s;
        REQUIRE(CreateStreamOnHGlobal(block, FALSE, s.put()) == S_OK);
        CHECK(read(s) == "block");
        CHECK(write(s, "s") == S_OK);
        HGLOBAL same = nullptr;
        CHECK(GetHGlobalFromStream(s.get(), &same) == S_OK);
        CHECK(same == block);
    }
    CHECK(GlobalSize(block) == 6); // it is still there
    CHECK(std::string(static_cast<char*>(GlobalLock(block)), 6) == "blocks");

    // Now the last stream frees it: the sanitizer tells if it does not, or if a clone still needed it.
    stream first, clone;
    REQUIRE(CreateStreamOnHGlobal(block, TRUE, first.put()) == S_OK);
    REQUIRE(first->Clone(clone.put()) == S_OK);
    first.reset();
    CHECK(read(clone) == "blocks");
}

TEST_CASE("what CreateStreamOnHGlobal and GetHGlobalFromStream refuse")
{
    IStream*      s     = reinterpret_cast<IStream*>(16);
    HGLOBAL const fixed = GlobalAlloc(GMEM_FIXED, 4);
    CHECK(CreateStreamOnHGlobal(fixed, TRUE, &s) == E_INVALIDARG);
    CHECK(s == nullptr);
    CHECK(CreateStreamOnHGlobal(nullptr, TRUE, nullptr) == E_INVALIDARG);
    GlobalFree(fixed); // it was not taken

    support::temp_dir const dir;
    stream const            file  = on_file(dir / "f", STGM_WRITE | STGM_CREATE);
    HGLOBAL                 block = &s;
    CHECK(GetHGlobalFromStream(file.get(), &block) == E_INVALIDARG);
    CHECK(block == nullptr);
    CHECK(GetHGlobalFromStream(nullptr, &block) == E_INVALIDARG);
    CHECK(GetHGlobalFromStream(file.get(), nullptr) == E_INVALIDARG);
}

TEST_CASE("a stream that starts with a copy")
{
    std::string text = "start";
    auto const  s    = in_memory(text);
    text             = "other";
    CHECK(position_of(s) == 0);
    CHECK(read(s) == "start");
    auto const empty = stream::attach(SHCreateMemStream(nullptr, 7));
    CHECK(size_of(empty) == 0);
}

TEST_CASE("copying moves both streams and counts")
{
    std::string const text = sample_text(20'000);
    stream const      from = in_memory(text), to = in_memory("head:");
    CHECK(from->Seek(offset(10), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(to->Seek(offset(0), STREAM_SEEK_END, nullptr) == S_OK);
    ULARGE_INTEGER got = length(1), put = length(1);
    CHECK(from->CopyTo(to.get(), length(15'000), &got, &put) == S_OK);
    CHECK(got.QuadPart == 15'000);
    CHECK(put.QuadPart == 15'000);
    CHECK(position_of(from) == 15'010);
    CHECK(position_of(to) == 15'005);
    CHECK(from->CopyTo(to.get(), length(UINT64_MAX), &got, &put) == S_OK);
    CHECK(got.QuadPart == 4'990);
    CHECK(from->CopyTo(to.get(), length(UINT64_MAX), nullptr, nullptr) == S_OK); // nothing is left
    CHECK(all_of(to) == "head:" + text.substr(10));

    got = put = length(9);
    CHECK(from->CopyTo(nullptr, length(1), &got, &put) == STG_E_INVALIDPOINTER);
    CHECK(got.QuadPart == 0);
    CHECK(put.QuadPart == 0);
}

TEST_CASE("copying to a clone ends")
{
    stream const s = in_memory("0123456789");
    stream       clone;
    REQUIRE(s->Clone(clone.put()) == S_OK);
    CHECK(clone->Seek(offset(5), STREAM_SEEK_SET, nullptr) == S_OK);
    ULARGE_INTEGER got;
    CHECK(s->CopyTo(clone.get(), length(UINT64_MAX), &got, nullptr) == S_OK);
    CHECK(got.QuadPart == 10);
    CHECK(all_of(s) == "012340123456789");
}

TEST_CASE("copying from a file to a stream that takes a little at a time, and then no more")
{
    support::temp_dir const dir;
    std::string const       text = sample_text(30'000);
    stream const            file = on_file(dir / "f", STGM_READWRITE | STGM_CREATE);
    CHECK(write(file, text) == S_OK);
    CHECK(file->Seek(offset(0), STREAM_SEEK_SET, nullptr) == S_OK);

    auto* const    other = new thrifty;
    stream const   owner = stream::attach(other);
    ULARGE_INTEGER got, put;
    CHECK(file->CopyTo(other, length(UINT64_MAX), &got, &put) == S_OK);
    CHECK(got.QuadPart == 30'000);
    CHECK(put.QuadPart == 30'000);
    CHECK(other->taken == text);

    other->taken.clear();
    other->room = 12'345;
    CHECK(file->Seek(offset(0), STREAM_SEEK_SET, nullptr) == S_OK);
    CHECK(file->CopyTo(other, length(UINT64_MAX), &got, &put) == STG_E_MEDIUMFULL);
    CHECK(put.QuadPart == 12'345);
    CHECK(got.QuadPart >= put.QuadPart);
    other->answer = E_ABORT;
    CHECK(file->CopyTo(other, length(UINT64_MAX), &got, &put) == E_ABORT);
    CHECK(put.QuadPart == 0);
}

TEST_CASE("opening a file")
{
    support::temp_dir const dir;
    std::string const       path = (dir / "mail.eml").string();
    IStream*                s    = reinterpret_cast<IStream*>(16);

    CHECK(SHCreateStreamOnFileA(path.c_str(), STGM_READ, &s) == HRESULT_FROM_WIN32(2));
    CHECK(s == nullptr);
    CHECK(SHCreateStreamOnFile((path + "/deeper").c_str(), STGM_READ, &s) == HRESULT_FROM_WIN32(2));
    std::ofstream(path) << "text";
    CHECK(SHCreateStreamOnFile((path + "/deeper").c_str(), STGM_READ, &s) == HRESULT_FROM_WIN32(3));
    CHECK(SHCreateStreamOnFile(std::string(300, 'n').c_str(), STGM_READ, &s) == HRESULT_FROM_WIN32(206));
    CHECK(SHCreateStreamOnFileA(dir.path().c_str(), STGM_READ, &s) == HRESULT_FROM_WIN32(5));
    CHECK(SHCreateStreamOnFileA(dir.path().c_str(), STGM_READWRITE, &s) == HRESULT_FROM_WIN32(5));
    CHECK(SHCreateStreamOnFileA("/dev/null", STGM_READ, &s) == HRESULT_FROM_WIN32(5));
    CHECK(SHCreateStreamOnFileA(path.c_str(), 3, &s) == STG_E_INVALIDFLAG);
    CHECK(SHCreateStreamOnFileA(path.c_str(), 0x10000, &s) == STG_E_INVALIDFLAG);
    CHECK(SHCreateStreamOnFileA(nullptr, STGM_READ, &s) == E_INVALIDARG);
    CHECK(SHCreateStreamOnFileA(path.c_str(), STGM_READ, nullptr) == E_INVALIDARG);
    CHECK(SHCreateStreamOnFileW(nullptr, STGM_READ, &s) == E_INVALIDARG);
    CHECK(SHCreateStreamOnFileW(L"x", STGM_READ, nullptr) == E_INVALIDARG);
    CHECK(s == nullptr);
    CHECK(content_of(path) == "text");
}

TEST_CASE("a pipe is no file, and looking at it does not wait for the other end")
{
    support::temp_dir const dir;
    std::string const       path = (dir / "pipe").string();
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    stream s;
    CHECK(SHCreateStreamOnFileA(path.c_str(), STGM_READ, s.put()) == HRESULT_FROM_WIN32(5));
}

TEST_CASE("too many open files")
{
    support::temp_dir const dir;
    std::ofstream(dir / "f") << "text";
    struct rlimit before;
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    struct rlimit none = before;
    none.rlim_cur      = 0;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    stream        s;
    HRESULT const result = SHCreateStreamOnFileA((dir / "f").c_str(), STGM_READ, s.put());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(result == HRESULT_FROM_WIN32(4));
}

TEST_CASE("a stream allows what it was opened for")
{
    support::temp_dir const dir;
    std::ofstream(dir / "f") << "text";
    char  text[4];
    ULONG count = 0;
    {
        stream const reading = on_file(dir / "f", STGM_READ | STGM_SHARE_DENY_WRITE);
        CHECK(read(reading) == "text");
        CHECK(write(reading, "x") == STG_E_ACCESSDENIED);
        CHECK(reading->SetSize(length(0)) == STG_E_ACCESSDENIED);
        STATSTG facts;
        CHECK(reading->Stat(&facts, STATFLAG_NONAME) == S_OK);
        CHECK(facts.grfMode == STGM_READ);
    }
    {
        stream const writing = on_file(dir / "f", STGM_WRITE | STGM_SHARE_EXCLUSIVE);
        CHECK(writing->Read(text, 4, &count) == STG_E_ACCESSDENIED);
        CHECK(write(writing, "next") == S_OK);
        CHECK(writing->SetSize(length(UINT64_MAX)) == STG_E_MEDIUMFULL);
    }
    CHECK(content_of(dir / "f") == "next");
}

TEST_CASE("making a file empties one that is there")
{
    support::temp_dir const dir;
    std::ofstream(dir / "f") << "text";
    CHECK(size_of(on_file(dir / "f", STGM_READ | STGM_CREATE)) == 0);
    CHECK(std::filesystem::exists(dir / "f"));
    CHECK(size_of(on_file(dir / "new", STGM_READ | STGM_CREATE)) == 0);
    CHECK(std::filesystem::exists(dir / "new"));
}

TEST_CASE("making a file that must not be there yet")
{
    support::temp_dir const dir;
    std::wstring const      path = (dir / "f").wstring();
    auto const              open = [&](DWORD mode, BOOL create, IStream* model = nullptr) {
        stream s;
        return SHCreateStreamOnFileEx(path.c_str(), mode, FILE_ATTRIBUTE_NORMAL, create, model, s.put());
    };
    CHECK(open(STGM_READWRITE, FALSE) == HRESULT_FROM_WIN32(2));
    CHECK(open(STGM_READWRITE, TRUE) == S_OK);
    CHECK(open(STGM_READWRITE, TRUE) == HRESULT_FROM_WIN32(80));
    CHECK(open(STGM_READWRITE, FALSE) == S_OK);
    CHECK(open(STGM_READWRITE | STGM_CREATE, TRUE) == S_OK);
    CHECK(open(STGM_READWRITE, FALSE, reinterpret_cast<IStream*>(16)) == E_INVALIDARG);
    CHECK(SHCreateStreamOnFileEx(path.c_str(), 0, 0, FALSE, nullptr, nullptr) == E_INVALIDARG);
}

TEST_CASE("a file can go with its last stream")
{
    support::temp_dir const dir;
    stream first = on_file(dir / "f", STGM_READWRITE | STGM_CREATE | STGM_DELETEONRELEASE);
    CHECK(write(first, "gone soon") == S_OK);
    stream clone;
    REQUIRE(first->Clone(clone.put()) == S_OK);
    first.reset();
    CHECK(content_of(dir / "f") == "gone soon");
    clone.reset();
    CHECK_FALSE(std::filesystem::exists(dir / "f"));
}

TEST_CASE("the name and the times of a file")
{
    // One, two, three and four octets for a character; and octets that are no UTF-8, which must come back as they were.
    for (std::string const& name : {std::string("plain"), std::string("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x93\xAF"),
                                   std::string("\xFFraw\xC3"), std::string("\xED\xA0\x80\xC0\xAF\xF5\xE2\x82")})
    {
        CAPTURE(name.size());
        support::temp_dir const dir;
        stream const            s = on_file(dir / name, STGM_READWRITE | STGM_CREATE);
        CHECK(write(s, "x") == S_OK);
        STATSTG facts;
        REQUIRE(s->Stat(&facts, STATFLAG_DEFAULT) == S_OK);
        REQUIRE(facts.pwcsName != nullptr);
        stream again;
        CHECK(SHCreateStreamOnFileW(facts.pwcsName, STGM_READ, again.put()) == S_OK);
        CHECK(read(again) == "x");
        CoTaskMemFree(facts.pwcsName);

        struct stat known;
        REQUIRE(::stat((dir / name).c_str(), &known) == 0);
        std::uint64_t const changed = std::uint64_t {facts.mtime.dwHighDateTime} << 32 | facts.mtime.dwLowDateTime;
        CHECK(changed / 10'000'000 == static_cast<std::uint64_t>(known.st_mtime) + 11'644'473'600u);
    }
}

TEST_CASE("wide names that are no text do not become other files")
{
    support::temp_dir const dir;
    stream                  s;
    wchar_t const           bad[] = {static_cast<wchar_t>(0xD800), L'x', static_cast<wchar_t>(0x110000), L'\0'};
    std::wstring const      path  = dir.path().wstring() + L"/" + bad;
    CHECK(SHCreateStreamOnFileW(path.c_str(), STGM_WRITE | STGM_CREATE, s.put()) == S_OK);
    CHECK(std::filesystem::exists(dir / "?x?"));
}

#if defined(POSTHORN_TESTS_COUNT_ALLOCATIONS)

TEST_CASE("a stream for which there is too little memory is not made, and takes nothing with it")
{
    support::temp_dir const dir;
    std::string const       path = (dir / "f").string();
    stream const            file = on_file(path, STGM_READWRITE | STGM_CREATE), memory = in_memory("text");
    HGLOBAL const           block = GlobalAlloc(GMEM_MOVEABLE, 3);

    // With ever more memory, until there is enough. @return How often there was too little.
    auto const rounds = [](HRESULT expected, auto make) {
        for (int n = 0; n != 20; ++n)
        {
            stream s;
            support::grant_allocations(n);
            HRESULT const result = make(s.put());
            support::grant_allocations(-1);
            CAPTURE(n);
            if (result == S_OK)
                return n;
            CHECK(result == expected);
            CHECK(s == nullptr);
        }
        return 20;
    };
    auto const tried = [](int n) { return n > 0 && n < 20; };
    CHECK(tried(rounds(E_OUTOFMEMORY, [](IStream** s) { return CreateStreamOnHGlobal(nullptr, TRUE, s); })));
    CHECK(tried(rounds(E_OUTOFMEMORY, [&](IStream** s) { return CreateStreamOnHGlobal(block, FALSE, s); })));
    CHECK(tried(rounds(E_OUTOFMEMORY, [](IStream** s) {
        *s = SHCreateMemStream(nullptr, 0);
        return *s == nullptr ? E_OUTOFMEMORY : S_OK;
    })));
    CHECK(tried(rounds(E_OUTOFMEMORY, [&](IStream** s) { return SHCreateStreamOnFileA(path.c_str(), STGM_READ, s); })));
    CHECK(tried(rounds(E_OUTOFMEMORY, [&](IStream** s) { return memory->Clone(s); })));
    CHECK(tried(rounds(E_OUTOFMEMORY, [&](IStream** s) { return file->Clone(s); })));
    CHECK(GlobalSize(block) == 3);
    GlobalFree(block);

    support::grant_allocations(0);
    STATSTG       facts;
    HRESULT const described = file->Stat(&facts, STATFLAG_DEFAULT);
    HRESULT const unnamed   = file->Stat(&facts, STATFLAG_NONAME);
    support::grant_allocations(-1);
    CHECK(described == STG_E_INSUFFICIENTMEMORY);
    CHECK(unnamed == S_OK);
}

#endif

TEST_CASE("no room on the disk")
{
    support::temp_dir const dir;
    stream const            file = on_file(dir / "f", STGM_READWRITE | STGM_CREATE);
    struct rlimit           before; // a limit of the process stands for a full disk
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit small = before;
    small.rlim_cur      = 1000;
    auto const old      = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::string const text(1500, 'x');
    ULONG             put    = 0;
    HRESULT const     result = file->Write(text.data(), 1500, &put);
    HRESULT const     grown  = file->SetSize(length(2000));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, old);
    CHECK(result == STG_E_MEDIUMFULL);
    CHECK(put == 1000);
    CHECK(position_of(file) == 1000);
    CHECK(grown == STG_E_MEDIUMFULL);
}

TEST_SUITE_END();
