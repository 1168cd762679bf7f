//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// GSSAPI (RFC 4752): Kerberos, by the system's library. Only where POSTHORN_WITH_GSSAPI is defined.

#ifndef POSTHORN_SASL_GSSAPI_HPP
#define POSTHORN_SASL_GSSAPI_HPP

#if defined(POSTHORN_WITH_GSSAPI)

#include <posthorn/core/ascii.hpp>
#include <posthorn/core/printable.hpp>
#include <posthorn/sasl/error.hpp>
#include <posthorn/sasl/mechanism.hpp>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::sasl {

/** One login by Kerberos, with a ticket the process has, as kinit(1) gets it.

    A user in the credentials says whose ticket it must be: a principal, of the default realm unless it names another.
    Without one the ticket of the default cache is used. The password is not used.

    The library may ask a server of Kerberos for the ticket of the mail server, and waits for the answer in
    initial_response(). */
class gssapi final : public mechanism
{
public:
    /// @param service E.g. "smtp". @param host The full name of the server, as in its principal.
    gssapi(credentials c, std::string service, std::string host)
        : user_(std::move(c.user)), identity_(std::move(c.authorization_identity)), service_(std::move(service)),
          host_(std::move(host))
    {
    }
    gssapi(gssapi const&)            = delete;
    gssapi& operator=(gssapi const&) = delete;
    ~gssapi() override
    {
        OM_uint32 ignored = 0;
        if (context_ != GSS_C_NO_CONTEXT)
            gss_delete_sec_context(&ignored, &context_, GSS_C_NO_BUFFER);
        if (ticket_ != GSS_C_NO_CREDENTIAL)
            gss_release_cred(&ignored, &ticket_);
        if (name_ != GSS_C_NO_NAME)
            gss_release_name(&ignored, &name_);
    }

    std::string_view name() const noexcept override { return "GSSAPI"; }
    bool             plaintext() const noexcept override { return false; }
    bool             expensive() const noexcept override { return true; }
    bool             satisfied() const noexcept override { return step_ == step::done; }

    std::optional<secret_string> initial_response() override
    {
        // An empty host would become the name of this machine; the others separate the parts of a principal.
        if (host_.empty() || host_.find_first_of("@/\\") != host_.npos || ascii::has_control(service_ + host_))
            throw error(errc::unusable_credentials, "GSSAPI cannot use the host name \"" + printable(host_, 300) + '"');
        if (ascii::has_control(user_) || ascii::has_control(identity_) || identity_.size() > 1024)
            throw error(errc::unusable_credentials, "GSSAPI cannot use this user or authorization identity");
        if (step_ != step::begin)
            throw error(errc::unusable_credentials, "a login by GSSAPI cannot start again");
        step_ = step::ended;
        find_ticket();
        name_  = name_of(service_ + '@' + host_, GSS_C_NT_HOSTBASED_SERVICE);
        first_ = advance(nullptr);
        step_  = step::opened;
        return first_;
    }

    secret_string respond(std::string_view challenge) override
    {
        if (step_ == step::begin && challenge.empty()) // the initial response was not asked for
        {
            first_ = *initial_response();
            step_  = step::negotiating;
            return std::move(first_);
        }
        step const now = std::exchange(step_, step::ended);
        if (now == step::opened && challenge.empty()) // the initial response was ignored, or too long for the command
        {
            step_ = step::negotiating;
            return std::move(first_);
        }
        switch (now)
        {
        case step::opened:
        case step::negotiating:
            check(challenge, "proof");
            return advance(&challenge);
        case step::established:
            check(challenge, "offer of security layers");
            return choose_layer(challenge);
        case step::begin: throw error(errc::bad_challenge, "GSSAPI begins with the client, and the server did");
        case step::done:
        case step::ended: break;
        }
        throw error(errc::bad_challenge, "GSSAPI has ended, and the server goes on");
    }

private:
    enum class step : unsigned char
    {
        begin,
        opened,      ///< The initial response was given, and may be asked for again.
        negotiating, ///< It arrived.
        established, ///< Both sides have proved who they are.
        done,
        ended ///< By a failure.
    };

    /// A result of the library, released when it goes.
    struct owned
    {
        owned() noexcept               = default;
        owned(owned const&)            = delete;
        owned& operator=(owned const&) = delete;
        ~owned()
        {
            OM_uint32 ignored = 0;
            if (value.value != nullptr && value.length == 0) // MIT's library would keep the memory of an empty text
                value.length = 1;
            gss_release_buffer(&ignored, &value);
        }
        std::string_view view() const noexcept { return {static_cast<char const*>(value.value), value.length}; }

        gss_buffer_desc value = GSS_C_EMPTY_BUFFER;
    };

    static gss_buffer_desc buffer(std::string_view s) noexcept
    {
        gss_buffer_desc b;
        b.length = s.size();
        b.value  = const_cast<char*>(s.data()); // the library only reads it
        return b;
    }

    /// The ticket of the user, if there is one named.
    void find_ticket()
    {
        if (user_.empty())
            return;
        gss_name_t      user   = name_of(user_, GSS_C_NT_USER_NAME);
        OM_uint32       minor  = 0, ignored = 0;
        OM_uint32 const result = gss_acquire_cred(&minor, user, GSS_C_INDEFINITE, gss_mech_set_krb5, GSS_C_INITIATE,
                                                  &ticket_, nullptr, nullptr);
        gss_release_name(&ignored, &user);
        if (GSS_ERROR(result))
            fail("the ticket of " + printable(user_, 300), result, minor, errc::unusable_credentials);
    }

