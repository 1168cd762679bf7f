//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

#include <posthorn/http/response.hpp>

#include <doctest/doctest.h>

#include <support/run_task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace posthorn;

TEST_SUITE_BEGIN("http/response");

namespace {

/// A body in memory that tells whether it still exists.
class blocks final : public http::detail::incoming
{
public:
    blocks(std::vector<std::string> all, bool& alive) : all_(std::move(all)), alive_(&alive) { alive = true; }
    blocks(blocks const&)            = delete;
    blocks& operator=(blocks const&) = delete;
    ~blocks() override { *alive_ = false; }

    task<std::string_view> next() override
    {
        co_await support::hop();
        co_return at_ == all_.size() ? std::string_view() : all_[at_++];
    }

    std::optional<std::uint64_t> size() const noexcept override { return std::nullopt; }
    http::headers const&         trailers() const noexcept override { return trailers_; }

private:
    std::vector<std::string> all_;
    http::headers            trailers_{{"X", "y"}};
    std::size_t              at_ = 0;
    bool*                    alive_;
};

http::response make(std::vector<std::string> all, bool& alive)
{
    http::response_head h;
    h.status = 201;
    return http::response(std::move(h), http::url("http://h.example/"), std::make_unique<blocks>(std::move(all), alive));
}

} // namespace

TEST_CASE("an empty response has an empty body")
{
    http::response r;
    CHECK(r.status() == 0);
    CHECK_FALSE(r.ok());
    CHECK(r.size() == 0);
    CHECK(r.trailers().empty());
    CHECK(support::run([&] { return r.text(); }).empty());
    CHECK_THROWS_AS(support::run([&] { return r.rewind(); }), error);
}

TEST_CASE("text() gives all of it, within a limit")
{
    bool alive = false;
    auto r     = make({"ab", "c", "def"}, alive);
    CHECK(r.ok());
    CHECK_FALSE(r.size());
    CHECK(support::run([&] { return r.text(6); }) == "abcdef");
    CHECK(r.trailers().get("X") == "y");
    CHECK(support::run([&] { return r.text(0); }).empty());
    auto s = make({"ab", "c", "def"}, alive);
    CHECK(support::code_of([&] { return s.text(5); }) == http::errc::body_too_long);
    CHECK_FALSE(alive);
}

TEST_CASE("discard() reads on, or gives up without an error")
{
    bool alive = false;
    auto r     = make({"ab", "c"}, alive);
    support::run([&] { return r.discard(); });
    CHECK(alive);
    CHECK(support::run([&] { return r.text(); }).empty());
    auto s = make({"ab", "c", "def"}, alive);
    support::run([&] { return s.discard(2); });
    CHECK_FALSE(alive);
    CHECK(support::run([&] { return s.text(); }).empty());
}

TEST_SUITE_END();
