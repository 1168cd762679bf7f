//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// What clients give to an SMTP transport, checked and turned into what a session takes. Everything is tried on the gate for
// commands here, so that nothing can be refused later for how it is spelled.

#ifndef POSTHORN_LEGACY_DETAIL_SMTP_ARGUMENTS_HPP
#define POSTHORN_LEGACY_DETAIL_SMTP_ARGUMENTS_HPP

#include <posthorn/codec/base64.hpp>
#include <posthorn/core/ascii.hpp>
#include <posthorn/core/buffer.hpp>
#include <posthorn/core/secret.hpp>
#include <posthorn/legacy/detail/smtp_connection.hpp>
#include <posthorn/legacy/imnxport.h>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>
#include <posthorn/sasl/select.hpp>
#include <posthorn/smtp/address.hpp>
#include <posthorn/smtp/command.hpp>
#include <posthorn/smtp/envelope.hpp>
#include <posthorn/smtp/parameters.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::legacy::detail {

/// The text in an array of characters; nothing if it does not end in it.
template <std::size_t N>
std::optional<std::string_view> text_in(char const (&array)[N]) noexcept
{
    auto const* const end = static_cast<char const*>(std::memchr(array, '\0', N));
    if (end == nullptr)
        return std::nullopt;
    return std::string_view(array, static_cast<std::size_t>(end - array));
}

/// DSN bits as NOTIFY.
inline smtp::notify notify_of(INETADDRTYPE type) noexcept
{
    auto const bits = static_cast<unsigned>(type) & ADDR_DSN_MASK;
    if ((bits & ADDR_DSN_NEVER) != 0)
        return smtp::notify::never;
    auto wanted = smtp::notify::unspecified;
    if ((bits & ADDR_DSN_SUCCESS) != 0)
        wanted = wanted | smtp::notify::success;
    if ((bits & ADDR_DSN_FAILURE) != 0)
        wanted = wanted | smtp::notify::failure;
    if ((bits & ADDR_DSN_DELAY) != 0)
        wanted = wanted | smtp::notify::delay;
    return wanted;
}

/// `a@b`, `<a@b>` or `<a@b> KEYWORD=value ...`, taken apart.
struct path_argument
{
    path_argument() = default;

    std::string_view                   address;
    std::vector<smtp::extra_parameter> extra;
};

inline std::optional<path_argument> parse_path(std::string_view text)
{
    path_argument p;
    if (text.empty() || text.front() != '<')
    {
        p.address = text;
        return p;
    }
    bool        quoted = false;
    std::size_t end    = 1;
    for (; end != text.size() && (quoted || text[end] != '>'); ++end)
        if (text[end] == '"')
            quoted = !quoted;
        else if (text[end] == '\\' && quoted && end + 1 != text.size())
            ++end;
    if (end == text.size())
        return std::nullopt;
    p.address = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    while (!text.empty())
    {
        if (text.front() != ' ')
            return std::nullopt;
        text.remove_prefix(1);
        auto const word = text.substr(0, text.find(' '));
        text.remove_prefix(word.size());
        if (word.empty())
            continue;
        auto const equals = word.find('=');
        if (equals == word.npos)
            p.extra.emplace_back(std::string(word));
        else
            p.extra.emplace_back(std::string(word.substr(0, equals)), std::string(word.substr(equals + 1)));
    }
    return p;
}

/// Can MAIL be spelled like this?
inline bool can_write(smtp::reverse_path const& path, smtp::mail_parameters const& parameters)
{
    byte_buffer          scratch;
    smtp::command_writer w(scratch);
    return !w.mail(path, parameters);
}

inline bool can_write(smtp::recipient const& r)
{
    byte_buffer          scratch;
    smtp::command_writer w(scratch);
    return !w.rcpt(r.address, r.parameters);
}

struct mail_argument
{
    mail_argument() = default;

    smtp::reverse_path    path;
    smtp::mail_parameters parameters;
};

inline std::optional<mail_argument> parse_mail(std::string_view text)
{
    auto p = parse_path(text);
    if (!p || (p->address.empty() && text.empty()))
        return std::nullopt;
    mail_argument m;
    if (!p->address.empty())
    {
        auto parsed = smtp::address::parse(p->address);
        if (!parsed)
            return std::nullopt;
        m.path = smtp::reverse_path(std::move(*parsed));
    }
    m.parameters.extra = std::move(p->extra);
    if (!can_write(m.path, m.parameters))
        return std::nullopt;
    return m;
}

