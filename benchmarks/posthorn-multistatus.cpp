//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// How fast an inbox is read: Expat alone, the XML reader, the multistatus reader, over the same bodies in the same run.
//
//   posthorn-multistatus [responses] [rounds]

#include <posthorn/dav/multistatus_reader.hpp>

#include <expat.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace dav = posthorn::dav;
namespace xml = posthorn::xml;

namespace {

constexpr std::size_t piece_size = 16 * 1024; // as it comes from a connection

/// @param exchange The layout of Exchange, else that of Hotmail.
std::string inbox(std::size_t responses, bool exchange)
{
    std::string body =
        exchange ? "<?xml version=\"1.0\"?><a:multistatus "
                   "xmlns:b=\"urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/\" "
                   "xmlns:d=\"urn:schemas:httpmail:\" xmlns:e=\"urn:schemas:mailheader:\" xmlns:a=\"DAV:\">"
                 : "<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\r\n<D:multistatus xmlns:D=\"DAV:\" "
                   "xmlns:m=\"urn:schemas:mailheader:\" xmlns:hm=\"urn:schemas:httpmail:\">\r\n";
    for (std::size_t i = 0; i < responses; ++i)
    {
        auto const n = std::to_string(1000000 + i);
        if (exchange)
            body += "<a:response><a:href>https://mail.example.com/exchange/alice/Inbox/Message%20" + n +
                    ".EML</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop><a:isfolder "
                    "b:dt=\"boolean\">0</a:isfolder>"
                    "<d:read b:dt=\"boolean\">1</d:read><d:hasattachment b:dt=\"boolean\">0</d:hasattachment>"
                    "<e:to>alice@example.com</e:to><e:from>Bob "
                    "&lt;bob@example.net&gt;</e:from><e:subject>Message no. " +
                    n +
                    "</e:subject><e:date b:dt=\"dateTime.tz\">2004-06-10T10:12:09.000Z</e:date>"
                    "<a:getcontentlength "
                    "b:dt=\"int\">81234</a:getcontentlength></a:prop></a:propstat></a:response>";
        else
            body +=
                "\t<D:response>\r\n\t\t<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/"
                "folders/ACTIVE/MSG" +
                n +
                ".9</D:href>\r\n\t\t<D:propstat>\r\n\t\t\t<D:prop>\r\n\t\t\t\t<D:isfolder>0</D:isfolder>\r\n"
                "\t\t\t\t<hm:read>1</hm:read>\r\n\t\t\t\t<m:hasattachment>0</m:hasattachment>\r\n"
                "\t\t\t\t<m:to>alice@example.com</m:to>\r\n\t\t\t\t<m:from>Bob "
                "&lt;bob@example.net&gt;</m:from>\r\n"
                "\t\t\t\t<m:subject>Message no. " +
                n +
                "</m:subject>\r\n\t\t\t\t<m:date>2004-06-10T10:12:09</m:date>\r\n"
                "\t\t\t\t<D:getcontentlength>81234</D:getcontentlength>\r\n\t\t\t</D:prop>\r\n"
                "\t\t\t<D:status>HTTP/1.1 200 OK</D:status>\r\n\t\t</D:propstat>\r\n\t</D:response>\r\n";
    }
    return body + (exchange ? "</a:multistatus>" : "</D:multistatus>\r\n");
}

template <class F>
void in_pieces(std::string_view body, F const& f)
{
    while (!body.empty())
    {
        auto const piece = body.substr(0, piece_size);
        body.remove_prefix(piece.size());
        f(piece, body.empty());
    }
}

void require(bool good, char const* what)
{
    if (!good)
    {
        std::fprintf(stderr, "%s failed\n", what);
        std::exit(1);
    }
}

std::size_t counted = 0;

void XMLCALL on_start(void*, XML_Char const*, XML_Char const**) { ++counted; }
void XMLCALL on_end(void*, XML_Char const*) {}
void XMLCALL on_text(void*, XML_Char const*, int size) { counted += static_cast<std::size_t>(size); }

void expat_alone(std::string_view body)
{
    XML_Parser const p = XML_ParserCreateNS("UTF-8", '\n');
    require(p != nullptr, "Expat");
    XML_SetElementHandler(p, on_start, on_end);
    XML_SetCharacterDataHandler(p, on_text);
    in_pieces(body, [&](std::string_view piece, bool last) {
        require(XML_Parse(p, piece.data(), static_cast<int>(piece.size()), last) == XML_STATUS_OK, "Expat");
    });
    XML_ParserFree(p);
}

class counter final : public xml::handler
{
public:
    void start(xml::element const&) override { ++counted; }
    void text(std::string_view part) override { counted += part.size(); }
    void end(xml::name const&) override {}
};

void reader_alone(std::string_view body)
{
    counter     c;
    xml::reader r(c);
    in_pieces(body, [&](std::string_view piece, bool) { require(!r.feed(piece), "the XML reader"); });
    require(!r.finish(), "the XML reader");
}

void multistatus(std::string_view body)
{
    dav::multistatus_reader r;
    dav::response           one;
    in_pieces(body, [&](std::string_view piece, bool) {
        require(!r.feed(piece), "the multistatus reader");
        while (r.next(one))
            counted += one.text({dav::mailheader_space, "subject"})->size();
    });
    require(!r.finish(), "the multistatus reader");
}

/// Megabytes for each second of the best round: what the code can do when nothing else disturbs it.
double rate(std::string_view body, int rounds, void (*read)(std::string_view))
{
    double best = 0;
    for (int i = 0; i < rounds; ++i)
    {
        auto const begin = std::chrono::steady_clock::now();
        read(body);
        std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - begin;
        best = std::max(best, static_cast<double>(body.size()) / 1e6 / taken.count());
    }
    return best;
}

} // namespace

int main(int argc, char** argv)
{
    auto const responses = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000UL;
    int const  rounds    = argc > 2 ? std::atoi(argv[2]) : 5;
    for (bool const exchange : {false, true})
    {
        auto const   body  = inbox(responses, exchange);
        double const expat = rate(body, rounds, expat_alone);
        double const read  = rate(body, rounds, reader_alone);
        double const full  = rate(body, rounds, multistatus);
        std::printf("%s, %lu responses, %.1f MB, pieces of %zu octets\n", exchange ? "Exchange" : "Hotmail",
                    responses, static_cast<double>(body.size()) / 1e6, piece_size);
        std::printf("  Expat alone, namespaces on   %7.1f MB/s\n", expat);
        std::printf("  posthorn::xml::reader        %7.1f MB/s  %3.0f %%\n", read, 100 * read / expat);
        std::printf("  dav::multistatus_reader      %7.1f MB/s  %3.0f %%\n", full, 100 * full / expat);
    }
    return counted == 0 ? 1 : 0;
}
