//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Pieces of work for the cores, the same for posthorn-micro, which takes the time, and for instructions/, which counts
// instructions. Each is an object that is called again and again.

#ifndef POSTHORN_BENCHMARKS_MICRO_CORE_WORK_HPP
#define POSTHORN_BENCHMARKS_MICRO_CORE_WORK_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/capabilities.hpp>
#include <posthorn/smtp/dot_stuffing.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/gather_list.hpp>
#include <posthorn/smtp/ledger.hpp>
#include <posthorn/smtp/parameters.hpp>
#include <posthorn/smtp/reply.hpp>
#include <posthorn/smtp/transaction.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

namespace core_work {

namespace smtp = posthorn::smtp;

/// The work went wrong, so its figure would be worth nothing.
inline void require(bool ok)
{
    if (!ok)
        std::abort();
}

inline constexpr std::string_view clean_line  = "the quick brown fox jumps over the lazy dog, and over it again, 70\r\n";
inline constexpr std::string_view dotted_line = ".dots at the beginning\r\n";
inline constexpr std::string_view bare_line   = "lines that end in a line feed only, as on every Unix system there is\n";

inline std::string text_of(std::size_t size, std::string_view line)
{
    std::string text;
    while (text.size() < size)
        text += line;
    return text;
}

/// Content for DATA. @return Octets on the wire.
class encoding
{
public:
    encoding(std::size_t size, std::string_view line) : text_(text_of(size, line)) {}

    std::size_t operator()()
    {
        std::error_code  ec;
        std::string_view rest = text_;
        encoder_.reset();
        while (!rest.empty())
        {
            slices_.clear();
            rest.remove_prefix(encoder_.encode(rest, slices_, ec));
        }
        slices_.clear();
        encoder_.finish(slices_, ec);
        require(!ec);
        return static_cast<std::size_t>(encoder_.facts().size);
    }

    std::size_t size() const noexcept { return text_.size(); }

private:
    std::string           text_;
    smtp::content_encoder encoder_;
    smtp::gather_list     slices_;
};

/// The five replies of a pipelined message with three recipients. @return The sum of their codes.
class replies
{
public:
    std::size_t operator()()
    {
        due_.expect(smtp::phase::mail);
        for (std::uint32_t i = 0; i != 3; ++i)
            due_.expect(smtp::phase::rcpt, i);
        due_.expect(smtp::phase::data);
        in_.append("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 no such user here\r\n250 2.1.5 Ok\r\n"
                   "354 End data with <CR><LF>.<CR><LF>\r\n");
        std::error_code ec;
        std::size_t     codes = 0;
        while (due_.next(in_, what_, reply_, ec))
            codes += static_cast<std::size_t>(reply_.code());
        require(!ec && due_.idle());
        return codes;
    }

private:
    smtp::ledger          due_;
    posthorn::byte_buffer in_;
    smtp::reply           reply_;
    smtp::expectation     what_;
};

/// The answer of a Postfix to EHLO.
inline constexpr std::string_view ehlo_reply = "250-mail.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n"
                                               "250-ETRN\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"
                                               "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n"
                                               "250 CHUNKING\r\n";

/// Parses a reply of twelve lines. @return Its octets.
class long_reply
{
public:
    std::size_t operator()()
    {
        std::error_code   ec;
        std::size_t const n = parser_.parse(ehlo_reply, reply_, ec);
        require(!ec && parser_.done());
        return n;
    }

    smtp::reply const& result() const noexcept { return reply_; }

private:
    smtp::reply_parser parser_;
    smtp::reply        reply_;
};

/// Reads capabilities from such a reply. @return Whether it has some.
class reading_capabilities
{
public:
    reading_capabilities() { parsed_(); }

    std::size_t operator()()
    {
        smtp::capabilities const c(parsed_.result());
        require(c.has(smtp::feature::chunking));
        return c.has(smtp::feature::pipelining) ? 1 : 0;
    }

private:
    long_reply parsed_;
};

/// A whole transaction without its content: planning, spelling, judging. @return Recipients accepted.
class transaction
{
public:
    transaction()
        : envelope_("sender@example.org", {"a@example.net", "b@example.net", "c@example.net"}), ok_(250, "2.1.0 Ok"),
          go_(354, "go ahead")
    {
        how_.flight = smtp::flight::pipelined;
    }

    std::size_t operator()()
    {
        work_.begin(envelope_, none_, how_, report_);
        work_.announce(due_);
        work_.consume(work_.output().size());
        due_.clear();
        std::error_code ec = work_.on_reply({smtp::phase::mail, 0}, ok_, due_);
        for (std::uint32_t i = 0; i != 3; ++i)
            ec = work_.on_reply({smtp::phase::rcpt, i}, ok_, due_);
        ec = work_.on_reply({smtp::phase::data, 0}, go_, due_);
        work_.content_begins(due_);
        work_.content_ends();
        ec = work_.on_reply({smtp::phase::content, 0}, ok_, due_);
        due_.clear();
        require(!ec && report_.accepted() == 3);
        return report_.accepted();
    }

private:
    smtp::envelope            envelope_;
    smtp::reply               ok_;
    smtp::reply               go_;
    smtp::mail_parameters     none_;
    smtp::transaction_options how_;
    smtp::transaction         work_;
    smtp::report              report_;
    smtp::ledger              due_;
};

/// @return Characters.
class base64_encoding
{
public:
    explicit base64_encoding(std::size_t size)
        : in_(size, 'x'), out_(posthorn::codec::base64_encoded_size(size), '\0')
    {
    }

    std::size_t operator()()
    {
        return static_cast<std::size_t>(posthorn::codec::base64_encode_to(in_, out_.data()) - out_.data());
    }

private:
    std::string in_;
    std::string out_;
};

/// @return Octets.
class base64_decoding
{
public:
    explicit base64_decoding(std::size_t size) : in_(posthorn::codec::base64_encode(std::string(size, 'x'))) {}

    std::size_t operator()()
    {
        out_.clear();
        require(posthorn::codec::base64_decode(in_, out_));
        return out_.size();
    }

private:
    std::string in_;
    std::string out_;
};

} // namespace core_work

#endif
