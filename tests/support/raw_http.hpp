//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// A blocking HTTP client that sends what a test says and takes replies apart, with helpers for WebDAV bodies.

#ifndef POSTHORN_TESTS_SUPPORT_RAW_HTTP_HPP
#define POSTHORN_TESTS_SUPPORT_RAW_HTTP_HPP

#include <posthorn/core/ascii.hpp>

#include <expat.h>
#include <support/wire.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// A reply of an HTTP server. Status 0: the connection ended instead.
struct http_reply
{
    int                                              status = 0;
    std::string                                      reason;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string                                      body;
    bool                                             whole = false; ///< The framing was complete.

    std::string field(std::string_view name) const
    {
        for (auto const& [n, value] : fields)
            if (posthorn::ascii::iequals(n, name))
                return value;
        return {};
    }

    bool contains(std::string_view text) const { return body.find(text) != std::string::npos; }

    std::size_t count(std::string_view text) const
    {
        std::size_t n = 0;
        for (std::size_t at = body.find(text); at != std::string::npos;
             at             = body.find(text, at + text.size()))
            ++n;
        return n;
    }
};

/// One connection.
class raw_http
{
public:
    using fields = std::vector<std::pair<std::string, std::string>>;

    explicit raw_http(std::uint16_t port) : port_(port), wire_(std::make_unique<wire>(port)) {}

    wire& connection() { return *wire_; }

    /// These fields go with every request from now on.
    raw_http& always(std::string name, std::string value)
    {
        common_.emplace_back(std::move(name), std::move(value));
        return *this;
    }

    std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

    /// A new connection instead of the old one.
    void reconnect() { wire_ = std::make_unique<wire>(port_); }

    http_reply ask(std::string_view method, std::string_view target, fields const& more = {},
                   std::string_view body = {})
    {
        std::string head =
            std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + host() + "\r\n";
        for (fields const* const list : {static_cast<fields const*>(&common_), &more})
            for (auto const& [name, value] : *list)
                head += name + ": " + value + "\r\n";
        if (!body.empty() || method == "POST" || method == "PUT")
            head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        wire_->send(head + "\r\n" + std::string(body));
        return receive(method != "HEAD");
    }

    http_reply receive(bool with_body = true)
    {
        http_reply        reply;
        std::string const head = wire_->receive_until("\r\n\r\n");
        if (!head.ends_with("\r\n\r\n"))
            return reply;
        std::string_view rest = head;
        auto const       take = [&rest] {
            auto const line = rest.substr(0, rest.find("\r\n"));
            rest.remove_prefix(line.size() + 2);
            return line;
        };
        auto const line = take();
        if (!line.starts_with("HTTP/1.1 ") || line.size() < 13)
            throw std::runtime_error("raw_http: no status line: " + std::string(line));
        reply.status = std::stoi(std::string(line.substr(9, 3)));
        reply.reason = std::string(line.substr(13));
        while (rest.size() > 2)
        {
            auto const        field = take();
            std::size_t const colon = field.find(':');
            reply.fields.emplace_back(std::string(field.substr(0, colon)),
                                      std::string(posthorn::ascii::trim(field.substr(colon + 1))));
        }
        reply.whole = true;
        if (!with_body || reply.status == 204 || reply.status == 304 || reply.status < 200)
            return reply;
        if (reply.field("Transfer-Encoding") == "chunked")
            read_chunks(reply);
        else if (auto const length = reply.field("Content-Length"); !length.empty())
            read_length(reply, std::stoul(length));
        else
            reply.body = wire_->receive_all();
        return reply;
    }

private:
    void read_length(http_reply& reply, std::size_t length)
    {
        while (reply.body.size() < length)
        {
            auto const piece = wire_->receive_some(length - reply.body.size());
            if (piece.empty())
            {
                reply.whole = false;
                return;
            }
            reply.body += piece;
        }
    }

    void read_chunks(http_reply& reply)
    {
        for (;;)
        {
            auto const line = wire_->receive_line();
            if (!line.ends_with("\r\n"))
            {
                reply.whole = false;
                return;
            }
            std::size_t const size = std::stoul(line, nullptr, 16);
            read_length(reply, reply.body.size() + size);
            if (!reply.whole)
                return;
            wire_->receive_line();
            if (size == 0)
                return;
        }
    }

    std::uint16_t         port_;
    std::unique_ptr<wire> wire_;
    fields                common_;
};

/// What Expat says about a document.
inline bool well_formed(std::string_view document)
{
    auto* const parser = XML_ParserCreateNS(nullptr, ' ');
    XML_SetUnknownEncodingHandler(
        parser,
        [](void*, XML_Char const*, XML_Encoding* info) {
            for (int i = 0; i < 256; ++i)
                info->map[i] = i;
            info->data    = nullptr;
            info->convert = nullptr;
            info->release = nullptr;
            return 1;
        },
        nullptr);
    bool const good =
        XML_Parse(parser, document.data(), static_cast<int>(document.size()), 1) == XML_STATUS_OK;
    XML_ParserFree(parser);
    return good;
}

/// A PROPFIND body with the prefixes D, h, hm, m and c.
inline std::string propfind_body(std::vector<std::string> const& names)
{
    std::string body = "<?xml version=\"1.0\"?>\r\n<D:propfind xmlns:D=\"DAV:\" "
                       "xmlns:h=\"http://schemas.microsoft.com/hotmail/\" "
                       "xmlns:hm=\"urn:schemas:httpmail:\" xmlns:m=\"urn:schemas:mailheader:\" "
                       "xmlns:c=\"urn:schemas:contacts:\">"
                       "<D:prop>";
    for (auto const& name : names)
        body += "<" + name + "/>";
    return body + "</D:prop></D:propfind>";
}

/// A PROPPATCH body, or one of BPROPPATCH if there are targets.
inline std::string patch_body(std::string const& name, std::string const& value,
                              std::vector<std::string> const& targets = {})
{
    std::string body =
        "<?xml version=\"1.0\"?><D:propertyupdate xmlns:D=\"DAV:\" xmlns:hm=\"urn:schemas:httpmail:\" "
        "xmlns:c=\"urn:schemas:contacts:\">";
    if (!targets.empty())
    {
        body += "<D:target>";
        for (auto const& t : targets)
            body += "<D:href>" + t + "</D:href>";
        body += "</D:target>";
    }
    return body + "<D:set><D:prop><" + name + ">" + value + "</" + name +
           "></D:prop></D:set></D:propertyupdate>";
}

/// The body of BMOVE, BCOPY ("move", "copy") or BDELETE ("delete").
inline std::string bulk_body(std::string const& what, std::vector<std::string> const& targets)
{
    std::string body = "<?xml version=\"1.0\"?><D:" + what + " xmlns:D=\"DAV:\"><D:target>";
    for (auto const& t : targets)
        body += "<D:href>" + t + "</D:href>";
    return body + "</D:target></D:" + what + ">";
}

} // namespace support

#endif