inline std::optional<smtp::recipient> parse_rcpt(std::string_view text, INETADDRTYPE dsn)
{
    auto p = parse_path(text);
    if (!p)
        return std::nullopt;
    smtp::address_options options;
    options.allow_postmaster = true;
    auto parsed              = smtp::address::parse(p->address, nullptr, options);
    if (!parsed)
        return std::nullopt;
    smtp::recipient r(std::move(*parsed));
    r.parameters.notify_on = notify_of(dsn);
    r.parameters.extra     = std::move(p->extra);
    if (!can_write(r))
        return std::nullopt;
    return r;
}

/// Fills in sender and recipients. @return S_OK, IXP_E_INVALID_ADDRESS_LIST.
inline HRESULT read_addresses(INETADDRLIST const& list, letter& into, bool& has_sender)
{
    has_sender = false;
    if (list.cAddress == 0 || list.prgAddress == nullptr)
        return IXP_E_INVALID_ADDRESS_LIST;
    for (ULONG i = 0; i != list.cAddress; ++i)
    {
        INETADDR const& one  = list.prgAddress[i];
        auto const      text = text_in(one.szEmail);
        if (!text || text->empty())
            return IXP_E_INVALID_ADDRESS_LIST;
        bool const bracketed = text->size() > 1 && text->front() == '<' && text->back() == '>';
        auto const bare      = bracketed ? text->substr(1, text->size() - 2) : *text;
        if ((static_cast<unsigned>(one.addrtype) & ADDR_TOFROM_MASK) == ADDR_FROM)
        {
            auto const from = parse_mail("<" + std::string(bare) + ">");
            if (!from || !from->parameters.extra.empty())
                return IXP_E_INVALID_ADDRESS_LIST;
            into.from      = from->path;
            into.from_text = bare;
            has_sender     = true;
            continue;
        }
        auto to = parse_rcpt("<" + std::string(bare) + ">", one.addrtype);
        if (!to || !to->parameters.extra.empty())
            return IXP_E_INVALID_ADDRESS_LIST;
        into.recipients.push_back(std::move(*to));
        into.recipient_texts.emplace_back(bare);
    }
    return S_OK;
}

/// Does it need a server that offers DSN?
inline bool wants_dsn(letter const& l) noexcept
{
    bool wants = l.parameters.ret != smtp::return_content::unspecified || !l.parameters.envid.empty();
    for (auto const& r : l.recipients)
        wants = wants || r.parameters.notify_on != smtp::notify::unspecified;
    return wants;
}

/// A mechanism that says what the client gave it, and knows nothing else.
class recited final : public sasl::mechanism
{
public:
    recited(std::string name, std::optional<secret_string> initial) : name_(std::move(name)), initial_(std::move(initial)) {}

    std::string_view             name() const noexcept override { return name_; }
    bool                         plaintext() const noexcept override { return true; }
    std::optional<secret_string> initial_response() override { return initial_; }
    secret_string                respond(std::string_view) override
    {
        throw error(sasl::errc::bad_challenge, "there is no answer to a challenge of " + name_);
    }

private:
    std::string                  name_;
    std::optional<secret_string> initial_;
};

/// `PLAIN`, or `PLAIN initial-response` with the response in base64.
inline std::shared_ptr<logon_order> parse_auth(std::string_view text)
{
    auto       order = std::make_shared<logon_order>();
    auto const space = text.find(' ');
    order->mechanism = text.substr(0, space);
    byte_buffer          scratch;
    smtp::command_writer w(scratch);
    if (w.auth(order->mechanism))
        return nullptr;
    std::optional<secret_string> initial;
    if (space != text.npos)
    {
        auto const given = text.substr(space + 1);
        initial.emplace();
        if (given != "=" && (given.empty() || !codec::base64_decode(given, *initial)))
            return nullptr;
        bool const too_long = static_cast<bool>(w.auth(order->mechanism, initial->view()));
        scratch.wipe();
        if (too_long)
            return nullptr;
    }
    sasl::selection const none;
    if (initial || !sasl::detail::is_known(order->mechanism, none))
        order->custom = [name = order->mechanism, initial] {
            return [name, initial](sasl::credentials const&) -> std::unique_ptr<sasl::mechanism> {
                return std::make_unique<recited>(name, initial);
            };
        };
    return order;
}

} // namespace posthorn::legacy::detail

#endif