    static gss_name_t name_of(std::string const& text, gss_OID type)
    {
        OM_uint32       minor  = 0;
        gss_name_t      name   = GSS_C_NO_NAME;
        gss_buffer_desc in     = buffer(text);
        OM_uint32 const result = gss_import_name(&minor, &in, type, &name);
        if (GSS_ERROR(result))
            fail("the name " + printable(text, 300), result, minor, errc::unusable_credentials);
        return name;
    }

    static void check(std::string_view challenge, char const* what)
    {
        if (challenge.empty())
            throw error(errc::bad_challenge, std::string("GSSAPI: the server's ") + what + " is missing");
    }

    /// One more token, the first one if there is no challenge.
    secret_string advance(std::string_view const* challenge)
    {
        OM_uint32       minor = 0, got = 0;
        gss_buffer_desc in = buffer(challenge != nullptr ? *challenge : std::string_view());
        owned           out;
        OM_uint32 const wanted = GSS_C_MUTUAL_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_INTEG_FLAG;
        OM_uint32 const result =
            gss_init_sec_context(&minor, ticket_, &context_, name_, gss_mech_krb5, wanted, 0, GSS_C_NO_CHANNEL_BINDINGS,
                                 challenge != nullptr ? &in : GSS_C_NO_BUFFER, nullptr, &out.value, &got, nullptr);
        if (GSS_ERROR(result) && challenge == nullptr)
            fail("the ticket for " + printable(service_ + '@' + host_, 300), result, minor, errc::unusable_credentials);
        if (GSS_ERROR(result))
            fail("the server's proof", result, minor, judged(result));
        bool const complete = result == GSS_S_COMPLETE;
        if (complete && (got & (GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG)) != (GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG))
            throw error(errc::server_not_verified, "GSSAPI: the library does not ask the server for a proof");
        step_ = complete ? step::established : step::negotiating;
        return secret_string(out.view());
    }

    secret_string choose_layer(std::string_view challenge)
    {
        OM_uint32       minor = 0;
        gss_buffer_desc in    = buffer(challenge);
        owned           offer;
        OM_uint32 const opened = gss_unwrap(&minor, context_, &in, &offer.value, nullptr, nullptr);
        if (opened != GSS_S_COMPLETE) // also not one that comes twice, or late
            fail("the server's offer of security layers", opened, minor, judged(opened));
        if (offer.view().size() != 4)
            throw error(errc::bad_challenge, "GSSAPI: the server's offer of security layers has not four octets");
        if ((static_cast<unsigned char>(offer.view()[0]) & 1U) == 0)
            throw error(errc::bad_challenge, "GSSAPI: the server demands a security layer; use TLS");
        std::string const choice = std::string("\x01\0\0\0", 4) + identity_;
        gss_buffer_desc   text   = buffer(choice);
        owned             wrapped;
        OM_uint32 const   sealed = gss_wrap(&minor, context_, 0, GSS_C_QOP_DEFAULT, &text, nullptr, &wrapped.value);
        if (GSS_ERROR(sealed))
            fail("our choice of a security layer", sealed, minor, errc::bad_challenge);
        step_ = step::done;
        return secret_string(wrapped.view());
    }

    /// Is it no token at all, or one that only a server without the key would send?
    static errc judged(OM_uint32 status)
    {
        return GSS_ROUTINE_ERROR(status) == GSS_S_DEFECTIVE_TOKEN ? errc::bad_challenge : errc::server_not_verified;
    }

    [[noreturn]] static void fail(std::string const& what, OM_uint32 major, OM_uint32 minor, errc code)
    {
        OM_uint32 const kind = GSS_ROUTINE_ERROR(major);
        error_context   context;
        context.detail = "GSSAPI: " + what + ": ";
        if (kind != GSS_S_FAILURE || minor == 0) // which only says that the other one says more
            context.detail += describe(major, GSS_C_GSS_CODE) + (minor != 0 ? ", " : "");
        if (minor != 0)
            context.detail += describe(minor, GSS_C_MECH_CODE);
        if (code == errc::unusable_credentials)
            context.hint = "kinit gets a ticket, klist shows what there is";
        throw error(code, std::move(context));
    }

    static std::string describe(OM_uint32 status, int type)
    {
        OM_uint32 minor = 0, more = 0;
        owned     text;
        if (GSS_ERROR(gss_display_status(&minor, status, type, gss_mech_krb5, &more, &text.value)))
            return "code " + std::to_string(status);
        return printable(text.view(), 300);
    }

    std::string   user_;
    std::string   identity_;
    std::string   service_;
    std::string   host_;
    secret_string first_; ///< The initial response.
    gss_cred_id_t ticket_  = GSS_C_NO_CREDENTIAL; ///< Of the user; none: the default.
    gss_ctx_id_t  context_ = GSS_C_NO_CONTEXT;
    gss_name_t    name_    = GSS_C_NO_NAME;
    step          step_    = step::begin;
};

} // namespace posthorn::sasl

#endif

#endif
