//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Addresses: an accepted one has one spelling, and no reader of the RCPT line sees another end of it.

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/command.hpp>

#include <support/fuzzing.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smtp = posthorn::smtp;
using support::require;

namespace {

/// Where the path of "RCPT TO:<...>" ends for a reader that knows quoted strings.
std::size_t end_of_path(std::string_view line)
{
    bool quoted = false;
    for (std::size_t i = line.find('<') + 1; i < line.size(); ++i)
    {
        if (quoted && line[i] == '\\')
            ++i;
        else if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == '>' && !quoted)
            return i;
    }
    return line.npos;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    std::string_view const in(reinterpret_cast<char const*>(data), size);
    smtp::defect           why;
    auto const             a = smtp::address::parse(in, &why);
    require(a.has_value() == !why && why.position <= size);
    if (!a)
        return 0;

    auto const again = smtp::address::parse(a->view());
    require(again && again->str() == a->str() && *again == *a);
    require(!posthorn::ascii::has_control(a->view()) && a->view().size() <= 254);
    require(!smtp::check_domain(a->domain()));
    require(a->needs_smtputf8() == (a->local_part_is_utf8() || a->domain_is_utf8()));

    // The name, quoted by somebody else, is the same mailbox.
    std::string quoted = "\"";
    for (char const c : a->mailbox_name())
    {
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    quoted += "\"@";
    quoted += a->domain();
    auto const same = smtp::address::parse(quoted);
    require(same && *same == *a);

    posthorn::byte_buffer buffer;
    smtp::command_writer  writer(buffer);
    require(!writer.rcpt(*a, smtp::rcpt_parameters(), true));
    auto const line = buffer.data();
    require(line.substr(0, 9) == "RCPT TO:<" && line.find_first_of("\r\n") == line.size() - 2);
    require(end_of_path(line) == line.size() - 3);
    return 0;
}
