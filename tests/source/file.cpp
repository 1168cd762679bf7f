//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/source/file.hpp>

#include <posthorn/core/error.hpp>
#include <posthorn/coro/spawn.hpp>
#include <posthorn/coro/task.hpp>
#include <posthorn/source/source.hpp>

#include <support/run_task.hpp>
#include <support/steps.hpp>
#include <support/temp_dir.hpp>

#include <doctest/doctest.h>

#include <asio/io_context.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using posthorn::file_source;

TEST_SUITE_BEGIN("source/file");

namespace {

constexpr std::size_t block_size = file_source::block_size;

/// Bytes without a short period, so that a lost or doubled block is seen.
std::string pattern(std::size_t size)
{
    std::string s(size, '\0');
    unsigned    state = 1;
    for (auto& c : s)
        c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return s;
}

posthorn::task<std::string> drain(posthorn::source& s, std::vector<std::size_t>& sizes)
{
    std::string all;
    for (;;)
    {
        auto const block = co_await s.next();
        if (block.empty())
            break;
        sizes.push_back(block.size());
        all += block;
    }
    auto const after = co_await s.next();
    CHECK(after.empty());
    co_return all;
}

std::string read_all(posthorn::source& s)
{
    std::vector<std::size_t> sizes;
    return support::run([&] { return drain(s, sizes); });
}

/// The error that reading ends with.
posthorn::error failure_of(posthorn::source& s)
{
    try
    {
        read_all(s);
    }
    catch (posthorn::error const& e)
    {
        return e;
    }
    FAIL("nothing failed");
    return posthorn::error(std::error_code());
}

/// An open stream that notes who reads from it.
struct witness
{
    explicit witness(std::string bytes) : data(std::move(bytes))
    {
        cookie_io_functions_t functions = {};
        functions.read                  = [](void* self, char* to, std::size_t size) -> ssize_t {
            auto& w = *static_cast<witness*>(self);
            w.readers.push_back(std::this_thread::get_id());
            if (w.broken)
            {
                errno = EIO;
                return -1;
            }
            std::size_t const n = std::min(size, w.data.size() - w.at);
            std::memcpy(to, w.data.data() + w.at, n);
            w.at += n;
            return static_cast<ssize_t>(n);
        };
        functions.close = [](void* self) {
            static_cast<witness*>(self)->closed = true;
            return 0;
        };
        stream = ::fopencookie(this, "rb", functions);
        REQUIRE(stream != nullptr);
    }
    witness(witness const&)            = delete;
    witness& operator=(witness const&) = delete;
    ~witness() { std::fclose(stream); }

    std::string                  data;
    std::size_t                  at     = 0;
    bool                         broken = false;
    bool                         closed = false;
    std::vector<std::thread::id> readers;
    std::FILE*                   stream = nullptr;
};

} // namespace

TEST_CASE("a file of any size is read completely, in blocks, and again after rewind()")
{
    support::temp_dir const dir("file");
    for (std::size_t const size : {std::size_t(0), std::size_t(1), block_size - 1, block_size, block_size + 1,
                                   3 * block_size + 12345})
    {
        CAPTURE(size);
        std::string const content = pattern(size);
        support::write_file(dir / "message", content);
        file_source s(dir / "message");
        CHECK(s.size() == size);
        CHECK(s.rewindable());
        CHECK_FALSE(s.contiguous().has_value());
        for (int round = 0; round != 2; ++round)
        {
            std::vector<std::size_t> sizes;
            bool const same = support::run([&] { return drain(s, sizes); }) == content;
            CHECK(same);
            CHECK(sizes.size() == (size + block_size - 1) / block_size);
            support::run([&] { return s.rewind(); });
        }
        if (size > block_size) // half-way
        {
            std::size_t const first = support::run([&] { return s.next(); }).size();
            CHECK(first == block_size);
            support::run([&] { return s.rewind(); });
            bool const same = read_all(s) == content;
            CHECK(same);
        }
    }
}

