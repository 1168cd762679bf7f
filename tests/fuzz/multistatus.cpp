//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Multistatus bodies: the outcome does not depend on where the network cuts; what a strict parser takes is not changed by
// repairs; memory stays in its bounds. The first octet chooses limits and cuts.

#include <posthorn/dav/multistatus_reader.hpp>
#include <posthorn/dav/request_body.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace dav = posthorn::dav;
namespace xml = posthorn::xml;
using support::require;

namespace {

/// Everything a response says, read through its whole interface.
std::string flatten(dav::response const& r)
{
    std::string text = std::to_string(r.status()) + '|' + std::to_string(r.worst_status()) + '|' +
                       std::string(r.location()) + '|' + std::string(r.description()) +
                       (r.is_collection() ? "|c" : "|");
    for (std::size_t i = 0; i < r.href_count(); ++i)
        text += '|' + std::string(r.href(i));
    for (std::size_t i = 0; i < r.condition_count(); ++i)
        text += '|' + to_string(r.condition(i));
    for (auto const& p : r.properties())
    {
        text += '|' + to_string(p.name()) + '=' + std::string(p.text()) + ':' + std::to_string(p.status());
        text += p.as_boolean().value_or(false) ? 't' : 'f';
        text += std::to_string(p.as_integer().value_or(0)) + (p.as_real() ? "r" : "") +
                (p.as_fixed_14_4() ? "x" : "");
        text += (p.as_time() ? "d" : "") + p.as_octets().value_or("");
        for (auto const& v : p.as_list())
            text += ',' + std::string(v);
        require(!p.ok() || r.text(p.name()).has_value());
    }
    return text;
}

struct result
{
    std::error_code          ec;
    std::vector<std::string> responses;
    xml::repairs             repairs;
};

result read(std::string_view in, dav::multistatus_limits const& limits, std::size_t piece)
{
    dav::multistatus_reader reader(limits);
    dav::response           response;
    result                  r;
    auto const              take = [&] {
        while (reader.next(response))
            r.responses.push_back(flatten(response));
    };
    while (!in.empty() && !r.ec)
    {
        auto const part = in.substr(0, piece);
        in.remove_prefix(part.size());
        support::exact_copy const copy(part);
        r.ec = reader.feed(copy.view());
        require(reader.memory() <= limits.xml.memory);
        take();
    }
    if (!r.ec)
        r.ec = reader.finish();
    take();
    r.repairs = reader.repairs();
    require(reader.count() <= limits.responses + 1);
    return r;
}

class recorder final : public xml::handler
{
public:
    void start(xml::element const& e) override
    {
        seen += '<' + to_string(e.key);
        for (auto const& a : e.attributes)
            seen += ' ' + to_string(a.key) + '=' + std::string(a.value);
        seen += '>';
    }
    void text(std::string_view part) override { seen += part; }
    void end(xml::name const&) override { seen += "</>"; }

    std::string seen;
};

struct events
{
    std::error_code ec;
    std::string     seen;
    xml::repairs    repairs;
};

events parse(std::string_view in, bool mend)
{
    static constexpr std::string_view free_text[] = {"subject"};

    xml::reader_settings settings;
    settings.mend          = mend;
    settings.free_text     = free_text;
    settings.limits.markup = settings.limits.free_text = std::size_t{1} << 20U;
    recorder    r;
    xml::reader reader(r, settings);
    events      e;
    e.ec = reader.feed(in);
    if (!e.ec)
        e.ec = reader.finish();
    e.seen    = r.seen;
    e.repairs = reader.repairs();
    return e;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    if (size == 0)
        return 0;
    std::string_view const  in(reinterpret_cast<char const*>(data) + 1, size - 1);
    dav::multistatus_limits limits;
    if (data[0] & 128U)
    {
        limits.xml.depth      = 6;
        limits.xml.attributes = 3;
        limits.xml.markup     = 100;
        limits.xml.free_text  = 60;
        limits.text           = 40;
        limits.response       = 200;
        limits.elements       = 4;
        limits.hrefs          = 2;
        limits.responses      = 3;
    }
    auto const whole = read(in, limits, in.size() + 1);
    auto const cut   = read(in, limits, 1 + data[0] % 7);
    require(static_cast<bool>(whole.ec) == static_cast<bool>(cut.ec));
    if (!whole.ec)
        require(whole.responses == cut.responses && whole.repairs == cut.repairs);

    // Mending changes nothing that a conforming parser takes.
    auto const strict = parse(in, false);
    auto const mended = parse(in, true);
    // (One element of free text inside of another is what it must not be given.)
    if (!strict.ec && mended.repairs.markup == 0)
    {
        auto expected   = xml::repairs();
        expected.octets = strict.repairs.octets;
        require(!mended.ec && mended.repairs == expected && mended.seen == strict.seen);
    }

    // What is written is read back.
    if (xml::is_text(in))
    {
        std::string out;
        xml::writer w(out);
        w.element({"", "a"}, in);
        auto const again = parse(out, false);
        require(!again.ec && again.seen == "<a>" + std::string(in) + "</>");
    }
    return 0;
}