TEST_CASE("a missing file is an error at once, which names the file")
{
    support::temp_dir const dir("file");
    try
    {
        file_source const s(dir / "no-such-file");
        FAIL("it was opened");
    }
    catch (posthorn::error const& e)
    {
        CHECK(e.code() == std::errc::no_such_file_or_directory);
        CHECK(std::string(e.what()).find((dir / "no-such-file").string()) != std::string::npos);
    }
}

TEST_CASE("a read error is reported with the name of the file, again and again")
{
    support::temp_dir const dir("file");
    file_source             s(dir.path());
    CHECK_FALSE(s.size().has_value());
    CHECK_FALSE(s.rewindable());
    for (int i = 0; i != 2; ++i)
    {
        auto const e = failure_of(s);
        CHECK(e.code() == std::errc::is_a_directory);
        CHECK(std::string(e.what()).find(dir.path().string()) != std::string::npos);
    }

    witness w(pattern(1000));
    w.broken = true;
    file_source stream(w.stream, "the standard input");
    auto const  e = failure_of(stream);
    CHECK(e.code() == std::errc::io_error);
    CHECK(std::string(e.what()).find("the standard input") != std::string::npos);
}

TEST_CASE("a FIFO is read to its end, with unknown size and only once")
{
    support::temp_dir const dir("file");
    auto const              path = dir / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    std::string const content = pattern(2 * block_size + 777);
    std::thread       writer([&] {
        std::ofstream out(path, std::ios::binary);
        for (std::size_t at = 0; at < content.size(); at += 1001)
        {
            std::size_t const n = std::min<std::size_t>(1001, content.size() - at);
            out.write(content.data() + at, static_cast<std::streamsize>(n));
            out.flush();
        }
    });
    file_source       s(path);
    CHECK_FALSE(s.size().has_value());
    CHECK_FALSE(s.rewindable());
    bool const same = read_all(s) == content;
    writer.join();
    CHECK(same);
    CHECK(support::code_of([&] { return s.rewind(); }) == posthorn::errc::unsupported);
}

TEST_CASE("an open stream is read from where it stands, and what it has buffered is not lost")
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::string const text = "first line\nsecond line\nthe rest";
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    std::FILE* const in = ::fdopen(ends[0], "rb");
    REQUIRE(in != nullptr);
    char line[64];
    REQUIRE(std::fgets(line, sizeof(line), in) != nullptr);
    CHECK(std::string(line) == "first line\n");
    {
        file_source s(in, "pipe");
        CHECK_FALSE(s.size().has_value());
        CHECK_FALSE(s.rewindable());
        CHECK(read_all(s) == "second line\nthe rest");
    }
    std::fclose(in); // still open: it belongs to the caller
}

TEST_CASE("the executor's thread never reads")
{
    witness w(pattern(2 * block_size + 5));
    {
        file_source s(w.stream, "witness");
        bool const  same = read_all(s) == w.data;
        CHECK(same);
    }
    CHECK_FALSE(w.closed);
    CHECK(w.readers.size() >= 3);
    CHECK(std::count(w.readers.begin(), w.readers.end(), std::this_thread::get_id()) == 0);
}

namespace {

posthorn::task<void> drain_file(std::filesystem::path path)
{
    file_source              s(path);
    std::vector<std::size_t> sizes;
    co_await drain(s, sizes);
}

} // namespace

TEST_CASE("the event loop may be destroyed at any moment, also while the worker reads")
{
    support::temp_dir const dir("file");
    support::write_file(dir / "message", pattern(3 * block_size));
    auto const steps = support::destroy_after_each_step(
        [&](asio::io_context& io) {
            posthorn::spawn(io, drain_file(dir / "message"), [](std::exception_ptr e) { CHECK_FALSE(e); });
        },
        [](std::size_t, bool) {});
    CHECK(steps >= 4);
}

TEST_SUITE_END();
